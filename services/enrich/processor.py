"""ENRICH: says where each report happened, gives its series a home partition, keeps versions going forward.

A series keeps the country of its first version that has one. Before that it has a provisional home; the version that
brings the country goes first to the old partition, whose reader sees by the country that the series has left, and then
to the new one (ARCHITECTURE §8 Country).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import NamedTuple

from services.core.home import home_partition
from services.core.kept import amended
from services.core.place import Area, Tables, locate
from services.core.reason import Reason
from services.core.receipt import Encode, Receipt, ReceiptResult, receipt_output
from services.core.stage import Change, Fields, Moment, Outcome, Output, Record, Refusal, Result, Source, State
from services.runtime.codec import Codec
from services.runtime.gazetteer import load_tables
from services.runtime.processor import Processor, Stage
from services.runtime.settings import Settings

FORGET = timedelta(days=400)
"""A series without a new version for this long is forgotten (state is bounded); its next version counts as unknown."""
SWEEP = timedelta(days=1)


class Tools(NamedTuple):
    """What every partition's task of one process shares."""

    tables: Tables
    lanes: int
    encode: Encode


class Enrich:
    """The task of one partition of slt.reports; its state is `series` by series id."""

    def __init__(self, tools: Tools, state: State) -> None:
        """`state` is that of the same partition of slt.series."""
        self._tools = tools
        self._state = state
        self._sweep: Iterator[str] = iter(())
        self._next_sweep = datetime.min.replace(tzinfo=UTC)

    def handle(self, record: Record, moment: Moment) -> Result:
        """LOCATED or MOVED with the located report, or REFUSED with a receipt; an exact repeat passes on."""
        report = record.value
        known = self._state.get(report["series_id"])
        found = _out_of_turn(report, known) or locate(
            report["place"], self._tools.tables, known["country"] if known else ""
        )
        if isinstance(found, Refusal):
            receipt = receipt_output(_refused(report, found, moment), self._tools.encode)
            return Result(Outcome.REFUSED, (receipt,), refusal=found)
        return self._located(record, known, found, moment)

    def _located(self, record: Record, known: Fields | None, area: Area, moment: Moment) -> Result:
        report = record.value
        series, lanes = report["series_id"], self._tools.lanes
        partition = home_partition(area.country, series, lanes)
        home = 1 if area.country else 0
        moved = known is not None and home > known["home"]
        located = amended(report, area=area._asdict(), home=home)
        to = (known["partition"], partition) if moved and known and known["partition"] != partition else (partition,)
        outputs = tuple(Output("slt.located", series, "report", located, one) for one in to)
        note = Reason.NOTE_SERIES_UNKNOWN if known is None and report["version"] > 1 else None
        if note:
            outputs += (receipt_output(_first_seen(report, note, moment), self._tools.encode),)
        changes: tuple[Change, ...] = ()
        if moved or known is None or report["version"] > known["version"]:
            remembered = {
                "version": report["version"], "status": report["status"], "country": area.country,
                "partition": partition, "home": home, "at": record.appended,
            }  # fmt: skip
            changes = (Change(series, "series", remembered),)
        return Result(Outcome.MOVED if moved else Outcome.LOCATED, outputs, changes, note=note)

    def applied(self, result: Result) -> None:
        """Nothing is derived from the state."""

    def work(self, moment: Moment, limit: int) -> Iterable[Result]:
        """Once a day, in steps of `limit` series: forget those that had no new version for FORGET."""
        if moment.now >= self._next_sweep:
            self._sweep = iter(tuple(self._state.keys()))
            self._next_sweep = moment.now + SWEEP
        for series in islice(self._sweep, limit):
            known = self._state.get(series)
            if known is not None and known["at"] + FORGET < moment.now:
                yield Result(None, changes=(Change(series, "series", None),))


def _out_of_turn(report: Fields, known: Fields | None) -> Refusal | None:
    """Why a version may not follow what the series has; a repeat of the newest may (correlate counts it DUPLICATE)."""
    if known is None:
        return None
    newest, status = known["version"], known["status"]
    if report["version"] < newest:
        return Refusal(Reason.BAD_VERSION, f"version {newest} is known: send it as version {newest + 1}", "version")
    if report["status"] != status:
        advice = f"the series has status {status}, which stays: send another status as a new report with its own id"
        return Refusal(Reason.BAD_STATUS, advice, "status")
    return None


def _refused(report: Fields, why: Refusal, moment: Moment) -> Receipt:
    return _answer(report, moment, ReceiptResult.REFUSED)._replace(**why._asdict())


def _first_seen(report: Fields, note: Reason, moment: Moment) -> Receipt:
    advice = "no earlier version of this series is known: it was taken as the first; earlier ones are not needed"
    return _answer(report, moment, ReceiptResult.NOTED)._replace(reason=note, advice=advice, field="version")


def _answer(report: Fields, moment: Moment, result: ReceiptResult) -> Receipt:
    raw = report["raw"]
    source = Source(raw["topic"], raw["partition"], raw["offset"])
    return Receipt(report["originator"], source, result, moment.now, report["series_id"], report["version"])


def build(settings: Settings) -> Processor:
    """The stage; loads the tables (about two seconds), so once per process."""
    tools = Tools(load_tables(settings.geo), settings.lanes, Codec().encode)
    return Processor(Stage.ENRICH, ("slt.reports",), lambda _, state: Enrich(tools, state), state="slt.series")
