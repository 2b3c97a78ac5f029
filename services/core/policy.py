"""Who may have what: slt.control folded into a policy, and a report held against it (consent.md §2-§4).

The fold is the only place that knows the order of control records. A policy is a value: compiled at one epoch, asked
with a clock. It memoises by class of report, because thousands of reports fall into a few classes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from services.core.control import (
    ANY,
    THIRD_PARTIES,
    Grant,
    GrantEffect,
    Outlet,
    Partner,
    PartnerStatus,
    Representative,
)
from services.core.gates import MEANING, PRECEDENCE, Code, Target, Verdict, verdict


class Term(NamedTuple):
    """One uninterrupted life of a grant; the next life covers nothing of the one before (consent.md §10.1)."""

    grant: Grant
    covers_from: int
    """Reports that intake accepted at a later epoch are covered; -1 covers all."""
    ended: Code | None = None

    def code(self, now: datetime) -> Code:
        """OK_GRANT while it permits, else why not."""
        if self.ended:
            return self.ended
        if now < self.grant.valid_from:
            return Code.DEN_CONSENT_NOT_YET_VALID
        return Code.DEN_CONSENT_EXPIRED if now >= self.grant.valid_to else Code.OK_GRANT


class Touch(NamedTuple):
    """Whom a control change concerns: incidents of these are looked at again."""

    originator: str | None = None
    recipient: str | None = None


class Decided(NamedTuple):
    """All verdicts on one report, recipients with equal verdicts together."""

    groups: tuple[tuple[Verdict, tuple[str, ...]], ...]
    by_recipient: Mapping[str, Verdict]
    valid_until: datetime | None
    """The first moment at which any of them may change by time alone."""


MOST_CLASSES = 10_000
"""Classes of reports whose verdicts are remembered within one epoch."""
_STANDING = {
    PartnerStatus.ACTIVE: None,
    PartnerStatus.SUSPENDED: Code.DEN_PARTNER_SUSPENDED,
}


class Tables(NamedTuple):
    """What the fold has gathered; a policy is given copies."""

    partners: dict[str, Partner]
    representatives: dict[str, Representative]
    outlets: dict[str, Outlet]
    standing: dict[str, tuple[Term, ...]]
    by_series: dict[str, tuple[Term, ...]]
    current: dict[str, Term]
    versions: dict[str, int]
    payloads: dict[str, str]
    touches: list[tuple[int, Touch]]
    faults: dict[str, str]

    def copy(self) -> Tables:
        """A snapshot: the values are immutable, so the containers are enough."""
        return Tables(
            dict(self.partners), dict(self.representatives), dict(self.outlets), dict(self.standing),
            dict(self.by_series), dict(self.current), dict(self.versions), dict(self.payloads), list(self.touches),
            dict(self.faults),
        )  # fmt: skip


class Policy:
    """The state of slt.control at one epoch."""

    def __init__(self, epoch: int, tables: Tables) -> None:
        """`epoch` is the offset in slt.control up to which (exclusive) `tables` are folded."""
        self.epoch = epoch
        self._tables = tables
        self.recipients = tuple(sorted(tables.partners))
        self._scoped: dict[tuple[str, ...], tuple[Term, ...]] = {}
        self._decided: dict[Any, tuple[tuple[tuple[Verdict, tuple[str, ...]], ...], Mapping[str, Verdict]]] = {}

    @property
    def faults(self) -> tuple[str, ...]:
        """Keys of control records that do not load: while there is one, nothing is released (rule 10)."""
        return tuple(self._tables.faults)

    def partner(self, org: str) -> Partner | None:
        """The organisation's newest record."""
        return self._tables.partners.get(org)

    def outlet(self, org: str) -> Outlet | None:
        """What an administrator last said about the organisation's topic."""
        return self._tables.outlets.get(org)

    def representative(self, org: str, name: str) -> Representative | None:
        """The person's newest record."""
        return self._tables.representatives.get(f"{org}/{name}")

    def version(self, key: str) -> int:
        """Newest version of a control key (`type/id`); 0 if there is none."""
        return self._tables.versions.get(key, 0)

    def payload(self, key: str) -> str:
        """The newest signed text of a control key."""
        return self._tables.payloads.get(key, "")

    def term(self, grant: str) -> Term | None:
        """The grant's current life."""
        return self._tables.current.get(grant)

    def touched(self, since: int) -> Iterable[tuple[int, Touch]]:
        """Whom the changes at or after offset `since` concern, in their order."""
        first = bisect_left(self._tables.touches, (since,))
        return islice(self._tables.touches, first, None)

    def decide(self, report: Mapping[str, Any], now: datetime, *, fresh: bool = True) -> Decided:
        """Every recipient's verdict on one report, with `now` from the broker's clock."""
        terms = self._terms(report)
        codes = tuple(term.code(now) for term in terms)
        expires = report["expires"]
        expired = expires is not None and expires <= now
        fresh = fresh and not self._tables.faults
        audience = tuple(report["initial_audience"])
        key = (report["originator"], report["kind"], _country(report), report["status"], audience, expired, fresh,
               terms, codes)  # fmt: skip
        found = self._decided.get(key)
        if found is None:
            found = self._decided[key] = self._decide(_Case(report, terms, codes, expired, fresh, frozenset(audience)))
        return Decided(*found, _next_change(terms, expires, now))

    def _terms(self, report: Mapping[str, Any]) -> tuple[Term, ...]:
        """Terms whose subject is the report: prohibitions always, permissions only if it is no older than they are."""
        originator, epoch = report["originator"], report["epoch"]
        scope = (originator, report["kind"], _country(report), report["status"])
        standing = self._scoped.get(scope)
        if standing is None:
            terms = self._tables.standing.get(originator, ())
            standing = self._scoped[scope] = tuple(term for term in terms if _in_scope(term.grant, scope))
        named = self._tables.by_series.get(report["series_id"], ())
        return tuple(
            term
            for term in (*standing, *(term for term in named if term.grant.status == report["status"]))
            if term.covers_from < epoch or term.grant.effect is GrantEffect.PROHIBIT
        )

    def _decide(self, case: _Case) -> tuple[tuple[tuple[Verdict, tuple[str, ...]], ...], Mapping[str, Verdict]]:
        verdicts = {org: _judge(case, self._tables.partners[org]) for org in self.recipients}
        groups: dict[Verdict, list[str]] = {}
        for org, found in verdicts.items():
            groups.setdefault(found, []).append(org)
        return tuple((found, tuple(orgs)) for found, orgs in groups.items()), verdicts


