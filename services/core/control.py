"""The records of slt.control and their words (consent.md §1, F1; docs/rules.md §3); control_read reads them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any, NamedTuple

from services.core.credential import Credential
from services.core.link import LinkSaid
from services.core.projection import Attribution, Place, Point, Projection
from services.core.report import Status

ANY = "*"
PRESENT = "present"
"""Recipients: those of `*` that work where it happened."""
ADMIN = "admin"
PURPOSE = "SECURITY_OF_PERSONNEL_OPERATIONS_ASSETS"
"""The only purpose for which anything is shared (consent.md F1)."""


class ControlType(StrEnum):
    """What a control record is about; also the first part of its key."""

    PARTNER = "partner"
    REPRESENTATIVE = "representative"
    GRANT = "grant"
    END = "end"
    OUTLET = "outlet"
    WITHDRAWAL = "withdrawal"
    AREA = "area"
    SENSITIVITY = "sensitivity"
    OVERLAY = "overlay"
    LOU = "lou"
    GROUP = "group"
    BREAKGLASS = "breakglass"
    APPROVAL = "approval"
    CREDENTIAL = "credential"
    LINK = "link"


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
    """GIVEN permits. The grantor may also withdraw, refuse or defer; REVOKED and INVALIDATED come from another."""

    GIVEN = "GIVEN"
    WITHDRAWN = "WITHDRAWN"
    REVOKED = "REVOKED"
    INVALIDATED = "INVALIDATED"
    REFUSED = "REFUSED"
    DEFERRED = "DEFERRED"


class WithdrawalMode(StrEnum):
    """PROSPECTIVE stops new deliveries; RECALL also takes back what was delivered (consent.md §5)."""

    PROSPECTIVE = "PROSPECTIVE"
    RECALL = "RECALL"


class Action(StrEnum):
    """What a grant lets its recipients do with a report (consent.md §1)."""

    READ = "READ"
    ONWARD = "ONWARD"
    DERIVE = "DERIVE"
    ATTRIBUTE = "ATTRIBUTE"
    AGGREGATE = "AGGREGATE"
    PERSONAL = "PERSONAL"
    PUBLISH = "PUBLISH"


class Condition(StrEnum):
    """When a grant permits."""

    NONE = ""
    IMMINENT_ONLY = "IMMINENT_ONLY"


class Obligation(StrEnum):
    """A duty that travels with a permit, and that a recipient declares it can discharge (gate 13)."""

    ENCRYPT = "ENCRYPT"
    ACK_RECALL = "ACK_RECALL"
    DELETE_BY = "DELETE_BY"


class Level(StrEnum):
    """Level of cooperation in an area."""

    REGULAR = "REGULAR"
    ENHANCED = "ENHANCED"


class Sensitivity(IntEnum):
    """Harm if something is disclosed without authorisation (consent.md F6)."""

    LOW = 0
    MODERATE = 1
    HIGH = 2
    SEVERE = 3


class Cochair(StrEnum):
    """The two keys of the Oversight Committee (SLT-34, SLT-40): scopes of an administrators' representative."""

    UN = "cochair-un"
    INGO = "cochair-ingo"


class SrmLevel(StrEnum):
    """Security risk level of an area (consent.md F5, SLT-11)."""

    UNKNOWN = ""
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    VERY_HIGH = "VERY_HIGH"
    UNACCEPTABLE = "UNACCEPTABLE"


class OutletState(StrEnum):
    """Whether DELIVER may write a recipient's topic."""

    OPEN = "OPEN"
    PARKED = "PARKED"


class Format(StrEnum):
    """What a recipient's records are encoded as."""

    AVRO = "AVRO"
    JSON = "JSON"
    CAP = "CAP"


class Entitlement(NamedTuple):
    """What an observer may read: portions of a forum's material in a time (SLT-47, SLT-48)."""

    forum: str
    kinds: frozenset[str]
    areas: frozenset[str]
    valid_from: datetime
    valid_to: datetime


class Partner(NamedTuple):
    """An organisation with its standing and what it wants to receive."""

    org: str
    category: Category
    status: PartnerStatus
    areas: frozenset[str]
    """ISO 3166-1 alpha-3 codes, or `*`."""
    kinds: frozenset[str]
    statuses: frozenset[str]
    presence: frozenset[str]
    """Where it works; `areas` is where it wants to hear from."""
    members: frozenset[str]
    """Organisations of a platform (SLT-46); empty for all others."""
    ceiling: Sensitivity
    capabilities: frozenset[Obligation]
    entitlements: tuple[Entitlement, ...]
    admitted_by: str
    """The Designated Official who admitted a field partner (SLT-05)."""
    valid_to: datetime | None
    threshold: str
    """Least severity that it wants to receive; empty: all."""
    paused: bool
    lou: str
    """Id of its letter of understanding."""
    evidence: str
    """How it is shown that an INGO or IO works with the UN (SLT-41)."""
    certificates: tuple[str, ...] = ()
    """PEM of those that sign its CAP alerts: if there are any, an alert that none of them signed is refused."""


