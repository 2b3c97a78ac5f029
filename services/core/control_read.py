"""The records of slt.control, read from the JSON that was signed (docs/rules.md §3).

One payload names its type and version; its id follows from its fields, so that a signature binds all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from services.core.checks import Refused
from services.core.control import (
    ADMIN,
    ANY,
    PRESENT,
    PURPOSE,
    Action,
    Approval,
    Area,
    BreakGlass,
    Category,
    Cochair,
    Condition,
    Control,
    ControlType,
    End,
    Entitlement,
    Format,
    Grant,
    GrantEffect,
    GrantState,
    Group,
    Level,
    Lou,
    Obligation,
    Outlet,
    OutletState,
    Overlay,
    OverlayRule,
    Partner,
    PartnerStatus,
    Representative,
    Sensitivity,
    SensitivityRow,
    SensitivityTable,
    SrmLevel,
    Withdrawal,
    WithdrawalMode,
)
from services.core.control_fields import Fields, is_area, is_kind, is_org, is_recipient, is_series
from services.core.credential import Credential, CredentialState, Scope
from services.core.link import LinkSaid, LinkWord
from services.core.projection import Attribution, Place
from services.core.reason import Reason
from services.core.report import Severity, Status
from services.core.stage import Refusal

LONGEST_GRANT = timedelta(days=366)
_USUAL_ACTIONS = frozenset({Action.READ, Action.ATTRIBUTE, Action.AGGREGATE})
_GRANTORS_STATES = frozenset({GrantState.GIVEN, GrantState.WITHDRAWN, GrantState.REFUSED, GrantState.DEFERRED})
_MOST_LINKED = 50
"""Reports that one word may name on either side."""
_OFFER_TIME = {"valid_from": "2000-01-01T00:00:00+00:00", "valid_to": "2000-12-31T00:00:00+00:00"}


def read_control(payload: Any) -> tuple[ControlType, int, Control] | Refusal:
    """Type, version and record of a signed payload (decoded JSON), or why it is none."""
    try:
        fields = Fields(payload)
        kind = fields.word("type", ControlType)
        version = fields.whole("version")
        found = _READERS[kind](fields)
        fields.done()
    except Refused as refused:
        return refused.refusal
    return kind, version, found


def _period(fields: Fields, longest: timedelta | None = None) -> tuple[datetime, datetime]:
    start, end = fields.moment("valid_from"), fields.moment("valid_to")
    if end <= start:
        raise fields.refused(Reason.BAD_GRANT, "valid_to lies before valid_from", "valid_to")
    if longest and end - start > longest:
        advice = f"a grant lasts at most {longest.days} days: renew it then"
        raise fields.refused(Reason.BAD_GRANT, advice, "valid_to")
    return start, end


def _purpose(fields: Fields) -> str:
    if fields.take("purpose", str, PURPOSE) != PURPOSE:
        raise fields.refused(Reason.BAD_GRANT, f"nothing is shared for another purpose than {PURPOSE}", "purpose")
    return PURPOSE


# -- partners and people ----------------------------------------------------------------------------------------------


def _partner(fields: Fields) -> Partner:
    org, category, status = fields.org("org"), fields.word("category", Category), fields.word("status", PartnerStatus)
    areas = fields.words("areas", is_area)
    found = Partner(
        org,
        category,
        status,
        areas,
        fields.words("kinds", is_kind),
        fields.words("statuses", {status.value for status in Status}.__contains__),
        fields.words("presence", is_area, sorted(areas)),
        fields.words("members", is_org, []),
        fields.rank("ceiling", Sensitivity, Sensitivity.HIGH),
        fields.set_of("capabilities", Obligation, frozenset()),
        fields.each("entitlements", _entitlement),
        fields.take("admitted_by", str, ""),
        fields.moment_or_none("valid_to"),
        _threshold(fields),
        fields.take("paused", bool, default=False),
        fields.name("lou", ""),
        fields.take("evidence", str, ""),
        _certificates(fields),
    )
    _check_partner(found)
    return found


def _certificates(fields: Fields) -> tuple[str, ...]:
    found = fields.take("certificates", list, [])
    if not all(isinstance(one, str) and one.startswith("-----BEGIN CERTIFICATE-----") for one in found):
        raise fields.refused(Reason.BAD_FIELD_TYPE, "send a list of certificates in PEM", "certificates")
    return tuple(found)


def _entitlement(fields: Fields) -> Entitlement:
    forum, kinds, areas = (
        fields.text("forum", "name the forum whose material it is"),
        fields.words("kinds", is_kind),
        fields.words("areas", is_area),
    )
    return Entitlement(forum, kinds, areas, *_period(fields))


def _threshold(fields: Fields) -> str:
    value: str = fields.take("threshold", str, "")
    if value and value not in {severity.value for severity in Severity}:
        advice = f"use one of {', '.join(Severity)}, or an empty text for all"
        raise fields.refused(Reason.BAD_VOCABULARY, advice, "threshold")
    return value


def _check_partner(partner: Partner) -> None:
    if partner.org in {ADMIN, PRESENT}:
        raise Refused(Reason.BAD_VOCABULARY, "this word has a meaning of its own: choose another id", "org")
    if partner.members and partner.category is not Category.COORDINATION_PLATFORM:
        raise Refused(Reason.BAD_STANDING, "only a COORDINATION_PLATFORM has members", "members")
    if partner.category is not Category.FIELD_PARTNER:
        return
    if not partner.admitted_by.strip():
        raise Refused(Reason.BAD_STANDING, "say which Designated Official admitted the field partner", "admitted_by")
    if partner.valid_to is None:
        raise Refused(Reason.BAD_STANDING, "a field partner is admitted until a day: send it", "valid_to")
    if not partner.presence or ANY in partner.presence:
        raise Refused(Reason.BAD_STANDING, "a field partner is admitted for named areas: list them", "presence")


def _representative(fields: Fields) -> Representative:
    org, name = fields.org("org"), fields.name("name")
    try:
        key = bytes.fromhex(fields.take("public_key", str))
    except ValueError:
        key = b""
    if len(key) != 32:
        raise Refused(Reason.BAD_VOCABULARY, "send the 32 bytes of an Ed25519 public key in hex", "public_key")
    scopes = fields.words("scopes", {"consent", "administer", *Cochair}.__contains__)
    return Representative(org, name, key, scopes, *_period(fields), fields.take("home", str, ""))


def _approval(fields: Fields) -> Approval:
    org, confirmer = fields.org("org"), fields.name("confirmer")
    return Approval(org, confirmer, fields.word("status", PartnerStatus), fields.whole("standing"))


def _credential(fields: Fields) -> Credential:
    org, name = fields.org("org"), fields.label("name")
    scopes = frozenset(map(Scope, fields.words("scopes", {scope.value for scope in Scope}.__contains__)))
    if not scopes:
        raise Refused(Reason.BAD_VOCABULARY, f"say what it is for: {', '.join(Scope)}", "scopes")
    return Credential(org, name, scopes, fields.word("state", CredentialState), fields.whole("issue"))


def _group(fields: Fields) -> Group:
    members, purpose = fields.words("members", is_org), _purpose(fields)
    if not members:
        raise Refused(Reason.BAD_GRANT, "a group has members: name them", "members")
    return Group(fields.name("group"), members, purpose, *_period(fields))


def _lou(fields: Fields) -> Lou:
    return Lou(
        fields.name("lou"),
        fields.text("text_version", "name the version of the text that was signed"),
        tuple(_offer(fields, offer) for offer in fields.take("offers", list, [])),
        fields.words("withheld_kinds", is_kind, []),
        fields.take("break_glass", bool, default=False),
    )


def _offer(fields: Fields, offer: Any) -> Any:
    """The terms of a grant as they would be signed, but for who gives it, and when."""
    terms = Fields(offer, "offers.")
    for name in ("grantor", "version", "type", "series", *_OFFER_TIME):
        if name in offer:
            raise terms.refused(
                Reason.BAD_FIELD_UNKNOWN, "an offer is a standing rule, accepted by a grant: remove it", name
            )
    read = Fields({**offer, "grantor": "offered", **_OFFER_TIME}, "offers.")
    _grant(read)
    read.done()
    return offer


def _outlet(fields: Fields) -> Outlet:
    return Outlet(fields.org("org"), fields.word("state", OutletState), fields.word("format", Format, Format.AVRO))


# -- consent ----------------------------------------------------------------------------------------------------------


def _grant(fields: Fields) -> Grant:
    effect = fields.word("effect", GrantEffect, GrantEffect.PERMIT)
    start, end = _period(fields, LONGEST_GRANT)
    found = Grant(
        fields.org("grantor"),
        fields.name("grant"),
        effect,
        fields.word("status", Status),
        fields.words("series", is_series, []),
        fields.words("kinds", is_kind, []),
        fields.words("areas", is_area, []),
        fields.words("recipients", is_recipient),
        start,
        end,
        fields.take("covers_earlier", bool, default=False),
        fields.word("state", GrantState, GrantState.GIVEN),
        fields.word("mode", WithdrawalMode, WithdrawalMode.RECALL),
        fields.set_of("actions", Action, _USUAL_ACTIONS if effect is GrantEffect.PERMIT else frozenset(Action)),
        fields.projection("projection"),
        fields.rank("attribution", Attribution, Attribution.NAMED),
        fields.word("condition", Condition, Condition.NONE),
        fields.set_of("obligations", Obligation, frozenset()),
        fields.word("level", Level, Level.REGULAR),
        _purpose(fields),
    )
    _check_subject(found, fields)
    _check_terms(found, fields)
    return found


def _check_subject(grant: Grant, fields: Fields) -> None:
    if not grant.recipients:
        raise fields.refused(Reason.BAD_GRANT, "an empty audience is nobody: name the recipients", "recipients")
    if not grant.series and not (grant.kinds and grant.areas):
        raise fields.refused(Reason.BAD_GRANT, "name series, or kinds and areas", "series")
    if grant.state not in _GRANTORS_STATES:
        advice = "a grantor gives, withdraws, refuses or defers; REVOKED comes from an administrator"
        raise fields.refused(Reason.BAD_AUTHOR, advice, "state")
    if any(not series.startswith(f"{grant.grantor}/") for series in grant.series):
        raise fields.refused(Reason.BAD_AUTHOR, "a grant covers only its grantor's own reports", "series")


def _check_terms(grant: Grant, fields: Fields) -> None:
    if not grant.actions:
        raise fields.refused(Reason.BAD_GRANT, "a grant of no action is none: name the actions", "actions")
    if grant.effect is GrantEffect.PERMIT:
        return
    if grant.level is Level.ENHANCED:
        raise fields.refused(Reason.BAD_GRANT, "a prohibition holds at every level: leave the level out", "level")
    if grant.condition is not Condition.NONE:
        raise fields.refused(Reason.BAD_GRANT, "a prohibition holds always: leave the condition out", "condition")


def _end(fields: Fields) -> End:
    found = End(fields.org("grantor"), fields.name("grant"), fields.word("state", GrantState))
    if found.state not in {GrantState.REVOKED, GrantState.INVALIDATED}:
        raise Refused(Reason.BAD_VOCABULARY, "use one of REVOKED, INVALIDATED", "state")
    return found


def _withdrawal(fields: Fields) -> Withdrawal:
    found = Withdrawal(
        fields.org("originator"), fields.series("series"), fields.word("mode", WithdrawalMode, WithdrawalMode.RECALL)
    )
    if not found.series.startswith(f"{found.originator}/"):
        raise Refused(Reason.BAD_AUTHOR, "an originator takes back only its own reports", "series")
    return found


def _break_glass(fields: Fields) -> BreakGlass:
    return BreakGlass(fields.series("series"), fields.org("org"), fields.name("confirmer"))


def _link(fields: Fields) -> LinkSaid:
    found = LinkSaid(
        fields.name("link"),
        fields.word("word", LinkWord),
        fields.words("one", is_series),
        fields.words("other", is_series),
        fields.take("note", str, ""),
    )
    most = 1 if found.word in {LinkWord.CONFIRM, LinkWord.REJECT} else _MOST_LINKED
    for name, side in (("one", found.one), ("other", found.other)):
        if not 1 <= len(side) <= most:
            raise Refused(Reason.BAD_VOCABULARY, f"{found.word} names 1 to {most} series on either side", name)
    if found.one & found.other:
        raise Refused(Reason.BAD_VOCABULARY, "a report is on one side: name different ones", "other")
    return found


# -- areas ------------------------------------------------------------------------------------------------------------


def _area(fields: Fields) -> Area:
    return Area(
        fields.area("area"),
        fields.word("level", Level),
        fields.moment("valid_from"),
        fields.word("srm_level", SrmLevel, SrmLevel.UNKNOWN),
        fields.text("approver", "name who approved the level"),
    )


def _sensitivity(fields: Fields) -> SensitivityTable:
    found = SensitivityTable(fields.area("area", anywhere=True), fields.each("rows", _row))
    if len({(row.kind, row.precision) for row in found.rows}) < len(found.rows):
        raise Refused(Reason.BAD_VOCABULARY, "send one row for a kind and a precision", "rows")
    return found


def _row(fields: Fields) -> SensitivityRow:
    kind, precision = fields.take("kind", str), fields.rank("precision", Place)
    if not is_kind(kind):
        raise fields.refused(Reason.BAD_VOCABULARY, "use `*` or a kind of report", "kind")
    if precision is Place.UNKNOWN:
        raise fields.refused(Reason.BAD_VOCABULARY, "a place that is unknown has the row of COUNTRY", "precision")
    return SensitivityRow(kind, precision, fields.rank("level", Sensitivity))


def _overlay(fields: Fields) -> Overlay:
    return Overlay(fields.area("area", anywhere=True), fields.each("rules", _rule))


def _rule(fields: Fields) -> OverlayRule:
    found = OverlayRule(
        fields.words("kinds", is_kind),
        fields.words("recipients", is_recipient),
        fields.projection_or_none("projection"),
    )
    if not (found.kinds and found.recipients):
        raise fields.refused(Reason.BAD_VOCABULARY, "a rule of nothing, or for nobody, does nothing", "kinds")
    return found


_READERS: dict[ControlType, Callable[[Fields], Control]] = {
    ControlType.PARTNER: _partner,
    ControlType.REPRESENTATIVE: _representative,
    ControlType.GRANT: _grant,
    ControlType.END: _end,
    ControlType.OUTLET: _outlet,
    ControlType.WITHDRAWAL: _withdrawal,
    ControlType.AREA: _area,
    ControlType.SENSITIVITY: _sensitivity,
    ControlType.OVERLAY: _overlay,
    ControlType.LOU: _lou,
    ControlType.GROUP: _group,
    ControlType.BREAKGLASS: _break_glass,
    ControlType.APPROVAL: _approval,
    ControlType.CREDENTIAL: _credential,
    ControlType.LINK: _link,
}
