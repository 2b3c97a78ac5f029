"""Waits until a relay has nothing left to do: no record unread, no transaction open, nothing written any more."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from services.runtime.codec import Codec
from services.runtime.processor import Stage
from services.runtime.topics import Catalogue

_STILL_SECONDS = 3.0
"""Without a new record for this long nobody is at work: due work is written in far shorter steps."""
_BREATH = 0.5
_ANSWER = 30.0
_RESTLESS = ("slt.heartbeat", "slt.progress", "slt.out.", "slt.exercise.")
"""They get records for ever: clock, resume points, pulses. What is owed to outlets shows in DELIVER's resume points."""
_COORDINATOR = frozenset(
    {KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError.COORDINATOR_NOT_AVAILABLE}
)
Part = tuple[str, int]


class RestlessError(AssertionError):
    """The relay did not come to rest; the text names what is behind."""


def wait_until_quiet(config: Mapping[str, Any], seconds: float) -> None:
    """Until every input is passed, committed readers see every end, and no topic has grown for a while."""
    admin = AdminClient(dict(config))
    deadline = time.monotonic() + seconds
    before, since = ends_of(admin, IsolationLevel.READ_UNCOMMITTED), time.monotonic()
    while True:
        time.sleep(_BREATH)
        ends = ends_of(admin, IsolationLevel.READ_UNCOMMITTED)
        if ends != before:
            before, since = ends, time.monotonic()
        still = time.monotonic() - since >= _STILL_SECONDS
        behind = _behind(admin, config, ends) if still or time.monotonic() > deadline else []
        if still and not behind:
            return
        if time.monotonic() > deadline:
            raise RestlessError(f"not quiet after {seconds:.0f} s: {', '.join(behind) or 'topics still grow'}")


def ends_of(admin: AdminClient, isolation: IsolationLevel) -> dict[Part, int]:
    """The end of every partition that comes to rest."""
    topics = admin.list_topics(timeout=_ANSWER).topics
    parts = [
        TopicPartition(name, number)
        for name, topic in topics.items()
        if name.startswith("slt.") and not name.startswith(_RESTLESS)
        for number in topic.partitions
    ]
    wanted: dict[Any, Any] = dict.fromkeys(parts, OffsetSpec.latest())  # type: ignore[no-untyped-call]
    found = admin.list_offsets(wanted, isolation_level=isolation, request_timeout=_ANSWER)
    return {(part.topic, part.partition): future.result(_ANSWER).offset for part, future in found.items()}


def _behind(admin: AdminClient, config: Mapping[str, Any], ends: Mapping[Part, int]) -> list[str]:
    """What hides an end or has an input unread, by name."""
    committed = ends_of(admin, IsolationLevel.READ_COMMITTED)
    found = [
        f"open transaction in {topic}/{number}" for (topic, number), at in committed.items() if at < ends[topic, number]
    ]
    for stage in Stage:
        found += [f"{stage} at {topic}/{number} {at}" for (topic, number), at in unread(config, stage, ends).items()]
    return found


def unread(config: Mapping[str, Any], stage: Stage, ends: Mapping[Part, int]) -> dict[Part, int]:
    """Positions of a stage after which there is a record. Ends alone do not say: they count markers."""
    inputs = tuple(topic.prefix for topic in Catalogue.load().inputs(stage) if topic.name != "slt.heartbeat")
    parts = [part for part in ends if part[0].startswith(inputs)]
    if stage is Stage.DELIVER:
        positions = dict.fromkeys(parts, 0) | _deliver_positions(config)
    else:
        positions = _group_positions(config, f"{stage}.slots", parts)
    before_end = {part: at for part, at in positions.items() if at < ends.get(part, 0)}
    return {part: before_end[part] for part in _read(config, before_end)}


def _group_positions(config: Mapping[str, Any], group: str, parts: list[Part]) -> dict[Part, int]:
    """What the group has committed; asked again while its coordinator is only just up."""
    consumer = Consumer({**config, "group.id": group, "enable.auto.commit": False})
    deadline = time.monotonic() + _ANSWER
    try:
        while True:
            try:
                found = consumer.committed([TopicPartition(*part) for part in parts], timeout=_ANSWER)
                return {(each.topic, each.partition): max(each.offset, 0) for each in found}
            except KafkaException as error:
                if error.args[0].code() not in _COORDINATOR or time.monotonic() > deadline:
                    raise
                time.sleep(_BREATH)
    finally:
        consumer.close()


def _deliver_positions(config: Mapping[str, Any]) -> dict[Part, int]:
    """DELIVER's resume points: the newest record of each key of slt.progress that is its own."""
    codec = Codec()
    found: dict[Part, int] = {}
    for key, data in _read(config, {("slt.progress", 0): 0}).get(("slt.progress", 0), []):
        stage, _, part = key.partition("/")
        if stage == Stage.DELIVER:
            topic, _, number = part.rpartition("/")
            found[topic, int(number)] = codec.decode(data)[1]["offset"]
    return found


def _read(config: Mapping[str, Any], start: Mapping[Part, int]) -> dict[Part, list[tuple[str, bytes]]]:
    """Committed records from these offsets to the ends; partitions without any are left out."""
    found: dict[Part, list[tuple[str, bytes]]] = {}
    consumer = Consumer(
        {**config, "group.id": "quiet", "enable.auto.commit": False, "enable.partition.eof": True,
         "isolation.level": "read_committed", "fetch.wait.max.ms": 10}
    )  # fmt: skip
    try:
        consumer.assign([TopicPartition(topic, number, at) for (topic, number), at in start.items()])
        left = set(start)
        while left:
            for message in consumer.consume(1000, 0.05):
                part = (message.topic() or "", message.partition() or 0)
                error = message.error()
                if error is None:
                    found.setdefault(part, []).append(((message.key() or b"").decode(), message.value() or b""))
                elif error.code() == KafkaError._PARTITION_EOF:
                    left.discard(part)
                else:
                    raise RestlessError(f"{part}: {error.str()}")
    finally:
        consumer.close()
    return found
