"""Receipts: what a submitter is told about a record that it sent. They travel the way of every delivery.

A receipt says the same whatever else the pipeline holds: "accepted" is no oracle about other reports (consent.md §6).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b
from typing import Any, NamedTuple

from services.core.deliveries import Common, group
from services.core.envelope import FORMAT, DeliveryType, Envelope, render
from services.core.reason import Reason
from services.core.stage import Output, Source

Encode = Callable[[str, Mapping[str, Any]], bytes]
"""The codec's `encode`: record type and fields to bytes. `core` is handed it, so that it need not know Avro."""


class ReceiptResult(StrEnum):
    """What became of a submitted record at intake or enrich."""

    ACCEPTED = "ACCEPTED"
    REFUSED = "REFUSED"
    NOTED = "NOTED"  # accepted, and there is something that the sender should know


class Receipt(NamedTuple):
    """One answer to one submitted record."""

    org: str
    raw: Source
    """The submitter's own record: it knows these coordinates already."""
    result: ReceiptResult
    at: datetime
    series_id: str = ""
    version: int = 0
    reason: Reason | None = None
    advice: str = ""
    field: str = ""
    format: str = ""
    """As in the envelope."""


_MARK = "\x00"
_BEFORE, _AFTER = render(Envelope(DeliveryType.RECEIPT, _MARK, 1, 0, 0, 0, 0, "Actual")).split(_MARK.encode())
_COMMON = Common("slt.notices.", 1, _BEFORE, _AFTER, 0)


def _common(form: str) -> Common:
    return _COMMON._replace(after=_AFTER + FORMAT + form.encode()) if form else _COMMON


def receipt_output(receipt: Receipt, encode: Encode) -> Output:
    """The record for slt.receipts that makes DELIVER write the receipt to slt.notices.<org>.

    The key is a hash of the raw coordinates and the answer, so that a replayed input gives the same receipt again and
    DELIVER sends it once.
    """
    reason = receipt.reason.value if receipt.reason else ""
    named = f"{receipt.org}|{receipt.raw.topic}|{receipt.raw.partition}|{receipt.raw.offset}|{receipt.result}|{reason}"
    key = blake2b(named.encode(), digest_size=16).hexdigest()
    body = {
        "topic": receipt.raw.topic, "offset": receipt.raw.offset, "series_id": receipt.series_id,
        "version": receipt.version, "result": receipt.result.value, "reason": reason, "advice": receipt.advice,
        "field": receipt.field, "at": receipt.at,
    }  # fmt: skip
    only = group(_common(receipt.format), (receipt.org,), (key,), (key,))
    owed = {"incident": "", "epoch": -1, "as_of": receipt.at, "bodies": [encode("receipt", body)], "groups": [only]}
    return Output("slt.receipts", receipt.org, "deliveries", owed)
