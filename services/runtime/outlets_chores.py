"""What DELIVER does by the clock: stalls, probes, pulses, the outlets' order, and what it tells the metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta

import structlog
from confluent_kafka import KafkaError, KafkaException

from services.core.outlet import LIVE, PULSE, keeper
from services.runtime.outlets import Deliver
from services.runtime.outlets_lane import Lane
from services.runtime.outlets_order import Again, misplaced, since
from services.runtime.outlets_send import Account, Outlet, State
from services.runtime.ports import PortError
from services.runtime.processor import Assignment

_log = structlog.get_logger()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STALL_SECONDS = 2.0
_LOOK, _PROBE, _TELL, _PULSE = 0.1, 3.0, 1.0, 10.0
_AFTER_TAKEOVER, _ORDER = 20.0, 6 * 3600.0
"""A process that was frozen has repeated by then what it will; compaction begins after a day."""


class Chores:
    """All of it for one slot; called in every turn of the loop, never waits."""

    def __init__(self, deliver: Deliver, keys: str, lanes: int) -> None:
        """`keys`: the topic whose partitions say which slot keeps an outlet."""
        self._deliver, self._keys, self._lanes = deliver, keys, lanes
        self._outside = deliver.outside
        self._due = dict.fromkeys((_LOOK, _PROBE, _TELL, _PULSE), 0.0)
        self._moved: dict[str, float] = {}
        self._counted: dict[str, int] = {}
        self._skipped = 0
        self._pulses: list[tuple[Account, Outlet, datetime]] = []
        self._order_at: float | None = None
        self._reading: Future[list[Again]] | None = None

    def __call__(self, now: float) -> None:
        """Do what is due at `now`, monotonic seconds."""
        if self._is_due(_LOOK, now):
            self._outside.clock.tick()
            self._look_for_stalls(now)
            self._look_after_order(now)
        if self._is_due(_PROBE, now):
            self._deliver.returns.probe(self._outside.outlets.parked())
        if self._deliver.lanes and self._outside.clock.now > _EPOCH and self._is_due(_PULSE, now):
            self._pulse()
        if self._is_due(_TELL, now):
            self._tell()

    def _is_due(self, interval: float, now: float) -> bool:
        if now < self._due[interval]:
            return False
        self._due[interval] = now + interval
        return True

    def _look_for_stalls(self, now: float) -> None:
        """No report for two seconds although the group's coordinator answers: the outlet is broken."""
        for topic, outlet in self._outside.outlets.by_topic.items():
            if outlet.moved or not outlet.inflight:
                outlet.moved = False
                self._moved[topic] = now
            elif now - self._moved.setdefault(topic, now) > _STALL_SECONDS and self._deliver.member.holds(now):
                self._deliver.park(outlet, now, KafkaError._TIMED_OUT)

    def _kept(self) -> Iterator[Outlet]:
        """Open live outlets that this slot keeps."""
        for topic, outlet in self._outside.outlets.by_topic.items():
            if topic.startswith(LIVE) and outlet.state is State.OPEN and self._keeps(outlet):
                yield outlet

    def _keeps(self, outlet: Outlet) -> bool:
        return Assignment(self._keys, keeper(outlet.org, self._lanes)) in self._deliver.lanes

    def _pulse(self) -> None:
        at = self._outside.clock.now
        body = self._outside.codec.encode("pulse", {"at": at})
        item = {"key": PULSE, "sequence": 0, "header": None}
        for outlet in self._kept():
            account = self._errand(outlet, item, body)
            self._pulses.append((account, outlet, at))

    def _errand(self, outlet: Outlet, item: Mapping[str, object], body: bytes) -> Account:
        account = Account(None, 0)
        account.left = 1
        outlet.send((account, item, body))
        return account

    # Order

    def _look_after_order(self, now: float) -> None:
        fresh = self._deliver.fresh
        if self._order_at is None or (fresh and self._order_at > now + _AFTER_TAKEOVER):
            self._order_at = now + _AFTER_TAKEOVER
        if self._reading is not None and self._reading.done():
            reading, self._reading = self._reading, None
            try:
                self._mend(reading.result(), now)
            except (PortError, KafkaException) as error:
                _log.warning("order of outlets not read", error=error)
        elif self._reading is None and now >= self._order_at:
            self._order_at = now + _ORDER
            where = dict(fresh) or self._long_ago()
            fresh.clear()
            self._reading = self._outside.pool.submit(misplaced, self._outside.beside, where)

    def _long_ago(self) -> Mapping[Assignment, int]:
        kept = [topic for topic, outlet in self._outside.outlets.by_topic.items() if self._keeps(outlet)]
        return since(self._outside.admin, kept, self._outside.clock.now) if kept else {}

    def _mend(self, again: list[Again], now: float) -> None:
        for each in again:
            outlet = self._outside.outlets.at(each.topic)
            if outlet.state is State.OPEN:
                self._errand(outlet, each.item, each.body)
        if again:
            _log.warning("newest records appended again", count=len(again))
            self._order_at = now + _AFTER_TAKEOVER  # somebody may have written a still newer one meanwhile

    # Metrics

    def _tell(self) -> None:
        observer, superseded = self._outside.observer, 0
        for outlet in self._outside.outlets.by_topic.values():
            superseded += outlet.superseded
            self._tell_of(outlet)
        skipped = self._deliver.skipped + superseded
        if skipped > self._skipped:
            observer.skipped(skipped - self._skipped)
            self._skipped = skipped
        for account, outlet, at in self._pulses:
            if not account.left:
                observer.pulse(outlet.org, at)
        self._pulses = [pulse for pulse in self._pulses if pulse[0].left]
        for lane in self._deliver.lanes.values():
            observer.lag(*lane.part, self._age(lane).total_seconds())

    def _tell_of(self, outlet: Outlet) -> None:
        if outlet.topic not in self._counted and outlet.state is State.OPEN:
            self._outside.observer.reopened(outlet.topic)
        if count := outlet.confirmed - self._counted.get(outlet.topic, 0):
            self._outside.observer.delivered(outlet.org, count)
        self._counted[outlet.topic] = outlet.confirmed

    def _age(self, lane: Lane) -> timedelta:
        if not lane.unpassed() and not lane.waiting:
            return timedelta()
        return max(timedelta(), self._outside.clock.now - (_EPOCH + timedelta(milliseconds=lane.seen_at)))
