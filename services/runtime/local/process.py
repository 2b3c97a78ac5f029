"""Processes of the local stack: started so that they cannot outlive us, stopped by their own pid."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
"""The project's folder."""
_CHILD = Path(__file__).with_name("child.py")


class StackError(Exception):
    """The local stack cannot run; the text says why and what to do."""


def spawn(command: Sequence[str], log: Path, folder: Path | None = None) -> subprocess.Popen[bytes]:
    """Start a command in `folder`, its output appended to `log`. It is killed when the calling thread ends."""
    log.parent.mkdir(parents=True, exist_ok=True)
    guarded = [sys.executable, "-I", "-S", str(_CHILD), str(os.getpid()), *command]
    with log.open("ab") as out:
        # A process group of its own: Ctrl-C is for the launcher, which then stops everything in order.
        return subprocess.Popen(  # noqa: S603  # the command is ours
            guarded, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, cwd=folder, process_group=0
        )


def stop(process: subprocess.Popen[bytes], grace: timedelta) -> bool:
    """SIGTERM, and SIGKILL after `grace`; returns when the process is gone, False if it had to be killed."""
    process.terminate()
    try:
        process.wait(grace.total_seconds())
    except subprocess.TimeoutExpired:
        kill(process)
        return False
    return True


def kill(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL; returns when the process is gone."""
    process.kill()
    process.wait()


def tail(log: Path, lines: int = 12) -> str:
    """The last lines of a log, for an error message."""
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def free_ports(count: int) -> list[int]:
    """Loopback ports that nothing listens on, below the range that outgoing connections take theirs from.

    So a broker that is restarted finds its port free although its clients kept trying to connect.
    """
    found: list[int] = []
    candidates = (20000 + number % 12000 for number in _from_random_start())
    for port in candidates:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            break
    return found


def listening(port: int) -> bool:
    """True if something accepts connections on this loopback port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _from_random_start() -> range:
    start = int.from_bytes(os.urandom(2))
    return range(start, start + 12000)
