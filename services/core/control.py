"""The records of slt.control: partners, representatives, grants, ends and outlets, read from the JSON that was signed.

One payload names its type and version; its id follows from its fields, so that a signature binds all of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from services.core.reason import Reason
from services.core.report import InfoKind, Status
from services.core.stage import Refusal
from services.core.submission import Refused

ANY = "*"
ADMIN = "admin"
LONGEST_GRANT = timedelta(days=366)
_ORG = re.compile(r"[a-z][a-z0-9-]{1,30}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


class ControlType(StrEnum):
    """What a control record is about; also the first part of its key."""

    PARTNER = "partner"
    REPRESENTATIVE = "representative"
    GRANT = "grant"
    END = "end"
    OUTLET = "outlet"


class PartnerStatus(StrEnum):
    """Life cycle of a partner (SLT-42); only ACTIVE receives."""

    APPLIED = "APPLIED"
    UNDER_REVIEW = "UNDER_REVIEW"
    OC_AGREED = "OC_AGREED"
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    WITHDRAWN = "WITHDRAWN"
    TERMINATED = "TERMINATED"
    REJECTED = "REJECTED"


class Category(StrEnum):
    """Kind of organisation (SLT-41, consent.md F1)."""

    UNSMS = "UNSMS"
    INGO = "INGO"
    IO = "IO"
    FIELD_PARTNER = "FIELD_PARTNER"
    COORDINATION_PLATFORM = "COORDINATION_PLATFORM"
    OBSERVER = "OBSERVER"
    HOST_AUTHORITY = "HOST_AUTHORITY"
    CONTRACTOR = "CONTRACTOR"
    ARMED_ACTOR = "ARMED_ACTOR"
    DONOR = "DONOR"
    MEDIA = "MEDIA"


THIRD_PARTIES = frozenset(
    {Category.HOST_AUTHORITY, Category.CONTRACTOR, Category.ARMED_ACTOR, Category.DONOR, Category.MEDIA}
)
"""Never meant by `*`: only a grant that names the organisation, or its category, reaches them (SLT-02, SLT-03)."""


class GrantEffect(StrEnum):
    """A prohibition beats every permission."""

    PERMIT = "PERMIT"
    PROHIBIT = "PROHIBIT"


class GrantState(StrEnum):
    """GIVEN permits; the others say who ended it."""

    GIVEN = "GIVEN"
    WITHDRAWN = "WITHDRAWN"
    REVOKED = "REVOKED"
    INVALIDATED = "INVALIDATED"


class WithdrawalMode(StrEnum):
    """PROSPECTIVE stops new deliveries; RECALL also takes back what was delivered (consent.md §5)."""

    PROSPECTIVE = "PROSPECTIVE"
    RECALL = "RECALL"


class OutletState(StrEnum):
    """Whether DELIVER may write a recipient's topic."""

    OPEN = "OPEN"
    PARKED = "PARKED"


class Partner(NamedTuple):
    """An organisation with its standing and what it wants to receive."""

    org: str
    category: Category
    status: PartnerStatus
    areas: frozenset[str]
    """ISO 3166-1 alpha-3 codes, or `*`."""
    kinds: frozenset[str]
    statuses: frozenset[str]


class Representative(NamedTuple):
    """A person's key, valid for an organisation in a time."""

    org: str
    name: str
    public_key: bytes
    scopes: frozenset[str]
    valid_from: datetime
    valid_to: datetime


class Grant(NamedTuple):
    """An originator's consent: what, for whom, from when to when."""

    grantor: str
    grant: str
    effect: GrantEffect
    status: Status
    series: frozenset[str]
    """Series ids (originator/id); empty: a standing rule over kinds and areas."""
    kinds: frozenset[str]
    areas: frozenset[str]
    recipients: frozenset[str]
    """Organisation ids, `category:<Category>`, or `*`: every active partner that is no third party."""
    valid_from: datetime
    valid_to: datetime
    covers_earlier: bool
    state: GrantState
    mode: WithdrawalMode


class End(NamedTuple):
    """A grant ended by another authority than its grantor."""

    grantor: str
    grant: str
    state: GrantState


class Outlet(NamedTuple):
    """An administrator's word about a recipient's topic."""

    org: str
    state: OutletState


Control = Partner | Representative | Grant | End | Outlet


def control_id(control: Control) -> str:
    """The record's id within its type."""
    match control:
        case Grant(grantor=grantor, grant=grant) | End(grantor=grantor, grant=grant):
            return f"{grantor}/{grant}"
        case Representative(org=org, name=name):
            return f"{org}/{name}"
        case _:
            return control.org


def read_control(payload: Any) -> tuple[ControlType, int, Control] | Refusal:
    """Type, version and record of a signed payload (decoded JSON), or why it is none."""
    try:
        fields = _Fields(payload)
        kind = fields.word("type", ControlType)
        version = fields.whole("version")
        found = _READERS[kind](fields)
        fields.done()
    except Refused as refused:
        return refused.refusal
    return kind, version, found


