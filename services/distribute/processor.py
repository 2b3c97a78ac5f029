"""DISTRIBUTE: brings what recipients hold to what they should hold; the rule is services.core.reconcile."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any, NamedTuple

from services.core.ids import Ids
from services.core.ledger import Entry, Incident
from services.core.receipt import Encode
from services.core.reconcile import Reconciled, reconcile
from services.core.report import Relation
from services.core.stage import Change, Moment, Outcome, Output, Record, Result, State
from services.distribute.entries import (
    CHAIN,
    Chain,
    holdings_change,
    load_incident,
    report_change,
    report_key,
)
from services.distribute.index import Index
from services.distribute.owed import Outlets, decision_record, owed_records
from services.runtime.codec import Codec
from services.runtime.processor import Assignment, Processor, Stage
from services.runtime.settings import Settings

DELIVERIES, DECISIONS, PROGRESS = "slt.deliveries", "slt.decisions", "slt.progress"


class Tools(NamedTuple):
    """What every partition's task of one process shares."""

    ids: Ids
    encode: Encode


class Distribute:
    """The task of one partition of slt.incidents; its state is slt.ledger's partition of that number."""

    def __init__(self, partition: int, tools: Tools, state: State) -> None:
        """Indexes the whole partition's ledger once."""
        self._partition = partition
        self._tools = tools
        self._state = state
        self._index = Index(state)
        self._told = (-1, -1)

    def handle(self, record: Record, moment: Moment) -> Result:
        """DELIVERED, WITHHELD or EXPIRED for a report's first decision; DUPLICATE; RELINKED for changes without one."""
        change = record.value
        relation, report = change["relation"], change["report"]
        if relation == Relation.DUPLICATE:
            return self._copy(report, moment)
        if report is None:
            return self._relinked(change, moment)
        (incident_id,) = change["joined"]
        incident = self._load(incident_id) or Incident(incident_id, report["status"], {}, {})
        known = incident.entries.get(report["series_id"])
        if known and known.report["version"] >= report["version"]:
            return self._copy(report, moment)
        entry = Entry(report, known.decided_at if known else moment.now, known.links if known else ())
        entries = {**incident.entries, report["series_id"]: entry}
        found = self._reconcile(incident._replace(entries=entries), moment)
        outcome = _outcome(found, report, moment)
        return self._result(found, moment, outcome, [_account(report, outcome)], [report_change(incident_id, entry)])

    def applied(self, result: Result) -> None:
        """Keep the indexes current."""
        for change in result.changes:
            kind, _, rest = change.key.partition("|")
            if kind == "c" and change.value is not None:
                self._index.chain = Chain(change.value["offset"], change.value["last_hash"])
            elif kind == "h" and change.value is not None:
                self._index.settled(rest, change.value)
            elif kind == "r":
                incident, _, series = rest.partition("|")
                track = self._index.remove_series if change.value is None else self._index.add_series
                track(incident, series)

    def work(self, moment: Moment, limit: int) -> Iterator[Result]:
        """Look again at incidents that policy or time concerns, `limit` at most."""
        self._index.follow(moment.policy)
        for incident_id in self._index.take(moment.now if moment.fresh else None, limit):
            incident = self._load(incident_id)
            if incident is not None:
                yield self._result(self._reconcile(incident, moment), moment, None, [], [])
        yield from self._progress(moment)

    def _progress(self, moment: Moment) -> Iterator[Result]:
        """Tell how far the policy is applied: what a revocation is confirmed by (ARCHITECTURE §8)."""
        stand = (moment.policy.epoch, self._index.backlog)
        if stand != self._told:
            self._told = stand
            value = {"epoch": stand[0], "recalls_due": stand[1], "now": moment.now, "last_hash": b""}
            key = f"distribute/slt.incidents/{self._partition}"
            yield Result(None, (Output(PROGRESS, key, "progress", value),))

    def _load(self, incident_id: str) -> Incident | None:
        return load_incident(incident_id, self._index.series.get(incident_id, ()), self._state)

    def _reconcile(self, incident: Incident, moment: Moment) -> Reconciled:
        return reconcile(incident, moment.policy, moment.now, fresh=moment.fresh)

    def _relinked(self, change: Any, moment: Moment) -> Result:
        """A series has left for its country's partition: what is held of it here goes on under another key there."""
        series = change["series_id"]
        for incident_id in change["left"]:
            incident = self._load(incident_id)
            if incident is not None and series in incident.entries:
                entries = {one: entry for one, entry in incident.entries.items() if one != series}
                found = self._reconcile(incident._replace(entries=entries), moment)
                gone = [Change(report_key(incident_id, series), "ledger_report", None)]
                return self._result(found, moment, Outcome.RELINKED, [], gone)
        return Result(Outcome.RELINKED)

    def _copy(self, report: Any, moment: Moment) -> Result:
        """Counted, and nothing else."""
        nothing = Reconciled(Incident(report["series_id"], report["status"], {}, {}), (), ())
        outlets = self._outlets(moment)
        record = decision_record(nothing, outlets, [_account(report, Outcome.DUPLICATE)])
        output, chain = self._chained(record, report["series_id"])
        head = {"offset": chain.number, "last_hash": chain.hash}  # no incident changes that could keep it
        return Result(Outcome.DUPLICATE, (output,), (Change(CHAIN, "progress", head),))

    def _result(
        self, found: Reconciled, moment: Moment, outcome: Outcome | None, accounts: list[Any], changes: list[Change]
    ) -> Result:
        outlets = self._outlets(moment)
        incident = found.incident.id
        decided, chain = self._chained(decision_record(found, outlets, accounts), incident)
        owed = (
            Output(DELIVERIES, incident, "deliveries", value, self._partition) for value in owed_records(found, outlets)
        )
        return Result(outcome, (decided, *owed), (*changes, holdings_change(found.incident, chain)))

    def _chained(self, record: dict[str, Any], key: str) -> tuple[Output, Chain]:
        """The decision with the hash of the one before, and the chain's new head."""
        before = self._index.chain
        record["previous_hash"] = before.hash
        data = self._tools.encode("decision", record)
        return Output(DECISIONS, key, "decision", data, self._partition), Chain(
            before.number + 1, sha256(data).digest()
        )

    def _outlets(self, moment: Moment) -> Outlets:
        return Outlets(self._tools.ids, self._tools.encode, moment.policy, moment.now)


def _outcome(found: Reconciled, report: Any, moment: Moment) -> Outcome:
    """What became of a report when it was first decided about; a later change is a delivery, not a new outcome."""
    series = report["series_id"]
    if any(member.series_id == series for delivery in found.deliveries for member in delivery.send.shown):
        return Outcome.DELIVERED
    expires = report["expires"]
    return Outcome.EXPIRED if expires is not None and expires <= moment.now else Outcome.WITHHELD


def _account(report: Any, outcome: Outcome) -> dict[str, Any]:
    return {
        "series_id": report["series_id"],
        "version": report["version"],
        "outcome": outcome.value,
        "raw": report["raw"],
    }


def build(settings: Settings) -> Processor:
    """Wire distribute to its topics. Without the master key it does not start."""
    tools = Tools(Ids(settings.secret("master.key")), Codec().encode)

    def task(part: Assignment, state: State) -> Distribute:
        return Distribute(part.partition, tools, state)

    return Processor(Stage.DISTRIBUTE, ("slt.incidents",), task, state="slt.ledger", reads_control=True)
