"""Asking an originator for consent when somebody may be hurt soon: once, a reminder, and the end (consent.md §7).

Silence is no. The request, its reminder and its end go to the originator's own notices; what was asked is in the
ledger, so that a crash asks neither twice nor never.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from services.core.decide import ANSWER_TIME
from services.core.gates import Code, Verdict
from services.core.ledger import Entry

REMINDER_AFTER = timedelta(minutes=5)
_WAITING = frozenset({Code.IMR_REQUEST_SENT, Code.IMR_UNREACHABLE})


class RequestStage(StrEnum):
    """What a notice about a request says."""

    REQUEST = "REQUEST"
    REMINDER = "REMINDER"
    FINAL = "FINAL"  # no answer came in time


class Request(NamedTuple):
    """One notice to an originator."""

    series_id: str
    stage: RequestStage
    requested_at: datetime
    waiting: int
    """Recipients that it holds the report back from."""

    @property
    def deadline(self) -> datetime:
        """Until when an answer releases in time."""
        return self.requested_at + ANSWER_TIME


_AFTER = (timedelta(), REMINDER_AFTER, ANSWER_TIME)
_STAGES = tuple(RequestStage)


def request(entry: Entry, groups: Iterable[tuple[Verdict, tuple[str, ...]]], now: datetime) -> Request | None:
    """The notice that is due now, or None. A stage that was slept through is passed over."""
    waiting = sum(len(orgs) for verdict, orgs in groups if _WAITING & set(verdict.reasons))
    if not waiting or entry.asked == len(_STAGES):
        return None
    asked_at = entry.requested_at or now
    reached = sum(now >= asked_at + after for after in _AFTER)
    return (
        Request(entry.report["series_id"], _STAGES[reached - 1], asked_at, waiting) if reached > entry.asked else None
    )


def asked(entry: Entry, sent: Request) -> Entry:
    """The entry with the notice noted."""
    return entry._replace(requested_at=sent.requested_at, asked=_STAGES.index(sent.stage) + 1)


def next_notice(entry: Entry, now: datetime) -> datetime | None:
    """When the next notice may be due."""
    if entry.requested_at is None:
        return None
    later = (entry.requested_at + after for after in _AFTER)
    return min((moment for moment in later if moment > now), default=None)
