"""Which reports of a set are one incident, by what is known of pairs of them and of nothing else.

A recipient's view is grouped from the reports that it is shown: so one that it is not shown can neither join nor split
what it sees (ARCHITECTURE §4; docs/adr/0031). The result depends on the set, not on the order of anything.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import product
from typing import NamedTuple

from services.core.report import Relation

CERTAIN, NEVER = 1.0, 0.0
"""Scores of what is no guess: an operator's word, the same narrative."""
JOINING = frozenset({Relation.SAME, Relation.ECHO})
_DOUBT = 0.5
"""A report that fits several of one originator joins one of them only if it is likelier than all others together."""
Pair = tuple[str, str]
Group = tuple[str, ...]


class Link(NamedTuple):
    """What is known of two series."""

    one: str
    other: str
    relation: Relation = Relation.SAME
    """SAME, ECHO: they may be joined; RELATED: they may only stand beside each other in a group."""
    score: float = CERTAIN
    """Probability that they tell of one incident; CERTAIN and NEVER hold whatever others say."""


def grouped(series: Collection[str], links: Iterable[Link]) -> list[Group]:
    """Every series in one group, each sorted, in the order of their first.

    Strongest pair first. A group is joined by another only if nothing is known against any pair across them: a pair of
    which nothing is known at all counts against it, so that no chain of links drifts from its first report.
    """
    known = _known(series, links)
    if not known:
        return [(one,) for one in sorted(series)]
    members: dict[str, Group] = {one: (one,) for one in series}
    for one, other in sorted(pair for pair, link in known.items() if _is_certain(link)):
        _join(members, one, other, known)
    units = dict(members)
    for link in _likely(known):
        _join(members, link.one, link.other, known, units)
    return sorted(set(members.values()))


def _known(series: Collection[str], links: Iterable[Link]) -> dict[Pair, Link]:
    """By pair; where two links speak of one pair, what is certain counts, then the stronger."""
    found: dict[Pair, Link] = {}
    for link in links:
        if link.one not in series or link.other not in series or link.one == link.other:
            continue
        pair = (link.one, link.other) if link.one < link.other else (link.other, link.one)
        before = found.get(pair)
        if before is None or _weight(link) > _weight(before):
            found[pair] = link
    return found


def _weight(link: Link) -> tuple[bool, float]:
    return link.score == NEVER, link.score


def _is_certain(link: Link) -> bool:
    return link.relation in JOINING and link.score >= CERTAIN


def _likely(known: Mapping[Pair, Link]) -> Iterator[Link]:
    """Links that may join, without those that have rivals: a register tells of one incident once."""
    odds: dict[tuple[str, str], float] = defaultdict(float)
    for (one, other), link in known.items():
        if NEVER < link.score < CERTAIN:
            odds[one, _register(other)] += _odds(link)
            odds[other, _register(one)] += _odds(link)
    likely = (pair for pair, link in known.items() if link.relation in JOINING and NEVER < link.score < CERTAIN)
    for one, other in sorted(likely, key=lambda pair: (-known[pair].score, pair)):
        link = known[one, other]
        if _odds(link) / max(odds[one, _register(other)], odds[other, _register(one)]) > _DOUBT:
            yield link


def _odds(link: Link) -> float:
    return link.score / (1 - link.score)


def _register(series: str) -> str:
    return series.split("/", 1)[0]


def _join(
    members: dict[str, Group], one: str, other: str, known: Mapping[Pair, Link],
    units: Mapping[str, Group] | None = None,
) -> None:  # fmt: skip
    """Without `units` the link is certain."""
    mine, theirs = members[one], members[other]
    if mine is theirs or _is_apart(mine, theirs, known):
        return
    if units is None or _agree(mine, theirs, known, units):
        joined = tuple(sorted(mine + theirs))
        members.update(dict.fromkeys(joined, joined))


def _is_apart(mine: Group, theirs: Group, known: Mapping[Pair, Link]) -> bool:
    """Somebody has said that two of them are two."""
    return any((link := known.get(_pair(*each))) and link.score == NEVER for each in product(mine, theirs))


def _agree(mine: Group, theirs: Group, known: Mapping[Pair, Link], units: Mapping[str, Group]) -> bool:
    """Every report of one knows every report of the other, or one that is certainly the same."""
    return all(
        any(_pair(*each) in known for each in product(units[one], units[other])) for one, other in product(mine, theirs)
    )


def _pair(one: str, other: str) -> Pair:
    return (one, other) if one < other else (other, one)
