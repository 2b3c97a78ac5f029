"""Notices: what an organisation is told beside deliveries. They travel the way of every delivery, to slt.notices.<org>.

The key is a hash of what the notice is about, so that whoever tells it twice is delivered once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from hashlib import blake2b
from typing import Any, NamedTuple

from services.core.deliveries import Common, group
from services.core.envelope import DeliveryType, Envelope, render
from services.core.receipt import Encode
from services.core.stage import Output


class Notice(NamedTuple):
    """One notice to one organisation."""

    org: str
    name: str
    """What it is about, unique for this organisation and for ever: never shown, only hashed."""
    record: str
    """Record type of `body`."""
    body: Mapping[str, Any]
    at: datetime
    status: str = "Actual"
    format: str = ""
    """As in the envelope."""


def notice_output(notice: Notice, encode: Encode) -> Output:
    """The record for slt.receipts that makes DELIVER write it."""
    key = blake2b(f"{notice.org}|{notice.record}|{notice.name}".encode(), digest_size=16).hexdigest()
    header = render(Envelope(DeliveryType.NOTICE, key, 1, 0, 0, 0, 0, notice.status, format=notice.format))
    only = group(Common("slt.notices.", 1, header, b"", 0), (notice.org,), (key,), ("",))
    body = encode(notice.record, notice.body)
    owed = {"incident": "", "epoch": -1, "as_of": notice.at, "bodies": [body], "groups": [only]}
    return Output("slt.receipts", notice.org, "deliveries", owed)
