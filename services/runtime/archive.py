"""What an installation's topics say of the past; nothing is ever written."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import NamedTuple, Self

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from services.core.stage import Record
from services.runtime import kafka
from services.runtime.clock import HEARTBEAT
from services.runtime.codec import Codec
from services.runtime.kafka_broker import to_message
from services.runtime.ports import Message
from services.runtime.settings import Settings
from services.runtime.step import UnreadableError, read_record
from services.runtime.topics import ADMIN

_ANSWER = 15.0
_SILENCE = 30.0
_TAKEN = 5000
_GATHER = 0.05
"""Seconds that a batch gathers unless it is full: a short topic is read in this time."""


class ArchiveError(Exception):
    """The past cannot be read; the text says what to do."""


class Span(NamedTuple):
    """One partition's records at the broker: from `first` to before `end`."""

    first: int
    end: int


class Archive:
    """One reader; leave the context and it is closed."""

    def __init__(self, settings: Settings, principal: str = ADMIN) -> None:
        """Nothing is asked yet; `principal`: with whose rights it reads."""
        quiet = {"log_level": 2}  # what the client says of retries is nothing for a terminal
        extra = {"enable.partition.eof": True, **quiet}
        self._consumer = Consumer(kafka.reader(settings, principal, **extra))
        self._codec = Codec()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the broker."""
        self._consumer.close()

    def now(self) -> datetime:
        """The broker's clock: the append time of the newest heartbeat (ARCHITECTURE §5 rule 9)."""
        span = self.spans(HEARTBEAT)[0]
        beats = [message.appended for message in self.messages(HEARTBEAT, {0: max(span.first, span.end - 1)})]
        if not beats:
            raise ArchiveError("no heartbeat, so the broker's clock is unknown: start the stages (slt up) first")
        return datetime.fromtimestamp(beats[-1] / 1000, UTC)

    def spans(self, topic: str) -> dict[int, Span]:
        """What the broker has of each partition; ArchiveError if there is no such topic."""
        found = self._consumer.list_topics(topic, timeout=_ANSWER).topics[topic]
        if found.error is not None or not found.partitions:
            raise ArchiveError(f"no topic {topic} at this broker: does --config name the right installation?")
        ask = self._consumer.get_watermark_offsets
        return {
            number: Span(*ask(TopicPartition(topic, number), timeout=_ANSWER, cached=False))
            for number in sorted(found.partitions)
        }

    def since(self, topic: str, moment: datetime) -> dict[int, int]:
        """Each partition's first offset at or after the moment; those without one are left out."""
        at = int(moment.timestamp() * 1000)
        asked = [TopicPartition(topic, number, at) for number in self.spans(topic)]
        found = self._consumer.offsets_for_times(asked, timeout=_ANSWER)
        return {part.partition: part.offset for part in found if part.offset >= 0}

    def messages(self, topic: str, start: Mapping[int, int]) -> Iterator[Message]:
        """Every committed record from these offsets to the end, partitions mixed, each in the order of offsets."""
        self._consumer.assign([TopicPartition(topic, number, offset) for number, offset in start.items()])
        left, heard = set(start), time.monotonic()
        while left:
            messages = self._consumer.consume(_TAKEN, _GATHER)
            if not messages and time.monotonic() - heard > _SILENCE:
                raise ArchiveError(f"{topic}: the broker sends nothing more: is it up?")
            for message in messages:
                heard = time.monotonic()
                error = message.error()
                if error is None:
                    yield to_message(message)
                elif error.code() == KafkaError._PARTITION_EOF:
                    left.discard(message.partition() or 0)
                else:
                    raise KafkaException(error)
        self._consumer.unassign()

    def records(self, topic: str, start: Mapping[int, int] | None = None) -> Iterator[Record]:
        """The same, decoded; from the oldest record if no offsets are given."""
        begin = {number: span.first for number, span in self.spans(topic).items()} if start is None else start
        for message in self.messages(topic, begin):
            try:
                yield read_record(self._codec, message)
            except UnreadableError as error:
                where = f"{topic}, partition {message.partition}, offset {message.offset}"
                raise ArchiveError(f"{where}: not a record of ours ({error}); no stage can read it either") from error
