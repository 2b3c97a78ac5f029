"""Keeps compaction harmless: it keeps a key's last record, which a frozen and revived process may have made an old one.

The newest record of such a key is appended again, byte for byte, before compaction can reach it (ARCHITECTURE §5
rule 11). Read in a thread; the loop sends.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from services.core.outlet import Order, sequence_of
from services.runtime.outlets_read import Positions, Reader, header_of, sequence_in
from services.runtime.processor import Assignment

LOOK_BACK = timedelta(hours=30)
"""More than the compaction lag of 24 h, before which no record goes, and the interval between two looks."""
_TOGETHER = 10
"""Outlets read at once: the keys of a day of each are remembered."""


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
    parts = iter(where.items())
    found: list[Again] = []
    while some := dict(islice(parts, _TOGETHER)):
        found += _in_some(reader, some)
    return found


def _in_some(reader: Reader, where: Positions) -> Iterable[Again]:
    orders = {part.topic: Order() for part in where}
    for batch in reader.read(where):
        for message in batch:
            if sequence := sequence_in(message):
                orders[str(message.topic())].add(_key(message), sequence, int(message.offset() or 0))
    wanted = {topic: set(order.misplaced()) for topic, order in orders.items()}
    begin = {Assignment(topic, 0): min(offsets) for topic, offsets in wanted.items() if offsets}
    ends = {part: max(wanted[part.topic]) + 1 for part in begin}
    for batch in reader.read(begin, lambda: ends):
        for message in batch:
            if message.offset() in wanted[str(message.topic())]:
                header = header_of(message) or b""
                item = {"key": _key(message), "sequence": sequence_of(header), "header": header}
                yield Again(str(message.topic()), item, message.value() or b"")


def _key(message: Any) -> str:
    return str((message.key() or b"").decode("utf-8", "replace"))
