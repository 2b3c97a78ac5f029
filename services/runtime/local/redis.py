"""A redis-server of our own: loopback, a password from a file, nothing kept on disk (it is a cache, reliability R5)."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from pathlib import Path

from services.runtime.local import prerequisites, process
from services.runtime.local.process import StackError
from services.runtime.secrets import write_private

_GRACE = timedelta(seconds=3)


class RedisServer:
    """One redis-server process."""

    def __init__(self, folder: Path, logs: Path, port: int, password: str) -> None:
        """Write its configuration; nothing is started."""
        self._config = folder / "redis.conf"
        self._log = logs / "redis.log"
        self._process: subprocess.Popen[bytes] | None = None
        write_private(self._config, configuration(str(folder), "127.0.0.1", port, password))

    @property
    def pid(self) -> int:
        """The process id; StackError when it is not running."""
        if self._process is None:
            raise StackError("redis is not running")
        return self._process.pid

    def start(self) -> None:
        """Start the process; clients connect as soon as it listens."""
        self._process = process.spawn([prerequisites.program("redis-server"), str(self._config)], self._log)

    def stop(self) -> None:
        """Stop the process."""
        if self._process is not None:
            process.stop(self._process, _GRACE)
            self._process = None


def configuration(folder: str, bind: str, port: int, password: str) -> str:
    """redis.conf: what it holds can be rebuilt from Kafka at any time, so it writes nothing to disk."""
    return (
        f'bind {bind}\nport {port}\ndir {folder}\nrequirepass {password}\nappendonly no\nsave ""\nprotected-mode yes\n'
    )
