"""Runs correlate over reports in the order of their days, country by country, in memory.

A report is received on the day of its incident. An incident's reports are then grouped as distribute groups them for a
recipient that is shown all of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, NamedTuple

from services.cli.evaluate.folder import Feeds
from services.cli.evaluate.gold import Gold
from services.core.grouping import Link, grouped
from services.core.matching.cluster import Pair, relative
from services.core.matching.weights import Weights
from services.core.stage import Fields, Moment, Record, Result, Source
from services.core.submission import EARLIEST
from services.correlate.live import Tools
from services.correlate.processor import Correlate
from services.runtime.codec import Codec
from services.runtime.settings import Limits

Series = tuple[str, str]
_PER_DAY = 100_000


class Linked(NamedTuple):
    """What became of the reports of a country, or of several."""

    incident: dict[str, str]
    """Series -> the first series of its group."""
    suggested: frozenset[Series]
    """Pairs of groups that an operator is asked about."""
    chance: dict[Series, float]
    """Pairs, by id, with their probabilities beside their rivals."""

    def automatic(self, one: str, other: str) -> bool:
        """Whether both are in one incident."""
        return one in self.incident and self.incident[one] == self.incident.get(other)

    def proposed(self, one: str, other: str) -> bool:
        """Whether they are, or would be if the operator said yes to one suggestion."""
        return (
            self.automatic(one, other)
            or _ordered(self.incident.get(one, one), self.incident.get(other, other)) in self.suggested
        )


class Memory(dict[str, Fields]):
    """The state of one partition."""

    def take(self, task: Correlate, result: Result) -> None:
        """Apply what a result changes."""
        for change in result.changes:
            if change.value is None:
                self.pop(change.key, None)
            else:
                self[change.key] = change.value
        task.applied(result)


class Stage:
    """Correlate on its only partition, and what it has said so far."""

    def __init__(self, weights: Weights) -> None:
        """Nothing is known."""
        self._memory = Memory()
        tools = Tools(weights, timedelta(days=Limits().link_days))
        self._task = Correlate(0, 1, self._memory, tools, Codec().encode)
        self._day = EARLIEST.date()
        self.links: dict[Series, Link] = {}
        self.members: dict[str, set[str]] = {}

    def handle(self, report: Fields) -> None:
        """One report, after what falls due before it."""
        now = report["received_at"]
        moment = Moment(now, fresh=True, policy=None, epoch=0)
        if now.date() > self._day:
            self._day = now.date()
            for due in self._task.work(moment, _PER_DAY):
                self._memory.take(self._task, due)
        result = self._task.handle(Record(Source("slt.located", 0, 0), now, "", "report", report), moment)
        self._memory.take(self._task, result)
        self._note(result.outputs[0].value)

    def _note(self, change: Any) -> None:
        for link in change["links"]:
            self.links[_ordered(link["one"], link["other"])] = Link(**link)
        for home in change["joined"]:
            moved = [self.members.pop(one, set()) for one in change["merged"]]
            self.members.setdefault(home, set()).update({change["series_id"]}, *moved)


def link(reports: Iterable[Fields], weights: Weights) -> Linked:
    """Every report through the stage, in the order given."""
    stage, alone = Stage(weights), {}
    for report in reports:
        stage.handle(report)
        alone[report["series_id"]] = report["series_id"]
    incident = alone | {series: group[0] for group in _groups(stage) for series in group}
    weighed = relative(Pair(*pair, one.score) for pair, one in stage.links.items())
    likely = {_ordered(incident[one], incident[other]) for one, other, chance in weighed if chance >= weights.suggest}
    return Linked(incident, frozenset(likely), {each[:2]: each.probability for each in weighed} | _certain(stage))


def _groups(stage: Stage) -> Iterable[tuple[str, ...]]:
    of: dict[str, list[Link]] = defaultdict(list)
    home = {series: name for name, members in stage.members.items() for series in members}
    for (one, _), each in stage.links.items():
        of[home.get(one, one)].append(each)
    for name, members in stage.members.items():
        yield from grouped(members, of[name])


def _certain(stage: Stage) -> dict[Series, float]:
    return {pair: one.score for pair, one in stage.links.items() if one.score in {0.0, 1.0}}


def together(parts: Iterable[Linked]) -> Linked:
    """Several countries as one."""
    incident: dict[str, str] = {}
    chance: dict[Series, float] = {}
    suggested: set[Series] = set()
    for part in parts:
        incident |= part.incident
        chance |= part.chance
        suggested |= part.suggested
    return Linked(incident, frozenset(suggested), chance)


def scored_countries(feeds: Feeds, gold: Gold) -> list[str]:
    """Countries with a judged pair, or with two records of one event."""
    ends = {one for each in gold.pairs for one in each[:2]}
    ends |= {one for pair in (*gold.cross, *gold.within) for one in pair}
    return sorted({each.country for each in feeds.sketches.values() if each.series_id in ends})


def by_country(feeds: Feeds) -> dict[str, list[Fields]]:
    """Reports of each country in the order of their days."""
    found = defaultdict(list)
    for each in feeds.reports:
        found[each["area"]["country"]].append(each)
    return dict(found)


def with_weights(feeds: Feeds, gold: Gold, weights: Weights) -> Linked:
    """Each country linked with the same weights."""
    reports = by_country(feeds)
    return together(link(reports[one], weights) for one in scored_countries(feeds, gold))


def _ordered(one: str, other: str) -> Series:
    return (one, other) if one <= other else (other, one)
