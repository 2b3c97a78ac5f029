"""One record of a partner's own topics, opened: envelope, record type and fields."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

from confluent_kafka import Message

from services.core.envelope import HEADER, DeliveryType, Envelope, parse
from services.core.report import Status
from services.runtime.codec import MAGIC, Codec
from services.runtime.opening import opened as read_back

UNREADABLE = "unreadable"
"""Record type of what this version cannot read; its marks still hold."""


class Family(StrEnum):
    """The topics that a partner reads."""

    OUT = "out"
    EXERCISE = "exercise"
    NOTICES = "notices"


class Delivery(NamedTuple):
    """One record as a partner's program gets it."""

    family: Family
    offset: int
    at: datetime
    """When the relay's broker took it."""
    key: str
    """On `out` and `exercise`: your own id of the incident."""
    kind: str
    """Record type: view, recall, replaced, pulse; on `notices` receipt, consent_request, reminder …"""
    envelope: Envelope | None
    """What the relay asks of you; only a pulse has none."""
    value: Mapping[str, Any]
    """The fields of the record type (`slt schemas show`)."""
    body: bytes = b""
    """The record in Avro, whatever format it travelled in; of what is UNREADABLE as it travelled."""

    @property
    def is_recall(self) -> bool:
        """True if something held has to go."""
        return self.envelope is not None and self.envelope.type is DeliveryType.RECALL

    @property
    def is_actual(self) -> bool:
        """False for exercises and tests, whichever topic they are in."""
        return self.envelope is None or self.envelope.status == Status.ACTUAL

    @property
    def cursor(self) -> str:
        """Where to go on after this record."""
        return f"{self.family}@{self.offset + 1}"


class Raw(NamedTuple):
    """A record as it travels."""

    topic: str
    offset: int
    at: datetime
    key: bytes
    header: bytes | None
    value: bytes


def received(message: Message) -> Raw:
    """The record in a message of the client library."""
    header = dict(message.headers() or ()).get(HEADER)
    at = datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC)
    told = header if isinstance(header, bytes) else None
    return Raw(message.topic() or "", message.offset() or 0, at, message.key() or b"", told, message.value() or b"")


def opened(raw: Raw, codec: Codec) -> Delivery:
    """A record of one of the partner's topics; never fails: what cannot be read is UNREADABLE."""
    family = Family(raw.topic.split(".")[1])
    kind, value, body = _read(raw, codec)
    key = raw.key.decode("utf-8", "replace")
    return Delivery(family, raw.offset, raw.at, key, kind, _envelope(raw.header), value, body)


def _read(raw: Raw, codec: Codec) -> tuple[str, Mapping[str, Any], bytes]:
    """Record type, fields, and the record in Avro, in which a store keeps it."""
    try:
        kind, value = read_back(codec, raw.header, raw.value)
        return kind, value, raw.value if raw.value[:1] == MAGIC else codec.encode(kind, value)
    except ValueError:
        return UNREADABLE, {}, raw.value


def _envelope(header: bytes | None) -> Envelope | None:
    try:
        return parse(header) if header else None
    except ValueError:
        return None


def cursors(text: str) -> dict[Family, int]:
    """Positions from `out@120,notices@7`; ValueError says what a cursor looks like."""
    found = {}
    for part in text.split(","):
        family, _, offset = part.strip().partition("@")
        if family not in tuple(Family) or not offset.isascii() or not offset.isdigit():
            raise ValueError(f"{part!r} is no position: it looks like out@120, as `slt tail --json` shows it")
        found[Family(family)] = int(offset)
    return found
