"""From a reconciliation to the records of slt.deliveries and slt.decisions: each distinct body encoded once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from services.core.control import ADMIN, PartnerStatus
from services.core.deliveries import Common, group
from services.core.envelope import DeliveryType, Envelope, render
from services.core.ids import Ids
from services.core.ledger import Incident, Member, Slot, SlotState
from services.core.notice import Notice, notice_output
from services.core.plan import Send
from services.core.policy import Policy
from services.core.recall import Terms
from services.core.receipt import Encode
from services.core.reconcile import Delivery, Reconciled
from services.core.report import Status
from services.core.request import Request, RequestStage
from services.core.stage import Output
from services.core.view import Released, build_view
from services.distribute.recalls import reason_of

MOST_ITEMS = 1000
"""Deliveries in one record of slt.deliveries: about 80 kB beside the bodies; records over 512 kB are to be split."""
_MANY = 3
"""Recipients that wait, shown as 1, 2, 3+: how many partners there are is nobody's business."""
_MARK = "\x00"
_REPLACED = {"notice": "This key has no content any more: what it held goes on under another key."}


class Outlets(NamedTuple):
    """What it takes to address recipients: their ids, their standing, and the codec."""

    ids: Ids
    encode: Encode
    policy: Policy
    now: datetime
    terms: Terms = Terms()


def owed_records(found: Reconciled, outlets: Outlets) -> Iterator[dict[str, Any]]:
    """The `deliveries` records of one reconciliation; a large one is split."""
    bodies: dict[Any, int] = {}
    encoded: list[bytes] = []
    groups: list[dict[str, Any]] = []
    for delivery in found.deliveries:
        duties = _duties(delivery, found)
        key = _body_key(delivery.send, duties)
        if key not in bodies:
            bodies[key] = len(encoded)
            encoded.append(_body(delivery.send, duties, found.incident, outlets))
        groups += _groups(delivery, bodies[key], found.incident.status, outlets)
    for some in _split(groups):
        yield {
            "incident": found.incident.id, "epoch": outlets.policy.epoch, "as_of": outlets.now, "bodies": encoded,
            "groups": some,
        }  # fmt: skip


