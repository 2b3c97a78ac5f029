"""CORRELATE: says which incident each report belongs to, and what is known of it and of others (ARCHITECTURE §3).

An incident of slt.incidents is the largest set of reports that anything may join; within it distribute groups for each
recipient what that one is shown (services.core.grouping; docs/adr/0031).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from services.core.control import ADMIN
from services.core.correlation import (
    EVENTS,
    Found,
    content_key,
    correlate,
    echo_key,
    incident_id,
    series_key,
    spoken,
)
from services.core.grouping import CERTAIN, JOINING, Link
from services.core.home import home_partition
from services.core.matching.sketch import Sketch, sketch
from services.core.reason import Reason
from services.core.receipt import Encode, Receipt, ReceiptResult, receipt_output
from services.core.report import Relation
from services.core.stage import Change, Moment, Outcome, Output, Record, Result, Source, State
from services.correlate.live import Live, Tools
from services.runtime.codec import Codec
from services.runtime.matching import load_weights
from services.runtime.processor import Assignment, Processor, Stage
from services.runtime.settings import Settings

OUT = "slt.incidents"
WORDS = "w|"
"""State key of how far operators' words are applied."""


class Placed(NamedTuple):
    """Where a series belongs."""

    incident: str
    """Empty: nowhere, it is a copy of what is said already."""
    merged: tuple[str, ...] = ()
    """Incidents that go on in it."""
    links: tuple[Link, ...] = ()


