"""From a reconciliation to the records of slt.deliveries and slt.decisions: each distinct body encoded once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple

from services.core.control import PartnerStatus
from services.core.envelope import DeliveryType, Envelope, render
from services.core.ids import Ids
from services.core.ledger import Incident, Slot, SlotState
from services.core.plan import Send
from services.core.policy import Policy
from services.core.receipt import Encode
from services.core.reconcile import Delivery, Reconciled
from services.core.report import Status
from services.core.view import build_view

RECALL_DEADLINE = timedelta(hours=24)
MOST_ITEMS = 1000
"""Items in one record of slt.deliveries: about 200 kB, well below the 512 kB at which records are split."""
_REPLACED = {"notice": "This key has no content any more: what it held goes on under another key."}


class Outlets(NamedTuple):
    """What it takes to address recipients: their ids, their standing, and the codec."""

    ids: Ids
    encode: Encode
    policy: Policy
    now: datetime


def owed_records(found: Reconciled, outlets: Outlets) -> Iterator[dict[str, Any]]:
    """The `deliveries` records of one reconciliation."""
    bodies: dict[Any, int] = {}
    encoded: list[bytes] = []
    items: list[dict[str, Any]] = []
    for delivery in found.deliveries:
        key = _body_key(delivery.send)
        if key not in bodies:
            bodies[key] = len(encoded)
            encoded.append(_body(delivery.send, found.incident, outlets))
        items += _items(delivery, bodies[key], found.incident.status, outlets)
    every = iter(items)
    while batch := list(islice(every, MOST_ITEMS)):
        yield {
            "incident": found.incident.id, "epoch": outlets.policy.epoch, "as_of": outlets.now, "bodies": encoded,
            "items": batch,
        }  # fmt: skip


def _body_key(send: Send) -> Any:
    return (send.slot.state, send.shown)


def _body(send: Send, incident: Incident, outlets: Outlets) -> bytes:
    if send.type is DeliveryType.RECALL:
        deadline = outlets.now + RECALL_DEADLINE
        return outlets.encode("recall", {"reason_class": "CONSENT_ENDED", "action": "DELETE", "deadline": deadline})
    if send.slot.state is SlotState.REPLACED:
        return outlets.encode("replaced", _REPLACED)
    reports = [incident.entries[member.series_id].report for member in send.shown]
    return outlets.encode("view", build_view(incident.status, reports))


def _items(delivery: Delivery, body: int, status: str, outlets: Outlets) -> Iterator[dict[str, Any]]:
    """One item per recipient: where it goes, and the envelope, of which only the ids differ within a class."""
    send = delivery.send
    prefix = "slt.out." if status == Status.ACTUAL else "slt.exercise."
    sequence, ids = send.slot.sequence, outlets.ids
    marker = "\x00"
    before, after = render(_envelope(send, marker, status)).split(marker.encode())
    for recipient in delivery.recipients:
        key = ids.key(recipient, status, send.slot.name)
        message = ids.message(recipient, key, sequence)
        header = before + message.encode() + after
        if send.slot.replaced_by:
            header += f";replaced_by={ids.key(recipient, status, send.slot.replaced_by)}".encode()
        yield {"topic": prefix + recipient, "key": key, "sequence": sequence, "header": header, "body": body}
        if send.type is DeliveryType.RECALL and _cannot_read(recipient, outlets.policy):
            topic = f"slt.notices.{recipient}"
            yield {"topic": topic, "key": message, "sequence": sequence, "header": header, "body": body}


def _envelope(send: Send, message: str, status: str) -> Envelope:
    slot: Slot = send.slot
    marks = (slot.deleted_to, slot.replaced_to, slot.kept_to)
    return Envelope(send.type, message, slot.sequence, send.previous, *marks, status)


def _cannot_read(recipient: str, policy: Policy) -> bool:
    """READ on its outlet is gone: the recall goes to its notices as well (ARCHITECTURE §8 "Suspension")."""
    partner = policy.partner(recipient)
    return partner is None or partner.status is not PartnerStatus.ACTIVE


def decision_record(found: Reconciled, outlets: Outlets, accounts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The `decision` record, but for the hash of the one before."""
    verdicts = [
        {
            "series_id": decision.series_id, "version": decision.version, "recipients": list(recipients),
            "effect": verdict.effect.name, "target": verdict.target.value, "primary": verdict.primary.value,
            "reasons": [code.value for code in verdict.reasons], "projection": verdict.projection.value,
            "grants": list(verdict.grants), "valid_until": decision.decided.valid_until,
        }
        for decision in found.decisions
        for verdict, recipients in decision.decided.groups
    ]  # fmt: skip
    return {
        "incident": found.incident.id, "epoch": outlets.policy.epoch, "as_of": outlets.now, "verdicts": verdicts,
        "accounts": list(accounts),
    }  # fmt: skip
