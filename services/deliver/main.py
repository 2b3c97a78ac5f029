"""One slot of DELIVER: `python -m services.deliver.main --config FILE --slot N`."""

from __future__ import annotations

import os
import sys

from services.deliver.processor import KEEPER, SOURCES
from services.runtime.outlets_slot import main
from services.runtime.runner import Exit

if __name__ == "__main__":
    end = main(SOURCES, KEEPER, sys.argv[1:])
    if end == Exit.FATAL:
        os._exit(end)  # a client that has lost its group or its broker can hang in its own clean-up
    sys.exit(end)
