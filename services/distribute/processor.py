"""DISTRIBUTE: brings what recipients hold to what they should hold; the rule is services.core.reconcile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from hashlib import sha256
from typing import Any, NamedTuple

from services.core.decide import ANSWER_TIME
from services.core.grouping import CERTAIN, JOINING, Link
from services.core.ids import Ids
from services.core.ledger import Entry, Incident
from services.core.merging import merged, relinked
from services.core.plan import founder_of
from services.core.reason import Reason
from services.core.recall import Terms
from services.core.receipt import Encode
from services.core.reconcile import Reconciled, reconcile
from services.core.report import Relation
from services.core.retire import closed, closes_at, is_owed_nothing
from services.core.stage import Change, Moment, Outcome, Output, Record, Result, State
from services.distribute.entries import (
    CHAIN,
    Chain,
    holdings_change,
    holdings_key,
    load_incident,
    read_link,
    report_change,
    report_key,
)
from services.distribute.index import Index
from services.distribute.owed import Outlets, decision_record, owed_records, request_outputs
from services.distribute.recalls import Recalls
from services.runtime.codec import Codec
from services.runtime.processor import Assignment, Processor, Stage
from services.runtime.settings import Limits, Settings

DELIVERIES, DECISIONS, PROGRESS = "slt.deliveries", "slt.decisions", "slt.progress"


class Tools(NamedTuple):
    """What every partition's task of one process shares."""

    ids: Ids
    encode: Encode
    closed_after: timedelta
    """An incident is closed so long after its last change."""
    terms: Terms = Terms()
    answer_time: timedelta = ANSWER_TIME
    """An originator has so long to answer when somebody is at imminent risk."""


class Distribute:
    """The task of one partition of slt.incidents; its state is slt.ledger's partition of that number."""

    def __init__(self, partition: int, tools: Tools, state: State) -> None:
        """Indexes the whole partition's ledger once."""
        self._partition = partition
        self._tools = tools
        self._state = state
        self._index = Index(state)
        self._recalls = Recalls(state, tools.ids, tools.encode, tools.terms)
        self._told: Any = None

    def handle(self, record: Record, moment: Moment) -> Result:
        """DELIVERED, WITHHELD or EXPIRED for a report's first decision; DUPLICATE; RELINKED for changes without one."""
        change = record.value
        relation, report = change["relation"], change["report"]
        if relation == Relation.DUPLICATE:
            return self._copy(report, moment)
        if report is None:
            return self._relinked(change, moment)
        (incident_id,) = change["joined"]
        before = self._load(incident_id) or Incident(incident_id, report["status"], {}, {})
        series = report["series_id"]
        known = before.entries.get(series)
        if known and known.report["version"] >= report["version"]:
            return self._copy(report, moment)
        incident = merged(before, self._others(change))
        entry = known._replace(report=report, closed=False) if known else _first(change, incident, moment)
        entries = relinked({**incident.entries, series: entry}, series, _links(change))
        found = self._reconcile(incident._replace(entries=entries, changed_at=moment.now), moment)
        outcome = _outcome(found, report, moment)
        result = self._result(before, found, moment, outcome, [_account(report, outcome)])
        return self._without(change, result)

    def applied(self, result: Result) -> None:
        """Keep the indexes current."""
        self._recalls.applied(result.changes)
        for change in result.changes:
            kind, _, rest = change.key.partition("|")
            if kind == "c" and change.value is not None:
                self._index.chain = Chain(change.value["offset"], change.value["last_hash"])
            elif kind == "h" and change.value is not None:
                self._index.settled(rest, change.value)
            elif kind == "h":
                self._index.forget(rest)
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
                yield self._again(incident, moment)
        yield from self._recalls.work(moment, limit)
        yield from self._progress(moment)

    def _again(self, incident: Incident, moment: Moment) -> Result:
        """What policy or time has changed; and the end of an incident that nothing has happened to for long."""
        if moment.fresh and is_owed_nothing(incident, moment.now):
            parts = [Change(report_key(incident.id, series), "ledger_report", None) for series in incident.entries]
            return Result(None, (), (*parts, Change(holdings_key(incident.id), "ledger_holdings", None)))
        aged = closed(incident, moment.now, self._tools.closed_after) if moment.fresh else incident
        return self._result(incident, self._reconcile(aged, moment), moment)

    def _progress(self, moment: Moment) -> Iterator[Result]:
        """Tell below which epoch everything is settled: what a revocation is confirmed by (ARCHITECTURE §8).

        Not while the moment may be stale: a view that has to shrink then stays as it is until it is looked at again.
        """
        stand = (self._index.settled_to, self._index.backlog, self._recalls.standings)
        if moment.fresh and stand != self._told:
            self._told = stand
            value = {"epoch": stand[0], "recalls_due": stand[1], "now": moment.now, "last_hash": b"",
                     "answers": stand[2]}  # fmt: skip
            key = f"distribute/slt.incidents/{self._partition}"
            yield Result(None, (Output(PROGRESS, key, "progress", value),))

    def _load(self, incident_id: str) -> Incident | None:
        return load_incident(incident_id, self._index.series.get(incident_id, ()), self._state)

    def _reconcile(self, incident: Incident, moment: Moment) -> Reconciled:
        patience = self._tools.answer_time
        incident = incident._replace(number=self._index.chain.number + 1)
        found = reconcile(incident, moment.policy, moment.now, fresh=moment.fresh, answer_time=patience)
        after = found.incident
        if found.deliveries:
            after = after._replace(changed_at=moment.now)
        closes = closes_at(after, self._tools.closed_after)
        later = (due for due in (after.next_change_at, closes) if due and (due > moment.now or not moment.fresh))
        return found._replace(incident=after._replace(next_change_at=min(later, default=None)))

    def _others(self, change: Any) -> list[Incident]:
        """The incidents that go on in the one that the change names; one that is forgotten has nothing to go on."""
        found = (self._load(incident_id) for incident_id in change["merged"])
        return [incident for incident in found if incident]

    def _without(self, change: Any, result: Result) -> Result:
        """The result, and the ledger without the incidents that went on in another; their recalls stay theirs."""
        gone: list[Change] = []
        for one in change["merged"]:
            parts = (report_key(one, series) for series in self._index.series.get(one, ()))
            gone += [Change(part, "ledger_report", None) for part in parts]
            gone.append(Change(holdings_key(one), "ledger_holdings", None))
        return result._replace(changes=(*result.changes, *gone))

    def _word(self, change: Any, moment: Moment) -> Result:
        """An operator's word: what is known of the pairs that it names is another now, and incidents may be one."""
        before = self._load(change["joined"][0])
        if before is None:
            return Result(Outcome.RELINKED)
        incident = merged(before, self._others(change))
        entries = relinked(incident.entries, "", _links(change))
        found = self._reconcile(incident._replace(entries=entries, changed_at=moment.now), moment)
        return self._without(change, self._result(before, found, moment, Outcome.RELINKED))

    def _relinked(self, change: Any, moment: Moment) -> Result:
        """No new report: an operator's word, or a series has left for its country's partition.

        What is held here of one that left goes on under another key there.
        """
        if change["joined"]:
            return self._word(change, moment)
        series = change["series_id"]
        for incident_id in change["left"]:
            incident = self._load(incident_id)
            if incident is not None and series in incident.entries:
                left = {one: entry for one, entry in incident.entries.items() if one != series}
                entries = relinked(left, series, ())
                found = self._reconcile(incident._replace(entries=entries, changed_at=moment.now), moment)
                return self._result(incident, found, moment, Outcome.RELINKED)
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
        self, before: Incident, found: Reconciled, moment: Moment, outcome: Outcome | None = None,
        accounts: Sequence[Any] = (),
    ) -> Result:  # fmt: skip
        outlets = self._outlets(moment)
        after = found.incident
        decided, chain = self._chained(decision_record(found, outlets, accounts), after.id)
        owed = (
            Output(DELIVERIES, after.id, "deliveries", value, self._partition) for value in owed_records(found, outlets)
        )
        asked = (output for one in found.requests for output in request_outputs(one, after, outlets))
        changes = (
            *_report_changes(before, after),
            holdings_change(after, chain),
            *self._recalls.begun(found, moment.now),
        )
        note = Reason.BUG_GATE if found.failed else None
        return Result(outcome, (decided, *owed, *asked), changes, note=note, fault=", ".join(found.failed))

    def _chained(self, record: dict[str, Any], key: str) -> tuple[Output, Chain]:
        """The decision with the hash of the one before, and the chain's new head."""
        before = self._index.chain
        record["previous_hash"] = before.hash
        data = self._tools.encode("decision", record)
        return Output(DECISIONS, key, "decision", data, self._partition), Chain(
            before.number + 1, sha256(data).digest()
        )

    def _outlets(self, moment: Moment) -> Outlets:
        return Outlets(self._tools.ids, self._tools.encode, moment.policy, moment.now, self._tools.terms)


