"""One slot of DELIVER: `python -m services.deliver.main --config FILE --slot N`."""

from __future__ import annotations

import sys

from services.deliver.processor import KEEPER, SOURCES
from services.runtime.outlets_slot import main

if __name__ == "__main__":
    sys.exit(main(SOURCES, KEEPER, sys.argv[1:]))
