"""Secrets in every field of a report, and the search for them in whatever the relay has written anywhere."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

_MOMENT = datetime(2026, 3, 4, 5, 6, 7, 891000, tzinfo=UTC)
_TEXTS = (
    "event", "event_scheme", "headline", "advice", "actor", "means", "tearline", "source_note",
)  # fmt: skip
_OTHERS = (
    "description", "victims", "admin1", "admin2", "town", "harm_scheme", "attribute_name", "attribute", "personal_name",
    "personal", "external_reference", "url", "licence", "upstream_series", "supersedes", "series_id",
)  # fmt: skip


class Secret(NamedTuple):
    """One field of one report."""

    series: str
    field: str


class Found(NamedTuple):
    """A secret, and where it was."""

    where: str
    series: str
    field: str


def word(series: str, field: str) -> str:
    """The canary word of a field; it serves as an id of an organisation too."""
    return "zq" + sha256(f"{series}/{field}".encode()).hexdigest()[:16]


def report(series: str, upstream: str) -> dict[str, Any]:
    """A submission with a secret in every field that takes a text, a number or a time; it comes from `upstream`."""

    def own(field: str) -> str:
        return word(series, field)

    number = _number(series)
    return {
        **{field: own(field) for field in _TEXTS},
        "description": f"{own('description')} An invented account, long enough to be known again when repeated.",
        "kind": "SECURITY_ALERT",
        "victims": [own("victims")],
        "place": {
            "country": "KEN", "precision": "EXACT", "latitude": number / 1e7, "longitude": 37 + number / 1e7,
            "admin1": own("admin1"), "admin2": own("admin2"), "name": own("town"),
        },
        "harm": {"scheme": own("harm_scheme"), "killed": 1, "injured": number},
        "attributes": {own("attribute_name"): own("attribute")},
        "personal": {own("personal_name"): own("personal")},
        "handling": {"external_reference": own("external_reference")},
        "occurred_from": _moment(series).isoformat(),
        "upstream": [
            {"type": "PUBLIC", "url": f"https://example.org/{own('url')}", "licence": own("licence")},
            {"type": "ORGANISATION", "org": upstream, "series": f"{upstream}/{own('upstream_series')}"},
        ],
        "supersedes": own("supersedes"),
    }  # fmt: skip


def _number(series: str) -> int:
    """Of seven digits, the report's own."""
    return 2_000_000 + int(sha256(series.encode()).hexdigest()[:5], 16)


def _moment(series: str) -> datetime:
    return _MOMENT + timedelta(milliseconds=_number(series))


class Search:
    """Looks for all secrets at once, as they stand in texts and as they stand in Avro."""

    def __init__(self, series: Iterable[str], words: Mapping[str, Secret]) -> None:
        """`words`: further ones, such as organisations' ids."""
        self._secrets = {found.encode(): secret for found, secret in words.items()}
        for one in series:
            self._secrets |= _patterns(one)
        longest_first = sorted(self._secrets, key=len, reverse=True)
        self._pattern = re.compile(b"|".join(map(re.escape, longest_first)))

    def found(self, where: str, *texts: bytes) -> Iterator[Found]:
        """Every secret in these, each once."""
        for each in set(self._pattern.findall(b"\n".join(texts))):
            yield Found(where, *self._secrets[each])


def fields(series: str) -> frozenset[str]:
    """Every field that has a secret."""
    return frozenset(secret.field for secret in _patterns(series).values())


def _patterns(series: str) -> dict[bytes, Secret]:
    found = {word(series, field).encode(): Secret(series, field) for field in (*_TEXTS, *_OTHERS)}
    number, moment = _number(series), _moment(series)
    latitude, longitude = number / 1e7, 37 + number / 1e7
    milliseconds = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    for field, texts in {
        "latitude": (struct.pack("<d", latitude), str(latitude).encode()),
        "longitude": (struct.pack("<d", longitude), str(longitude).encode()),
        "injured": (_varint(number), str(number).encode()),
        "occurred_from": (_varint(milliseconds), str(milliseconds).encode(), moment.isoformat()[:-9].encode()),
    }.items():
        found |= dict.fromkeys(texts, Secret(series, field))
    return found


def _varint(number: int) -> bytes:
    """A number above 0 as Avro writes it."""
    left, found = 2 * number, bytearray()
    while left > 127:
        found.append(left & 127 | 128)
        left >>= 7
    return bytes((*found, left))
