"""Reads every topic from offset 0: internal ones committed, partners' as a stock client would (reliability §8)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from confluent_kafka import Consumer, IsolationLevel, KafkaError, Message, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from services.runtime.codec import Codec, CodecError
from tests.oracle.world import INPUTS, PARTNER_TOPICS, Coordinates, Entry, World

_HEADER = "slt"
_SECONDS = 30.0
_PATIENCE = 0.05
"""A batch is handed over after this, full or not."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class UnreadableError(Exception):
    """The proof is incomplete: a topic does not start at 0, or holds what is no record; the text names it."""


def read_world(config: Mapping[str, Any], canaries: Mapping[str, str], *, catch_up: bool) -> World:
    """Everything that lies in the topics now, with the administrator's client configuration."""
    admin = AdminClient(dict(config))
    unfinished, parts = hanging(config), _partitions(admin)
    open_read = [part for part in parts if part.topic.startswith(PARTNER_TOPICS)]
    committed = [part for part in parts if not part.topic.startswith(PARTNER_TOPICS)]
    codec, bodies = Codec(), dict[bytes, bytes]()
    entries: dict[str, list[Entry]] = {}
    # Outlets first: whatever is in one by then has its decision in the log that is read after it.
    for isolation, wanted in (("read_uncommitted", open_read), ("read_committed", committed)):
        for message in _records({**config, "isolation.level": isolation}, wanted):
            entry = _entry(message, codec, bodies)
            entries.setdefault(entry.at.topic, []).append(entry)
    for found in entries.values():
        found.sort(key=lambda entry: entry.at)
    beats = [entry.appended for entry in entries.get("slt.heartbeat", [])]
    now = max(beats, default=_EPOCH)
    return World(entries, now, canaries, unfinished, catch_up, codec)


def _partitions(admin: AdminClient) -> list[TopicPartition]:
    topics = admin.list_topics(timeout=_SECONDS).topics
    return [
        TopicPartition(name, number)
        for name, topic in sorted(topics.items())
        if name.startswith("slt.")
        for number in sorted(topic.partitions)
    ]


def hanging(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Partitions whose committed end is not their end: a transaction is open there."""
    admin = AdminClient(dict(config))
    parts = _partitions(admin)
    committed = _end_offsets(admin, parts, IsolationLevel.READ_COMMITTED)
    ends = _end_offsets(admin, parts, IsolationLevel.READ_UNCOMMITTED)
    return tuple(f"{topic}/{number}" for (topic, number), at in committed.items() if at < ends[topic, number])


def _end_offsets(
    admin: AdminClient, parts: list[TopicPartition], isolation: IsolationLevel
) -> dict[tuple[str, int], int]:
    wanted: dict[Any, Any] = dict.fromkeys(parts, OffsetSpec.latest())  # type: ignore[no-untyped-call]
    found = admin.list_offsets(wanted, isolation_level=isolation, request_timeout=_SECONDS)
    return {(part.topic, part.partition): future.result(_SECONDS).offset for part, future in found.items()}


def _records(config: Mapping[str, Any], parts: list[TopicPartition]) -> Iterator[Message]:
    """Every record of these partitions from the first to the end."""
    consumer = Consumer(
        {
            **config,
            "group.id": "oracle",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            "fetch.wait.max.ms": 10,
            "fetch.queue.backoff.ms": 5,
        }
    )
    try:
        consumer.assign([TopicPartition(part.topic, part.partition, 0) for part in parts])
        yield from _until_the_end(consumer, {(part.topic, part.partition) for part in parts})
    finally:
        consumer.close()


def _until_the_end(consumer: Consumer, left: set[tuple[str, int]]) -> Iterator[Message]:
    answered = time.monotonic()
    while left:
        messages = consumer.consume(1000, _PATIENCE)
        if messages:
            answered = time.monotonic()
        elif time.monotonic() - answered > _SECONDS:
            raise UnreadableError(f"no answer about {len(left)} partitions, the first {min(left)}")
        for message in messages:
            error = message.error()
            if error is None:
                yield message
            elif error.code() == KafkaError._PARTITION_EOF:
                left.discard(_coordinates(message)[:2])
            else:
                raise UnreadableError(f"{message.topic()}/{message.partition()}: {error.str()}")


def _coordinates(message: Message) -> Coordinates:
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    if topic is None or partition is None or offset is None:
        raise UnreadableError("the client handed over a record without coordinates")
    return Coordinates(topic, partition, offset)


def _entry(message: Message, codec: Codec, bodies: dict[bytes, bytes]) -> Entry:
    at = _coordinates(message)
    appended = _EPOCH + timedelta(milliseconds=message.timestamp()[1])
    data = message.value() or b""
    data = bodies.setdefault(data, data)  # the same view goes to many partners
    key = (message.key() or b"").decode("utf-8", "replace")
    return Entry(
        at, appended, key, *_decoded(at, data, codec), data, _header(dict(message.headers() or ()).get(_HEADER))
    )


def _decoded(at: Coordinates, data: bytes, codec: Codec) -> tuple[str, Any]:
    """Type and fields; of what a partner sent, and of partner topics' bodies, only what the audit looks at."""
    if at.topic.startswith(PARTNER_TOPICS):
        return codec.kind_of(data), None
    if not data:
        return "", None
    try:
        return codec.decode(data)
    except CodecError as error:
        if at.topic.startswith(INPUTS):
            return "raw", None
        raise UnreadableError(f"{at}: {error}") from error


def _header(value: str | bytes | None) -> bytes:
    return value.encode() if isinstance(value, str) else value or b""
