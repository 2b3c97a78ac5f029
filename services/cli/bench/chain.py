"""The whole chain under an even load: from a report's append on slt.in to the record in each of 50 partners' hands."""

from __future__ import annotations

import threading
import time
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, Self

from confluent_kafka import Consumer, TopicPartition

from services.cli.bench.targets import RECIPIENTS, STAGES
from services.cli.bench.watch import Watch
from services.cli.bench.world import OUTLETS, MeasureError, World
from services.core.control import ADMIN
from services.runtime import kafka
from services.runtime.codec import Codec
from services.runtime.supervisor import Supervisor

_AT_ONCE = 1000
_RECALL = -1
_PATIENCE = 60.0
_WARM_UP = 5.0
"""Seconds of every load that are not counted."""
_FIRST, _FIRST_RATE = 1500, 50.0
"""Reports that come before the first load: half a minute, in which the broker's compiler does most of its work."""


class Received(NamedTuple):
    """One record in a partner's hands, milliseconds since 1970."""

    series: str
    submitted: int
    """`received_at` of the view: append time of the report on slt.in."""
    appended: int
    """Append time in the outlet."""
    read: int


class Hands:
    """Reads all outlets the way a partner's stock client does, in a thread of its own, as a context."""

    def __init__(self, world: World) -> None:
        """Starts at the outlets' ends."""
        settings = {**kafka.COMMON, **kafka.partner_security(world.settings, ADMIN), "group.id": "bench.partner"}
        # What Java and aiokafka read without being told otherwise: everything, decided or not.
        self._consumer = Consumer({**settings, "isolation.level": "read_uncommitted", "enable.auto.commit": False})
        parts = [TopicPartition(topic, number, at) for (topic, number), at in world.ends(OUTLETS).items()]
        self._consumer.assign(parts)
        self._codec = Codec()
        self._known: dict[bytes, int] = {}
        self._reports: list[tuple[str, int]] = [("", 0)]
        self.recalls = 0
        self.recalled_at = 0
        """Append time of the newest recall, milliseconds since 1970."""
        self._which, self._appended, self._read = array("l"), array("q"), array("q")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="partners")

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """End."""
        self._stop.set()
        self._thread.join()
        self._consumer.close()

    def __len__(self) -> int:
        """Records read so far, pulses not counted."""
        return len(self._read)

    def received(self, start: int) -> Iterator[Received]:
        """Everything read, from the record number `start` on."""
        for number in range(start, len(self._read)):
            series, submitted = self._reports[self._which[number]]
            yield Received(series, submitted, self._appended[number], self._read[number])

    def _run(self) -> None:
        while not self._stop.is_set():
            first = self._consumer.poll(0.1)
            if first is None:
                continue
            now = int(time.time() * 1000)
            for message in (first, *self._consumer.consume(_AT_ONCE, 0)):
                if message.error() is None:
                    self._take(message, now)

    def _take(self, message: Any, now: int) -> None:
        body = message.value()
        which = self._known.get(body)
        if which is None:
            which = self._known[body] = self._opened(body)
        if which == _RECALL:
            self.recalls += 1
            self.recalled_at = max(self.recalled_at, message.timestamp()[1])
        elif which:
            self._which.append(which)
            self._appended.append(message.timestamp()[1])
            self._read.append(now)

    def _opened(self, body: bytes) -> int:
        """Index of the report that a view shows; _RECALL, or 0 for a pulse. Equal views share their bytes."""
        kind, value = self._codec.decode(body)
        if kind != "view":
            return _RECALL if kind == "recall" else 0
        (account,) = value["accounts"]
        self._reports.append((account["series_id"], round(account["received_at"].timestamp() * 1000)))
        return len(self._reports) - 1


class Run(NamedTuple):
    """What one load gave."""

    rate: float
    seconds: float
    """Without the warm-up."""
    received: Sequence[Received]
    """After the warm-up."""
    missing: int
    """Records that had not come a minute after the load."""
    pace: float
    """Reports per second that were really sent."""
    busy: dict[str, float]
    """Cores used by each process, by `bench` (load and readers) and by `others`."""

    @property
    def latencies(self) -> list[int]:
        """Milliseconds from submission to reading, sorted."""
        return sorted(each.read - each.submitted for each in self.received)

    def holds(self, most_ms: float) -> bool:
        """Everything came, the load was what it should be, and p99 is at most so much."""
        return not self.missing and self.pace >= 0.98 * self.rate and percentile(self.latencies, 99) <= most_ms


