"""DISTRIBUTE with one fault, for the test of the canary words: `python -m tests.system.leaky --config FILE --slot N`.

Its accounts say in `advice` how their source knows, whatever the projection. Nothing in the product knows of it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any
from unittest.mock import patch

from services.core import project, view
from services.core.projection import Projection
from services.distribute.processor import build
from services.runtime.slot import main


def account(report: Mapping[str, Any], projection: Projection, shown_as: str) -> project.Account:
    """As it should be, and one hidden field more."""
    found = project.account(report, projection, shown_as)
    return {**found, "advice": found.get("advice", "") + report["source_note"]}


if __name__ == "__main__":
    patch.object(view, "account", account).start()
    sys.exit(main(build, sys.argv[1:]))
