"""Bytes that a partner sent, opened: JSON, Avro or CAP to a record type and its fields, or why they are refused."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from services.core.cap.findings import Finding
from services.core.cap.read import repairs_told
from services.core.reason import Reason
from services.core.stage import Refusal
from services.runtime.cap.receive import Received, receive
from services.runtime.codec import Codec, CodecError, UnknownSchemaError

ACCEPTED = frozenset({"submission", "acknowledgement", "onward_request", "signed"})


_XML = (b"<", b"\xef\xbb\xbf<", b"\xff\xfe<\x00", b"\xfe\xff\x00<")
"""How XML begins: with its first bracket, or a byte order mark before it."""
_ALWAYS = datetime.max.replace(tzinfo=UTC)
_TELLING = {"payload": "signed", "answer": "acknowledgement", "onward_to": "onward_request"}


class Inbound(NamedTuple):
    """One opened record."""

    kind: str
    fields: Any
    note: Refusal | None = None
    """What was mended before it could be read."""


class Opener:
    """Opens raw records; one per process."""

    def __init__(self, codec: Codec, most_bytes: int) -> None:
        """`most_bytes`: larger records are refused unread."""
        self._codec = codec
        self._most = most_bytes

    def open(self, data: bytes | None, certificates: Sequence[str] = (), at: datetime = _ALWAYS) -> Inbound | Refusal:
        """The record type and fields. In JSON a field that only one type has tells them apart.

        `certificates`: PEM of the sender's, one of which has to have signed a CAP alert and be valid `at`.
        """
        if not data:
            return Refusal(Reason.BAD_ENCODING, "the record is empty: send JSON, Avro or CAP")
        if len(data) > self._most:
            return Refusal(Reason.BAD_SIZE, f"send at most {self._most} bytes")
        if data[0] == 0:
            return self._avro(data)
        return self._cap(data, certificates, at) if data.lstrip(b" \t\r\n").startswith(_XML) else _json(data)

    def _cap(self, data: bytes, certificates: Sequence[str], at: datetime) -> Inbound | Refusal:
        found = receive(data, self._most, certificates, at)
        if isinstance(found, Finding):
            where = f"line {found.line}: " if found.line else ""
            return Refusal(Reason.BAD_CAP, f"{found.rule}: {where}{found.advice}", found.where)
        if not found.repairs:
            return Inbound("submission", found.fields)
        return Inbound("submission", found.fields, Refusal(Reason.NOTE_REPAIRED, _mended(found)))

    def _avro(self, data: bytes) -> Inbound | Refusal:
        try:
            kind, fields = self._codec.decode(data)
        except UnknownSchemaError:
            return Refusal(Reason.BAD_SCHEMA_ID, "use a schema id of schemas/manifest.yaml")
        except CodecError:
            return Refusal(Reason.BAD_ENCODING, "the bytes do not hold a record of the schema that their header names")
        if kind not in ACCEPTED:
            return Refusal(Reason.BAD_SCHEMA_ID, f"send one of {', '.join(sorted(ACCEPTED))}")
        return Inbound(kind, fields)


def _mended(found: Received) -> str:
    return f"slips that were mended, please write them as CAP 1.2 says: {repairs_told(found.repairs)}"


def _json(data: bytes) -> Inbound | Refusal:
    try:
        fields = orjson.loads(data)
    except orjson.JSONDecodeError:
        return Refusal(Reason.BAD_ENCODING, "send JSON in UTF-8, or Avro with the five-byte header")
    if not isinstance(fields, dict):
        return Refusal(Reason.BAD_FIELD_TYPE, "send a JSON object")
    return Inbound(next((kind for field, kind in _TELLING.items() if field in fields), "submission"), fields)


def load_json(text: str) -> Any:
    """Decoded JSON, or None where the text is none."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def from_base64(text: str) -> bytes:
    """Decoded base64; empty where the text is none (no signature holds for it)."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def verify_ed25519(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature is the key's over the message."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
