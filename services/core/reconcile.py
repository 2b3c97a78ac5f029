"""The heart: what each recipient should hold now, less what it holds, is what is sent (ARCHITECTURE §4).

Recipients with the same verdicts and the same holdings are one class: the plan is made once for all of them. Nothing
else fills the delivery log, so recall, late release, correction and repair are one mechanism.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from services.core.gates import Code, Target, Verdict, verdict
from services.core.ledger import Entry, Incident, Slots
from services.core.plan import Send, Shown, plan
from services.core.policy import Decided, Policy

BACKFILL = timedelta(hours=72)
"""A permit that comes late brings incidents that are younger than this (ARCHITECTURE §8 "Backfill")."""


class Delivery(NamedTuple):
    """One send to all recipients of a class."""

    recipients: tuple[str, ...]
    send: Send


class Decision(NamedTuple):
    """The verdicts on one report, recipients with equal verdicts together."""

    series_id: str
    version: int
    decided: Decided


class Reconciled(NamedTuple):
    """The incident as it is afterwards, what is owed for that, and why."""

    incident: Incident
    deliveries: tuple[Delivery, ...]
    decisions: tuple[Decision, ...]


def reconcile(incident: Incident, policy: Policy, now: datetime, *, fresh: bool = True) -> Reconciled:
    """Decide every report for every recipient, and bring each recipient's holdings to what they should be.

    `fresh` is False when the clock or the control state may be stale: then nothing is released, recalls go on, and the
    incident stays due.
    """
    decided = {series: policy.decide(entry.report, now, fresh=fresh) for series, entry in incident.entries.items()}
    holdings: dict[str, Slots] = {}
    deliveries: list[Delivery] = []
    for (slots, verdicts), recipients in _classes(incident, policy, decided).items():
        shown = _targets(incident, verdicts, slots, now)
        after, sends = plan(slots, shown, links_of(incident))
        if after:
            holdings.update(dict.fromkeys(recipients, after))
        deliveries += [Delivery(tuple(recipients), send) for send in sends]
    changes = [found.valid_until for found in decided.values() if found.valid_until]
    due = min(changes, default=None) if fresh else now
    after_all = incident._replace(holdings=holdings, epoch=policy.epoch, next_change_at=due)
    decisions = (Decision(s, incident.entries[s].report["version"], found) for s, found in decided.items())
    return Reconciled(after_all, tuple(deliveries), tuple(decisions))


_Class = tuple[Slots, tuple[Verdict, ...]]


def _classes(incident: Incident, policy: Policy, decided: Mapping[str, Decided]) -> dict[_Class, list[str]]:
    """Recipients with equal holdings and equal verdicts together."""
    classes: dict[_Class, list[str]] = {}
    if not incident.holdings and len(decided) == 1:  # the common case: a first report, and its groups are the classes
        (found,) = decided.values()
        return {((), (one,)): list(recipients) for one, recipients in found.groups}
    known = (*policy.recipients, *(gone for gone in incident.holdings if policy.partner(gone) is None))
    unknown = verdict({Code.DEN_PARTNER_UNKNOWN})
    for recipient in known:
        verdicts = tuple(found.by_recipient.get(recipient, unknown) for found in decided.values())
        classes.setdefault((incident.holdings.get(recipient, ()), verdicts), []).append(recipient)
    return classes


def links_of(incident: Incident) -> Iterable[tuple[str, str]]:
    """Pairs of series with evidence that they are one incident."""
    return [(link.one, link.other) for entry in incident.entries.values() for link in entry.links]


def _targets(incident: Incident, verdicts: tuple[Verdict, ...], slots: Slots, now: datetime) -> dict[str, Shown]:
    """What should be held of each series, for one class of recipients."""
    held = {member.series_id for slot in slots for member in slot.members}
    return {
        series: Shown(
            _target(entry, found, held=series in held, now=now),
            found.projection,
            entry.report["version"],
            entry.report["message"],
            entry.report["home"],
        )
        for (series, entry), found in zip(incident.entries.items(), verdicts, strict=True)
    }


def _target(entry: Entry, found: Verdict, *, held: bool, now: datetime) -> Target:
    """Nothing that is over is begun: a cancelled report, or one too old for a late permit."""
    if found.target is not Target.SHOW or held:
        return found.target
    is_late = now - entry.decided_at > BACKFILL
    return Target.KEEP if is_late or entry.report["message"] == "CANCEL" else Target.SHOW
