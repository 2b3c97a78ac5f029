"""What DELIVER reads beside its input: resume points, what lies in outlets, stretches of the delivery log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from services.core.envelope import HEADER
from services.core.outlet import Progress, organisation, sequence_of
from services.runtime.codec import Codec
from services.runtime.ports import Fatal, PortError
from services.runtime.processor import Assignment

PROGRESS = Assignment("slt.progress", 0)
_SECONDS = 10.0
_BATCH = 5000
_WAIT = 0.02
_REFUSED = frozenset({
    KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC,
    KafkaError._UNKNOWN_PARTITION, KafkaError._AUTO_OFFSET_RESET,
})  # fmt: skip

Positions = Mapping[Assignment, int]


class ReadError(PortError):
    """Nobody wants what is being read any more, or it cannot be read."""


@dataclass
class Reader:
    """Reads partitions from an offset to their end, each call with a consumer of its own."""

    config: Mapping[str, Any]
    """A consumer's settings without group membership."""
    cancelled: Callable[[], bool] = lambda: False
    refused: set[str] = field(default_factory=set)
    """Topics that the broker did not let us read."""

    def read(self, starts: Positions, ends: Callable[[], Positions] | None = None) -> Iterator[list[Message]]:
        """Batches of records; ends at the end of each partition, or where `ends` says, asked again each time.

        Fatal when nothing comes for ten seconds, ReadError when nobody waits for it any more.
        """
        if not starts:
            return
        consumer = Consumer({**self.config, "enable.partition.eof": True})
        try:
            consumer.assign([TopicPartition(topic, number, start) for (topic, number), start in starts.items()])
            yield from self._to_the_end(consumer, dict(starts), ends)
        finally:
            consumer.close()

    def _to_the_end(
        self, consumer: Consumer, positions: dict[Assignment, int], ends: Callable[[], Positions] | None
    ) -> Iterator[list[Message]]:
        unread, heard = set(positions), time.monotonic()
        while unread:
            if self.cancelled():
                raise ReadError("CANCELLED")
            batch = consumer.consume(_BATCH, _WAIT)
            if batch:
                heard = time.monotonic()
            elif time.monotonic() - heard > _SECONDS:
                raise Fatal("_TIMED_OUT", topic=min(unread).topic, count=len(unread))
            good = [message for message in batch if message.error() is None]
            if len(good) < len(batch):
                self._ended((message for message in batch if message.error() is not None), unread)
            yield good
            if ends is not None:
                positions.update((_part(message), int(message.offset() or 0) + 1) for message in good)
                targets = ends()
                unread -= {part for part in unread if positions[part] >= targets[part]}

    def _ended(self, messages: Iterable[Message], unread: set[Assignment]) -> None:
        for message in messages:
            error = message.error()
            if error is not None and error.code() == KafkaError._PARTITION_EOF:
                unread.discard(_part(message))
            elif error is not None and error.code() in _REFUSED:
                unread.discard(_part(message))
                self.refused.add(str(message.topic()))


def _part(message: Message) -> Assignment:
    return Assignment(str(message.topic()), int(message.partition() or 0))


def read_progress(reader: Reader, codec: Codec) -> dict[str, Progress]:
    """The newest resume point of every input partition, by its key.

    Read uncommitted: these records are in no transaction, and an open one of another stage must not hide the newest.
    """
    found: dict[str, Progress] = {}
    for batch in reader.read({PROGRESS: 0}):
        for message in batch:
            key = (message.key() or b"").decode()
            if key.startswith("deliver/"):
                found[key] = Progress.of(codec.decode(message.value() or b"")[1])
    return found


def outlets_of(admin: AdminClient) -> list[str]:
    """Every outlet that exists, sorted."""
    topics = admin.list_topics(timeout=_SECONDS).topics
    return sorted(name for name in topics if organisation(name) is not None)


def bounds(admin: AdminClient, topics: Iterable[str]) -> dict[str, tuple[int, int]]:
    """First and next offset of each outlet, all asked at once; one that the broker does not tell is left out."""
    wanted = [TopicPartition(topic, 0) for topic in topics]
    if not wanted:
        return {}
    first, latest = OffsetSpec.earliest(), OffsetSpec.latest()  # type: ignore[no-untyped-call]
    firsts = admin.list_offsets(dict.fromkeys(wanted, first), request_timeout=_SECONDS)
    nexts = admin.list_offsets(dict.fromkeys(wanted, latest), request_timeout=_SECONDS)
    pairs = ((part.topic, _offset(firsts[part]), _offset(nexts[part])) for part in wanted)
    return {topic: (begin, end) for topic, begin, end in pairs if begin is not None and end is not None}


def _offset(future: Future[Any]) -> int | None:
    try:
        return int(future.result().offset)
    except KafkaException:
        return None


def starts(floors: Mapping[str, int], limits: Mapping[str, tuple[int, int]]) -> dict[Assignment, int]:
    """Where to read each outlet from: its floor, or its beginning where the floor is none of it (a topic made anew)."""
    found = {}
    for topic, (first, end) in limits.items():
        floor = floors.get(topic, first)
        start = floor if first <= floor <= end else first
        if start < end:
            found[Assignment(topic, 0)] = start
    return found


def lies_there(reader: Reader, where: Positions) -> dict[str, dict[str, int]]:
    """Topic -> key -> highest sequence, of every delivery from the given offsets on."""
    there: dict[str, dict[str, int]] = {part.topic: {} for part in where}
    for batch in reader.read(where):
        for message in batch:
            if sequence := sequence_in(message):
                keys, key = there[str(message.topic())], (message.key() or b"").decode("utf-8", "replace")
                if sequence > keys.get(key, 0):
                    keys[key] = sequence
    return there


def sequence_in(message: Message) -> int:
    """The sequence of a record in an outlet; 0 for a pulse."""
    header = header_of(message)
    return sequence_of(header) if header else 0


def header_of(message: Message) -> bytes | None:
    """The envelope of a record in an outlet; None for a pulse."""
    headers: Any = message.headers()
    return headers[0][1] if headers and headers[0][0] == HEADER else None
