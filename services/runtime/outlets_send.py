"""Writing outlets: idempotent producers with disjoint outlets, and per outlet an exact account of what is confirmed.

The client sends one partition per produce request and the broker takes one connection's requests in turn, so several
producers shorten the fan-out of a lone alert. Reports come in the order of sending, errors before later successes:
the idempotent producer cannot get a later batch accepted while an earlier one is unsettled. So an outlet needs no more
than a queue of what is on its way (docs/adr/0003).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from services.core.envelope import HEADER
from services.core.outlet import organisation
from services.runtime.ports import Fatal

if TYPE_CHECKING:
    from services.runtime.outlets_lane import Lane

QUEUE = 500
"""Records in one producer's queue: all that a process can still send after it has lost its lease."""
PRODUCERS = 4
_AT_ONCE = 150
_OF_THE_RECORD = frozenset({
    KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_MSG, KafkaError.INVALID_RECORD,
    KafkaError.RECORD_LIST_TOO_LARGE,
})  # fmt: skip
SETTINGS: Mapping[str, Any] = {
    "queue.buffering.max.messages": QUEUE,
    "message.timeout.ms": 3000,
    "request.timeout.ms": 2000,
    "linger.ms": 5,  # a few milliseconds for a lone alert; under load a third of the requests
    "compression.type": "none",  # lz4 costs more here than it saves: bodies are small and no two outlets share a batch
    "topic.metadata.refresh.interval.ms": 5000,
    "topic.metadata.propagation.max.ms": 2000,
}


class Account:
    """One input, or one errand of our own: how many of its records are not confirmed yet."""

    __slots__ = ("lane", "left", "offset")

    def __init__(self, lane: Lane | None, offset: int) -> None:
        """`lane` None: no input of the delivery log (a pulse, catching up, a repetition)."""
        self.lane = lane
        self.offset = offset
        self.left = 0


Entry = tuple[Account, Mapping[str, Any], bytes]
"""Whose record it is, the item (key, sequence, header), the body. A plain tuple: there is one for every delivery."""


class State(Enum):
    """What becomes of a new delivery to an outlet."""

    OPEN = "it is sent"
    PARKED = "it is owed: read from the log again when the outlet is back"
    CATCHING_UP = "the same, while what was owed is being sent"
    JOINING = "it waits until the last of that is sent"