def _first(change: Any, incident: Incident, moment: Moment) -> Entry:
    """A series that joins: linked where the evidence says that it is the same, an echo if its submitter had the other.

    What a submitter has received is known from the ledger alone; correlate names candidates (ARCHITECTURE §8).
    """
    report = change["report"]
    candidates = (link["other"] for link in change["links"] if link["relation"] == Relation.ECHO)
    slots = incident.holdings.get(report["originator"], ())
    received = {founder_of(slot.name) for slot in slots} | {one.series_id for slot in slots for one in slot.members}
    echo = tuple(series for series in candidates if series in received and series in incident.entries)
    return Entry(report, moment.now, (), echo)


def _links(change: Any) -> Iterator[Link]:
    """What the change says of pairs. RELATED without a score says nothing of whether they are the same."""
    for fields in change["links"]:
        link = read_link(fields)
        if link.relation in JOINING or link.score < CERTAIN:
            yield link


def _report_changes(before: Incident, after: Incident) -> Iterator[Change]:
    for series, entry in after.entries.items():
        if before.entries.get(series) is not entry:
            yield report_change(after.id, entry)
    for series in before.entries:
        if series not in after.entries:
            yield Change(report_key(after.id, series), "ledger_report", None)


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


def recall_terms(limits: Limits) -> Terms:
    """How long recipients have to answer a recall."""
    return Terms(timedelta(hours=limits.recall_hours), timedelta(hours=limits.remind_hours))


def build(settings: Settings) -> Processor:
    """Wire distribute to its topics. Without the master key it does not start."""
    closed_after = timedelta(days=settings.limits.retire_days)
    answer_time = timedelta(minutes=settings.limits.answer_minutes)
    ids, terms = Ids(settings.secret("master.key")), recall_terms(settings.limits)
    tools = Tools(ids, Codec().encode, closed_after, terms, answer_time)

    def task(part: Assignment, state: State) -> Distribute:
        return Distribute(part.partition, tools, state)

    return Processor(
        Stage.DISTRIBUTE, ("slt.incidents",), task, state="slt.ledger", reads_control=True, reads_acks=True
    )
