"""From items to the bytes that are sent: exactly one record each."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from typing import Literal, NamedTuple

import orjson

from services.core.feeds.cap import references
from services.core.feeds.lineage import Lineage
from services.core.feeds.table import Feed, Row, Submission, protect, submission
from services.runtime.codec import Codec, CodecError
from services.runtime.feeds.items import Item

Format = Literal["json", "avro"]
_FIRST = datetime.min.replace(tzinfo=UTC)


class Sending(NamedTuple):
    """One record as it will be sent."""

    feed: Feed | None
    row: Row
    submission: Submission | None
    """None: the record is sent as it is, for intake to refuse and count."""
    raw: bytes
    """Empty where there is a submission."""

    @property
    def when(self) -> datetime | None:
        """When the incident happened, if that could be read."""
        found = (self.submission or {}).get("occurred_from")
        return found if isinstance(found, datetime) else None


def plan(items: Iterable[Item], version: int = 1, by_date: bool = False) -> list[Sending]:
    """Map every item; by date, those without one come first. References are followed in the order of sending."""
    sendings = [_sending(item, version) for item in items]
    if by_date:
        sendings.sort(key=lambda sending: sending.when or _FIRST)
    lineage = Lineage()
    for sending in sendings:
        if sending.submission is not None:
            lineage.trace(sending.submission, references(sending.row))
    return sendings


def _sending(item: Item, version: int) -> Sending:
    found = None if item.feed is None else submission(item.feed, item.row)
    if found is not None and version > 1:
        found["version"] = version
        found["message"] = "UPDATE" if found["message"] == "ALERT" else found["message"]
    return Sending(item.feed, item.row, found, b"" if found is not None else _raw(item))


def _raw(item: Item) -> bytes:
    if item.raw is not None:
        return item.raw
    return orjson.dumps(protect(item.feed, item.row) if item.feed else item.row)


def encode(sending: Sending, form: Format) -> bytes:
    """The bytes to send."""
    return sending.raw if sending.submission is None else encode_submission(sending.submission, form)


def encode_submission(value: Submission, form: Format = "json") -> bytes:
    """A submission as JSON (times in ISO 8601 with offset) or Avro.

    What Avro cannot hold, such as a word outside an enumeration, is sent as JSON, so that intake can name the field.
    """
    if form == "avro":
        try:
            return _codec().encode("submission", value)
        except CodecError:
            pass
    return orjson.dumps(value)


@cache
def _codec() -> Codec:
    return Codec()
