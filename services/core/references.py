"""Does a change of slt.control speak only of what the registry knows? (issue "Bad input"; docs/rules.md §3)"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from services.core.ahead import Known
from services.core.control import (
    ANY,
    PRESENT,
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
from services.core.lifecycle import NEXT, may_follow
from services.core.reason import Reason
from services.core.stage import Refusal


class _Mention(NamedTuple):
    """A word for recipients, and the field that it stands in."""

    field: str
    word: str


def unknown(control: Control, policy: Known) -> Refusal | None:
    """Why the change cannot stand beside what is entered already; None if it can."""
    match control:
        case End():
            return _no_grant(control.grantor, control.grant, policy)
        case Grant(state=GrantState.WITHDRAWN):
            return _no_grant(control.grantor, control.grant, policy) or _mentions(control, policy)
        case Partner():
            return _standing(control, policy) or _mentions(control, policy)
    return _mentions(control, policy)


def _no_grant(grantor: str, grant: str, policy: Known) -> Refusal | None:
    if not policy.has_grant(f"{grantor}/{grant}"):
        return Refusal(Reason.BAD_GRANT, "there is no such grant to end: check its id", "grant")
    return None


def _standing(partner: Partner, policy: Known) -> Refusal | None:
    known = policy.partner(partner.org)
    before = known.status if known else None
    if not may_follow(before, partner.status):
        allowed = sorted(NEXT[before]) if before else []
        then = f"may become {', '.join(allowed)}" if allowed else "is final: enter the organisation under another id"
        return Refusal(Reason.BAD_STANDING, f"{before} {then}", "status")
    if partner.lou and not policy.version(f"lou/{partner.lou}"):
        return Refusal(Reason.BAD_REFERENCE, "enter the letter of understanding first", "lou")
    return None


def _mentions(control: Control, policy: Known) -> Refusal | None:
    found = (_unmeant(mention, policy) for mention in _mentioned(control))
    return next((refusal for refusal in found if refusal), None)


def _mentioned(control: Control) -> Iterable[_Mention]:
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
