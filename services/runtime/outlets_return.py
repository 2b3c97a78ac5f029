"""How a parked outlet comes back: probed, read back, given by key what the delivery log owes it, opened.

All reading is done beside the loop in a thread, so that nobody else waits for it; the loop alone sends. Rounds go on
until little is left; in the last one new deliveries wait behind what is owed.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AclOperation

from services.core.deliveries import items
from services.core.outlet import Owed, misfit
from services.runtime.codec import CodecError
from services.runtime.formats import Formats
from services.runtime.outlets_lane import Lane
from services.runtime.outlets_read import Positions, Reader, ReadError, bounds, lies_there, starts
from services.runtime.outlets_send import Account, Outlet, State
from services.runtime.outlets_surroundings import Surroundings
from services.runtime.ports import PortError
from services.runtime.processor import Assignment

_SECONDS = 5.0
_SLICE = 2000
_LITTLE = 500
"""Inputs; fewer than these are read while new deliveries wait."""
_T = TypeVar("_T")


class Delivery(NamedTuple):
    """One item of the log with its body."""

    item: Mapping[str, Any]
    body: bytes


class Stretch:
    """What one outlet is owed of one stretch of the delivery log; used by one thread at a time."""

    def __init__(self, reader: Reader, formats: Formats, topic: str, begin: Positions) -> None:
        """`begin`: first input of each partition."""
        self.ends: dict[Assignment, int] = dict(begin)
        self.needless = 0
        self.wanted = True
        """False: nobody waits for it any more."""
        self._reader, self._formats, self._topic, self._begin = reader, formats, topic, begin
        self._wanted: Iterator[Delivery] = iter(())

    def note(self, there: Mapping[str, int], live: Callable[[], Positions], limit: Positions | None) -> None:
        """Read until `live` is reached, or exactly up to `limit`; `there`: key -> highest sequence in the outlet."""
        owed = Owed(there)
        for part, offset, delivery in self._deliveries(live if limit is None else lambda: limit):
            if limit is None:
                self.ends[part] = offset + 1
            elif offset >= limit[part]:
                continue
            if delivery is not None:
                owed.note(delivery.item["key"], delivery.item["sequence"], delivery.item["header"])
        self.ends.update(limit or {})
        self._wanted = self._wanted_by(owed)

    def slice(self) -> list[Delivery]:
        """The next of what is owed, in the log's order; empty when that was all."""
        return list(islice(self._wanted, _SLICE))

    def _wanted_by(self, owed: Owed) -> Iterator[Delivery]:
        for part, offset, delivery in self._deliveries(lambda: self.ends):
            if delivery is None or offset >= self.ends[part]:
                continue
            if owed.wants(delivery.item["key"], delivery.item["sequence"]):
                yield delivery
            else:
                self.needless += 1

    def _deliveries(self, ends: Callable[[], Positions]) -> Iterator[tuple[Assignment, int, Delivery | None]]:
        """Every item for the outlet, and a None for each record, so that its offset is seen."""
        for batch in self._reader.read(self._begin, ends):
            if not self.wanted:
                raise ReadError("CANCELLED")
            for message in batch:
                part, offset = (
                    Assignment(str(message.topic()), int(message.partition() or 0)),
                    int(message.offset() or 0),
                )
                for delivery in self._items(message.value() or b""):
                    yield part, offset, delivery
                yield part, offset, None

    def _items(self, value: bytes) -> list[Delivery]:
        try:
            record = self._formats.codec.decode(value)[1]
            record["items"] = items(record)
            if misfit(record):
                return []
        except (CodecError, KeyError):
            return []  # the loop has put it into slt.dead
        bodies, record["items"] = record["bodies"], [one for one in record["items"] if one["topic"] == self._topic]
        self._formats.apply(record)
        return [Delivery(item, bodies[item["body"]]) for item in record["items"]]


