"""What one organisation permits: its grants held against a report, for everybody at once (docs/rules.md §3, §4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from services.core.control import Action, Condition, Grant, GrantEffect
from services.core.gates import MEANING, PRECEDENCE, Code, Target
from services.core.projection import ALL_FACTS, FULL, Attribution, Fact, Point, Projection, resolve
from services.core.roster import Roster


class Term(NamedTuple):
    """One uninterrupted life of a grant; the next life covers nothing of the one before (consent.md §10.1)."""

    grant: Grant
    covers_from: int
    """Reports that intake accepted at a later epoch are covered; -1 covers all."""
    ended: Code | None = None
    """Why it does not permit, whatever the time."""
    renewed: bool = False
    """It goes on where an earlier version would have ended."""

    def code(self, now: datetime) -> Code:
        """OK_GRANT while it permits, else why not."""
        return self.ended or _in_time(self.grant.valid_from, self.grant.valid_to, now)


def _in_time(start: datetime, end: datetime, now: datetime) -> Code:
    if now < start:
        return Code.DEN_CONSENT_NOT_YET_VALID
    return Code.DEN_CONSENT_EXPIRED if now >= end else Code.OK_GRANT


class GrantStatus(StrEnum):
    """Where a consent stands (ISO/IEC TS 27560); only GIVEN and RENEWED permit."""

    UNKNOWN = "UNKNOWN"
    REQUESTED = "REQUESTED"  # its originator was asked: in the ledger, not in slt.control
    DEFERRED = "DEFERRED"
    REFUSED = "REFUSED"
    GIVEN = "GIVEN"
    RENEWED = "RENEWED"
    EXPIRED = "EXPIRED"
    WITHDRAWN = "WITHDRAWN"  # by its grantor
    REVOKED = "REVOKED"  # by another authority
    INVALIDATED = "INVALIDATED"


_STATUS = {
    Code.HLD_CONSENT_PENDING: GrantStatus.DEFERRED,
    Code.DEN_CONSENT_REFUSED: GrantStatus.REFUSED,
    Code.DEN_CONSENT_EXPIRED: GrantStatus.EXPIRED,
    Code.DEN_CONSENT_WITHDRAWN: GrantStatus.WITHDRAWN,
    Code.DEN_CONSENT_WITHDRAWN_PROSPECTIVE: GrantStatus.WITHDRAWN,
    Code.DEN_CONSENT_REVOKED: GrantStatus.REVOKED,
    Code.DEN_CONSENT_INVALID: GrantStatus.INVALIDATED,
}


def status_of(life: Term | None, now: datetime) -> GrantStatus:
    """The status of a grant whose current life this is; one that has not begun is GIVEN."""
    if life is None:
        return GrantStatus.UNKNOWN
    return _STATUS.get(life.code(now), GrantStatus.RENEWED if life.renewed else GrantStatus.GIVEN)


class Permit(NamedTuple):
    """What a recipient is permitted by one life of a grant, or by several together."""

    projection: Projection
    grants: frozenset[str] = frozenset()
    obligations: frozenset[str] = frozenset()
    imminent_only: bool = False

    def join(self, other: Permit) -> Permit:
        """Each stands for itself (docs/adr/0017)."""
        return Permit(
            self.projection.join(other.projection),
            self.grants | other.grants,
            self.obligations | other.obligations,
            self.imminent_only and other.imminent_only,
        )


Permits = list[tuple[int, Permit]]
"""Disjoint sets of recipients, each with what it is permitted."""


class Asked(NamedTuple):
    """What a report and a question are to a grant."""

    action: Action
    country: str
    above: int
    imminent: bool
    now: datetime


class Consent(NamedTuple):
    """One organisation's answer for every recipient."""

    permits: Permits
    permitted: int
    denied: tuple[tuple[int, Code], ...]
    """Of several that a recipient is in, the first counts; in none and not permitted: DEN_NO_CONSENT."""
    named: int
    """Permitted by a grant that has their own id."""
    mentioned: int
    """Those whose own id a grant has, whether it permits now or not."""


