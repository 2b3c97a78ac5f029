"""The delivery log's records: recipients that are sent the same share one group, and only their ids differ.

A group costs a recipient its name and its two ids, where an item of its own cost the whole envelope again: less than
half the bytes, and a third of the time to encode (docs/performance.md). This is the one place that unpacks it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class Common(NamedTuple):
    """What all deliveries of a group share."""

    prefix: str
    """Family of the topics, ending in the separator; with the recipient it is the topic."""
    sequence: int
    before: bytes
    """The envelope up to the message id."""
    after: bytes
    """The envelope from there on."""
    body: int
    """Index into the record's bodies."""


def group(common: Common, recipients: Sequence[str], keys: Sequence[str], messages: Sequence[str]) -> dict[str, Any]:
    """A group of a `deliveries` record; what is a recipient's own has its place in all three."""
    return {**common._asdict(), "recipients": recipients, "keys": keys, "messages": messages}


def items(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every delivery of a `deliveries` record in its order: topic, key, sequence, header, and body's index."""
    return [
        {
            "topic": one["prefix"] + recipient, "key": key, "sequence": one["sequence"],
            "header": b"%b%b%b" % (one["before"], message.encode(), one["after"]), "body": one["body"],
        }
        for one in record["groups"]
        for recipient, key, message in zip(one["recipients"], one["keys"], one["messages"], strict=True)
    ]  # fmt: skip
