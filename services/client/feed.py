"""Reads a partner's topics from given positions on: committed records only, in order, over every disconnection.

Positions are the caller's to keep: nothing is committed at the broker. The client library reconnects by itself and goes
on behind the last record that it handed over.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple, TypeVar

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, KafkaException, TopicPartition

from services.client.access import Access
from services.client.errors import (
    ClientError,
    Problem,
    group_refused,
    login_refused,
    problem_of,
    topic_refused,
    trouble,
)
from services.client.record import Delivery, Family, opened, received
from services.runtime.codec import Codec

BEGINNING, END = OFFSET_BEGINNING, OFFSET_END
_ANSWER = 15.0
_MOST = 500
_TRIES = 3
_PASSING = frozenset({Problem.UNREACHABLE, Problem.OTHER})
_T = TypeVar("_T")


class Bounds(NamedTuple):
    """The first offset that a topic still has, and the one after its last."""

    low: int
    high: int


class Feed:
    """One connection that reads. Close it, or use it in a `with`."""

    def __init__(self, access: Access, codec: Codec | None = None) -> None:
        """Nothing is connected before the first question."""
        self._access = access
        self._codec = codec or Codec()
        self._connected = False
        self._refusals: list[KafkaError] = []
        self.lost: str = ""
        """In words, while the relay cannot be reached; empty when it can."""
        self.ended: set[Family] = set()
        """Topics whose end has been reached since `start`."""
        self._consumer = Consumer({**access.consumer(), "error_cb": self._noted})

    def __enter__(self) -> Feed:
        """The feed itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Leave the relay."""
        self._consumer.close()

    def bounds(self, family: Family) -> Bounds:
        """What the topic holds now; ClientError says why it cannot be asked."""
        topic = self._access.topic(family)
        error = self._ask(lambda: self._consumer.list_topics(topic, timeout=1.0), family).topics[topic].error
        if error is not None:  # asked for its offsets alone, the library would only say that it does not know it
            raise self._explained(error, topic)
        where = TopicPartition(topic, 0)
        low, high = self._ask(lambda: self._consumer.get_watermark_offsets(where, timeout=1.0), family)
        return Bounds(low, high)

    def since(self, family: Family, moment: datetime) -> int:
        """The offset of the first record that the relay took at that time or later; END if there is none."""
        where = TopicPartition(self._access.topic(family), 0, int(moment.timestamp() * 1000))
        found = self._ask(lambda: self._consumer.offsets_for_times([where], timeout=1.0), family)
        return int(found[0].offset) if found[0].offset >= 0 else self.bounds(family).high

    def back(self, family: Family, count: int) -> int:
        """The offset of the last `count`th delivery; heartbeats between them do not count. Call it before `start`."""
        bounds = self.bounds(family)
        span = max(4 * count, 64)
        while count:
            begin = max(bounds.low, bounds.high - span)
            self.start({family: begin})
            found: list[Delivery] = []
            while family not in self.ended:
                found += [each for each in self.take(1.0) if each.kind != "pulse"]
            if len(found) >= count or begin == bounds.low:
                return found[-count].offset if len(found) >= count else begin
            span *= 8
        return bounds.high

    def topics(self) -> tuple[str, ...]:
        """Every topic that this credential is shown."""
        found = self._ask(lambda: self._consumer.list_topics(timeout=1.0), Family.OUT)
        return tuple(sorted(found.topics))

    def start(self, positions: Mapping[Family, int]) -> None:
        """Read these topics from these offsets on (BEGINNING: all there is); ClientError if one may not be read."""
        wanted = []
        for family, offset in positions.items():
            bounds = self.bounds(family)
            if 0 <= offset < bounds.low or offset > bounds.high:
                raise trouble(KafkaError(KafkaError._AUTO_OFFSET_RESET), self._access.bootstrap)
            wanted.append(TopicPartition(self._access.topic(family), 0, bounds.high if offset == END else offset))
        self.ended.clear()
        self._consumer.assign(wanted)

    def take(self, seconds: float) -> list[Delivery]:
        """What has come, waiting at most so long for a first record; ClientError when nothing more will come."""
        first = self._consumer.poll(seconds)
        self._check_login()
        if first is None:
            return []
        found = []
        for message in [first, *self._consumer.consume(_MOST, 0)]:
            error = message.error()
            if error is None:
                self._answered()
                found.append(opened(received(message), self._codec))
            else:
                self._trouble(error, (message.topic() or ""))
        return found

    def _trouble(self, error: KafkaError, topic: str) -> None:
        if error.code() == KafkaError._PARTITION_EOF:
            self._answered()
            self.ended.add(Family(topic.split(".")[1]))
            return
        problem = problem_of(error.code())
        if problem not in _PASSING:
            raise self._explained(error, topic)
        self.lost = trouble(error, self._access.bootstrap).args[0]

    def _explained(self, error: KafkaError, topic: str) -> ClientError:
        code = error.code()
        if code == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            return topic_refused(topic, self._access.org)
        if code == KafkaError.GROUP_AUTHORIZATION_FAILED:
            return group_refused(f"{self._access.org}.client", self._access.org)
        if problem_of(code) is Problem.WRONG_PASSWORD:
            return login_refused(self._access.username, self._access.idle_days())
        return trouble(error, self._access.bootstrap)

    def _ask(self, question: Callable[[], _T], family: Family) -> _T:
        """Ask until there is an answer, a lasting refusal, or no more patience."""
        deadline = time.monotonic() + _ANSWER
        while True:
            try:
                answer = question()
            except KafkaException as refused:
                self._consumer.poll(0)  # lets the library tell what it knows of the login
                self._check_login()
                error = refused.args[0]
                if problem_of(error.code()) is not Problem.UNREACHABLE or time.monotonic() > deadline:
                    raise self._explained(error, self._access.topic(family)) from refused

            else:
                self._access.accepted()
                self._answered()
                return answer

    def _check_login(self) -> None:
        """A connection that breaks while it is being made looks like a refusal too: one that worked gets more tries."""
        if len(self._refusals) >= (_TRIES if self._connected else 1):
            raise self._explained(self._refusals[-1], "")

    def _answered(self) -> None:
        self._connected = True
        self.lost = ""
        self._refusals.clear()

    def _noted(self, error: KafkaError) -> None:
        problem = problem_of(error.code())
        if problem in {Problem.WRONG_PASSWORD, Problem.CERTIFICATE}:
            self._refusals.append(error)
        if problem in {Problem.UNREACHABLE, Problem.CERTIFICATE}:
            self.lost = trouble(error, self._access.bootstrap).args[0]
