"""The view of an incident for one recipient: accounts side by side, and what can be said of all (docs/rules.md §8).

A function of what is shown and of nothing else: a report that is withheld changes no byte of it (consent.md §6).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from services.core.features import COUNTS
from services.core.project import Account, account, begin
from services.core.projection import Attribution, Fact, Projection, Time
from services.core.report import UpstreamType

NOTICE = (
    "Shared under Saving Lives Together for the security of personnel, operations and assets only. "
    "Not to be passed on without the originator's prior consent. "
    "Assessments and decisions remain each organisation's own."
)
"""Responsibility notice in every view (SLT-16, SLT-52, SLT-54)."""
UNCORROBORATED = "uncorroborated"
_COMPARED = ("kind", "country", "area")
_DAYS = {Time.EXACT: 0, Time.DAY: 1, Time.WEEK: 7, Time.MONTH: 31, Time.YEAR: 366}
"""How long a period is at most."""
_LAST = timedelta(milliseconds=1)


class Released(NamedTuple):
    """One report as one recipient may see it."""

    report: Mapping[str, Any]
    projection: Projection
    category: str = ""
    """Of its originator, from the registry; empty if unknown."""
    obligations: tuple[str, ...] = ()
    """Duties that come with the grants that permit it."""


def build_view(status: str, released: Iterable[Released]) -> dict[str, Any]:
    """The `view` record of what is released: nothing is averaged, what differs is named (SLT-29)."""
    shown = tuple(released)
    accounts = [_account(each) for each in shown]
    return {
        "status": status,
        "accounts": sorted(accounts, key=_order) if len(accounts) > 1 else accounts,
        "sources": _corroboration(shown),
        "conflicts": conflicts(accounts) if len(accounts) > 1 else [],
        "notice": NOTICE,
    }


def _account(released: Released) -> Account:
    found = account(released.report, released.projection, released.category)
    if released.obligations:
        found["obligations"] = list(released.obligations)
    return found


def _order(found: Account) -> tuple[Any, ...]:
    """By what is shown alone: an order by ids or arrival would tell of hidden ones."""
    return found["received_at"], found.get("source", ""), found.get("series_id") or repr(found)


def _corroboration(released: Iterable[Released]) -> str:
    """Independent sources: 1, 2 or 3+.

    Sources that are not named count for nothing more than one, and only where no other counts: whether they are
    independent of those beside them would tell who they are.
    """
    counted = [each for each in released if each.projection.facts & Fact.CORROBORATION]
    named = [roots(each.report) for each in counted if each.projection.attribution == Attribution.NAMED]
    count = independent(named) or len(counted[:1])
    return UNCORROBORATED if not count else str(count) if count < 3 else "3+"


def roots(report: Mapping[str, Any]) -> frozenset[str]:
    """Whence a report has it: its upstream organisations and public sources, else its originator."""
    found = {report["on_behalf_of"]}
    for source in report["upstream"]:
        if source["type"] == UpstreamType.ORGANISATION:
            found.add(source["org"])
        elif source["type"] == UpstreamType.PUBLIC:
            found.add(source["url"])
    return frozenset(found - {""}) or frozenset({report["originator"]})


def independent(sources: Iterable[frozenset[str]]) -> int:
    """How many groups of sources share nothing with each other (SLT-29)."""
    groups: list[frozenset[str]] = []
    for source in sources:
        apart = [group for group in groups if not group & source]
        together = [group for group in groups if group & source]
        groups = [*apart, source.union(*together)]
    return len(groups)


def conflicts(accounts: Sequence[Account]) -> list[str]:
    """Names of what the accounts contradict each other in, as far as it is shown; texts are left side by side."""
    found = [name for name in _COMPARED if _differ(each.get(name) for each in accounts)]
    periods = [period for each in accounts if (period := _period(each))]
    if periods and max(start for start, _ in periods) > min(end for _, end in periods):
        found.append("occurred")
    harms = [each["harm"] for each in accounts if "harm" in each]
    return found + [f"harm.{name}" for name in COUNTS if _differ(harm[name] for harm in harms)]


def _differ(values: Iterable[Any]) -> bool:
    """More than one value is given; 0 is one, nothing is none."""
    return len({value for value in values if value is not None and value != ""}) > 1


def _period(found: Account) -> tuple[datetime, datetime] | None:
    """First and last moment at which it can have been; None if that is not shown or its precision is unknown."""
    first = found.get("occurred_from") or found.get("occurred_to")
    if first is None or found["time_precision"] == Time.UNKNOWN.name:
        return None
    level = Time[found["time_precision"]]
    last = found["occurred_to"] or first
    if level is Time.EXACT:
        return first, last
    return first, begin(last + timedelta(days=_DAYS[level]), level) - _LAST
