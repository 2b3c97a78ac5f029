"""A launcher to be killed: starts a stack and one slot, says which processes it has, waits. `launcher.py FOLDER`."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

from services.runtime import supervisor
from services.runtime.local import LocalStack
from services.runtime.supervisor import Slot, Supervisor


def sleeper(slot: Slot, settings_file: Path) -> list[str]:
    """Stands in for a stage: this test is about who dies with whom."""
    return ["sleep", "1000"]


def main() -> None:
    supervisor.command = sleeper
    folder = Path(sys.argv[1])
    with LocalStack.start(folder) as stack, Supervisor(stack.settings_file, folder, {"intake": 1}) as slots:
        while slots.slot("intake").pid is None:
            pass
        sys.stdout.write(json.dumps([*stack.pids(), slots.slot("intake").pid]) + "\n")
        sys.stdout.flush()
        signal.pause()


if __name__ == "__main__":
    main()
