"""Start one slot: `python -m services.intake.main --help`."""

from __future__ import annotations

import sys

from services.intake.processor import build
from services.runtime.slot import main

if __name__ == "__main__":
    sys.exit(main(build, sys.argv[1:]))
