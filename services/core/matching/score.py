"""How probable it is that two reports tell of one incident, with the evidence for and against."""

from __future__ import annotations

from functools import lru_cache
from math import exp, log
from typing import NamedTuple

from services.core.matching.compare import Feature, compare
from services.core.matching.sketch import Sketch
from services.core.matching.weights import Evidence, Weights
from services.core.report import Relation

NEVER = 0.0
_HOPELESS = -100.0
"""Log-odds; below, `exp` has no number for it."""
_RELATED_TIME = frozenset({"same day", "next day", "2-3 days", "4-7 days"})
_RELATED_PLACE = frozenset({"5 km", "20 km", "50 km"})
_LIKE = frozenset({"same", "similar"})


class Match(NamedTuple):
    """A scored pair."""

    relation_hint: Relation | None
    """SAME from the threshold of suggestions on; RELATED if near in time and place and alike, but not the same."""
    probability: float
    evidence: tuple[Evidence, ...]
    """One of each feature, in the order of Feature; empty if the pair cannot be one incident."""


def comparable(one: Sketch, other: Sketch) -> bool:
    """Actual and exercise never meet, nor do two countries: their partitions differ (ARCHITECTURE §8 "Country")."""
    return one.status == other.status and one.country == other.country and one.series_id != other.series_id


def score(one: Sketch, other: Sketch, weights: Weights) -> Match:
    """Symmetric: the order of the two does not matter."""
    if not comparable(one, other):
        return Match(None, NEVER, ())
    evidence = _evidence(one, other, weights)
    probability = _probability(evidence, weights)
    return Match(_hint(one, other, probability, evidence, weights), probability, evidence)


def probability(one: Sketch, other: Sketch, weights: Weights) -> float:
    """`score` without its evidence."""
    return NEVER if not comparable(one, other) else 1 / (1 + exp(-weights.quick.logit(one, other)))


def probable(one: Sketch, other: Sketch, weights: Weights, least: float) -> float:
    """`probability` if it is `least` or more, and NEVER if it is not; most texts need not be looked at for that."""
    if not comparable(one, other):
        return NEVER
    found = weights.quick.logit(one, other, _log_odds(least))
    chance = 1 / (1 + exp(-found)) if found > _HOPELESS else NEVER
    return chance if chance >= least else NEVER


@lru_cache
def _log_odds(chance: float) -> float:
    return log(chance / (1 - chance))


def _evidence(one: Sketch, other: Sketch, weights: Weights) -> tuple[Evidence, ...]:
    tables = weights.evidence.values()
    return tuple([table[value] for table, value in zip(tables, compare(one, other), strict=True)])


def _probability(evidence: tuple[Evidence, ...], weights: Weights) -> float:
    return 1 / (1 + exp(-(weights.base + sum([one.weight for one in evidence]))))


def _hint(
    one: Sketch, other: Sketch, probability: float, evidence: tuple[Evidence, ...], weights: Weights
) -> Relation | None:
    if probability >= weights.suggest:
        return Relation.SAME
    values = {each.feature: each.value for each in evidence}
    near = values[Feature.TIME] in _RELATED_TIME and (
        values[Feature.DISTANCE] in _RELATED_PLACE or values[Feature.PLACE] == "named by both"
    )
    return Relation.RELATED if near and values[Feature.MEANS] in _LIKE else None
