"""Keeps compaction harmless: it keeps a key's last record, which a frozen and revived process may have made an old one.

The newest record of such a key is appended again, byte for byte, before compaction can reach it (ARCHITECTURE §5
rule 11). Read in a thread; the loop sends.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from services.core.outlet import Order, sequence_of
from services.runtime.outlets_read import Positions, Reader, header_of, sequence_in
from services.runtime.processor import Assignment

LOOK_BACK = timedelta(hours=30)
"""More than the compaction lag of 24 h, before which no record goes, and the interval between two looks."""


@dataclass(frozen=True)
class Again:
    """A record to append once more."""

    topic: str
    item: Mapping[str, Any]
    body: bytes


def since(admin: AdminClient, topics: Iterable[str], now: datetime) -> dict[Assignment, int]:
    """Where each outlet stood LOOK_BACK before `now`."""
    spec = OffsetSpec.for_timestamp(int((now - LOOK_BACK).timestamp() * 1000))
    asked = admin.list_offsets({TopicPartition(topic, 0): spec for topic in topics})
    found = {}
    for part, future in asked.items():
        try:
            found[Assignment(part.topic, 0)] = max(0, int(future.result().offset))
        except KafkaException:
            continue  # an outlet that cannot be read is parked or will be; the next round comes
    return found


def misplaced(reader: Reader, where: Positions) -> list[Again]:
    """The newest record of every key, from these offsets on, whose last record is not its newest."""
    return [again for part, start in where.items() for again in _in_one(reader, part, start)]


def _in_one(reader: Reader, part: Assignment, start: int) -> Iterable[Again]:
    order = Order()
    for batch in reader.read({part: start}):
        for message in batch:
            if sequence := sequence_in(message):
                order.add(_key(message), sequence, int(message.offset() or 0))
    wanted = set(order.misplaced())
    if not wanted:
        return
    for batch in reader.read({part: min(wanted)}, lambda: {part: max(wanted) + 1}):
        for message in batch:
            if message.offset() in wanted:
                header = header_of(message) or b""
                item = {"key": _key(message), "sequence": sequence_of(header), "header": header}
                yield Again(part.topic, item, message.value() or b"")


def _key(message: Any) -> str:
    return str((message.key() or b"").decode("utf-8", "replace"))
