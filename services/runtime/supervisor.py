"""Keeps the slots of all stages running: a slot that ends is started again, a stop is graceful, none outlives us."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Self

from services.runtime.local import process

_GRACE = timedelta(seconds=2)
_FIRST_DELAY, _LONGEST_DELAY = 0.1, 5.0
_SETTLED = 2.0
"""Seconds: a slot that lived this long is started again after the first delay, whatever it did before."""


class Slot:
    """One process of one stage; name, command and metrics port stay the same through all its restarts."""

    def __init__(self, stage: str, number: int, metrics_port: int, folder: Path) -> None:
        """Describe one slot; its log goes to `<folder>/logs`."""
        self.stage, self.number = stage, number
        self.name = f"{stage}-{number}"
        self.metrics = f"127.0.0.1:{metrics_port}"
        """host:port of its Prometheus exporter."""
        self.log = folder / "logs" / f"{self.name}.log"
        self.restarts = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._starting = threading.Lock()
        self._stopping = threading.Event()

    @property
    def pid(self) -> int | None:
        """Process id while it runs, else None."""
        running = self._process
        return running.pid if running is not None and running.poll() is None else None

    def kill(self) -> None:
        """kill -9, as a fault; it is started again."""
        if self._process is not None:
            self._process.kill()

    def keep(self, command: Sequence[str]) -> None:
        """Run it again and again until it is asked to stop; in a thread of its own, with which the process dies."""
        delay = _FIRST_DELAY
        while True:
            with self._starting:
                if self._stopping.is_set():
                    return
                self._process = process.spawn(command, self.log, folder=process.ROOT)
            began = time.monotonic()
            self._process.wait()
            delay = _FIRST_DELAY if time.monotonic() - began > _SETTLED else min(2 * delay, _LONGEST_DELAY)
            if self._stopping.wait(delay):
                return
            self.restarts += 1

    def ask_to_stop(self) -> None:
        """SIGTERM, and no further start."""
        self._stopping.set()
        with self._starting:
            if self._process is not None:
                self._process.terminate()


def command(slot: Slot, settings_file: Path) -> list[str]:
    """How a slot is started: what every `services.<stage>.main` understands."""
    found = [sys.executable, "-m", f"services.{slot.stage}.main", "--config", str(settings_file.resolve())]
    return [*found, "--slot", str(slot.number), "--metrics-port", slot.metrics.rpartition(":")[2]]


class Supervisor:
    """The slots of one installation on this machine, as a context: left, all of them are gone."""

    def __init__(self, settings_file: Path, folder: Path, counts: Mapping[str, int]) -> None:
        """`counts`: slots per stage (a folder of `services`). Logs and targets.json go to `folder`."""
        ports = iter(process.free_ports(sum(counts.values())))
        self.slots = tuple(
            Slot(stage, number, next(ports), folder) for stage, count in counts.items() for number in range(count)
        )
        self._targets = folder / "targets.json"
        self._threads = tuple(
            threading.Thread(target=slot.keep, args=(command(slot, settings_file),), name=slot.name)
            for slot in self.slots
        )

    def __enter__(self) -> Self:
        """Start every slot."""
        targets = [
            {"targets": [slot.metrics], "labels": {"stage": slot.stage, "slot": str(slot.number)}}
            for slot in self.slots
        ]
        self._targets.write_text(json.dumps(targets, indent=1) + "\n", encoding="utf-8")
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """SIGTERM to all at once; whoever is still there two seconds later is killed."""
        self.stop()

    def stop(self) -> None:
        """As leaving the context; a second call does nothing."""
        for slot in self.slots:
            slot.ask_to_stop()
        deadline = time.monotonic() + _GRACE.total_seconds()
        for slot, thread in zip(self.slots, self._threads, strict=True):
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                slot.kill()
            thread.join()

    def slot(self, stage: str, number: int = 0) -> Slot:
        """One slot; KeyError if there is none of that name."""
        return {(each.stage, each.number): each for each in self.slots}[stage, number]

    def kill(self, stage: str, number: int = 0) -> None:
        """kill -9 of one slot, as a fault; it is started again."""
        self.slot(stage, number).kill()
