"""How much of a report one recipient may see: facts x place x time x attribution, a lattice (docs/rules.md §2)."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from functools import cache
from typing import NamedTuple


class Fact(IntEnum):
    """What a report says, by kind; a set of facts is the sum of its members."""

    WHAT = 1
    NARRATIVE = 2
    WHERE = 4
    WHEN = 8
    WHO = 16
    HARM = 32
    SMALL_NUMBERS = 64
    ADVICE = 128
    TEARLINE = 256
    SOURCE_NOTE = 512
    PERSONAL = 1024
    CORROBORATION = 2048
    """No field: the report may be counted as a source."""


class Place(IntEnum):
    """How precisely a place is given."""

    UNKNOWN = 0
    COUNTRY = 1
    ADMIN1 = 2
    ADMIN2 = 3
    TOWN = 4
    EXACT = 5


class Time(IntEnum):
    """How precisely a time is given."""

    UNKNOWN = 0
    YEAR = 1
    MONTH = 2
    WEEK = 3
    DAY = 4
    EXACT = 5


class Attribution(IntEnum):
    """How a source is shown (SLT-58)."""

    ANONYMOUS = 0
    CATEGORY = 1
    NAMED = 2


ALL_FACTS = sum(Fact)
LIFE_SAVING = Fact.WHAT | Fact.WHERE | Fact.WHEN | Fact.ADVICE | Fact.TEARLINE
"""Above the tear-line unless a mark says otherwise; and all that LIFE_SAFETY can hold."""


class Projection(NamedTuple):
    """A point of the lattice; the numbers are values of Fact (summed), Place, Time and Attribution."""

    facts: int
    place: int
    time: int
    attribution: int

    def covers(self, other: Projection) -> bool:
        """True if this is not less than the other in any dimension."""
        return self.meet(other) == other

    def meet(self, other: Projection) -> Projection:
        """The most that both allow."""
        facts, place, time, attribution = self
        _facts, _place, _time, _attribution = other
        return Projection(
            facts & _facts,
            place if place < _place else _place,
            time if time < _time else _time,
            attribution if attribution < _attribution else _attribution,
        )

    def join(self, other: Projection) -> Projection:
        """The least that allows what either does."""
        return Projection(
            self.facts | other.facts,
            max(self.place, other.place),
            max(self.time, other.time),
            max(self.attribution, other.attribution),
        )

    @property
    def text(self) -> str:
        """As records have it: `WHAT+WHERE/TOWN/DAY/NAMED`; EMPTY is the empty text."""
        return _text(self)


FULL = Projection(ALL_FACTS, Place.EXACT, Time.EXACT, Attribution.NAMED)
EMPTY = Projection(0, Place.UNKNOWN, Time.UNKNOWN, Attribution.ANONYMOUS)


class Point(StrEnum):
    """Named points; TEARLINE and LIFE_SAFETY depend on what a report has above its tear-line."""

    FULL = "FULL"
    NO_PERSONAL = "NO_PERSONAL"
    NO_SOURCE = "NO_SOURCE"
    COARSE_GEO = "COARSE_GEO"
    TEARLINE = "TEARLINE"
    LIFE_SAFETY = "LIFE_SAFETY"


_NO_PERSONAL = FULL._replace(facts=ALL_FACTS & ~Fact.PERSONAL)
_FIXED = {
    Point.FULL: FULL,
    Point.NO_PERSONAL: _NO_PERSONAL,
    Point.NO_SOURCE: FULL._replace(facts=ALL_FACTS & ~Fact.SOURCE_NOTE, attribution=Attribution.ANONYMOUS),
    Point.COARSE_GEO: _NO_PERSONAL._replace(place=Place.ADMIN1),
}


def resolve(wanted: Projection | Point, above: int) -> Projection:
    """The projection meant for a report; `above`: its facts above the tear-line."""
    if isinstance(wanted, Projection):
        return wanted
    if wanted in _FIXED:
        return _FIXED[wanted]
    if wanted is Point.TEARLINE:
        return FULL._replace(facts=above | Fact.CORROBORATION)
    return Projection(above & LIFE_SAVING, Place.ADMIN1, Time.DAY, Attribution.ANONYMOUS)


@cache
def _text(projection: Projection) -> str:
    if projection == EMPTY:
        return ""
    facts = "+".join(fact.name for fact in Fact if projection.facts & fact)
    place, time, attribution = Place(projection.place), Time(projection.time), Attribution(projection.attribution)
    return f"{facts}/{place.name}/{time.name}/{attribution.name}"


@cache
def parse_projection(text: str) -> Projection:
    """The projection whose `text` this is. ValueError, KeyError: it is none."""
    if not text:
        return EMPTY
    facts, place, time, attribution = text.split("/")
    names = facts.split("+") if facts else []
    return Projection(
        sum(Fact[name] for name in names), Place[place].value, Time[time].value, Attribution[attribution].value
    )
