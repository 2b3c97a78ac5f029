"""Closing a report: its content goes, what is held of it stays known, so that a recall still arrives.

Nothing of a closed report is sent again. A new version of it opens it again, because it brings its own content
(ARCHITECTURE §5 rule 3). Marks stand where there was content: so its features stay, and a permission that shrinks after
years is still seen to shrink. Each report closes by its own age: whether there is another one beside it tells nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from services.core.features import COUNTS, SMALL
from services.core.ledger import Entry, Incident, SlotState

FORGET_AFTER = timedelta(days=400)
"""As long as slt.control remembers what has ended: nobody can be owed a recall after that."""
_MARK = "…"
_LONG_AGO = datetime(1990, 1, 1, tzinfo=UTC)
_CONTENT = (
    "event", "event_scheme", "headline", "description", "advice", "tearline", "personal", "source_note", "attributes",
    "actor", "victims", "means", "occurred_from", "occurred_to", "reported_at",
)  # fmt: skip
_NAMES = ("country", "admin1", "admin2", "name")


def closes_at(incident: Incident, after: timedelta) -> datetime | None:
    """When the next of its reports is to be closed, or, once all are, the incident forgotten."""
    still_open: list[datetime] = [one.report["received_at"] for one in incident.entries.values() if not one.closed]
    if still_open:
        return min(still_open) + after
    return None if incident.changed_at is None else incident.changed_at + FORGET_AFTER


def closed(incident: Incident, now: datetime, after: timedelta) -> Incident:
    """The incident without the content of the reports that are older than `after`."""
    entries = {
        series: _closed(entry) if not entry.closed and entry.report["received_at"] + after <= now else entry
        for series, entry in incident.entries.items()
    }
    return incident._replace(entries=entries)


def is_owed_nothing(incident: Incident, now: datetime) -> bool:
    """Closed, nothing of it is held, and the time for a recall is over: its keys' sequences are not needed any more."""
    if incident.changed_at is None or not all(entry.closed for entry in incident.entries.values()):
        return False
    held = any(slot.state is SlotState.HELD for slots in incident.holdings.values() for slot in slots)
    return not held and now >= incident.changed_at + FORGET_AFTER


def _closed(entry: Entry) -> Entry:
    report = entry.report
    marked = {name: _marked(report[name]) for name in _CONTENT}
    changed = {**report, **marked, "place": _place(report["place"]), "harm": _harm(report["harm"])}
    return entry._replace(report=changed, closed=True)


def _marked(value: Any) -> Any:
    match value:
        case str():
            return _MARK if value else ""
        case datetime():
            return _LONG_AGO
        case dict():
            return {_MARK: _MARK} if value else {}
        case list() | tuple():
            return [_MARK] if value else []
        case _:
            return None


def _place(place: Mapping[str, Any]) -> dict[str, Any]:
    where = None if place["latitude"] is None else 0.0
    names = {name: _marked(place[name]) for name in _NAMES}
    return {**place, **names, "latitude": where, "longitude": where}


def _harm(harm: Mapping[str, Any]) -> dict[str, Any]:
    counts = {name: None if harm[name] is None else min(harm[name], SMALL) for name in COUNTS}
    return {**harm, **counts, "scheme": _marked(harm["scheme"])}
