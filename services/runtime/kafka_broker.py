"""The broker port on Kafka: one static member of a stage's group and its transactional producer."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from services.runtime.kafka import PRODUCER, member, reader, writer
from services.runtime.ports import Fatal, Message, Owner
from services.runtime.processor import Assignment, Stage
from services.runtime.settings import Settings
from services.runtime.transactions import Transactions

_log = structlog.get_logger()
_T = TypeVar("_T")
_PATIENCE_SECONDS = 30.0
_PAUSE_SECONDS = 0.02
_RESTORED = 5000
_TIMEOUT_MS = {Stage.INTAKE: 5000}
"""A crashed intake must not hold slt.control's watermark for long (ARCHITECTURE §5 rule 6)."""
_USUAL_TIMEOUT_MS = 15000
_FETCH = {"queued.min.messages": 1}
"""Fetch only when all that came is taken: every fetch asks for every partition, of intake's sources over a hundred."""
_REFILL_SECONDS = 0.01
_LINGER_MS = 50
"""A commit sends at once what is queued, so this delays nobody; until then full batches spare the broker requests."""
_ENDING = frozenset({
    KafkaError._AUTO_OFFSET_RESET,
    KafkaError.OFFSET_OUT_OF_RANGE,
    KafkaError.FENCED_INSTANCE_ID,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
})  # fmt: skip
"""Consumer errors that no waiting mends; a lost offset must stop the slot, it may never be skipped (rule 13)."""


class KafkaBroker:
    """See services.runtime.ports.Broker; tells the owner from inside `poll`."""

    def __init__(self, settings: Settings, stage: Stage, slot: int, rebuilt: Callable[[], None]) -> None:
        """Connects both clients; `rebuilt` is told of every new producer after the first. Fatal if refused."""
        self._owner: Owner | None = None
        self._failure: Exception | None = None
        self._changelog = reader(settings, stage, **{"enable.partition.eof": True})
        timeout = _TIMEOUT_MS.get(stage, _USUAL_TIMEOUT_MS)
        transactional = {
            "transactional.id": self.transactional_id(stage, slot),
            "transaction.timeout.ms": timeout,
            "message.timeout.ms": min(timeout, PRODUCER["message.timeout.ms"]),  # the client demands it
            "linger.ms": _LINGER_MS,
        }
        self._transactions = Transactions(writer(settings, stage, **transactional), rebuilt)
        self._consumer = Consumer(member(settings, stage, slot, **_FETCH))
        self._crowded = False
        self._committed_to: dict[Assignment, int] = {}

    @staticmethod
    def transactional_id(stage: Stage, slot: int) -> str:
        """Stable for the slot: its next process ends at once what this one leaves open (reliability.md §2.3)."""
        return f"{stage}.{slot}"

    def open(self, sources: Sequence[str], owner: Owner) -> None:
        """The producer's start has ended what the slot's last holder left open; now join."""
        self._owner = owner
        self._consumer.subscribe(
            [_pattern(source) for source in sources],
            on_assign=lambda _, parts: self._guard(self._assigned, parts),
            on_revoke=lambda _, parts: self._guard(self._revoked, parts),
            on_lost=lambda _, parts: self._guard(self._lost, parts),
        )

    def poll(self, limit: int, seconds: float, until: float = 0.0) -> Sequence[Message]:
        """See the port."""
        first = self._consumer.poll(seconds)
        found = [] if first is None else [first, *self._gather(limit - 1, until)]
        if self._failure:
            raise self._failure
        self._crowded = len(found) >= limit
        return [to_message(message) for message in found if _is_record(message)]

    def _gather(self, limit: int, until: float) -> list[Any]:
        """Up to `limit` more. Unless there is a backlog, nothing is fetched while more gathers at the broker."""
        if limit < 1:
            return []
        idle = until - time.monotonic() - _REFILL_SECONDS
        if idle > 0 and not self._crowded:
            time.sleep(idle)
        return self._consumer.consume(limit, max(0.0, until - time.monotonic()))

    def begin(self) -> None:
        """See the port."""
        self._transactions.begin()

    def send(self, topic: str, key: bytes, value: bytes | None, partition: int | None = None) -> None:
        """See the port."""
        self._transactions.send(topic, key, value, partition)

    def commit(self, offsets: Mapping[Assignment, int]) -> None:
        """See the port; the group's metadata fences a slot that lost its partitions.

        It travels with offsets only, so due work without any input commits the offset of one partition once more.
        """
        moved = offsets or dict(islice(self._committed_to.items(), 1))
        positions = [TopicPartition(topic, partition, offset) for (topic, partition), offset in moved.items()]
        self._transactions.commit(positions, self._consumer.consumer_group_metadata())
        self._committed_to.update(offsets)

    def abort(self) -> None:
        """See the port."""
        self._transactions.abort()

    def rewind(self) -> None:
        """See the port; a partition whose fetcher is not up yet is tried again."""
        for position in self._committed(self._consumer.assignment()):
            self._seek(position)

    def restore(self, topic: str, partition: int) -> Iterator[tuple[bytes, bytes | None]]:
        """To the partition's end as the broker reports it: the last offset may be no record at all."""
        consumer = Consumer(self._changelog)
        try:
            consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING)])
            while True:
                for message in _ready(consumer):
                    error = message.error()
                    if error is None:
                        yield message.key(), message.value()
                    elif error.code() == KafkaError._PARTITION_EOF:
                        return
                    else:
                        raise Fatal(error.name(), topic=topic, partition=partition)
        finally:
            consumer.close()

    def close(self) -> None:
        """See the port; a static member does not leave its group by closing."""
        self._owner = None
        self._consumer.close()
        self._transactions.close()

    def _guard(self, tell: Callable[[list[TopicPartition]], None], parts: list[TopicPartition]) -> None:
        """A failure inside the client's callback is raised by `poll`."""
        try:
            if self._owner:
                tell(parts)
        except KafkaException as error:
            self._failure = Fatal(error.args[0].name())
        except Fatal as error:
            self._failure = error

    def _assigned(self, parts: list[TopicPartition]) -> None:
        """Offsets first: asking for them waits until the previous owner's transaction has ended (reliability.md §3)."""
        positions = self._committed(parts)
        if self._owner:
            self._owner.assigned(_assignments(parts))
        self._committed_to.update({Assignment(one.topic, one.partition): one.offset for one in positions})
        self._consumer.incremental_assign(positions)

    def _revoked(self, parts: list[TopicPartition]) -> None:
        if self._owner:
            self._owner.revoked(_assignments(parts))
        self._forget(parts)

    def _lost(self, parts: list[TopicPartition]) -> None:
        if self._owner:
            self._owner.lost(_assignments(parts))
        self._forget(parts)

    def _forget(self, parts: list[TopicPartition]) -> None:
        for part in _assignments(parts):
            self._committed_to.pop(part, None)

    def _committed(self, parts: list[TopicPartition]) -> list[TopicPartition]:
        """Where to go on; from the first record where nothing was ever committed (a new partner's topic)."""
        if not parts:
            return []
        found = []
        for position in _patiently(lambda: self._consumer.committed(parts, timeout=_PATIENCE_SECONDS)):
            if position.error:
                raise Fatal(position.error.name(), topic=position.topic, partition=position.partition)
            found.append(TopicPartition(position.topic, position.partition, max(0, position.offset)))
        return found

    def _seek(self, position: TopicPartition) -> None:
        _patiently(lambda: self._consumer.seek(position), {KafkaError._STATE, KafkaError._TIMED_OUT})


