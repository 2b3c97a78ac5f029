"""Runs a command that cannot outlive its launcher: `python child.py LAUNCHER_PID COMMAND...`.

Linux kills the process as soon as the *thread* that started it is gone (PR_SET_PDEATHSIG), however that happened; the
setting survives exec. It is a program of its own because code between fork and exec is unsafe in a threaded parent.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask for SIGKILL at the launcher's death, then become the command."""
    launcher, command = int(sys.argv[1]), sys.argv[2:]
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "prctl refused")
    if os.getppid() != launcher:  # it died before we asked
        sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606  # no shell is the point


if __name__ == "__main__":
    main()
