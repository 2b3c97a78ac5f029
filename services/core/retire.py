"""Closing an incident: its content goes, what is held of it stays known, so that a recall still arrives.

Nothing of a closed report is sent again. A new version of it opens it again, because it brings its own content
(ARCHITECTURE §5 rule 3).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from services.core.ledger import Entry, Incident, SlotState

FORGET_AFTER = timedelta(days=400)
"""As long as slt.control remembers what has ended: nobody can be owed a recall after that."""
_EMPTY: Mapping[str, Any] = {
    "event": "", "event_scheme": "", "headline": "", "description": "", "advice": "", "tearline": "", "personal": {},
    "source_note": "", "attributes": {}, "actor": "", "victims": [], "means": "", "occurred_from": None,
    "occurred_to": None, "reported_at": None, "expires": None,
    "place": {"latitude": None, "longitude": None, "precision": "UNKNOWN", "country": "", "admin1": "", "admin2": "",
              "name": ""},
    "harm": {"scheme": "", "killed": None, "injured": None, "kidnapped": None, "detained": None},
}  # fmt: skip


def closes_at(incident: Incident, after: timedelta) -> datetime | None:
    """When the incident is to be closed, or, once it is closed, forgotten."""
    if incident.changed_at is None:
        return None
    return incident.changed_at + (FORGET_AFTER if is_closed(incident) else after)


def is_closed(incident: Incident) -> bool:
    """Whether all its content is gone."""
    return all(entry.closed for entry in incident.entries.values())


def closed(incident: Incident) -> Incident:
    """The incident without the content of its reports."""
    entries = {series: _closed(entry) for series, entry in incident.entries.items()}
    return incident._replace(entries=entries)


def _closed(entry: Entry) -> Entry:
    return entry if entry.closed else entry._replace(report={**entry.report, **_EMPTY}, closed=True)


def is_owed_nothing(incident: Incident, now: datetime) -> bool:
    """Closed, nothing of it is held, and the time for a recall is over: its keys' sequences are not needed any more."""
    if incident.changed_at is None or not is_closed(incident):
        return False
    held = any(slot.state is SlotState.HELD for slots in incident.holdings.values() for slot in slots)
    return not held and now >= incident.changed_at + FORGET_AFTER
