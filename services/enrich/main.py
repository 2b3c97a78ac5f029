"""The enrich process: `python -m services.enrich.main --config FILE --slot N`."""

from __future__ import annotations

import sys

from services.enrich.processor import build
from services.runtime.slot import main

if __name__ == "__main__":
    sys.exit(main(build, sys.argv[1:]))