def _split(groups: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """In their order, at most MOST_ITEMS deliveries together."""
    some: list[dict[str, Any]] = []
    count = 0
    for one in groups:
        if some and count + len(one["recipients"]) > MOST_ITEMS:
            yield some
            some, count = [], 0
        some.append(one)
        count += len(one["recipients"])
    if some:
        yield some


_Duties = Mapping[str, tuple[str, ...]]


def _duties(delivery: Delivery, found: Reconciled) -> _Duties:
    """Obligations by series; recipients of one delivery have the same verdicts, so the first speaks for all."""
    shown = {member.series_id for member in delivery.send.shown}
    first = delivery.recipients[0]
    return {
        decision.series_id: verdict.obligations
        for decision in found.decisions
        if decision.series_id in shown
        for verdict, recipients in decision.groups
        if verdict.obligations and first in recipients
    }


def _body_key(send: Send, duties: _Duties) -> Any:
    return (send.slot.state, send.shown, send.reasons, send.personal, tuple(duties.items()))


def _body(send: Send, duties: _Duties, incident: Incident, outlets: Outlets) -> bytes:
    if send.type is DeliveryType.RECALL:
        deadline = outlets.now + outlets.terms.deadline
        return outlets.encode("recall", {"reason_class": reason_of(send), "action": "DELETE", "deadline": deadline})
    if send.slot.state is SlotState.REPLACED:
        return outlets.encode("replaced", _REPLACED)
    released = (_released(member, duties, incident, outlets.policy) for member in send.shown)
    return outlets.encode("view", build_view(incident.status, released))


def _released(member: Member, duties: _Duties, incident: Incident, policy: Policy) -> Released:
    report = incident.entries[member.series_id].report
    category = policy.crowd(report["originator"])
    return Released(report, member.projection, category, duties.get(member.series_id, ()))


def _groups(delivery: Delivery, body: int, status: str, outlets: Outlets) -> Iterator[dict[str, Any]]:
    """The deliveries of one class; a key that goes on under another differs in that too, so each stands alone."""
    for form, recipients in _by_format(delivery.recipients, outlets.policy):
        yield from _groups_of(delivery._replace(recipients=recipients), body, (status, form), outlets)


def _by_format(recipients: Sequence[str], policy: Policy) -> Iterable[tuple[str, tuple[str, ...]]]:
    """Recipients that read the same format, in their order; nearly always all of them Avro."""
    if policy.formats.keys().isdisjoint(recipients):
        return [("", tuple(recipients))]
    found: dict[str, list[str]] = {}
    for recipient in recipients:
        form = policy.formats.get(recipient)
        found.setdefault(form.lower() if form else "", []).append(recipient)
    return [(form, tuple(some)) for form, some in found.items()]


def _groups_of(delivery: Delivery, body: int, kind: tuple[str, str], outlets: Outlets) -> Iterator[dict[str, Any]]:
    """`kind`: the status, and the format that these recipients read."""
    send, (status, form) = delivery.send, kind
    prefix = "slt.out." if status == Status.ACTUAL else "slt.exercise."
    before, after = render(_envelope(send, _MARK, status)._replace(format=form)).split(_MARK.encode())
    common = Common(prefix, send.slot.sequence, before, after, body)
    recipients, ids = delivery.recipients, outlets.ids
    keys, messages = ids.addressed(recipients, status, send.slot.name, send.slot.sequence)
    if send.slot.replaced_by:
        survivors = (ids.key(recipient, status, send.slot.replaced_by) for recipient in recipients)
        for recipient, key, message, survivor in zip(recipients, keys, messages, survivors, strict=True):
            moved = common._replace(after=after + f";replaced_by={survivor}".encode())
            yield group(moved, (recipient,), (key,), (message,))
        return
    for start in range(0, len(recipients), MOST_ITEMS):
        some = slice(start, start + MOST_ITEMS)
        yield group(common, recipients[some], keys[some], messages[some])
    if send.type is not DeliveryType.RECALL:
        return
    cut_off = [at for at, recipient in enumerate(recipients) if _cannot_read(recipient, outlets.policy)]
    if cut_off:
        keyed = [messages[at] for at in cut_off]
        yield group(common._replace(prefix="slt.notices."), [recipients[at] for at in cut_off], keyed, keyed)


def _envelope(send: Send, message: str, status: str) -> Envelope:
    slot: Slot = send.slot
    marks = (slot.deleted_to, slot.replaced_to, slot.kept_to)
    return Envelope(send.type, message, slot.sequence, send.previous, *marks, status)


def _cannot_read(recipient: str, policy: Policy) -> bool:
    """READ on its outlet is gone: the recall goes to its notices as well (ARCHITECTURE §8 "Suspension")."""
    partner = policy.partner(recipient)
    return partner is None or partner.status is not PartnerStatus.ACTIVE


def request_outputs(asked: Request, incident: Incident, outlets: Outlets) -> Iterator[Output]:
    """The notice to an originator whose consent somebody in danger waits for, or did not wait for (consent.md §7)."""
    report = incident.entries[asked.series_id].report
    name = f"{asked.series_id}|{asked.requested_at.isoformat()}|{asked.stage}"
    count = str(asked.waiting) if asked.waiting < _MANY else f"{_MANY}+"
    area = report["area"]
    about = {
        "series_id": asked.series_id, "kind": report["kind"], "area": area["country"] if area else "",
    }  # fmt: skip
    if asked.stage is RequestStage.GLASS_BROKEN:
        record, told = "glass_broken", [report["originator"], ADMIN]
        body = {**about, "at": outlets.now, "released": count, "review_due": asked.deadline}
    else:
        record, told = "consent_request", [report["originator"]]
        body = {**about, "deadline": asked.deadline, "waiting": count, "stage": asked.stage.value}
    for org in told:
        yield notice_output(
            Notice(org, name, record, body, outlets.now, incident.status, outlets.policy.notice_format(org)),
            outlets.encode,
        )


def decision_record(found: Reconciled, outlets: Outlets, accounts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The `decision` record, but for the hash of the one before."""
    verdicts = [
        {
            "series_id": decision.series_id, "version": decision.version, "recipients": list(recipients),
            "effect": verdict.effect.name, "target": verdict.target.value, "primary": verdict.primary.value,
            "reasons": [code.value for code in verdict.reasons], "projection": verdict.projection.text,
            "grants": list(verdict.grants), "obligations": list(verdict.obligations),
            "valid_until": decision.valid_until,
        }
        for decision in found.decisions
        for verdict, recipients in decision.groups
    ]  # fmt: skip
    return {
        "incident": found.incident.id, "epoch": outlets.policy.epoch, "as_of": outlets.now, "verdicts": verdicts,
        "accounts": list(accounts),
    }  # fmt: skip