def _patiently(call: Callable[[], _T], waits: Collection[int] = ()) -> _T:
    """The call's result; the same call again while it may succeed, Fatal when patience ends."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return call()
        except KafkaException as error:
            found = error.args[0]
            if not (found.retriable() or found.code() in waits) or time.monotonic() > deadline:
                raise Fatal(found.name()) from error
            time.sleep(_PAUSE_SECONDS)


def _ready(consumer: Consumer) -> list[Any]:
    first = consumer.poll(1.0)
    return [] if first is None else [first, *consumer.consume(_RESTORED, 0)]


def _is_record(message: Any) -> bool:
    """False for an error that passes by itself; Fatal for one that does not."""
    error = message.error()
    if error is None:
        return True
    where = {"topic": message.topic(), "partition": message.partition()}
    if error.fatal() or error.code() in _ENDING:
        raise Fatal(error.name(), **where)
    _log.warning("consumer error", code=error.name(), **where)
    return False


def to_message(message: Any) -> Message:
    """The client's record as the port's."""
    return Message(
        message.topic(), message.partition(), message.offset(), message.timestamp()[1], message.key(), message.value()
    )


def _assignments(parts: list[TopicPartition]) -> list[Assignment]:
    return [Assignment(part.topic, part.partition) for part in parts]


def _pattern(source: str) -> str:
    """The subscription of a topic, or of a whole family (`slt.in.{org}`)."""
    if "{org}" not in source:
        return source
    return "^" + re.escape(source).replace(re.escape("{org}"), "[a-z].*")
