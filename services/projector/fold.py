"""What one record adds to the read model: pure, counted exactly once because its offset is stored with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from services.core.audit import Audited, audited
from services.core.envelope import DeliveryType
from services.projector.shown import Record, Shown
from services.runtime.read_model import ACCOUNTS, OUTLETS, REFUSALS, VERDICTS

FEED_LENGTH = 500


class Delivered(NamedTuple):
    """One delivery, as the live view shows it."""

    at: datetime
    org: str
    type: str
    status: str
    key: str
    sources: str = ""
    """Independent sources that an update shows, as the view counts them; empty: not looked at."""


class Fold:
    """Gathers a batch: increments per counter, newest state per outlet, the feed's new lines."""

    def __init__(self) -> None:
        """An empty batch."""
        self.counts: dict[str, Counter[str]] = {}
        self.newest: dict[str, dict[str, str]] = {}
        self.held: dict[str, dict[str, str | None]] = {}
        self.feed: list[Delivered] = []
        self.audits: dict[str, list[Audited]] = {}
        self.shown = Shown()

    def count(self, counter: str, name: str, by: int = 1) -> None:
        """Add to one field of one counter."""
        self.counts.setdefault(counter, Counter())[name] += by

    def accepted(self, reports: int) -> None:
        """Reports that intake let in."""
        self.count(ACCOUNTS, "accepted", reports)

    def decision(self, value: Mapping[str, Any]) -> None:
        """Outcomes of reports, how often each reason came first, and what an auditor asks of each report."""
        for account in value["accounts"]:
            self.count(ACCOUNTS, account["outcome"])
        for verdict in value["verdicts"]:
            self.count(VERDICTS, verdict["primary"], len(verdict["recipients"]))
        for news in audited(value):
            self.audits.setdefault(news["series_id"], []).append(news)

    def dead(self, value: Mapping[str, Any]) -> None:
        """A refused record is an outcome too; at intake it was no report yet."""
        self.count(ACCOUNTS, "refused" if value["stage"] != "intake" else "refused_at_intake")
        self.count(REFUSALS, value["reason"])

    def outlet(self, exercise: bool, record: Record) -> None:
        """One delivery: the outlet's newest state, and what its keys stand for."""
        envelope = record.envelope
        name = f"{record.org} (exercise)" if exercise else record.org
        self.newest.setdefault(name, {})["at"] = record.at.isoformat()
        self.count(f"{OUTLETS}:{name}:types", envelope.type.value)
        is_gone = envelope.type is DeliveryType.RECALL or bool(envelope.replaced_by)
        state = f"{envelope.type}|{envelope.sequence}|{record.at.isoformat()}"
        self.held.setdefault(name, {})[record.key] = None if is_gone else state
        sources = str(record.fields.get("sources", ""))
        self.feed.append(Delivered(record.at, record.org, envelope.type.value, envelope.status, record.key, sources))
        self.shown.delivery(record)
