"""What matching keeps of a report: enough to compare it, too little to read it.

A sketch holds no text: words are bits. It is kept in correlate's changelog as bytes and in memory while its report can
still be linked, and comparing two of them reads nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from services.core.matching.text import features, name_bits
from services.core.matching.vocabulary import means_of, victims_of

FORMAT = 2
"""First item of a packed sketch; a sketch of another format is read as none (`unpack`)."""
UNKNOWN = -1
_encode = json.JSONEncoder(separators=(",", ":")).encode
_RADIUS_KM = {"EXACT": 2, "TOWN": 15, "ADMIN2": 60, "ADMIN1": 150, "COUNTRY": 600, "UNKNOWN": 40}


class Harm(NamedTuple):
    """Counts; UNKNOWN: not said."""

    killed: int
    injured: int
    kidnapped: int
    detained: int


class Sketch(NamedTuple):
    """A report for comparing."""

    series_id: str
    originator: str
    status: str
    country: str
    """ISO 3166-1 alpha-3, or empty."""
    first: int
    """First day on which it can have happened, as a proleptic ordinal; 0: unknown."""
    last: int
    latitude: float | None
    longitude: float | None
    radius: int
    """Kilometres around the point within which the place lies: its precision."""
    admin1: str
    """ISO 3166-2 code, or the name as written; empty: unknown."""
    harm: Harm
    means: int
    victims: int
    actor: int
    """Words of the perpetrator's name, as bits."""
    places: int
    """Words of the names of the place, as bits."""
    names: int
    """Names and figures in the text, with those of the place, as bits."""
    words: int
    """The other words, as bits."""


def sketch(report: Mapping[str, Any]) -> Sketch:
    """The sketch of a located report (schemas/report, `area` filled in)."""
    place, area, harm = report["place"], report["area"], report["harm"]
    told = features(report["description"] or report["headline"])
    first, last = _days(report)
    places = name_bits(place["name"], place["admin2"])
    return Sketch(
        report["series_id"], report["originator"], report["status"], area["country"] if area else "",
        first, last, place["latitude"], place["longitude"], _RADIUS_KM[place["precision"]],
        _admin1(area), _harm(harm["killed"], harm["injured"], harm["kidnapped"], harm["detained"]),
        means_of(report["means"]) or means_of(report["event"]), _victims(report["victims"]), _actor(report["actor"]),
        places, told.names | places, told.words,
    )  # fmt: skip


def pack(one: Sketch) -> bytes:
    """For the changelog."""
    *others, actor, places, names, words = one
    return _encode([FORMAT, *others, f"{actor:x}", f"{places:x}", f"{names:x}", f"{words:x}"]).encode()


def unpack(data: bytes) -> Sketch | None:
    """The sketch that `pack` has written; None if another version of the format did, and the report must be read."""
    found = json.loads(data)
    if not found or found[0] != FORMAT:
        return None
    one = Sketch(*found[1:])
    actor, places, names, words = (int(bits, 16) for bits in found[-4:])
    return one._replace(harm=_harm(*one.harm), actor=actor, places=places, names=names, words=words)


def _days(report: Mapping[str, Any]) -> tuple[int, int]:
    began: datetime | None = report["occurred_from"] or report["occurred_to"] or report["reported_at"]
    if began is None:
        return 0, 0
    ended: datetime = report["occurred_to"] or began
    return began.toordinal(), max(began.toordinal(), ended.toordinal())


@lru_cache(maxsize=4096)
def _harm(*said: int | None) -> Harm:
    """One object for equal counts: most reports share a few."""
    return Harm(*(UNKNOWN if count is None else count for count in said))


_NO_AREA = frozenset({"no information", "unknown", "not applicable", "n/a"})


def _admin1(area: Mapping[str, Any] | None) -> str:
    found = area["admin1"].casefold() if area else ""
    return "" if found in _NO_AREA else found


def _victims(entries: list[str]) -> int:
    found = 0
    for entry in entries:
        found |= victims_of(entry)
    return found


_NOBODY = ("unknown", "not applicable", "no information", "unidentified", "criminal", "militia", "other")


def _actor(name: str) -> int:
    return 0 if name.casefold().startswith(_NOBODY) else name_bits(name)
