"""May this author make this change of slt.control? (ARCHITECTURE §5 rule 6, §8 "who acts"; SLT-45)

The topic proves the organisation, the signature proves the person. One writer per key: a grant is its grantor's alone,
an end by another authority has a key of its own, everything else is the administrators'.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from services.core.control import ADMIN, ANY, Control, ControlType, End, Grant, GrantState, control_id
from services.core.control_read import read_control
from services.core.fold import Verify
from services.core.policy import Policy
from services.core.reason import Reason
from services.core.stage import Refusal

_SCOPE = {True: "administer", False: "consent"}


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


def authorise(signed: Signed, fields: Any, policy: Policy, verify: Verify, at: datetime) -> Change | Refusal:
    """The change, or why it is refused; `fields` is the payload's decoded JSON, `at` when it was received."""
    found = read_control(fields)
    if isinstance(found, Refusal):
        return found
    kind, version, control = found
    owner = control.grantor if isinstance(control, Grant) else ADMIN
    if owner != signed.author:
        return Refusal(Reason.BAD_AUTHOR, "grants go to their grantor's own topic, all else to the administrators'")
    signer = policy.representative(signed.author, signed.signer)
    if signer is None or _SCOPE[signed.author == ADMIN] not in signer.scopes:
        return Refusal(Reason.BAD_AUTHOR, "sign as a registered representative with the scope for it", "signer")
    if not signer.valid_from <= at < signer.valid_to:
        return Refusal(Reason.BAD_AUTHOR, "the representative's nomination is over: have it renewed", "signer")
    if not verify(signer.public_key, signed.payload.encode("utf-8"), signed.signature):
        return Refusal(Reason.BAD_SIGNATURE, "sign exactly the payload's UTF-8 bytes with the registered key")
    return _known(control, policy) or Change(
        f"{kind}/{control_id(control)}", kind, control_id(control), version, control
    )


def _known(control: Control, policy: Policy) -> Refusal | None:
    """A change may only speak of what the registry knows."""
    if isinstance(control, End) and policy.term(f"{control.grantor}/{control.grant}") is None:
        return Refusal(Reason.BAD_GRANT, "there is no such grant", "grant")
    if not isinstance(control, Grant):
        return None
    if control.state is GrantState.WITHDRAWN and policy.term(f"{control.grantor}/{control.grant}") is None:
        return Refusal(Reason.BAD_GRANT, "there is no such grant to withdraw", "grant")
    names = (name for name in control.recipients if name != ANY and not name.startswith("category:"))
    if any(policy.partner(name) is None for name in names):
        return Refusal(Reason.BAD_PARTNER, "name organisations that are in the registry", "recipients")
    return None


def control_fields(signed: Signed, change: Change, covers_from: int) -> Mapping[str, Any]:
    """The `control` record."""
    return {
        "type": change.type.value, "id": change.id, "version": change.version, "author": signed.author,
        "signer": signed.signer, "payload": signed.payload, "signature": signed.signature, "covers_from": covers_from,
    }  # fmt: skip
