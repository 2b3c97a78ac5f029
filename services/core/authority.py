"""May this author make this change of slt.control? (ARCHITECTURE §5 rule 6, §8 "who acts"; SLT-45)

The topic proves the organisation, the signature proves the person. One writer per key: a grant is its grantor's alone,
so are the withdrawal of a series and a broken glass; an end by another authority has a key of its own, links whose id
begins with `sioc-` are the SIOC's, and everything else is the administrators'.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from services.core.ahead import Known
from services.core.control import (
    ADMIN,
    Approval,
    BreakGlass,
    Cochair,
    Control,
    ControlType,
    Grant,
    Withdrawal,
    control_id,
)
from services.core.control_read import read_control
from services.core.fold import Verify
from services.core.link import LinkSaid
from services.core.reason import Reason
from services.core.references import unknown
from services.core.sioc import SIOC
from services.core.stage import Refusal

_ELSEWHERE = "send grants, withdrawals and confirmations to your own topic, all else is the administrators'"


class Signed(NamedTuple):
    """A control change as it was sent: the text, who signed it, and the signature."""

    author: str
    """Owner of the topic that it came on; `admin` for the administrators' own."""
    payload: str
    signer: str
    signature: bytes


class Change(NamedTuple):
    """A change that its author may make."""

    key: str
    type: ControlType
    id: str
    version: int
    control: Control


def authorise(signed: Signed, fields: Any, policy: Known, verify: Verify, at: datetime) -> Change | Refusal:
    """The change, or why it is refused; `fields` is the payload's decoded JSON, `at` when it was received."""
    found = read_control(fields)
    if isinstance(found, Refusal):
        return found
    kind, version, control = found
    if _owner(control) != signed.author:
        return Refusal(Reason.BAD_AUTHOR, _ELSEWHERE)
    refusal = _unproved(signed, control, policy, verify, at) or unknown(control, version, policy)
    return refusal or Change(f"{kind}/{control_id(control)}", kind, control_id(control), version, control)


def _unproved(signed: Signed, control: Control, policy: Known, verify: Verify, at: datetime) -> Refusal | None:
    """Why the signature proves no person who may sign this."""
    signer = policy.representative(signed.author, signed.signer)
    if signer is None or signer.scopes.isdisjoint(_scopes(signed.author, control)):
        return Refusal(Reason.BAD_AUTHOR, "sign as a registered representative with the scope for it", "signer")
    if not signer.valid_from <= at < signer.valid_to:
        return Refusal(Reason.BAD_AUTHOR, "the representative's nomination is over: have it renewed", "signer")
    if not verify(signer.public_key, signed.payload.encode("utf-8"), signed.signature):
        return Refusal(Reason.BAD_SIGNATURE, "sign exactly the payload's UTF-8 bytes with the registered key")
    if isinstance(control, BreakGlass | Approval) and control.confirmer != signed.signer:
        return Refusal(Reason.BAD_AUTHOR, "each person confirms in their own name: sign it yourself", "confirmer")
    if isinstance(control, Approval) and signer.home == control.org:
        return Refusal(Reason.BAD_AUTHOR, "nobody judges their own organisation: ask another co-chair", "confirmer")
    return None


def _scopes(author: str, control: Control) -> Collection[str]:
    """Any of which the signer needs."""
    if author != ADMIN:
        return ("consent",)
    return frozenset(Cochair) if isinstance(control, Approval) else ("administer",)


def _owner(control: Control) -> str:
    """Whose word the record is: the organisation whose topic it has to come on."""
    match control:
        case Grant():
            return control.grantor
        case Withdrawal():
            return control.originator
        case BreakGlass():
            return control.org
        case LinkSaid() if control.link.startswith(f"{SIOC}-"):
            return SIOC
    return ADMIN


def control_fields(signed: Signed, change: Change, covers_from: int) -> Mapping[str, Any]:
    """The `control` record."""
    return {
        "type": change.type.value, "id": change.id, "version": change.version, "author": signed.author,
        "signer": signed.signer, "payload": signed.payload, "signature": signed.signature, "covers_from": covers_from,
    }  # fmt: skip
