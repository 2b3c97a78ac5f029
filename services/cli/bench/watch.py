"""Processor time and memory of processes while they work, from /proc."""

from __future__ import annotations

import os
import threading
import time
from bisect import bisect_left
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Self

_EVERY = 0.1
_TICKS = os.sysconf("SC_CLK_TCK")
_IDLE = (3, 4)
"""Columns of /proc/stat that are no work: idle and iowait."""


class Sample(NamedTuple):
    """What had been used at a moment."""

    at: float
    """Seconds since 1970."""
    cpu: Mapping[str, float]
    """Processor seconds by process name; `machine`: of everything on this machine."""
    rss: Mapping[str, float]
    """Resident memory in MB."""


def cpu_seconds(pid: int) -> float:
    """User and system time of a process with all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def rss_mb(pid: int) -> float:
    """Resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def machine_seconds() -> float:
    """Processor time of everything on this machine."""
    columns = Path("/proc/stat").read_text(encoding="utf-8").split("\n", 1)[0].split()[1:9]
    return sum(int(value) for number, value in enumerate(columns) if number not in _IDLE) / _TICKS


class Watch:
    """Samples some processes ten times a second, as a context."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        """`pids` by name; ours is watched as `bench`."""
        self._pids = {**pids, "bench": os.getpid()}
        self.samples: list[Sample] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch")

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """End."""
        self._stop.set()
        self._thread.join()

    def used(self, name: str, start: float, end: float) -> float:
        """Processor seconds between two moments (seconds since 1970)."""
        return self._cpu(name, end) - self._cpu(name, start)

    def others(self, start: float, end: float) -> float:
        """Cores that were busy with what is not ours: the figures are worth less by so much."""
        own = sum(self.used(name, start, end) for name in self._pids)
        return max(0.0, self.used("machine", start, end) - own) / max(end - start, _EVERY)

    def _cpu(self, name: str, at: float) -> float:
        after = bisect_left(self.samples, at, key=lambda sample: sample.at)
        before, later = self.samples[max(0, after - 1)], self.samples[min(after, len(self.samples) - 1)]
        if later.at == before.at:
            return before.cpu[name]
        share = min(1.0, max(0.0, (at - before.at) / (later.at - before.at)))
        return before.cpu[name] + share * (later.cpu[name] - before.cpu[name])

    def _run(self) -> None:
        while not self._stop.wait(_EVERY):
            try:
                cpu = {name: cpu_seconds(pid) for name, pid in self._pids.items()}
                rss = {name: rss_mb(pid) for name, pid in self._pids.items()}
            except (FileNotFoundError, ProcessLookupError):
                return  # one has ended: whoever started it says so
            self.samples.append(Sample(time.time(), {**cpu, "machine": machine_seconds()}, rss))
