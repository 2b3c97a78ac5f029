"""CORRELATE: says which incident each report belongs to (ARCHITECTURE §3)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from services.core.correlation import Found, content_key, correlate, echo_key, incident_id, series_key
from services.core.home import home_partition
from services.core.report import Relation
from services.core.stage import Change, Moment, Outcome, Output, Record, Result, State
from services.runtime.processor import Assignment, Processor, Stage
from services.runtime.settings import Settings

OUT = "slt.incidents"


class Correlate:
    """The task of one partition of slt.located; its state is `correlation` by series and by content."""

    def __init__(self, partition: int, lanes: int, state: State) -> None:
        """`lanes`: partition count of slt.located; `state`: that of the same partition of slt.correlation."""
        self._partition = partition
        self._lanes = lanes
        self._state = state

    def handle(self, record: Record, moment: Moment) -> Result:
        """LINKED with the incidents that change, or DUPLICATE, which goes on to be counted."""
        report = record.value
        if self._has_left(report):
            return self._left(report)
        found = correlate(report, self._state)
        is_copy = found.relation is Relation.DUPLICATE
        outcome = Outcome.DUPLICATE if is_copy else Outcome.LINKED
        return Result(outcome, (self._output(report, found),), self._remembered(report, found))

    def applied(self, result: Result) -> None:
        """Nothing is derived from the state."""

    def work(self, moment: Moment, limit: int) -> Iterable[Result]:
        """Correlate owes nothing by time."""
        return ()

    def _has_left(self, report: dict[str, Any]) -> bool:
        """The record tells that the series has its home in another partition now (ARCHITECTURE §8 "Country")."""
        country = report["area"]["country"] if report["home"] else ""
        return home_partition(country, report["series_id"], self._lanes) != self._partition

    def _left(self, report: dict[str, Any]) -> Result:
        known = self._state.get(series_key(report["series_id"]))
        left = tuple(known["incidents"]) if known else (incident_id({**report, "home": 0}),)
        value = self._value(report, Relation.MOVED) | {"report": None, "left": list(left)}
        output = Output(OUT, left[0] if left else report["series_id"], "incident_change", value, self._partition)
        return Result(Outcome.LINKED, (output,), (Change(series_key(report["series_id"]), "correlation", None),))

    def _output(self, report: dict[str, Any], found: Found) -> Output:
        value = self._value(report, found.relation) | {"joined": list(found.incidents), "links": _links(report, found)}
        key = found.incidents[0] if found.incidents else report["series_id"]
        return Output(OUT, key, "incident_change", value, self._partition)

    def _value(self, report: dict[str, Any], relation: Relation) -> dict[str, Any]:
        return {"relation": relation.value, "report": report, "series_id": report["series_id"]}

    def _remembered(self, report: dict[str, Any], found: Found) -> tuple[Change, ...]:
        known = self._state.get(series_key(report["series_id"]))
        if known is not None and report["version"] <= known["version"]:
            return ()
        value = {
            "series_id": report["series_id"], "version": report["version"], "incidents": list(found.incidents),
            "content_hash": report["content_hash"], "at": report["received_at"],
        }  # fmt: skip
        series = Change(series_key(report["series_id"]), "correlation", value)
        if found.relation is Relation.DUPLICATE:
            return (series,)
        return (series, Change(content_key(report), "correlation", value), *self._words(report, value))

    def _words(self, report: dict[str, Any], value: dict[str, Any]) -> Iterable[Change]:
        """Whoever tells a story first is remembered as its source."""
        key = echo_key(report)
        if key and self._state.get(key) is None:
            yield Change(key, "correlation", value)


def _links(report: dict[str, Any], found: Found) -> list[dict[str, Any]]:
    if not found.other:
        return []
    return [{"one": report["series_id"], "other": found.other, "relation": found.relation.value, "score": 1.0}]


def build(settings: Settings) -> Processor:
    """Wire correlate to its topics."""

    def task(part: Assignment, state: State) -> Correlate:
        return Correlate(part.partition, settings.lanes, state)

    return Processor(Stage.CORRELATE, ("slt.located",), task, state="slt.correlation")
