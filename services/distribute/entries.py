"""Incidents in the ledger's state: a part per report, and one part with what recipients hold.

Recipients with equal holdings share an entry of that part, so that fifty recipients cost a few hundred bytes and not a
record each (docs/adr/0019).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from services.core.grouping import Link
from services.core.ledger import Entry, Incident, Slots, slot_from_fields, slot_to_fields
from services.core.report import Relation, Status, Urgency
from services.core.stage import Change, State

REPORT, HOLDINGS = "r", "h"
CHAIN = "c|"
"""State key of the chain's head after a record that changed no incident."""


class Chain(NamedTuple):
    """The partition's hash chain of decisions: how many there are, and the newest one's SHA-256."""

    number: int = 0
    hash: bytes = b""


def report_key(incident: str, series: str) -> str:
    """State key of a report's part."""
    return f"{REPORT}|{incident}|{series}"


def holdings_key(incident: str) -> str:
    """State key of the holdings' part."""
    return f"{HOLDINGS}|{incident}"


def priority(incident: Incident) -> int:
    """Imminent risk first, exercises and tests last."""
    if incident.status != Status.ACTUAL:
        return 2
    return 0 if any(e.report["urgency"] == Urgency.IMMEDIATE for e in incident.entries.values()) else 1


def load_incident(incident: str, series: Iterable[str], state: State) -> Incident | None:
    """The incident as the state has it, or None if it is not there."""
    held = state.get(holdings_key(incident))
    if held is None:
        return None
    entries = {one: _entry(fields) for one in series if (fields := state.get(report_key(incident, one)))}
    return Incident(
        incident, held["status"], entries, _holdings(held["holdings"]), held["epoch"], held["next_change_at"],
        held["changed_at"],
    )  # fmt: skip


def _entry(fields: Mapping[str, Any]) -> Entry:
    links = tuple(read_link(link) for link in fields["links"])
    asked = (fields["requested_at"], fields["asked"])
    return Entry(fields["report"], fields["decided_at"], links, tuple(fields["echo"]), *asked, fields["closed"])


def read_link(fields: Mapping[str, Any]) -> Link:
    """What a record says of a pair."""
    return Link(fields["one"], fields["other"], Relation(fields["relation"]), fields["score"])


def _holdings(classes: Iterable[Mapping[str, Any]]) -> dict[str, Slots]:
    found: dict[str, Slots] = {}
    for entry in classes:
        slots = tuple(slot_from_fields(fields) for fields in entry["slots"])
        found.update(dict.fromkeys(entry["recipients"], slots))
    return found


def report_change(incident: str, entry: Entry) -> Change:
    """The part of one report."""
    links = [link._asdict() for link in entry.links]
    value = {
        "report": entry.report, "decided_at": entry.decided_at, "links": links, "echo": list(entry.echo),
        "requested_at": entry.requested_at, "asked": entry.asked, "closed": entry.closed,
    }  # fmt: skip
    return Change(report_key(incident, entry.report["series_id"]), "ledger_report", value)


def holdings_change(incident: Incident, chain: Chain) -> Change:
    """The part with everybody's holdings."""
    classes: dict[int, tuple[Slots, list[str]]] = {}
    for recipient, slots in incident.holdings.items():  # one reconciliation shares equal slots
        if (found := classes.get(id(slots))) is None:
            found = classes[id(slots)] = (slots, [])
        found[1].append(recipient)
    value = {
        "epoch": incident.epoch,
        "next_change_at": incident.next_change_at,
        "status": incident.status,
        "priority": priority(incident),
        "changed_at": incident.changed_at,
        "parties": sorted(incident.parties),
        "areas": sorted(incident.areas),
        "decision_number": chain.number,
        "decision_hash": chain.hash,
        "holdings": [
            {"recipients": recipients, "slots": [slot_to_fields(slot) for slot in slots]}
            for slots, recipients in classes.values()
        ],
    }
    return Change(holdings_key(incident.id), "ledger_holdings", value)
