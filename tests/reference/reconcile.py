"""The naive reconciler: what one recipient should hold of an incident, and what it holds after a history.

From the action table of the architecture (§4): SHOW, KEEP, NONE, connected groups, keys, recalls. Compared is what is
held, not the messages that bring it about.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from tests.reference.codes import first
from tests.reference.decide import PURPOSE, Decision, decide
from tests.reference.facts import ATTRIBUTIONS, Fields
from tests.reference.lattice import EMPTY, Projection, coarser, normalise, not_less
from tests.reference.registry import Entry

LATE = timedelta(hours=72)


class Item(NamedTuple):
    """The newest version of one series in an incident, when it was first decided, and its context."""

    report: Fields
    decided_at: datetime
    echo: tuple[tuple[str, str], ...] = ()
    requested_at: datetime | None = None


class Link(NamedTuple):
    """Two series of one incident; a DUPLICATE is a second copy of the same content."""

    one: str
    other: str
    relation: str = "SAME"


class Incident(NamedTuple):
    """Reports in the order of their arrival, and what links them."""

    items: tuple[Item, ...]
    links: tuple[Link, ...] = ()


class Held(NamedTuple):
    """One report in a recipient's hands."""

    series: str
    version: int
    projection: Projection


class Key(NamedTuple):
    """A recipient-scoped id, known by the series that it began with; it may hold nothing any more."""

    founder: str
    held: frozenset[Held]


class Moment(NamedTuple):
    """One step of a history: the incident and the control records as they are then."""

    incident: Incident
    entries: Sequence[Entry]
    as_of: datetime
    fresh: bool = True


class Outcome(NamedTuple):
    """What is held after a step, the founders of the keys that were recalled, the decision on every series."""

    keys: tuple[Key, ...]
    recalled: frozenset[str]
    decisions: dict[str, Decision]


def replay(history: Sequence[Moment], recipient: str) -> Outcome:
    """What the recipient holds after all steps; `recalled` and `decisions` are those of the last."""
    outcome = Outcome((), frozenset(), {})
    for moment in history:
        outcome = reconcile(moment, recipient, outcome.keys)
    return outcome


def reconcile(moment: Moment, recipient: str, keys: tuple[Key, ...]) -> Outcome:
    """One step: `keys` are in the order of their first delivery."""
    decisions = limited(moment, _decide_all(moment, recipient), keys)
    shown = [item.report for item in moment.incident.items if _target(decisions, item.report["series_id"]) == "SHOW"]
    groups = connected([report["series_id"] for report in shown], moment.incident.links)
    views = [
        frozenset(_held(report, decisions) for report in shown if report["series_id"] in group) for group in groups
    ]
    recalled = frozenset(key.founder for key in keys if must_recall(key, shown, decisions))
    claims = claim(keys, groups)
    after = [_goes_on(key, claims, views, decisions, key.founder in recalled) for key in keys]
    begun = [Key(groups[n][0], view) for n, view in enumerate(views) if n not in claims.values()]
    return Outcome((*after, *begun), recalled, decisions)


def _decide_all(moment: Moment, recipient: str) -> dict[str, Decision]:
    return {
        item.report["series_id"]: decide(
            item.report,
            recipient,
            "READ",
            PURPOSE,
            moment.entries,
            moment.as_of,
            fresh=moment.fresh,
            echo=item.echo,
            superseded=superseded(moment.incident, item.report),
            requested_at=item.requested_at,
        )
        for item in moment.incident.items
    }


def superseded(incident: Incident, report: Fields) -> bool:
    """Another report of its originator in the incident names it in `supersedes`."""
    return any(
        item.report["supersedes"] == report["series_id"] and item.report["originator"] == report["originator"]
        for item in incident.items
        if item.report["series_id"] != report["series_id"]
    )


def limited(moment: Moment, decisions: dict[str, Decision], keys: tuple[Key, ...]) -> dict[str, Decision]:
    """What reconciliation says of reports that may be shown, of which the recipient holds nothing yet."""
    found = dict(decisions)
    holds = {held.series for key in keys for held in key.held}
    known = {series for series in holds if series in found and found[series].target == "SHOW"}
    for item in moment.incident.items:
        series = item.report["series_id"]
        if found[series].target != "SHOW" or series in known:
            continue
        code = "" if series in holds else _limit(moment, item, known)
        if code:
            found[series] = _kept(found[series], code)
        else:
            known.add(series)
    return found


