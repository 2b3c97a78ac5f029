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

_WAITING = frozenset({Code.IMR_REQUEST_SENT, Code.IMR_UNREACHABLE})


class RequestStage(StrEnum):
    """What a notice about a request says."""

    REQUEST = "REQUEST"
    REMINDER = "REMINDER"
    FINAL = "FINAL"  # no answer came in time
    GLASS_BROKEN = "GLASS_BROKEN"  # two persons released what saves lives; for review


class Request(NamedTuple):
    """One notice to an originator."""

    series_id: str
    stage: RequestStage
    requested_at: datetime
    waiting: int
    """Recipients that it holds the report back from; of a broken glass, those who have it."""
    deadline: datetime
    """Until when an answer releases in time; of a broken glass, when its review is due."""


REVIEW_TIME = timedelta(days=7)
"""The Oversight Committee looks at each broken glass within a week (consent.md §7)."""
_STAGES = tuple(RequestStage)


def request(
    entry: Entry, groups: Iterable[tuple[Verdict, tuple[str, ...]]], now: datetime, answer_time: timedelta = ANSWER_TIME
) -> Request | None:
    """The notice that is due now, or None. A stage that was slept through is passed over."""
    series, asked_at = entry.report["series_id"], entry.requested_at or now
    saved = sum(len(orgs) for verdict, orgs in groups if Code.IMR_BREAK_GLASS in verdict.reasons)
    if saved and entry.asked < len(_STAGES):
        return Request(series, RequestStage.GLASS_BROKEN, asked_at, saved, now + REVIEW_TIME)
    waiting = sum(len(orgs) for verdict, orgs in groups if _WAITING & set(verdict.reasons))
    if not waiting:
        return None
    reached = sum(now >= moment for moment in _moments(asked_at, answer_time))
    if reached <= entry.asked:
        return None
    return Request(series, _STAGES[reached - 1], asked_at, waiting, asked_at + answer_time)


def _moments(asked_at: datetime, answer_time: timedelta) -> tuple[datetime, ...]:
    """When each stage is reached: the reminder comes when half of the time is over."""
    return asked_at, asked_at + answer_time / 2, asked_at + answer_time


def asked(entry: Entry, sent: Request) -> Entry:
    """The entry with the notice noted."""
    return entry._replace(requested_at=sent.requested_at, asked=_STAGES.index(sent.stage) + 1)


def next_notice(entry: Entry, now: datetime, answer_time: timedelta = ANSWER_TIME) -> datetime | None:
    """When the next notice may be due."""
    if entry.requested_at is None:
        return None
    return min((moment for moment in _moments(entry.requested_at, answer_time) if moment > now), default=None)
