"""Projections (docs/rules.md §2)."""

from __future__ import annotations

from typing import Any, NamedTuple

from tests.reference.facts import (
    ATTRIBUTIONS,
    FACTS,
    PLACES,
    TIMES,
    Fields,
    above_tearline,
    place_precision,
    present,
    time_precision,
)


class Projection(NamedTuple):
    """How much of a report may be seen."""

    facts: frozenset[str]
    place: str
    time: str
    attribution: str

    @property
    def text(self) -> str:
        """`WHAT+WHERE/TOWN/DAY/NAMED`; empty for EMPTY."""
        if self == EMPTY:
            return ""
        facts = "+".join(fact for fact in FACTS if fact in self.facts)
        return f"{facts}/{self.place}/{self.time}/{self.attribution}"


EMPTY = Projection(frozenset(), "UNKNOWN", "UNKNOWN", "ANONYMOUS")
ALL = frozenset(FACTS)


def coarser(scale: tuple[str, ...], one: str, other: str) -> str:
    """The one that stands later in its scale."""
    return max(one, other, key=scale.index)


def finer(scale: tuple[str, ...], one: str, other: str) -> str:
    """The one that stands earlier in its scale."""
    return min(one, other, key=scale.index)


def meet(one: Projection, other: Projection) -> Projection:
    """What both permit, per dimension."""
    return Projection(
        one.facts & other.facts,
        coarser(PLACES, one.place, other.place),
        coarser(TIMES, one.time, other.time),
        coarser(ATTRIBUTIONS, one.attribution, other.attribution),
    )


def join(one: Projection, other: Projection) -> Projection:
    """What either permits, per dimension."""
    return Projection(
        one.facts | other.facts,
        finer(PLACES, one.place, other.place),
        finer(TIMES, one.time, other.time),
        finer(ATTRIBUTIONS, one.attribution, other.attribution),
    )


def not_less(one: Projection, other: Projection) -> bool:
    """True if `one` is not below `other` in any dimension."""
    return join(one, other) == one


def without(projection: Projection, *facts: str) -> Projection:
    """The same with these facts taken away."""
    return projection._replace(facts=projection.facts - set(facts))


def normalise(projection: Projection, report: Fields) -> Projection:
    """§2 "Normalised"."""
    return Projection(
        projection.facts & present(report),
        coarser(PLACES, projection.place, place_precision(report)),
        coarser(TIMES, projection.time, time_precision(report)),
        projection.attribution,
    )


def named(point: str, report: Fields) -> Projection:
    """§2, the table of named points, resolved for a report."""
    above = frozenset(above_tearline(report))
    points = {
        "FULL": Projection(ALL, "EXACT", "EXACT", "NAMED"),
        "NO_PERSONAL": Projection(ALL - {"PERSONAL"}, "EXACT", "EXACT", "NAMED"),
        "NO_SOURCE": Projection(ALL - {"SOURCE_NOTE"}, "EXACT", "EXACT", "ANONYMOUS"),
        "COARSE_GEO": Projection(ALL - {"PERSONAL"}, "ADMIN1", "EXACT", "NAMED"),
        "TEARLINE": Projection(above | {"CORROBORATION"}, "EXACT", "EXACT", "NAMED"),
        "LIFE_SAFETY": Projection(
            above & {"WHAT", "WHERE", "WHEN", "ADVICE", "TEARLINE"}, "ADMIN1", "DAY", "ANONYMOUS"
        ),
    }
    return points[point]


def read(value: Any, report: Fields) -> Projection:
    """The `projection` of a grant or of an overlay's rule: a point's name, or its four dimensions."""
    if isinstance(value, str):
        return named(value, report)
    return Projection(frozenset(value["facts"]), value["place"], value["time"], value["attribution"])