class Representative(NamedTuple):
    """A person's key, valid for an organisation in a time."""

    org: str
    name: str
    public_key: bytes
    scopes: frozenset[str]
    valid_from: datetime
    valid_to: datetime
    home: str = ""
    """Of a co-chair: the organisation that the person comes from, which he or she does not judge (SLT-40)."""


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
    """Words of docs/rules.md §3: organisation ids, `*`, `present`, `category:`, `group:`, `platform:`."""
    valid_from: datetime
    valid_to: datetime
    covers_earlier: bool
    state: GrantState
    mode: WithdrawalMode
    actions: frozenset[Action]
    projection: Projection | Point
    """The most that it permits."""
    attribution: Attribution
    condition: Condition
    obligations: frozenset[Obligation]
    level: Level
    """ENHANCED: only where the area's level was ENHANCED when the report came."""
    purpose: str


class End(NamedTuple):
    """A grant ended by another authority than its grantor."""

    grantor: str
    grant: str
    state: GrantState


class Outlet(NamedTuple):
    """An administrator's word about a recipient's topic."""

    org: str
    state: OutletState
    format: Format = Format.AVRO


class Approval(NamedTuple):
    """One co-chair's key to a partner's next status (SLT-34, SLT-43)."""

    org: str
    confirmer: str
    """The person's name as registered."""
    status: PartnerStatus
    standing: int
    """Version of the partner record that it is for: it serves no other."""


class Withdrawal(NamedTuple):
    """An originator takes a series back for good."""

    originator: str
    series: str
    """originator/id."""
    mode: WithdrawalMode


class Area(NamedTuple):
    """An area's level from a time on (SLT-11); every version stays in the history."""

    area: str
    level: Level
    valid_from: datetime
    srm_level: SrmLevel
    approver: str


class SensitivityRow(NamedTuple):
    """How sensitive a kind (or `*`) is when a place is given so precisely."""

    kind: str
    precision: Place
    level: Sensitivity


class SensitivityTable(NamedTuple):
    """An information-sharing protocol of an area, or of `*` (consent.md F6)."""

    area: str
    rows: tuple[SensitivityRow, ...]


class OverlayRule(NamedTuple):
    """A local rule that can only narrow."""

    kinds: frozenset[str]
    recipients: frozenset[str]
    projection: Projection | Point | None
    """The most that they may see; None: nothing at all."""


class Overlay(NamedTuple):
    """A Designated Official's rules for an area, or for `*` (SLT-06)."""

    area: str
    rules: tuple[OverlayRule, ...]


class Lou(NamedTuple):
    """A letter of understanding as data (SLT-20)."""

    lou: str
    text_version: str
    offers: tuple[Mapping[str, Any], ...]
    """Grants offered at admission: payloads without grantor, version and times."""
    withheld_kinds: frozenset[str]
    break_glass: bool


class Group(NamedTuple):
    """Organisations that work together for a time (SLT-71)."""

    group: str
    members: frozenset[str]
    purpose: str
    valid_from: datetime
    valid_to: datetime


class BreakGlass(NamedTuple):
    """One person's word that a series has to be released to save lives (consent.md §7.6)."""

    series: str
    """originator/id."""
    org: str
    """The confirming person's organisation."""
    confirmer: str
    """The person's name as registered."""


Control = (
    Partner | Representative | Grant | End | Outlet | Withdrawal | Area | SensitivityTable | Overlay | Lou | Group
    | BreakGlass | Approval | Credential | LinkSaid
)  # fmt: skip
_TYPES: dict[type[Control], ControlType] = {
    Partner: ControlType.PARTNER, Representative: ControlType.REPRESENTATIVE, Grant: ControlType.GRANT,
    End: ControlType.END, Outlet: ControlType.OUTLET, Withdrawal: ControlType.WITHDRAWAL, Area: ControlType.AREA,
    SensitivityTable: ControlType.SENSITIVITY, Overlay: ControlType.OVERLAY, Lou: ControlType.LOU,
    Group: ControlType.GROUP, BreakGlass: ControlType.BREAKGLASS, LinkSaid: ControlType.LINK,
    Approval: ControlType.APPROVAL, Credential: ControlType.CREDENTIAL,
}  # fmt: skip
ID_FIELDS: dict[ControlType, tuple[str, ...]] = {
    ControlType.PARTNER: ("org",), ControlType.REPRESENTATIVE: ("org", "name"), ControlType.GRANT: ("grantor", "grant"),
    ControlType.END: ("grantor", "grant"), ControlType.OUTLET: ("org",), ControlType.WITHDRAWAL: ("series",),
    ControlType.AREA: ("area",), ControlType.SENSITIVITY: ("area",), ControlType.OVERLAY: ("area",),
    ControlType.LOU: ("lou",), ControlType.GROUP: ("group",), ControlType.BREAKGLASS: ("series", "org", "confirmer"),
    ControlType.APPROVAL: ("org", "confirmer"), ControlType.CREDENTIAL: ("org", "name"),
    ControlType.LINK: ("link",),
}  # fmt: skip
"""The fields, of a record and of its payload, that are its id within its type."""


def control_id(control: Control) -> str:
    """The record's id within its type: the values of its ID_FIELDS joined by `/`."""
    return "/".join(getattr(control, name) for name in ID_FIELDS[_TYPES[type(control)]])
