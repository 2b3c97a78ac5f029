"""A scored pair beside its rivals: of the reports of one register, at most one tells of the same incident.

Which pairs become groups: services.core.grouping.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

CONTRADICTION = 0.01
"""Below this probability two reports cannot be in one incident, whoever links them."""
TWICE = 0.995
"""Probability from which on two series of one originator are one incident told twice."""


class Pair(NamedTuple):
    """Two series, in the order of their ids, with the probability that they tell of one incident."""

    one: str
    other: str
    probability: float


def relative(pairs: Iterable[Pair]) -> list[Pair]:
    """Each pair weighed against the other pairs of either report with the other's originator; certain ones left out.

    The probability that it is this one, and not a rival and not none.
    """
    known = [each for each in pairs if 0 < each.probability < 1]
    odds: dict[tuple[str, str], float] = defaultdict(float)
    for one, other, chance in known:
        odds[one, _originator(other)] += chance / (1 - chance)
        odds[other, _originator(one)] += chance / (1 - chance)
    return [_weighed(each, max(odds[each.one, _originator(each.other)], odds[each.other, _originator(each.one)]))
            for each in known]  # fmt: skip


def _originator(series: str) -> str:
    return series.partition("/")[0]


def _weighed(each: Pair, odds: float) -> Pair:
    return each._replace(probability=each.probability / (1 - each.probability) / (1 + odds))
