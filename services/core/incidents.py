"""Incidents as an operator sees them: every report, grouped by all that is known of pairs (ARCHITECTURE §8)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from services.core.correlation import incident_id
from services.core.grouping import NEVER, Link, grouped
from services.core.matching.evidence import in_words
from services.core.matching.score import score
from services.core.matching.sketch import sketch
from services.core.matching.weights import Weights
from services.core.report import Relation


class Incident(NamedTuple):
    """Reports of one event."""

    id: str
    """What its oldest report founded."""
    series: tuple[str, ...]


class Known:
    """What slt.incidents says, folded in its order; nothing of it is decided anew."""

    def __init__(self) -> None:
        """Nothing is known."""
        self.reports: dict[str, Mapping[str, Any]] = {}
        self._links: dict[str, dict[str, Link]] = {}

    def fold(self, change: Mapping[str, Any]) -> None:
        """Take in one record."""
        series, report = change["series_id"], change["report"]
        if change["relation"] == Relation.DUPLICATE:
            return
        if report is not None or change["left"]:
            for other in self._links.pop(series, {}):
                self._links.get(other, {}).pop(series, None)
        if report is not None:
            self.reports[series] = report
        for fields in change["links"]:
            link = Link(fields["one"], fields["other"], Relation(fields["relation"]), fields["score"])
            self._links.setdefault(link.one, {})[link.other] = link
            self._links.setdefault(link.other, {})[link.one] = link

    def links(self, series: str) -> Mapping[str, Link]:
        """What is known of a series and others, by the other's id."""
        return self._links.get(series, {})

    def incidents(self) -> Iterator[Incident]:
        """Every report in one of them, in the order of their ids."""
        links = (link for found in self._links.values() for link in found.values())
        for group in grouped(self.reports.keys(), links):
            first = min(group, key=lambda series: (self.reports[series]["received_at"], series))
            yield Incident(incident_id(self.reports[first]), group)

    def suggested(self, weights: Weights) -> list[Link]:
        """Pairs in two incidents of which an operator should say what they are, the likeliest first."""
        home = {series: one.id for one in self.incidents() for series in one.series}
        found = {
            frozenset((link.one, link.other)): link
            for links in self._links.values() for link in links.values()
            if weights.suggest <= link.score < 1 and home.get(link.one) != home.get(link.other)
            and {link.one, link.other} <= home.keys()
        }  # fmt: skip
        return sorted(found.values(), key=lambda link: (-link.score, link.one, link.other))

    def evidence(self, one: str, other: str, weights: Weights) -> list[str]:
        """In words: what speaks for and against; an operator's word comes first."""
        link = self.links(one).get(other)
        said = []
        if link and link.score in {NEVER, 1.0} and link.relation is not Relation.ECHO:
            said = ["an operator's word: " + ("one incident" if link.score else "two incidents")]
        match = score(sketch(self.reports[one]), sketch(self.reports[other]), weights)
        return [*said, f"probability {match.probability:.2f}", *in_words(match.evidence)]


def known_of(changes: Iterable[Mapping[str, Any]]) -> Known:
    """All of them folded."""
    found = Known()
    for change in changes:
        found.fold(change)
    return found