def _limit(moment: Moment, item: Item, known: set[str]) -> str:
    """Why a report that may be shown is not begun; "" if it is."""
    if item.report["message"] == "CANCEL":
        return "DEN_CANCELLED"
    if moment.as_of - item.decided_at > LATE:
        return "NRT_BACKFILL"
    copies = [{link.one, link.other} for link in moment.incident.links if link.relation == "DUPLICATE"]
    twin = any({item.report["series_id"], series} in copies for series in known)
    return "NRT_DUPLICATE" if twin else ""


def _kept(decision: Decision, code: str) -> Decision:
    reasons = decision.reasons | {code}
    effect = "DENY" if code == "DEN_CANCELLED" else decision.effect
    return Decision(effect, "KEEP", first(reasons), reasons, EMPTY, frozenset(), frozenset())


def connected(series: Sequence[str], links: Sequence[Link]) -> list[list[str]]:
    """Connected groups by links of which both ends are shown, in the order of their first members."""
    groups = [[one] for one in series]
    for link in links:
        ends = [group for group in groups if link.one in group or link.other in group]
        if link.one in series and link.other in series and len(ends) == 2:
            groups.remove(ends[1])
            ends[0] += ends[1]
    return [sorted(group, key=series.index) for group in groups]


def claim(keys: Sequence[Key], groups: Sequence[Sequence[str]]) -> dict[str, int]:
    """founder -> the group that its key goes on with: keys that hold something first, then the oldest; each has one."""
    claims: dict[str, int] = {}
    for key in sorted(keys, key=lambda key: not key.held):
        shares = {held.series for held in key.held}
        free = [n for n in range(len(groups)) if n not in claims.values()]
        by_founder = [n for n in free if key.founder in groups[n]]
        by_member = [n for n in free if shares & set(groups[n])]
        for n in (by_founder or by_member)[:1]:
            claims[key.founder] = n
    return claims


def must_recall(key: Key, shown: Sequence[Fields], decisions: dict[str, Decision]) -> bool:
    """Something under the key is taken back, or less may be seen than before of what a report still says.

    What has left the incident is not taken back, and neither is what a newer version itself says less of: it is
    replaced.
    """
    reports = {report["series_id"]: report for report in shown}
    for held in key.held:
        decision = decisions.get(held.series)
        if decision is not None and decision.target == "NONE":
            return True
        report = reports.get(held.series)
        if decision and report and not not_less(decision.projection, said_now(held, report)):
            return True
    return False


def said_now(held: Held, report: Fields) -> Projection:
    """What was seen of a report, as far as its newest version says it, and as its originator wants to be shown now."""
    wish = "ANONYMOUS" if report["handling"]["attribution"] == "MUST_NOT" else report["attribution"]
    found = normalise(held.projection, report)
    return found._replace(attribution=coarser(ATTRIBUTIONS, found.attribution, wish))


def _goes_on(
    key: Key, claims: dict[str, int], views: Sequence[frozenset[Held]], decisions: dict[str, Decision], recalled: bool
) -> Key:
    """A recall takes all back that the key held; a key to which nothing is sent, because of what is kept, stays.

    Unless something in it left the incident: the whole is replaced, because its recall would come under another key.
    """
    known = frozenset(held for held in key.held if not recalled and held.series in decisions)
    kept = frozenset(held for held in known if decisions[held.series].target == "KEEP")
    if key.founder in claims:
        return Key(key.founder, kept | views[claims[key.founder]])
    has_left = any(held.series not in decisions for held in key.held)
    return Key(key.founder, known if kept and not has_left else frozenset())


def _target(decisions: dict[str, Decision], series: str) -> str:
    return decisions[series].target


def _held(report: Fields, decisions: dict[str, Decision]) -> Held:
    return Held(report["series_id"], report["version"], decisions[report["series_id"]].projection)