class Correlate:
    """The task of one partition of slt.located; its state is `correlation` by series, content and narrative."""

    def __init__(self, partition: int, lanes: int, state: State, tools: Tools, encode: Encode) -> None:
        """`lanes`: partition count of slt.located; `state`: that of the same partition of slt.correlation."""
        self._partition, self._lanes, self._state = partition, lanes, state
        self._encode = encode
        self._live = Live(state, tools)

    def handle(self, record: Record, moment: Moment) -> Result:
        """LINKED with the incident that it belongs to, or DUPLICATE, which goes on to be counted."""
        report = record.value
        if self._has_left(report):
            return self._left(report)
        self._live.follow(moment.policy)
        found = correlate(report, self._state)
        if found.relation is Relation.DUPLICATE:
            placed = Placed(found.incidents[0] if found.incidents else "")
            changes = self._remembered(report, found, placed, None)
            return Result(Outcome.DUPLICATE, (self._output(report, found, placed),), changes)
        drawn = sketch(report) if report["kind"] in EVENTS else None
        placed = self._placed(report["series_id"], found.incidents, self._links(report, found, drawn))
        changes = (*self._moved(placed), *self._remembered(report, found, placed, drawn))
        return Result(Outcome.LINKED, (self._output(report, found, placed),), changes)

    def applied(self, result: Result) -> None:
        """Keep what is derived current."""
        for change in result.changes:
            self._live.learn(change.key, change.value)

    def work(self, moment: Moment, limit: int) -> Iterable[Result]:
        """Operators' words since the last time, and what is too old to be linked."""
        self._live.follow(moment.policy)
        yield from self._told(moment)
        for change in self._live.over(moment.now, limit):
            yield Result(None, (), (change,))

    # -- reports

    def _has_left(self, report: dict[str, Any]) -> bool:
        """The record tells that the series has its home in another partition now (ARCHITECTURE §8 "Country")."""
        country = report["area"]["country"] if report["home"] else ""
        return home_partition(country, report["series_id"], self._lanes) != self._partition

    def _left(self, report: dict[str, Any]) -> Result:
        known = self._state.get(series_key(report["series_id"]))
        left = tuple(known["incidents"]) if known else (incident_id({**report, "home": 0}),)
        value = _value(report, Relation.MOVED) | {"report": None, "left": list(left)}
        output = Output(OUT, left[0] if left else report["series_id"], "incident_change", value, self._partition)
        return Result(Outcome.LINKED, (output,), (Change(series_key(report["series_id"]), "correlation", None),))

    def _links(self, report: dict[str, Any], found: Found, drawn: Sketch | None) -> list[Link]:
        """What is known of the report; the same narrative, or its originator's word, says more than matching."""
        links = self._live.links(report["series_id"], drawn)
        if not found.other:
            return links
        told = [link for link in links if link.other == found.other and link.score in {0.0, CERTAIN}]
        others = [link for link in links if link.other != found.other]
        return [*(told or [Link(report["series_id"], found.other, found.relation)]), *others]

    def _placed(self, series: str, incidents: Sequence[str], links: Sequence[Link]) -> Placed:
        """In one incident with all that it may be joined with; the others go on in the oldest of them."""
        joining = (self._live.home(link.other) for link in links if link.relation in JOINING)
        # what it founds is no incident yet
        known = {one for one in (*incidents, *joining) if one and self._live.members(one)}
        if not known:
            return Placed(incidents[0], (), tuple(links))
        home = self._live.oldest(known)
        merged = tuple(sorted(known - {home}))
        across = self._live.across(merged) if merged else ()
        inside = (link for link in across if self._live.home(link.other) in known and series not in link[:2])
        return Placed(home, merged, (*links, *inside))

    def _moved(self, placed: Placed) -> Iterator[Change]:
        """The members of what goes on elsewhere."""
        for incident in placed.merged:
            for series in self._live.members(incident):
                value = self._state.get(series_key(series))
                if value is not None:
                    yield Change(series_key(series), "correlation", {**value, "incidents": [placed.incident]})

    def _output(self, report: dict[str, Any], found: Found, placed: Placed) -> Output:
        relation = found.relation
        if relation is Relation.NEW:
            best = max((link for link in placed.links if link.relation in JOINING), key=_score, default=None)
            relation = best.relation if best else relation
        value = _value(report, relation) | {
            "joined": [placed.incident] if placed.incident else [], "merged": list(placed.merged),
            "links": [link._asdict() for link in placed.links],
        }  # fmt: skip
        return Output(OUT, placed.incident or report["series_id"], "incident_change", value, self._partition)

    def _remembered(
        self, report: dict[str, Any], found: Found, placed: Placed, drawn: Sketch | None
    ) -> tuple[Change, ...]:
        known = self._state.get(series_key(report["series_id"]))
        if known is not None and report["version"] <= known["version"]:
            return ()
        value = {
            "series_id": report["series_id"], "version": report["version"],
            "incidents": [placed.incident] if placed.incident else [],
            "content_hash": report["content_hash"], "at": report["received_at"], "sketch": b"",
        }  # fmt: skip
        own = {**value, "sketch": self._live.packed(drawn)} if drawn else value
        series = Change(series_key(report["series_id"]), "correlation", own)
        if found.relation is Relation.DUPLICATE:
            return (series,)
        return (series, Change(content_key(report), "correlation", value), *self._narrative(report, value))

    def _narrative(self, report: dict[str, Any], value: dict[str, Any]) -> Iterable[Change]:
        """Whoever tells a story first is remembered as its source."""
        key = echo_key(report)
        if key and self._state.get(key) is None:
            yield Change(key, "correlation", value)

    # -- operators' words

    def _told(self, moment: Moment) -> Iterator[Result]:
        """Each word about series that are here, once; those that come later meet it in `Live.links`."""
        if moment.policy is None:
            return
        before = self._state.get(WORDS)
        since = before["epoch"] if before else 0
        if since > moment.policy.last_word:
            return
        for (one, other), said in sorted(moment.policy.words.items(), key=lambda word: word[1].offset):
            if said.offset >= since and self._live.home(one):
                yield self._word(spoken(one, other, same=said.same), said.offset, moment)
            elif said.offset >= since and self._live.home(other):
                yield self._word(spoken(other, one, same=said.same), said.offset, moment)
        yield Result(None, (), (Change(WORDS, "progress", {"epoch": moment.policy.last_word + 1, "last_hash": b""}),))

    def _word(self, link: Link, offset: int, moment: Moment) -> Result:
        home = self._live.home(link.one)
        if not self._live.home(link.other):
            return self._elsewhere(link, offset, moment)
        placed = self._placed("", (home,), [link])
        return Result(None, (self._operators(link, placed),), tuple(self._moved(placed)))

    def _elsewhere(self, link: Link, offset: int, moment: Moment) -> Result:
        """The other one is in another country, or nowhere: they are related at most, and the operator is told."""
        if not link.score:
            return Result(None)
        advice = "the other report is of another country, or unknown: they are noted as related only"
        source = Source("slt.control", 0, offset)
        told = Receipt(ADMIN, source, ReceiptResult.NOTED, moment.now, link.one, 0, Reason.NOTE_LINK_APART, advice)
        placed = Placed(self._live.home(link.one), (), (link._replace(relation=Relation.RELATED),))
        return Result(None, (self._operators(link, placed), receipt_output(told, self._encode)))

    def _operators(self, link: Link, placed: Placed) -> Output:
        value = {
            "relation": Relation.OPERATOR.value, "report": None, "series_id": link.one, "joined": [placed.incident],
            "merged": list(placed.merged), "links": [one._asdict() for one in placed.links],
        }  # fmt: skip
        return Output(OUT, placed.incident, "incident_change", value, self._partition)


def _value(report: dict[str, Any], relation: Relation) -> dict[str, Any]:
    return {"relation": relation.value, "report": report, "series_id": report["series_id"]}


def _score(link: Link) -> float:
    return link.score


def build(settings: Settings) -> Processor:
    """Wire correlate to its topics."""
    tools = Tools(load_weights(), timedelta(days=settings.limits.link_days))
    encode = Codec().encode

    def task(part: Assignment, state: State) -> Correlate:
        return Correlate(part.partition, settings.lanes, state, tools, encode)

    return Processor(Stage.CORRELATE, ("slt.located",), task, state="slt.correlation", reads_control=True)
