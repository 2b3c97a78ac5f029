"""`python -m tests.oracle.main --config FILE`: prints the table; exit code 1 if a promise was broken, 2 if unreadable.

FILE is JSON: {"kafka": client configuration of a reader of everything, "canaries": {originator: word},
"catch_up": bool}. Keep it readable by its owner alone: it holds a password.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.oracle.audit import audit
from tests.oracle.read import UnreadableError, read_world


def main(arguments: Sequence[str] | None = None) -> int:
    """Read, judge, print."""
    parser = argparse.ArgumentParser(prog="oracle", description="Decides whether the relay kept its promises.")
    parser.add_argument("--config", type=Path, required=True, help="JSON file: kafka, canaries, catch_up")
    config = json.loads(parser.parse_args(arguments).config.read_text(encoding="utf-8"))
    try:
        world = read_world(config["kafka"], config.get("canaries", {}), catch_up=config.get("catch_up", False))
    except UnreadableError as error:
        sys.stderr.write(f"unreadable: {error}\n")
        return 2
    findings = audit(world)
    sys.stdout.write(findings.table() + "\n")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