@dataclass
class Returns:
    """Brings parked outlets back; `step` is called by the loop."""

    outside: Surroundings
    lanes: Mapping[Assignment, Lane]
    finished: Callable[[Outlet, int], None]
    """Told when an outlet is open again, with the number of deliveries that were needless."""
    failed: Callable[[Outlet, str], None]
    """Told when it is not; it stays parked and is probed again."""
    _running: dict[str, tuple[Outlet, Generator[None, None, None]]] = field(default_factory=dict)
    _probes: dict[str, tuple[Outlet, Future[Any]]] = field(default_factory=dict)

    def probe(self, outlets: Sequence[Outlet]) -> None:
        """Ask the broker which of these exist and may be written; nothing is written to find out."""
        wanted = {
            each.topic: each
            for each in outlets
            if each.settled and each.topic not in self._running and each.topic not in self._probes
        }
        if wanted:
            asked = self.outside.admin.describe_topics(
                TopicCollection(list(wanted)), include_authorized_operations=True
            )
            self._probes.update({topic: (wanted[topic], future) for topic, future in asked.items()})

    def step(self) -> None:
        """Go on with every outlet as far as that needs no waiting."""
        for topic, (outlet, future) in list(self._probes.items()):
            if future.done():
                del self._probes[topic]
                if outlet.state is State.PARKED and _may_be_used(future):
                    self._running[topic] = (outlet, self._return(outlet))
        for topic, (outlet, work) in list(self._running.items()):
            try:
                next(work)
            except StopIteration:
                del self._running[topic]
            except (PortError, KafkaException) as error:
                self.stop(outlet)
                self.failed(outlet, type(error).__name__)

    def stop(self, outlet: Outlet) -> None:
        """The outlet is broken again, or the lanes change: begin anew at the next probe."""
        if outlet.topic in self._running:
            self._running.pop(outlet.topic)[1].close()

    def stop_all(self) -> list[Outlet]:
        """Stop every return; those that were under way."""
        under_way = [outlet for outlet, _ in self._running.values()]
        for outlet in under_way:
            self.stop(outlet)
        return under_way

    def _return(self, outlet: Outlet) -> Generator[None, None, None]:
        there, end = yield from self._wait(self._read_back, outlet)
        outlet.catch_up(end)
        done: dict[Assignment, int] = {}
        needless, joining = 0, False
        while not joining:
            begin = {**self._first_owed(outlet), **done}
            joining = self._near(begin)
            limit = self._live(begin) if joining else None
            if joining:
                outlet.state = State.JOINING
            stretch = Stretch(self.outside.log, self.outside.formats, outlet.topic, begin)
            try:
                yield from self._wait(stretch.note, there, partial(self._live, begin), limit)
                yield from self._send(outlet, stretch, there)
            finally:
                stretch.wanted = False
            done, needless = stretch.ends, needless + stretch.needless
        outlet.open()
        for lane in self.lanes.values():
            lane.settle(outlet.topic)
        self.finished(outlet, needless)

    def _send(self, outlet: Outlet, stretch: Stretch, there: dict[str, int]) -> Iterator[None]:
        while deliveries := (yield from self._wait(stretch.slice)):
            account = Account(None, 0)
            account.left = len(deliveries)
            for item, body in deliveries:
                outlet.send((account, item, body))
                there[item["key"]] = item["sequence"]
            while account.left:
                yield

    def _wait(self, work: Callable[..., _T], *arguments: Any) -> Generator[None, None, _T]:
        future = self.outside.pool.submit(work, *arguments)
        while not future.done():
            yield
        return future.result()

    def _read_back(self, outlet: Outlet) -> tuple[dict[str, int], int]:
        outlet.producer.list_topics(outlet.topic, timeout=_SECONDS)  # a topic made anew is new to the producer too
        first, end = bounds(self.outside.admin, [outlet.topic])[outlet.topic]
        where = starts({outlet.topic: outlet.floor}, {outlet.topic: (first, end)})
        outlet.frozen = where.get(Assignment(outlet.topic, 0), end)
        there = lies_there(self.outside.beside, where).get(outlet.topic, {})
        if outlet.topic in self.outside.beside.refused:
            self.outside.beside.refused.discard(outlet.topic)
            raise ReadError("CANCELLED")
        return there, end

    def _first_owed(self, outlet: Outlet) -> dict[Assignment, int]:
        return {
            part: min(each.input for each in lane.owed[outlet.topic])
            for part, lane in self.lanes.items()
            if outlet.topic in lane.owed
        }

    def _live(self, begin: Positions) -> dict[Assignment, int]:
        return {part: self.lanes[part].next for part in begin}

    def _near(self, begin: Positions) -> bool:
        gaps = [self.lanes[part].next - offset for part, offset in begin.items()]
        return all(gap >= 0 for gap in gaps) and sum(gaps) < _LITTLE


def _may_be_used(future: Future[Any]) -> bool:
    try:
        allowed = future.result().authorized_operations or ()
    except KafkaException:
        return False
    return AclOperation.WRITE in allowed and AclOperation.READ in allowed
