"""DELIVER's membership in its group, and the lease that allows it to write.

A plain producer cannot be fenced, so a slot writes only while the group's coordinator has confirmed within two seconds
that it is a member (ARCHITECTURE §5 rule 11). The question is an offset commit: the one request that the coordinator
answers according to member and generation. What it stores shows in every tool as the group's lag; nothing is ever
resumed from it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from services.runtime.ports import Fatal, PortError
from services.runtime.processor import Assignment

LEASE_SECONDS = 2.0
_RENEW_SECONDS = 0.25
_BATCH = 50
MEMBER: Mapping[str, Any] = {"session.timeout.ms": 6000, "enable.partition.eof": True}

Parts = Sequence[Assignment]


class Member:
    """One static member; tells its owner from inside `poll` what it owns."""

    def __init__(
        self, config: Mapping[str, Any], topics: Sequence[str], assigned: Callable[[Parts], Mapping[Assignment, int]],
        revoked: Callable[[Parts], None],
    ) -> None:  # fmt: skip
        """`assigned` returns the first offset of each new partition; `revoked` returns when they can be let go."""
        self._assigned, self._revoked = assigned, revoked
        self._asked: deque[float] = deque()
        self._confirmed = float("-inf")
        self._failure: Exception | None = None
        self._consumer = Consumer({**config, **MEMBER, "on_commit": self._on_commit})
        self._consumer.subscribe(
            list(topics), on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )

    def holds(self, now: float) -> bool:
        """Whether membership was confirmed within the lease; `now` is monotonic."""
        return now - self._confirmed < LEASE_SECONDS

    def renew(self, now: float, durable: Mapping[Assignment, int]) -> None:
        """Ask the coordinator whether this is still a member, if it is time."""
        if durable and (not self._asked or now - self._asked[-1] > 1.0) and now - self._confirmed > _RENEW_SECONDS:
            self._asked.append(now)
            try:
                self._consumer.commit(offsets=_parts(durable), asynchronous=True)
            except KafkaException:
                self._asked.pop()  # not a member at the moment: the lease runs out unless that changes

    def poll(self, seconds: float) -> list[Message]:
        """What has come, errors left out; Fatal for a gap in the input, a lost membership or a fenced slot."""
        first = self._consumer.poll(seconds)
        if self._failure is not None:
            raise self._failure
        if first is None:
            return []
        messages = [first, *self._consumer.consume(_BATCH, 0)]
        if self._failure is not None:
            raise self._failure
        return [message for message in messages if _usable(message)]

    def pause(self, part: Assignment, *, on: bool) -> None:
        """Stop or go on reading one partition."""
        (self._consumer.pause if on else self._consumer.resume)(_parts({part: 0}))

    def first(self, part: Assignment) -> int:
        """First offset of a partition."""
        found = self._consumer.get_watermark_offsets(TopicPartition(*part), timeout=10.0)
        if found is None:
            raise Fatal("_TIMED_OUT", topic=part.topic, partition=part.partition)
        return int(found[0])

    def close(self) -> None:
        """Let go; the slot's place is kept for its next process."""
        self._consumer.close()

    def _on_commit(self, error: KafkaError | None, _parts: list[TopicPartition]) -> None:
        asked = self._asked.popleft() if self._asked else float("-inf")
        if error is None:
            self._confirmed = max(self._confirmed, asked)

    def _on_assign(self, consumer: Consumer, parts: list[TopicPartition]) -> None:
        try:
            offsets = self._assigned(_assignments(parts)) if parts else {}
            consumer.incremental_assign(_parts(offsets))
        except PortError as error:
            self._failure = error
        except KafkaException as error:
            self._failure = Fatal(error.args[0].name())
        self._confirmed = float("-inf")  # the lease begins after the reading, with a new confirmation
        self._asked = deque(float("-inf") for _ in self._asked)

    def _on_revoke(self, consumer: Consumer, parts: list[TopicPartition]) -> None:
        try:
            self._revoked(_assignments(parts))
        except PortError as error:
            self._failure = error
        consumer.incremental_unassign(parts)

    def _on_lost(self, consumer: Consumer, parts: list[TopicPartition]) -> None:
        self._confirmed = float("-inf")
        self._failure = Fatal("MEMBERSHIP_LOST")
        consumer.incremental_unassign(parts)


def _assignments(parts: Sequence[TopicPartition]) -> list[Assignment]:
    return [Assignment(part.topic, part.partition) for part in parts]


def _parts(offsets: Mapping[Assignment, int]) -> list[TopicPartition]:
    return [TopicPartition(topic, number, offset) for (topic, number), offset in offsets.items()]


def _usable(message: Message) -> bool:
    error = message.error()
    if error is None or error.code() == KafkaError._PARTITION_EOF:
        return True
    if error.fatal() or error.code() in {KafkaError._AUTO_OFFSET_RESET, KafkaError.FENCED_INSTANCE_ID}:
        raise Fatal(error.name())
    return False  # the client tries again