class _Fields:
    """Reads typed fields off a mapping and notices those that nobody asked for."""

    def __init__(self, payload: Any) -> None:
        if not isinstance(payload, Mapping):
            raise Refused(Reason.BAD_FIELD_TYPE, "send a JSON object")
        self._left = dict(payload)

    def take(self, name: str, of_type: type, default: Any = None) -> Any:
        if name not in self._left:
            if default is None:
                raise Refused(Reason.BAD_FIELD_MISSING, "send this field", name)
            return default
        value = self._left.pop(name)
        if not isinstance(value, of_type) or (of_type is int and isinstance(value, bool)):
            raise Refused(Reason.BAD_FIELD_TYPE, f"send a value of JSON type {of_type.__name__}", name)
        return value

    def word(self, name: str, words: type[StrEnum], default: str | None = None) -> Any:
        value = self.take(name, str, default)
        try:
            return words(value)
        except ValueError:
            raise Refused(Reason.BAD_VOCABULARY, f"use one of {', '.join(map(str, words))}", name) from None

    def whole(self, name: str) -> int:
        value: int = self.take(name, int)
        if not 1 <= value < 2**31:
            raise Refused(Reason.BAD_FIELD_TYPE, "send a number from 1", name)
        return value

    def id(self, name: str, pattern: re.Pattern[str] = _ORG) -> str:
        value: str = self.take(name, str)
        if not pattern.fullmatch(value):
            raise Refused(Reason.BAD_VOCABULARY, "use letters, digits and hyphens", name)
        return value

    def moment(self, name: str) -> datetime:
        try:
            value = datetime.fromisoformat(self.take(name, str))
        except ValueError:
            raise Refused(Reason.BAD_TIME, "send ISO 8601 with an offset", name) from None
        if value.tzinfo is None:
            raise Refused(Reason.BAD_TIME, "add the offset from UTC, for example +00:00", name)
        return value

    def words(self, name: str, allowed: Callable[[str], bool], default: list[str] | None = None) -> frozenset[str]:
        values = self.take(name, list, default)
        if not all(isinstance(value, str) and allowed(value) for value in values):
            raise Refused(Reason.BAD_VOCABULARY, "use `*` or known words", name)
        return frozenset(values)

    def done(self) -> None:
        if self._left:
            raise Refused(Reason.BAD_FIELD_UNKNOWN, "remove it", min(map(str, self._left))[:40])


def _is_area(value: str) -> bool:
    return value == ANY or re.fullmatch(r"[A-Z]{3}", value) is not None


def _is_kind(value: str) -> bool:
    return value == ANY or value in InfoKind.__members__


def _is_recipient(value: str) -> bool:
    if value.startswith("category:"):
        return value.removeprefix("category:") in Category.__members__
    return value == ANY or _ORG.fullmatch(value) is not None


def _is_series(value: str) -> bool:
    return 3 <= len(value) <= 200 and "/" in value


def _partner(fields: _Fields) -> Partner:
    return Partner(
        fields.id("org"),
        fields.word("category", Category),
        fields.word("status", PartnerStatus),
        fields.words("areas", _is_area),
        fields.words("kinds", _is_kind),
        fields.words("statuses", lambda value: value in {status.value for status in Status}),
    )


def _representative(fields: _Fields) -> Representative:
    org, name = fields.id("org"), fields.id("name", _NAME)
    try:
        key = bytes.fromhex(fields.take("public_key", str))
    except ValueError:
        key = b""
    if len(key) != 32:
        raise Refused(Reason.BAD_VOCABULARY, "send the 32 bytes of an Ed25519 public key in hex", "public_key")
    scopes = fields.words("scopes", lambda value: value in {"consent", "administer"})
    start, end = _period(fields, None)
    return Representative(org, name, key, scopes, start, end)


def _period(fields: _Fields, longest: timedelta | None) -> tuple[datetime, datetime]:
    start, end = fields.moment("valid_from"), fields.moment("valid_to")
    if end <= start:
        raise Refused(Reason.BAD_GRANT, "valid_to lies before valid_from", "valid_to")
    if longest and end - start > longest:
        raise Refused(Reason.BAD_GRANT, f"a grant lasts at most {longest.days} days: renew it then", "valid_to")
    return start, end


def _grant(fields: _Fields) -> Grant:
    grantor, name = fields.id("grantor"), fields.id("grant", _NAME)
    start, end = _period(fields, LONGEST_GRANT)
    found = Grant(
        grantor,
        name,
        fields.word("effect", GrantEffect, GrantEffect.PERMIT),
        fields.word("status", Status),
        fields.words("series", _is_series, []),
        fields.words("kinds", _is_kind, []),
        fields.words("areas", _is_area, []),
        fields.words("recipients", _is_recipient),
        start,
        end,
        fields.take("covers_earlier", bool, default=False),
        fields.word("state", GrantState, GrantState.GIVEN),
        fields.word("mode", WithdrawalMode, WithdrawalMode.RECALL),
    )
    _check_grant(found)
    return found


def _check_grant(grant: Grant) -> None:
    if not grant.recipients:
        raise Refused(Reason.BAD_GRANT, "an empty audience is nobody: name the recipients", "recipients")
    if not grant.series and not (grant.kinds and grant.areas):
        raise Refused(Reason.BAD_GRANT, "name series, or kinds and areas", "series")
    if grant.state not in {GrantState.GIVEN, GrantState.WITHDRAWN}:
        raise Refused(Reason.BAD_AUTHOR, "a grantor gives or withdraws; REVOKED comes from an administrator", "state")
    if any(not series.startswith(f"{grant.grantor}/") for series in grant.series):
        raise Refused(Reason.BAD_AUTHOR, "a grant covers only its grantor's own reports", "series")


def _end(fields: _Fields) -> End:
    found = End(fields.id("grantor"), fields.id("grant", _NAME), fields.word("state", GrantState))
    if found.state not in {GrantState.REVOKED, GrantState.INVALIDATED}:
        raise Refused(Reason.BAD_VOCABULARY, "use one of REVOKED, INVALIDATED", "state")
    return found


def _outlet(fields: _Fields) -> Outlet:
    return Outlet(fields.id("org"), fields.word("state", OutletState))


_READERS: dict[ControlType, Callable[[_Fields], Control]] = {
    ControlType.PARTNER: _partner,
    ControlType.REPRESENTATIVE: _representative,
    ControlType.GRANT: _grant,
    ControlType.END: _end,
    ControlType.OUTLET: _outlet,
}
