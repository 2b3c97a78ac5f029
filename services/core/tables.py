"""What the fold of slt.control gathers, and a policy is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from services.core.consent import Term
from services.core.control import (
    Approval,
    Area,
    Group,
    Lou,
    Outlet,
    Overlay,
    Partner,
    Representative,
    SensitivityTable,
    WithdrawalMode,
)
from services.core.credential import Credential


class Touch(NamedTuple):
    """Whom a control change concerns: incidents of these are looked at again. Neither: all incidents."""

    originator: str | None = None
    """Reports by it, or of which it is an upstream."""
    area: str | None = None


class Withdrawn(NamedTuple):
    """A series that its originator took back."""

    offset: int
    mode: WithdrawalMode


class Confirmed(NamedTuple):
    """One of the two confirmations that break the glass."""

    org: str
    confirmer: str
    at: datetime


class Said(NamedTuple):
    """An operator's newest word on two series."""

    offset: int
    same: bool


class Fault(NamedTuple):
    """A control record that does not load."""

    author: str
    reason: str


@dataclass(frozen=True)
class Tables:
    """What the fold has gathered; a policy is given copies."""

    partners: dict[str, Partner] = field(default_factory=dict)
    representatives: dict[str, Representative] = field(default_factory=dict)
    outlets: dict[str, Outlet] = field(default_factory=dict)
    credentials: dict[str, Credential] = field(default_factory=dict)
    approvals: dict[str, Approval] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    lous: dict[str, Lou] = field(default_factory=dict)
    areas: dict[str, tuple[Area, ...]] = field(default_factory=dict)
    """Every version, in the order of entering."""
    sensitivities: dict[str, SensitivityTable] = field(default_factory=dict)
    overlays: dict[str, Overlay] = field(default_factory=dict)
    withdrawn: dict[str, Withdrawn] = field(default_factory=dict)
    glass: dict[str, tuple[Confirmed, ...]] = field(default_factory=dict)
    standing: dict[str, tuple[Term, ...]] = field(default_factory=dict)
    by_series: dict[str, tuple[Term, ...]] = field(default_factory=dict)
    current: dict[str, Term] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    payloads: dict[str, str] = field(default_factory=dict)
    words: dict[tuple[str, str], Said] = field(default_factory=dict)
    """By pair, in the order of their ids."""
    touches: list[tuple[int, Touch]] = field(default_factory=list)
    faults: dict[str, Fault] = field(default_factory=dict)

    def copy(self) -> Tables:
        """A snapshot: the values are immutable, so the containers are enough."""
        return Tables(**{name: table.copy() for name, table in vars(self).items()})
