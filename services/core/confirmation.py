"""When the end of a consent is confirmed: by progress, not by markers in partners' topics (ARCHITECTURE §8).

The proof of "revoked", for an end at offset E of slt.control: every partition of distribute has settled E, so whatever
it decided without knowing E lies in slt.deliveries already, below the ends that are read after that; and every
partition of deliver has passed those ends. "Recalled" is the same moment, because recalls are in slt.deliveries before
E is settled, except that it also waits for the parked outlets that are owed something from below those ends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from services.core import control as records
from services.core.control import ADMIN, Control, Grant, GrantEffect, GrantState, Partner, PartnerStatus, WithdrawalMode
from services.core.notice import Notice
from services.core.outlet import Progress
from services.core.policy import Policy
from services.core.report import Status
from services.core.stage import Record


class ConsentStatus(StrEnum):
    """What is confirmed."""

    REVOKED = "REVOKED_CONFIRMED"  # nothing is delivered under it any more
    RECALLED = "RECALLED_CONFIRMED"  # every recall that it asks for is in its recipient's topic


class End(NamedTuple):
    """One end of consent."""

    epoch: int
    """Its offset in slt.control."""
    org: str
    """Who is told: the grantor; the administrators of a partner's suspension or leaving."""
    grant: str
    """grantor/grant, originator/id of a series, or the partner."""
    decided_at: datetime
    recalls: bool
    """Whether it takes back what was delivered."""
    status: str = Status.ACTUAL


def end_of(control: Control, record: Record, before: Callable[[], Policy]) -> End | None:
    """The end of consent that a control record enters, or None; `before` compiles the policy without the record."""

    def end(org: str, grant: str, *, recalls: bool, status: str = Status.ACTUAL) -> End:
        return End(record.source.offset, org, grant, record.appended, recalls, status)

    match control:
        case Grant() if _ends(control, record.appended):
            recalls = control.effect is GrantEffect.PROHIBIT or control.mode is WithdrawalMode.RECALL
            return end(control.grantor, f"{control.grantor}/{control.grant}", recalls=recalls, status=control.status)
        case records.End():
            grant = f"{control.grantor}/{control.grant}"
            term = before().term(grant)
            return end(control.grantor, grant, recalls=True, status=term.grant.status if term else Status.ACTUAL)
        case records.Withdrawal():
            return end(control.originator, control.series, recalls=control.mode is WithdrawalMode.RECALL)
        case Partner() if control.status is not PartnerStatus.ACTIVE and _is_active(before(), control.org):
            return end(ADMIN, control.org, recalls=control.status is not PartnerStatus.SUSPENDED)
    return None


def _ends(grant: Grant, at: datetime) -> bool:
    """A permission is withdrawn, or a prohibition is in force from now on."""
    if grant.effect is GrantEffect.PERMIT:
        return grant.state is GrantState.WITHDRAWN
    return grant.state is GrantState.GIVEN and grant.valid_from <= at < grant.valid_to


def _is_active(policy: Policy, org: str) -> bool:
    partner = policy.partner(org)
    return partner is not None and partner.status is PartnerStatus.ACTIVE


class Confirmed(NamedTuple):
    """One confirmation that is due."""

    end: End
    status: ConsentStatus
    marks: Mapping[int, int]
    """By partition of slt.deliveries: everything decided without knowing the end lies below."""


@dataclass
class _Waiting:
    end: End
    revoked: bool
    marks: Mapping[int, int] | None = None


class Confirmations:
    """The ends that wait, in their order, and how far everybody is.

    What a partition has settled stays settled, also under another slot: whoever takes it over reads slt.control up to
    the barrier and the ledger before it decides.
    """

    def __init__(self, lanes: int) -> None:
        """`lanes`: partitions of distribute, and of slt.deliveries."""
        self._waiting: list[_Waiting] = []
        self._settled = dict.fromkeys(range(lanes), -1)
        self._passed: dict[int, Progress] = dict.fromkeys(range(lanes), Progress())
        self.revoked_to = 0
        """Every end below it is confirmed as revoked."""

    def ended(self, end: End, *, revoked: bool = False) -> None:
        """An end of consent, in the order of slt.control; `revoked`: that much was confirmed before."""
        self._waiting.append(_Waiting(end, revoked))

    def distributed(self, partition: int, epoch: int) -> None:
        """The partition of distribute has settled everything below the epoch."""
        self._settled[partition] = max(epoch, self._settled[partition])

    def delivered(self, partition: int, progress: Progress) -> None:
        """A resume point of a partition of slt.deliveries."""
        self._passed[partition] = progress

    @property
    def unmarked(self) -> bool:
        """Whether an end is settled everywhere and the ends of slt.deliveries are to be read for it."""
        return any(self._is_settled(each) for each in self._waiting if each.marks is None)

    def marked(self, ends: Mapping[int, int]) -> None:
        """The high watermarks of slt.deliveries, asked after `unmarked` said so and before anything else was told."""
        for each in self._waiting:
            if each.marks is None and self._is_settled(each):
                each.marks = ends

    def due(self) -> list[Confirmed]:
        """What can be confirmed now and was not before."""
        found = []
        for each in self._waiting:
            if each.marks is None:
                break
            if not each.revoked and self._are_past(each.marks, parked=False):
                each.revoked = True
                found.append(Confirmed(each.end, ConsentStatus.REVOKED, each.marks))
            if each.revoked and each.end.recalls and self._are_past(each.marks, parked=True):
                each.end, recalled = each.end._replace(recalls=False), each.end
                found.append(Confirmed(recalled, ConsentStatus.RECALLED, each.marks))
        revoked = [each.end.epoch + 1 for each in self._waiting if each.revoked]
        self.revoked_to = max((self.revoked_to, *revoked))
        self._waiting = [each for each in self._waiting if not each.revoked or each.end.recalls]
        return found

    @property
    def done_to(self) -> int:
        """Every end below it is confirmed in full."""
        return min((each.end.epoch for each in self._waiting), default=self.revoked_to)

    def oldest(self, status: ConsentStatus) -> datetime | None:
        """When the first of the ends that wait for this confirmation was decided."""
        is_revoked = status is ConsentStatus.RECALLED
        return next((each.end.decided_at for each in self._waiting if each.revoked is is_revoked), None)

    def _is_settled(self, waiting: _Waiting) -> bool:
        return all(epoch > waiting.end.epoch for epoch in self._settled.values())

    def _are_past(self, marks: Mapping[int, int], *, parked: bool) -> bool:
        return all(is_past(self._passed[number], mark, parked=parked) for number, mark in marks.items())


def is_past(progress: Progress, mark: int, *, parked: bool) -> bool:
    """Whether nothing below the mark can be written any more; with `parked`, neither is anything below it still owed.

    A parked outlet that nobody writes gets, when it returns, the newest delivery of each key from a stretch of the log
    that reaches beyond the mark: no older one.
    """
    owed = {each.topic for each in progress.parked if each.input < mark}
    return progress.offset >= mark and not (owed if parked else owed.intersection(progress.writing))


def notice(confirmed: Confirmed, at: datetime, recalls: int) -> Notice:
    """What the grantor is told; the same end and status give the same message id, however often it is told."""
    end, status = confirmed.end, confirmed.status
    body = {
        "grant": end.grant, "status": status.value, "at": at, "recalls_owed": recalls, "epoch": end.epoch,
        "decided_at": end.decided_at,
    }  # fmt: skip
    return Notice(end.org, f"{end.epoch}|{status}", "consent_status", body, at, end.status)