class Outlet:
    """One partner topic."""

    def __init__(self, topic: str, producer: Producer, troubled: list[Outlet]) -> None:
        """`troubled`: where it lists itself when the broker refused something."""
        self.topic = topic
        self.org = organisation(topic) or ""
        self.producer = producer
        self.state = State.OPEN
        self.inflight: deque[Entry] = deque()
        self.pending: deque[Entry] = deque()
        self.held: deque[Entry] = deque()
        self.refused: list[Entry] = []
        self.hopeless: list[Entry] = []
        """Refused when sent alone."""
        self.broken: int | None = None
        """Code of an error that is not one record's."""
        self.end = 0
        """No record that is sent from now on will lie below it."""
        self.frozen: int | None = None
        """The floor while it is parked."""
        self.late = 0
        """Reports to come for records that were given up."""
        self.confirmed = self.superseded = 0
        self.moved = False
        self._cap = self._limit = _AT_ONCE
        self._alone = 0
        self._passed: dict[str, int] = {}
        self._troubled = troubled
        self._on_delivery = self._report

    @property
    def floor(self) -> int:
        """Where a successor has to read from."""
        return self.end if self.frozen is None else self.frozen

    @property
    def settled(self) -> bool:
        """Whether every record handed to the client was reported."""
        return not self.inflight and not self.late

    @property
    def writing(self) -> bool:
        """Whether it is parked and may still get records that were sent, or read from the log, before now."""
        return bool(self.late) or self.state in {State.CATCHING_UP, State.JOINING}

    def send(self, entry: Entry) -> None:
        """Hand a record to the client, or keep it until there is room."""
        if self.pending or len(self.inflight) >= self._limit:
            self.pending.append(entry)
        else:
            self._produce(entry)

    def pump(self) -> None:
        """Send what was kept."""
        while self.pending and len(self.inflight) < self._limit:
            if not self._produce(self.pending.popleft()):
                return

    def _produce(self, entry: Entry) -> bool:
        item, header = entry[1], entry[1]["header"]
        self.inflight.append(entry)
        try:
            self.producer.produce(
                self.topic, entry[2], item["key"], 0, on_delivery=self._on_delivery,
                headers=None if header is None else [(HEADER, header)],
            )  # fmt: skip
        except BufferError:
            self.pending.appendleft(self.inflight.pop())
            return False
        except KafkaException as exception:
            self._refuse(self.inflight.pop(), exception.args[0])
            return False
        return True

    def _report(self, error: KafkaError | None, message: Message) -> None:
        if self.late:
            self.late -= 1
            return
        entry = self.inflight.popleft()
        self.moved = True
        if error is not None:
            self._refuse(entry, error)
            return
        self.end = message.offset() + 1  # type: ignore[operator]  # a confirmed record has an offset
        self.confirmed += 1
        entry[0].left -= 1
        if self._alone:
            self._done_alone()
        elif self.refused:
            self._passed[entry[1]["key"]] = entry[1]["sequence"]

    def _refuse(self, entry: Entry, error: KafkaError) -> None:
        if error.fatal():
            raise Fatal(error.name(), topic=self.topic)
        self._troubled.append(self)
        if error.code() not in _OF_THE_RECORD:
            self.broken = error.code()
        elif self._alone:
            self.hopeless.append(entry)
            self._done_alone()
            return
        self.refused.append(entry)
        self._limit = 0

    def _done_alone(self) -> None:
        self._alone -= 1
        if not self._alone:
            self._limit = self._cap

    def retry(self) -> None:
        """One record too large fails its whole batch: what was refused is sent again, each record alone.

        A record whose key has been passed by a higher sequence meanwhile is needless: a reader would drop it.
        """
        again = []
        for entry in self.refused:
            if self._passed.get(entry[1]["key"], 0) > entry[1]["sequence"]:
                entry[0].left -= 1
                self.superseded += 1
            else:
                again.append(entry)
        self.refused.clear()
        self._passed.clear()
        self._cap = max(1, self._cap // 2)  # small records that are too large together
        self._alone = len(again)
        self._limit = 1 if again else self._cap
        self.pending.extendleft(reversed(again))

    def park(self) -> tuple[list[Entry], list[Entry]]:
        """Give up what is not confirmed; returns what may have got there, and what was never sent."""
        sent, unsent = [*self.refused, *self.inflight], [*self.pending, *self.held]
        for entry in (*sent, *unsent):
            entry[0].left -= 1
        self.state, self.frozen = State.PARKED, self.floor
        self.late += len(self.inflight)
        for kept in (self.inflight, self.pending, self.held, self.refused, self._passed):
            kept.clear()
        self._alone, self.broken = 0, None
        return sent, unsent

    def catch_up(self, end: int) -> None:
        """What was owed may be sent; `end`: where the outlet was read to."""
        self.state = State.CATCHING_UP
        self.end = end
        self._limit = self._cap = _AT_ONCE

    def open(self) -> None:
        """All that was owed is there."""
        self.state, self.frozen = State.OPEN, None
        self.pending.extend(self.held)
        self.held.clear()


class Outlets:
    """All outlets of one slot, spread over its producers."""

    def __init__(self, config: Mapping[str, Any], producers: int = PRODUCERS) -> None:
        """`config`: an idempotent producer's."""
        self._producers = [Producer({**config, **SETTINGS}) for _ in range(producers)]
        self.by_topic: dict[str, Outlet] = {}
        self.troubled: list[Outlet] = []

    def at(self, topic: str) -> Outlet:
        """The outlet of this name."""
        found = self.by_topic.get(topic)
        if found is None:
            producer = self._producers[len(self.by_topic) % len(self._producers)]
            found = self.by_topic[topic] = Outlet(topic, producer, self.troubled)
        return found

    def floors(self) -> dict[str, int]:
        """The floor of every outlet, as of now."""
        return {topic: outlet.floor for topic, outlet in self.by_topic.items()}

    def poll(self) -> None:
        """Take in delivery reports."""
        for producer in self._producers:
            producer.poll(0)

    def wait(self, seconds: float) -> None:
        """Until a report comes: the queues are full, and the cores are needed elsewhere."""
        self._producers[0].poll(seconds)

    def pump(self) -> int:
        """Send what had to wait; how much still has to."""
        waiting = 0
        for outlet in self.by_topic.values():
            if outlet.pending:
                outlet.pump()
                waiting += len(outlet.pending)
        return waiting

    def busy(self) -> bool:
        """Whether reports are to come."""
        return any(len(producer) for producer in self._producers)

    def parked(self) -> Sequence[Outlet]:
        """Those whose state is PARKED."""
        return [outlet for outlet in self.by_topic.values() if outlet.state is State.PARKED]

    def purge(self) -> None:
        """Drop what is queued: nothing more is sent from here."""
        for producer in self._producers:
            producer.purge(in_queue=True, in_flight=False, blocking=True)