def consent(lives: Iterable[Term], asked: Asked, roster: Roster) -> Consent:
    """The answer of the organisation whose lives (in scope, covering) these are."""
    permits: Permits = []
    denied: dict[Code, int] = {}
    named = mentioned = 0
    for life in lives:
        grant = life.grant
        if grant.effect is not GrantEffect.PERMIT or asked.action not in grant.actions:
            continue
        able, own = roster.able(grant.obligations), roster.bits(grant.recipients)
        mentioned |= own
        waits = grant.condition is Condition.IMMINENT_ONLY and not asked.imminent
        for recipients, found in _meant(life, asked, roster):
            code = Code.IMR_HOLD if waits and found is Code.OK_GRANT else found
            if code is not Code.OK_GRANT:
                denied[code] = denied.get(code, 0) | recipients
                continue
            unable = denied.get(Code.DEN_OBLIGATION_UNSUPPORTED, 0) | recipients & ~able
            denied[Code.DEN_OBLIGATION_UNSUPPORTED] = unable
            permits.append((recipients & able, _permit(grant, asked.above)))
            named |= recipients & able & own
    joined = _joined(permits)
    permitted = _union(joined)
    return Consent(joined, permitted, _first(denied, permitted), named, mentioned)


def prohibited(lives: Iterable[Term], asked: Asked, roster: Roster) -> int:
    """Whom the organisation forbids the action."""
    found = 0
    for life in lives:
        if life.grant.effect is GrantEffect.PROHIBIT and asked.action in life.grant.actions:
            for recipients, code in _meant(life, asked, roster):
                found |= recipients if code is Code.OK_GRANT else 0
    return found


_BEST_FIRST = (Code.OK_GRANT, Code.DEN_CONSENT_EXPIRED, Code.DEN_CONSENT_NOT_YET_VALID)


def _meant(life: Term, asked: Asked, roster: Roster) -> Iterator[tuple[int, Code]]:
    """Whom the life means, each once, with its code for them: through a group, the group's time counts as well."""
    code = life.code(asked.now)
    meant = roster.meant(life.grant.recipients, asked.country)
    ways = {code: meant.always}
    for members, start, end in meant.grouped:
        way = _in_time(start, end, asked.now) if code is Code.OK_GRANT else code
        ways[way] = ways.get(way, 0) | members
    told = 0
    for way in _BEST_FIRST if code is Code.OK_GRANT else (code,):
        recipients = ways.get(way, 0) & ~told
        if recipients:
            yield recipients, way
        told |= recipients


def _permit(grant: Grant, above: int) -> Permit:
    key = f"{grant.grantor}/{grant.grant}"
    imminent_only = grant.condition is Condition.IMMINENT_ONLY
    projection = resolve(grant.projection, above).meet(_allowed(grant))
    if imminent_only:
        projection = projection.meet(resolve(Point.LIFE_SAFETY, above))
    return Permit(projection, frozenset((key,)), frozenset(grant.obligations), imminent_only)


def _allowed(grant: Grant) -> Projection:
    """The most that the grant's actions and its attribution allow."""
    facts = ALL_FACTS
    if Action.PERSONAL not in grant.actions:
        facts &= ~Fact.PERSONAL
    if Action.AGGREGATE not in grant.actions:
        facts &= ~Fact.CORROBORATION
    named = Attribution.NAMED if Action.ATTRIBUTE in grant.actions else Attribution.CATEGORY
    return FULL._replace(facts=facts, attribution=min(named, grant.attribution))


def _joined(permits: Permits) -> Permits:
    cells: Permits = []
    for recipients, permit in permits:
        cells = overlaid(cells, recipients, permit, Permit.join)
    return cells


def overlaid(cells: Permits, recipients: int, permit: Permit, combine: Callable[[Permit, Permit], Permit]) -> Permits:
    """The cells with one more laid over them: where it overlaps, both are combined; where it is alone, it stands."""
    after: Permits = []
    for held, known in cells:
        both = held & recipients
        if both:
            after.append((both, combine(known, permit)))
            recipients &= ~both
        if held & ~both:
            after.append((held & ~both, known))
    if recipients:
        after.append((recipients, permit))
    return after


def _union(cells: Permits) -> int:
    found = 0
    for recipients, _ in cells:
        found |= recipients
    return found


def _first(denied: Mapping[Code, int], permitted: int) -> tuple[tuple[int, Code], ...]:
    """The codes in their order: what one grant lets a recipient keep, no other takes back (ARCHITECTURE §8)."""
    codes = sorted(denied, key=lambda code: (MEANING[code][1] is not Target.KEEP, PRECEDENCE[code]))
    return tuple((denied[code] & ~permitted, code) for code in codes)