class _Case(NamedTuple):
    """What is the same for every recipient of one report."""

    report: Mapping[str, Any]
    terms: tuple[Term, ...]
    codes: tuple[Code, ...]
    expired: bool
    fresh: bool
    audience: frozenset[str]


def _country(report: Mapping[str, Any]) -> str:
    area = report["area"]
    return area["country"] if area else ""


def _in_scope(grant: Grant, scope: tuple[str, str, str, str]) -> bool:
    _, kind, country, status = scope
    kinds = ANY in grant.kinds or kind in grant.kinds
    areas = ANY in grant.areas or country in grant.areas
    return kinds and areas and grant.status == status


def _addresses(grant: Grant, partner: Partner) -> bool:
    if partner.org in grant.recipients or f"category:{partner.category}" in grant.recipients:
        return True
    return ANY in grant.recipients and partner.category not in THIRD_PARTIES


def _judge(case: _Case, partner: Partner) -> Verdict:
    """Run every gate, collect every reason."""
    reasons, grants = _consent(case, partner)
    reasons |= _standing_of(case, partner)
    if case.expired:
        reasons.add(Code.DEN_EXPIRED)
    if not case.fresh:
        reasons.add(Code.HLD_CONSENT_STATE_STALE)
    return verdict(reasons, grants)


def _standing_of(case: _Case, partner: Partner) -> set[Code]:
    reasons = set()
    code = _STANDING.get(partner.status, Code.DEN_PARTNER_NOT_ACTIVE)
    if code:
        reasons.add(code)
    if case.report["status"] not in partner.statuses:
        reasons.add(Code.DEN_STATUS_MISMATCH)
    return reasons


def _consent(case: _Case, partner: Partner) -> tuple[set[Code], tuple[str, ...]]:
    """Gates 5 and 6, then routing, which an originator's own choice of recipients goes before."""
    reasons: set[Code] = set()
    permits: dict[Code, list[str]] = {}
    for term, code in zip(case.terms, case.codes, strict=True):
        if not _addresses(term.grant, partner):
            continue
        if term.grant.effect is GrantEffect.PROHIBIT:
            reasons |= {Code.DEN_PROHIBIT_ORIGINATOR} if code is Code.OK_GRANT else set()
        else:
            permits.setdefault(code, []).append(f"{term.grant.grantor}/{term.grant.grant}")
    if partner.org in case.audience:
        return reasons | {Code.OK_INITIAL_AUDIENCE}, ()
    if partner.org == case.report["originator"]:
        return reasons | {Code.OK_SELF}, ()
    if Code.OK_GRANT in permits:
        return reasons | {Code.OK_GRANT} | _routing(case, partner), tuple(sorted(permits[Code.OK_GRANT]))
    return reasons | {_best(permits)}, ()


def _best(permits: Mapping[Code, list[str]]) -> Code:
    """Each PERMIT stands for itself (ARCHITECTURE §8): what one of them lets a recipient keep, no other takes back."""
    kept = [code for code in permits if MEANING[code][1] is Target.KEEP]
    return min(kept or permits, key=PRECEDENCE.__getitem__, default=Code.DEN_NO_CONSENT)


def _routing(case: _Case, partner: Partner) -> set[Code]:
    reasons = set()
    if ANY not in partner.areas and _country(case.report) not in partner.areas:
        reasons.add(Code.NRT_AREA)
    if ANY not in partner.kinds and case.report["kind"] not in partner.kinds:
        reasons.add(Code.NRT_KIND)
    return reasons


def _next_change(terms: tuple[Term, ...], expires: datetime | None, now: datetime) -> datetime | None:
    bounds = [bound for term in terms if not term.ended for bound in (term.grant.valid_from, term.grant.valid_to)]
    if expires is not None:
        bounds.append(expires)
    return min((bound for bound in bounds if bound > now), default=None)
