"""The heart: what each recipient should hold now, less what it holds, is what is sent (ARCHITECTURE §4).

Recipients with the same verdicts and the same holdings are one class: the plan is made once for all of them. Nothing
else fills the delivery log, so recall, late release, correction and repair are one mechanism.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from services.core.decide import ANSWER_TIME, Context
from services.core.features import Upstream
from services.core.gates import Code, Target, Verdict, verdict
from services.core.grouping import Link
from services.core.ledger import Entry, Incident, Slots, originator_of
from services.core.plan import Send, Shown, plan
from services.core.policy import Decided, Policy
from services.core.projection import Projection
from services.core.request import Request, asked, next_notice, request

RETRY = timedelta(minutes=1)
"""A report of which a gate failed is decided about again after this: a new version of the relay may do better."""
BACKFILL = timedelta(hours=72)
"""A permit that comes late brings incidents that are younger than this (ARCHITECTURE §8 "Backfill")."""
_UNKNOWN = verdict({Code.DEN_PARTNER_UNKNOWN})


class Delivery(NamedTuple):
    """One send to all recipients of a class."""

    recipients: tuple[str, ...]
    send: Send


class Decision(NamedTuple):
    """The verdicts on one report, recipients with equal verdicts together."""

    series_id: str
    version: int
    groups: tuple[tuple[Verdict, tuple[str, ...]], ...]
    valid_until: datetime | None


class Reconciled(NamedTuple):
    """The incident as it is afterwards, what is owed for that, and why."""

    incident: Incident
    deliveries: tuple[Delivery, ...]
    decisions: tuple[Decision, ...]
    requests: tuple[Request, ...] = ()
    failed: tuple[str, ...] = ()
    """Gates that raised."""


def reconcile(
    incident: Incident, policy: Policy, now: datetime, *, fresh: bool = True, answer_time: timedelta = ANSWER_TIME
) -> Reconciled:
    """Decide every report for every recipient, and bring each recipient's holdings to what they should be.

    `fresh` is False when the clock or the control state may be stale: then nothing is released, recalls go on, and the
    incident stays due. `answer_time`: an originator has so long to answer when somebody is at imminent risk.
    """
    decided = {
        series: policy.decide(entry.report, now, fresh=fresh, context=_context(incident, entry, answer_time))
        for series, entry in incident.entries.items()
    }
    requests = _requests(incident, decided, now, answer_time) if fresh else ()
    incident = _noted(incident, requests)
    told: dict[str, dict[Verdict, list[str]]] = {series: {} for series in incident.entries}
    alike: dict[_Plan, tuple[Slots, tuple[Verdict, ...], list[str]]] = {}
    for (slots, verdicts), recipients in _classes(incident, policy, decided).items():
        final = _final(incident, verdicts, slots, now)
        for series, found in zip(incident.entries, final, strict=True):
            told[series].setdefault(found, []).extend(recipients)
        if slots or any(found.target is Target.SHOW for found in final):
            alike.setdefault(_plan_of(slots, final), (slots, final, []))[2].extend(recipients)
    holdings: dict[str, Slots] = {}
    deliveries: list[Delivery] = []
    links = tuple(links_of(incident))
    for slots, final, recipients in alike.values():
        after, sends = plan(slots, _targets(incident, decided, final), links, incident.number)
        if after:
            holdings.update(dict.fromkeys(recipients, after))
        deliveries += [Delivery(tuple(recipients), send) for send in sends]
    due = _due(incident, decided, now, answer_time) if fresh else now
    after_all = incident._replace(holdings=holdings, epoch=policy.epoch, next_change_at=due)
    failed = {gate for found in decided.values() for gate in found.failed}
    decisions = _decisions(incident, decided, told)
    return Reconciled(after_all, tuple(deliveries), decisions, requests, tuple(sorted(failed)))


def _context(incident: Incident, entry: Entry, answer_time: timedelta) -> Context:
    echo = tuple(Upstream(originator_of(series), series) for series in entry.echo)
    return Context(echo, _is_superseded(incident, entry), entry.requested_at, answer_time)


def _is_superseded(incident: Incident, entry: Entry) -> bool:
    """Another report of the same originator says that it takes this one's place."""
    series, originator = entry.report["series_id"], entry.report["originator"]
    return any(
        other.report["supersedes"] == series and other.report["originator"] == originator
        for other in incident.entries.values()
    )


