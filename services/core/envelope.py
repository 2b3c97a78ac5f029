"""The envelope: what differs per recipient, in one Kafka header named `slt`.

One packed header costs a fifth less to send than five (docs/performance.md). It is ASCII, `name=value` joined by `;`,
so that a person can read it in any client. Every envelope states the whole obligation for its key: a reader who saw
only the newest record of a key is right (ARCHITECTURE §4).
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

HEADER = "slt"


class DeliveryType(StrEnum):
    """What a record on a partner's topic asks of it."""

    ALERT = "ALERT"
    UPDATE = "UPDATE"
    CORRECT = "CORRECT"
    CANCEL = "CANCEL"
    RECALL = "RECALL"
    RECEIPT = "RECEIPT"
    NOTICE = "NOTICE"  # a request, a reminder, a confirmation: its record type says which


class Envelope(NamedTuple):
    """One delivery's own fields; sequences count per key and are never used again."""

    type: DeliveryType
    message_id: str
    sequence: int
    previous: int
    """The last sequence that was sent under this key (so that a skip is no gap); 0 before the first."""
    delete_to: int
    """Delete or quarantine every sequence up to this; 0: none."""
    replace_to: int
    """Every sequence up to this is replaced by this record; 0: none."""
    keep_to: int
    """Every sequence up to this may be kept, nothing more follows for it; 0: none."""
    status: str
    replaced_by: str = ""
    """The key under which the content goes on."""
    format: str = ""
    """What the body is encoded as: `json` or `cap`; empty: Avro."""


_SHORT = ("type", "id", "seq", "prev", "delete", "replace", "keep", "status", "replaced_by", "format")
_OPTIONAL = frozenset({"replaced_by", "format"})
FORMAT = b";format="


def render(envelope: Envelope) -> bytes:
    """The header's bytes."""
    return ";".join(
        f"{name}={value}" for name, value in zip(_SHORT, envelope, strict=True) if value or name not in _OPTIONAL
    ).encode("ascii")


def parse(header: bytes) -> Envelope:
    """The envelope that a header holds; ValueError if it is none. Unknown names are ignored: fields may be added."""
    found = dict(part.split("=", 1) for part in header.decode("ascii").split(";"))
    try:
        return Envelope(
            DeliveryType(found["type"]), found["id"], int(found["seq"]), int(found["prev"]), int(found["delete"]),
            int(found["replace"]), int(found["keep"]), found["status"], found.get("replaced_by", ""),
            found.get("format", ""),
        )  # fmt: skip
    except KeyError as error:
        raise ValueError(f"the envelope lacks {error.args[0]}") from error
