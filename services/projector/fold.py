"""What one record adds to the read model: pure, counted exactly once because its offset is stored with it.

No content gets here: the read model knows types, keys, counts and times (ARCHITECTURE §8 "The SIOC is a recipient").
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from services.core.audit import Audited, audited
from services.core.envelope import DeliveryType, parse

ACCOUNTS = "slt:accounts"
REFUSALS = "slt:refusals"
VERDICTS = "slt:verdicts"
OUTLETS = "slt:outlets"
FEED = "slt:feed"
FEED_LENGTH = 500
AUDIT = "slt:audit:"
"""The auditor's own keys: no view of the SIOC's staff reads them (ARCHITECTURE §8 "The SIOC is a recipient")."""


class Delivered(NamedTuple):
    """One delivery, as the live view shows it."""

    at: datetime
    org: str
    type: str
    status: str
    key: str
    sources: str = ""
    """Independent sources that an update shows, as the view counts them; empty: not looked at."""


FINAL = ("delivered", "withheld", "duplicate", "expired", "refused")
"""What can become of a report that was accepted."""


def gap(accounts: Mapping[str, int]) -> int:
    """Accepted reports without a final outcome: those under way, and, if it stays, those lost."""
    return accounts.get("accepted", 0) - sum(accounts.get(outcome, 0) for outcome in FINAL)


class Fold:
    """Gathers a batch: increments per counter, newest state per outlet, the feed's new lines."""

    def __init__(self) -> None:
        """An empty batch."""
        self.counts: dict[str, Counter[str]] = {}
        self.newest: dict[str, dict[str, str]] = {}
        self.held: dict[str, dict[str, str | None]] = {}
        self.feed: list[Delivered] = []
        self.audits: dict[str, list[Audited]] = {}

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

    def outlet(self, topic: str, key: str, header: bytes | None, at: datetime, sources: str = "") -> None:
        """One record of slt.out.<org> or slt.exercise.<org>: the outlet's newest state, and what its keys stand for."""
        family, org = topic.split(".")[1:3]
        name = org if family == "out" else f"{org} (exercise)"
        newest = self.newest.setdefault(name, {})
        newest["at"] = at.isoformat()
        if header is None:
            return  # the outlet's pulse
        envelope = parse(header)
        self.count(f"{OUTLETS}:{name}:types", envelope.type.value)
        is_gone = envelope.type is DeliveryType.RECALL or bool(envelope.replaced_by)
        self.held.setdefault(name, {})[key] = None if is_gone else f"{envelope.type}|{envelope.sequence}"
        self.feed.append(Delivered(at, org, envelope.type.value, envelope.status, key, sources))
