"""Start the projector: `python -m services.projector.main --help`. One process; any number of readers."""

from __future__ import annotations

import sys

from services.projector.projector import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