class Chain:
    """The five stages at work, and somebody who reads."""

    def __init__(self, world: World, slots: Supervisor, hands: Hands) -> None:
        """Everything runs already."""
        self._world, self._slots, self._hands = world, slots, hands

    @classmethod
    @contextmanager
    def start(cls, world: World, *others: str) -> Iterator[Chain]:
        """One slot of each stage, and of these others; ready when the first reports are in everybody's hands."""
        with world.running(*STAGES, *others) as slots, Hands(world) as hands:
            chain = cls(world, slots, hands)
            chain.fill(_FIRST, _FIRST_RATE)
            yield chain

    def fill(self, count: int, rate: float) -> None:
        """So many reports that are not measured, until everybody has them."""
        expected = len(self._hands) + count * RECIPIENTS
        self._send(self._world.take(count), rate)
        self._arrive(expected)

    @property
    def recalls(self) -> tuple[int, int]:
        """How many recalls have come, and the append time of the newest, milliseconds since 1970."""
        return self._hands.recalls, self._hands.recalled_at

    def recalled(self, count: int) -> None:
        """Wait for so many recalls; MeasureError if they do not come."""
        self._world.wait(lambda: self._hands.recalls >= count, self._slots, f"{count} recalls", _PATIENCE)

    def load(self, rate: float, seconds: float) -> Run:
        """Send at an even rate and wait until everybody has everything (a minute at most)."""
        before = len(self._hands)
        reports = self._world.take(round(rate * (seconds + _WARM_UP)))
        with Watch(self._pids()) as watch:
            began = time.time()
            self._send(reports, rate)
            ended = time.time()
            missing = self._missing(before + len(reports) * RECIPIENTS)
        counted = [each for each in self._hands.received(before) if each.submitted >= (began + _WARM_UP) * 1000]
        busy = {name: watch.used(name, began, ended) / (ended - began) for name in (*self._pids(), "bench")}
        busy["others"] = watch.others(began, ended)
        return Run(rate, seconds, counted, missing, len(reports) / (ended - began), busy)

    def drain(self, run: Run) -> None:
        """After a load that was too much: wait for what had not come. MeasureError if it does not come at all."""
        if run.missing:
            self._arrive(len(self._hands) + run.missing)

    def _pids(self) -> dict[str, int]:
        slots = {slot.stage: slot.pid for slot in self._slots.slots if slot.pid is not None}
        return {**slots, "broker": self._world.stack.brokers[0].pid}

    def _send(self, reports: Sequence[bytes], rate: float) -> None:
        began = time.monotonic()
        for number, report in enumerate(reports):
            if (ahead := began + number / rate - time.monotonic()) > 0:
                time.sleep(ahead)
            self._world.submit(report)
        self._world.submitted()

    def _arrive(self, count: int) -> None:
        self._world.wait(lambda: len(self._hands) >= count, self._slots, "records in the partners' hands", _PATIENCE)

    def _missing(self, expected: int) -> int:
        try:
            self._arrive(expected)
        except MeasureError:
            return expected - len(self._hands)
        return 0


def percentile(values: Sequence[float], share: float) -> float:
    """The value that so many per cent of the sorted values do not exceed; infinite if there is none."""
    return float(values[min(len(values) - 1, int(len(values) * share / 100))]) if values else float("inf")


def search(chain: Chain, rates: Sequence[float], seconds: float, most_ms: float) -> Iterator[Run]:
    """Short loads at rising rates until one is too much, then full ones downwards until one holds."""
    held = []
    for rate in rates:
        run = chain.load(rate, seconds / 4)
        yield run
        if not run.holds(most_ms):
            chain.drain(run)
            break
        held.append(rate)
    for rate in reversed(held):
        run = chain.load(rate, seconds)
        yield run
        if run.holds(most_ms):
            return
        chain.drain(run)
