"""The score of a pair for the stream: the same sum as that of the evidence (`score`), without naming a class.

What depends on small numbers alone is looked up, and texts are compared last: most pairs are decided before. A property
test holds the two sums together.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from functools import lru_cache
from math import cos, radians, sqrt

from services.core.matching import compare
from services.core.matching.compare import COARSE_KM, KILOMETRES, KM_PER_DEGREE, MOST_DAYS, NEAR, NEAR_AREA, Feature
from services.core.matching.sketch import Harm, Sketch

Table = Mapping[str, float]
_IMPOSSIBLE = float("-inf")
_KEPT = 65536


class Quick:
    """Tables of one set of weights."""

    def __init__(self, base: float, tables: Mapping[Feature, Table]) -> None:
        """`tables`: the weight of each class of each feature."""
        self._tables, self._base = tables, base
        time, distance = tables[Feature.TIME], tables[Feature.DISTANCE]
        self._days = tuple(time[compare.time_class(gap, 0)] for gap in range(MOST_DAYS + 2))
        self._near = tuple(distance[name] for name in NEAR)
        self._near_area = tuple(distance[name] for name in NEAR_AREA)
        self._shared_names = tuple(tables[Feature.NAMES][name] for name in ("none", "one", "two", "3 or more"))
        self._names_place = any(tables[Feature.PLACE].values())
        self._most_of_texts = sum(max(tables[one].values()) for one in (Feature.PLACE, Feature.NAMES, Feature.WORDS))
        self._harm = lru_cache(_KEPT)(self._of_harm)
        self._said = lru_cache(_KEPT)(self._of_sets)

    def logit(self, one: Sketch, other: Sketch, least: float = _IMPOSSIBLE) -> float:
        """Log-odds that two comparable reports tell of one incident; some number below `least` if they are below it."""
        found = (
            self._base + self._time(one, other) + self._distance(one, other) + self._area(one, other)
            + self._harm(one.harm, other.harm) + self._said(one.means, one.victims, other.means, other.victims)
        )  # fmt: skip
        if one.actor and other.actor:
            found += self._tables[Feature.ACTOR][compare.actor(one, other)]
        return found + self._texts(one, other) if found + self._most_of_texts >= least else _IMPOSSIBLE

    def _time(self, one: Sketch, other: Sketch) -> float:
        first, last, began, ended = one.first, one.last, other.first, other.last
        if first == last and began == ended and first and began:
            gap = abs(first - began)
            return self._days[gap if gap <= MOST_DAYS else -1]
        return self._tables[Feature.TIME][compare.time(one, other)]

    def _distance(self, one: Sketch, other: Sketch) -> float:
        north, east, upwards, along = one.latitude, one.longitude, other.latitude, other.longitude
        if north is None or east is None or upwards is None or along is None:
            return self._tables[Feature.DISTANCE]["unknown"]
        wide = abs(east - along)
        wide = (wide if wide <= 180 else 360 - wide) * cos(radians((north + upwards) / 2))
        nearness = bisect_left(KILOMETRES, KM_PER_DEGREE * sqrt(wide * wide + (north - upwards) ** 2))
        if nearness == len(KILOMETRES):
            return self._tables[Feature.DISTANCE][compare.distance(one, other)]
        return (self._near if one.radius < COARSE_KM > other.radius else self._near_area)[nearness]

    def _area(self, one: Sketch, other: Sketch) -> float:
        return self._tables[Feature.AREA][compare.area(one, other)]

    def _of_harm(self, mine: Harm, theirs: Harm) -> float:
        harm, kinds = self._tables[Feature.HARM], self._tables[Feature.KINDS]
        return harm[compare.harm_class(mine, theirs)] + kinds[compare.kinds_class(mine, theirs)]

    def _of_sets(self, means: int, victims: int, their_means: int, their_victims: int) -> float:
        by_means, by_victims = self._tables[Feature.MEANS], self._tables[Feature.VICTIMS]
        return (
            by_means[compare.means_class(means, their_means)]
            + by_victims[compare.victims_class(victims, their_victims)]
        )

    def _texts(self, one: Sketch, other: Sketch) -> float:
        found = self._tables[Feature.WORDS][compare.words(one, other)]
        if self._names_place:
            found += self._tables[Feature.PLACE][compare.place(one, other)]
        if one.names and other.names:
            common = (one.names & other.names).bit_count()
            return found + self._shared_names[common if common < 3 else 3]
        return found + self._tables[Feature.NAMES]["unknown"]
