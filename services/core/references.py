"""Does a change of slt.control speak only of what the registry knows? (issue "Bad input"; docs/rules.md §3)"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from services.core.ahead import Known
from services.core.control import (
    ANY,
    PRESENT,
    Approval,
    BreakGlass,
    Category,
    Control,
    End,
    Grant,
    GrantState,
    Group,
    Lou,
    Overlay,
    Partner,
)
from services.core.credential import Credential, CredentialState
from services.core.lifecycle import NEXT, TWO_KEYS, keys_missing, lacking, may_begin, may_follow
from services.core.link import LinkSaid
from services.core.reason import Reason
from services.core.stage import Refusal


class _Mention(NamedTuple):
    """A word for recipients, and the field that it stands in."""

    field: str
    word: str


_LACKING = {
    "lou": "send the id of the letter of understanding that was exchanged",
    "evidence": "say how it is shown that the organisation works with the UN",
}


def unknown(control: Control, version: int, policy: Known) -> Refusal | None:
    """Why the change cannot stand beside what is entered already; None if it can."""
    match control:
        case End():
            return _no_grant(control.grantor, control.grant, policy)
        case Grant(state=GrantState.WITHDRAWN):
            return _no_grant(control.grantor, control.grant, policy) or _mentions(control, policy)
        case Partner():
            return _standing(control, version, policy) or _mentions(control, policy)
        case Approval():
            return _approval(control, policy)
        case Credential():
            return _credential(control, policy)
    return _mentions(control, policy)


def _no_grant(grantor: str, grant: str, policy: Known) -> Refusal | None:
    if not policy.has_grant(f"{grantor}/{grant}"):
        return Refusal(Reason.BAD_GRANT, "there is no such grant to end: check its id", "grant")
    return None


def _approval(approval: Approval, policy: Known) -> Refusal | None:
    if approval.status not in TWO_KEYS:
        return Refusal(Reason.BAD_STANDING, f"two keys are for {', '.join(sorted(TWO_KEYS))}", "status")
    partner = policy.partner(approval.org)
    if partner is None:
        return Refusal(Reason.BAD_PARTNER, "name an organisation that is in the registry", "org")
    if not may_follow(partner.status, approval.status):
        return Refusal(Reason.BAD_STANDING, f"{partner.status} may not become {approval.status}", "status")
    following = policy.version(f"partner/{approval.org}") + 1
    if approval.standing != following:
        return Refusal(
            Reason.BAD_STANDING, f"the partner's next record is version {following}: approve that", "standing"
        )
    return None


def _credential(credential: Credential, policy: Known) -> Refusal | None:
    if policy.partner(credential.org) is None:
        return Refusal(Reason.BAD_PARTNER, "name an organisation that is in the registry", "org")
    before = policy.credential(credential.principal)
    if before and before.state is CredentialState.REVOKED:
        return Refusal(Reason.BAD_STANDING, "it was revoked for good: issue one under another name", "name")
    return None


def _standing(partner: Partner, version: int, policy: Known) -> Refusal | None:
    known = policy.partner(partner.org)
    before = known.status if known else None
    if not may_follow(before, partner.status):
        allowed = sorted(NEXT[before]) if before else []
        then = f"may become {', '.join(allowed)}" if allowed else "is final: enter the organisation under another id"
        return Refusal(Reason.BAD_STANDING, f"{before} {then}", "status")
    if before is None and not may_begin(partner, policy):
        return Refusal(
            Reason.BAD_STANDING, "an organisation begins as APPLIED: the co-chairs decide about it", "status"
        )
    if partner.lou and not policy.version(f"lou/{partner.lou}"):
        return Refusal(Reason.BAD_REFERENCE, "enter the letter of understanding first", "lou")
    if field := lacking(before, partner):
        return Refusal(Reason.BAD_STANDING, _LACKING[field], field)
    if missing := keys_missing(partner, version, policy):
        return Refusal(Reason.BAD_STANDING, f"the key of {' and '.join(sorted(missing))} is missing", "status")
    return None


def _mentions(control: Control, policy: Known) -> Refusal | None:
    found = (_unmeant(mention, policy) for mention in _mentioned(control))
    return next((refusal for refusal in found if refusal), None)


def _mentioned(control: Control) -> Iterable[_Mention]:  # noqa: PLR0911  one row a type
    match control:
        case Grant():
            return (_Mention("recipients", word) for word in control.recipients)
        case Overlay():
            return (_Mention("rules.recipients", word) for rule in control.rules for word in rule.recipients)
        case Lou():
            return (_Mention("offers.recipients", word) for offer in control.offers for word in offer["recipients"])
        case Partner() | Group():
            return (_Mention("members", word) for word in control.members)
        case BreakGlass():
            return (_Mention("series", control.series.partition("/")[0]),)
        case LinkSaid():
            return (_Mention("one", series.partition("/")[0]) for series in control.one | control.other)
    return ()


def _unmeant(mention: _Mention, policy: Known) -> Refusal | None:
    """Why a recipient's word means nobody."""
    form, colon, name = mention.word.partition(":")
    if mention.word in {ANY, PRESENT} or form == "category":
        return None
    if form == "group":
        known = policy.version(f"group/{name}") > 0
        return None if known else Refusal(Reason.BAD_REFERENCE, "enter the group first", mention.field)
    partner = policy.partner(name.removesuffix("/members") if colon else form)
    if partner is None:
        return Refusal(Reason.BAD_PARTNER, "name organisations that are in the registry", mention.field)
    if colon and partner.category is not Category.COORDINATION_PLATFORM:
        return Refusal(Reason.BAD_PARTNER, "only a COORDINATION_PLATFORM is meant by `platform:`", mention.field)
    return None
