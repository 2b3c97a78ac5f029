"""What an auditor asks of one report: who has what of it and why, who has not, and what changed (issue: explain).

Folded from the records of slt.decisions, each of which states the whole: every recipient's verdict on each report of an
incident. No content gets here. The values are JSON, because a read model stores them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypedDict

from services.core.gates import Target, Verdict

HISTORY = 20
"""Changes that are remembered of one report."""


class Row(TypedDict):
    """Recipients with one verdict, in the words of schemas/decision."""

    recipients: list[str]
    effect: str
    target: str
    primary: str
    reasons: list[str]
    projection: str
    grants: list[str]
    obligations: list[str]
    valid_until: str | None


class Holding(TypedDict):
    """What some recipients hold of the report."""

    recipients: list[str]
    version: int
    projection: str
    since: str


class Change(Row):
    """Recipients for whom something became different, and when."""

    version: int
    epoch: int
    as_of: str


class Audited(TypedDict):
    """Everything that is known about one report."""

    series_id: str
    incident: str
    version: int
    epoch: int
    as_of: str
    rows: list[Row]
    held: list[Holding]
    history: list[Change]
    """Newest first."""


def row(verdict: Verdict, recipients: Iterable[str], valid_until: datetime | None) -> Row:
    """A verdict that was never recorded (a preview), as a decision record would have it."""
    return {
        "recipients": list(recipients), "effect": verdict.effect.name, "target": verdict.target.value,
        "primary": verdict.primary.value, "reasons": [code.value for code in verdict.reasons],
        "projection": verdict.projection.text, "grants": list(verdict.grants),
        "obligations": list(verdict.obligations), "valid_until": valid_until.isoformat() if valid_until else None,
    }  # fmt: skip


def audited(decision: Mapping[str, Any]) -> Iterator[Audited]:
    """What one record of slt.decisions says of each of its reports."""
    series: dict[str, Audited] = {}
    as_of = decision["as_of"].isoformat()
    for told in decision["verdicts"]:
        found = series.setdefault(told["series_id"], {
            "series_id": told["series_id"], "incident": decision["incident"], "version": told["version"],
            "epoch": decision["epoch"], "as_of": as_of, "rows": [], "held": [], "history": [],
        })  # fmt: skip
        until = told["valid_until"]
        found["rows"].append({
            "recipients": list(told["recipients"]), "effect": told["effect"], "target": told["target"],
            "primary": told["primary"], "reasons": list(told["reasons"]), "projection": told["projection"],
            "grants": list(told["grants"]), "obligations": list(told.get("obligations", ())),
            "valid_until": until.isoformat() if until else None,
        })  # fmt: skip
    yield from series.values()


def after(before: Audited | None, news: Audited) -> Audited:
    """What is known after one more decision; one that is older than what is known changes nothing."""
    if before and datetime.fromisoformat(news["as_of"]) < datetime.fromisoformat(before["as_of"]):
        return before
    history = [*_changes(before, news), *(before["history"] if before else ())]
    return {**news, "held": _held(before["held"] if before else (), news), "history": history[:HISTORY]}


def _changes(before: Audited | None, news: Audited) -> Iterator[Change]:
    same_version = before is not None and before["version"] == news["version"]
    was = {org: _essence(told) for told in before["rows"] for org in told["recipients"]} if before else {}
    for told in news["rows"]:
        changed = [org for org in told["recipients"] if not same_version or was.get(org) != _essence(told)]
        if changed:
            yield {**told, "recipients": changed, **_moment(news)}  # type: ignore[typeddict-item]  # one typed dict
    gone = sorted(was.keys() - {org for told in news["rows"] for org in told["recipients"]})
    if gone:
        left: Row = {"recipients": gone, "effect": "DENY", "target": "NONE", "primary": "DEN_PARTNER_UNKNOWN",
                     "reasons": ["DEN_PARTNER_UNKNOWN"], "projection": "", "grants": [], "obligations": [],
                     "valid_until": None}  # fmt: skip
        yield {**left, **_moment(news)}  # type: ignore[typeddict-item]


def _moment(news: Audited) -> Mapping[str, Any]:
    return {"version": news["version"], "epoch": news["epoch"], "as_of": news["as_of"]}


def _essence(told: Row) -> tuple[Any, ...]:
    """What makes two verdicts different for somebody who asks; when they may change is not among it."""
    return told["target"], told["effect"], told["projection"], tuple(told["reasons"]), tuple(told["grants"])


def _held(before: Iterable[Holding], news: Audited) -> list[Holding]:
    """SHOW: what is shown now. KEEP: what was held. NONE, or no word: nothing (ARCHITECTURE §4)."""
    was = {org: holding for holding in before for org in holding["recipients"]}
    found: dict[tuple[int, str, str], list[str]] = {}
    for told in news["rows"]:
        for org in told["recipients"]:
            key = _holding(told, was.get(org), news)
            if key:
                found.setdefault(key, []).append(org)
    return [
        {"recipients": sorted(orgs), "version": version, "projection": projection, "since": since}
        for (version, projection, since), orgs in found.items()
    ]


def _holding(told: Row, was: Holding | None, news: Audited) -> tuple[int, str, str] | None:
    if told["target"] == Target.SHOW:
        now = (news["version"], told["projection"])
        same = was is not None and (was["version"], was["projection"]) == now
        return (*now, was["since"] if was and same else news["as_of"])
    if told["target"] == Target.KEEP and was:
        return was["version"], was["projection"], was["since"]
    return None
