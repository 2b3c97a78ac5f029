"""The delivery log's records: recipients that are sent the same share one group, and only their ids differ.

A group costs its recipients' names and 32 bytes each, where an item per recipient cost 160 (docs/performance.md). This is
the one place that packs and unpacks it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

_ID = 16
"""Bytes of a key or a message id; both travel as twice as many hexadecimal digits."""


class Addressed(NamedTuple):
    """One recipient of a group."""

    recipient: str
    key: bytes
    message: bytes


class Item(NamedTuple):
    """One delivery as DELIVER sends it."""

    topic: str
    key: str
    sequence: int
    header: bytes
    body: int
    """Index into the record's bodies."""


def group(prefix: str, envelope: bytes, sequence: int, body: int, addressed: Iterable[Addressed]) -> dict[str, Any]:
    """A group: `envelope` is the header with an empty message id, the same for all of them."""
    before, _, after = envelope.partition(b";id=;")
    people = list(addressed)
    return {
        "prefix": prefix,
        "sequence": sequence,
        "before": before + b";id=",
        "after": b";" + after,
        "body": body,
        "recipients": [one.recipient for one in people],
        "ids": b"".join([one.key + one.message for one in people]),
    }


def items(record: Mapping[str, Any]) -> Iterator[Item]:
    """Every delivery of a `deliveries` record, in its order."""
    for one in record["groups"]:
        prefix, sequence, before, after, body = (one[n] for n in ("prefix", "sequence", "before", "after", "body"))
        ids = one["ids"].hex()
        for number, recipient in enumerate(one["recipients"]):
            start = number * 4 * _ID
            message = ids[start + 2 * _ID : start + 4 * _ID]
            header = before + message.encode() + after
            yield Item(prefix + recipient, ids[start : start + 2 * _ID], sequence, header, body)