def _requests(
    incident: Incident, decided: Mapping[str, Decided], now: datetime, answer_time: timedelta
) -> tuple[Request, ...]:
    found = (request(incident.entries[series], one.groups, now, answer_time) for series, one in decided.items())
    return tuple(one for one in found if one)


def _noted(incident: Incident, requests: tuple[Request, ...]) -> Incident:
    if not requests:
        return incident
    noted = {one.series_id: asked(incident.entries[one.series_id], one) for one in requests}
    return incident._replace(entries={**incident.entries, **noted})


def _due(incident: Incident, decided: Mapping[str, Decided], now: datetime, answer_time: timedelta) -> datetime | None:
    changes = [found.valid_until for found in decided.values()]
    changes += [next_notice(entry, now, answer_time) for entry in incident.entries.values()]
    changes += [now + RETRY for found in decided.values() if found.failed]
    return min((moment for moment in changes if moment), default=None)


def _decisions(
    incident: Incident, decided: Mapping[str, Decided], told: Mapping[str, Mapping[Verdict, list[str]]]
) -> tuple[Decision, ...]:
    return tuple(
        Decision(
            series,
            incident.entries[series].report["version"],
            tuple((found, tuple(recipients)) for found, recipients in groups.items()),
            decided[series].valid_until,
        )
        for series, groups in told.items()
    )


_Plan = tuple[Slots, tuple[tuple[Target, Projection, tuple[Code, ...], tuple[str, ...]], ...]]


def _plan_of(slots: Slots, final: tuple[Verdict, ...]) -> _Plan:
    """All that a plan and its records depend on: recipients who differ in nothing but whose grants permit it share one.

    Reasons count only where a recall may name them.
    """
    return slots, tuple(
        (found.target, found.projection, found.reasons if slots else (), found.obligations) for found in final
    )


_Class = tuple[Slots, tuple[Verdict, ...]]


def _classes(incident: Incident, policy: Policy, decided: Mapping[str, Decided]) -> dict[_Class, list[str]]:
    """Recipients with equal holdings and equal verdicts together."""
    classes: dict[_Class, list[str]] = {}
    if not incident.holdings and len(decided) == 1:  # the common case: a first report, and its groups are the classes
        (found,) = decided.values()
        return {((), (one,)): list(recipients) for one, recipients in found.groups}
    known = (*policy.recipients, *(gone for gone in incident.holdings if policy.partner(gone) is None))
    for recipient in known:
        verdicts = tuple(found.by_recipient.get(recipient, _UNKNOWN) for found in decided.values())
        classes.setdefault((incident.holdings.get(recipient, ()), verdicts), []).append(recipient)
    return classes


def links_of(incident: Incident) -> Iterable[Link]:
    """What is known of pairs of its series."""
    return [link for entry in incident.entries.values() for link in entry.links]


def _final(incident: Incident, verdicts: tuple[Verdict, ...], slots: Slots, now: datetime) -> tuple[Verdict, ...]:
    """The verdicts with what only the holdings can tell: nothing that is over is begun."""
    held = {member.series_id: member.projection for slot in slots for member in slot.members}
    return tuple(
        _late(entry, found, held.get(series), now)
        for (series, entry), found in zip(incident.entries.items(), verdicts, strict=True)
    )


def _late(entry: Entry, found: Verdict, held: Projection | None, now: datetime) -> Verdict:
    """A cancelled report is not begun, one too old for a late permit neither; of a closed one nothing is sent.

    What is held of a closed one goes where less of it is permitted: what is left cannot be sent any more.
    """
    if found.target is not Target.SHOW or (held and not entry.closed):
        return found
    if held and not found.projection.covers(held):
        return verdict(found.reasons, least=Target.NONE)
    if entry.report["message"] == "CANCEL" and not held:
        return verdict({*found.reasons, Code.DEN_CANCELLED})
    if entry.closed or now - entry.decided_at > BACKFILL:
        return verdict({*found.reasons, Code.NRT_BACKFILL})
    return found


def _targets(incident: Incident, decided: Mapping[str, Decided], verdicts: tuple[Verdict, ...]) -> dict[str, Shown]:
    """What should be held of each series, for one class of recipients."""
    return {
        series: Shown(
            found.target,
            found.projection,
            entry.report["version"],
            entry.report["message"],
            entry.report["home"],
            found.reasons,
            decided[series].finest,
        )
        for (series, entry), found in zip(incident.entries.items(), verdicts, strict=True)
    }
