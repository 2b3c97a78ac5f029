"""Who may have what: slt.control as of one epoch, and a report held against it (docs/rules.md; consent.md §2-§4).

A policy is a value: compiled at one epoch, asked with a clock. It memoises by the report's features, because thousands
of reports fall into a few classes; within one era (between two moments at which anything changes by time) a class has
one answer.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from itertools import islice
from typing import Any, NamedTuple

from services.core.consent import Term
from services.core.control import (
    ADMIN,
    ANY,
    Approval,
    Category,
    Cochair,
    Format,
    Grant,
    GrantEffect,
    Group,
    Level,
    Lou,
    Outlet,
    Overlay,
    OverlayRule,
    Partner,
    Representative,
    Sensitivity,
    WithdrawalMode,
)
from services.core.credential import Credential
from services.core.decide import ALONE, GLASS_TIME, READ, Ask, Case, Context
from services.core.features import Features, features
from services.core.gates import Code, Verdict
from services.core.judge import judge
from services.core.projection import FULL, Place, Projection
from services.core.report import InfoKind
from services.core.roster import Roster
from services.core.tables import Fault, Said, Tables, Touch

MOST_CLASSES = 10_000
"""Classes of reports whose verdicts are remembered within one epoch."""
_BUILT_IN: dict[tuple[str, Place], Sensitivity] = {
    (InfoKind.INCIDENT_REPORT, Place.EXACT): Sensitivity.HIGH,
    (InfoKind.INCIDENT_REPORT, Place.TOWN): Sensitivity.HIGH,
    (InfoKind.INCIDENT_REPORT, Place.ADMIN2): Sensitivity.MODERATE,
    **{(InfoKind.OPERATIONAL_PLANNING, place): Sensitivity.HIGH for place in Place},
    (ANY, Place.EXACT): Sensitivity.MODERATE,
    (ANY, Place.TOWN): Sensitivity.MODERATE,
}
"""Where no country's information-sharing protocol says otherwise (consent.md F6)."""
_SIDES = frozenset({Category.UNSMS, Category.INGO, Category.IO})
"""Two persons break the glass: one of the first, one of the others (consent.md §7)."""


class Decided(NamedTuple):
    """All verdicts on one report, recipients with equal verdicts together."""

    groups: tuple[tuple[Verdict, tuple[str, ...]], ...]
    by_recipient: Mapping[str, Verdict]
    valid_until: datetime | None
    """The first moment at which any of them may change by time alone."""
    finest: Projection = FULL
    """The most that the report itself says."""
    failed: tuple[str, ...] = ()
    """Gates that raised: they denied everybody."""


class Policy:
    """The state of slt.control at one epoch."""

    def __init__(self, epoch: int, tables: Tables, roster: Roster | None = None) -> None:
        """`epoch` is the offset in slt.control up to which (exclusive) `tables` are folded."""
        self.epoch = epoch
        self._tables = tables
        self.roster = roster or Roster(tables.partners, tables.groups, tables.lous)
        self.recipients = self.roster.orgs
        self.formats = {org: one.format for org, one in tables.outlets.items() if one.format is not Format.AVRO}
        """Of recipients that do not read Avro."""
        self._forged = {fault.author for fault in tables.faults.values() if fault.reason == "signature"}
        self._scoped: dict[tuple[str, ...], tuple[Term, ...]] = {}
        self._kindred: dict[tuple[str, ...], tuple[Term, ...]] = {}
        self._sensitivity: dict[tuple[str, str], Mapping[int, Sensitivity]] = {}
        self._decided: dict[Any, Decided] = {}

    @property
    def faults(self) -> tuple[str, ...]:
        """Keys of control records that do not load: while there is one, nothing is released (rule 10)."""
        return tuple(self._tables.faults)

    def why_faulty(self) -> Mapping[str, Fault]:
        """The same with who wrote each, and what is wrong with it."""
        return self._tables.faults

    def overlays(self) -> Iterable[Overlay]:
        """Every area's rules."""
        return self._tables.overlays.values()

    def partner(self, org: str) -> Partner | None:
        """The organisation's newest record."""
        return self._tables.partners.get(org)

    def crowd(self, org: str) -> str:
        """The category that stands for the organisation where it is not named; empty if it would give it away."""
        partner = self.partner(org)
        return partner.category.value if partner and partner.category in self.roster.crowds else ""

    def outlet(self, org: str) -> Outlet | None:
        """What an administrator last said about the organisation's topic."""
        return self._tables.outlets.get(org)

    def notice_format(self, org: str) -> str:
        """The envelope's word for what an organisation's notices are encoded as: CAP has none, so JSON for those."""
        return "json" if org in self.formats else ""

    def representative(self, org: str, name: str) -> Representative | None:
        """The person's newest record."""
        return self._tables.representatives.get(f"{org}/{name}")

    def cochairs(self) -> tuple[Representative, ...]:
        """Whoever was appointed to turn one of the two keys, at any time."""
        return tuple(one for one in self._tables.representatives.values() if is_cochair(one))

    def approval(self, org: str, confirmer: str) -> Approval | None:
        """A co-chair's newest word about the organisation."""
        return self._tables.approvals.get(f"{org}/{confirmer}")

    def credential(self, principal: str) -> Credential | None:
        """The login's newest record."""
        return self._tables.credentials.get(principal)

    def credentials(self) -> tuple[Credential, ...]:
        """Every login, by name."""
        return tuple(found for _, found in sorted(self._tables.credentials.items()))

    def group(self, name: str) -> Group | None:
        """The group's newest record (SLT-71)."""
        return self._tables.groups.get(name)

    def lou(self, name: str) -> Lou | None:
        """The letter of understanding's newest record (SLT-20)."""
        return self._tables.lous.get(name)

    def version(self, key: str) -> int:
        """Newest version of a control key (`type/id`); 0 if there is none."""
        return self._tables.versions.get(key, 0)

    def payload(self, key: str) -> str:
        """The newest signed text of a control key."""
        return self._tables.payloads.get(key, "")

    @property
    def words(self) -> Mapping[tuple[str, str], Said]:
        """What operators last said of pairs of series, by pair in the order of their ids."""
        return self._tables.words

    @cached_property
    def last_word(self) -> int:
        """Offset of the newest of them; -1 if there is none."""
        return max((said.offset for said in self._tables.words.values()), default=-1)

    def term(self, grant: str) -> Term | None:
        """The grant's current life."""
        return self._tables.current.get(grant)

    def has_grant(self, grant: str) -> bool:
        """Whether there is, or was, a grant of this id (grantor/name)."""
        return grant in self._tables.current

    def terms(self) -> Iterable[Term]:
        """Every grant's current life."""
        return self._tables.current.values()

    def touched(self, since: int) -> Iterable[tuple[int, Touch]]:
        """Whom the changes at or after offset `since` concern, in their order."""
        first = bisect_left(self._tables.touches, since, key=lambda entry: entry[0])
        return islice(self._tables.touches, first, None)

    def level(self, country: str, at: datetime) -> Level:
        """The country's level of cooperation at a moment; REGULAR if nobody said (SLT-04)."""
        known = [area for area in self._tables.areas.get(country, ()) if area.valid_from <= at]
        known.reverse()  # of two with the same beginning, the later word counts
        return max(known, key=lambda area: area.valid_from).level if known else Level.REGULAR

    def decide(
        self, report: Mapping[str, Any], now: datetime, *, fresh: bool = True, ask: Ask = READ,
        context: Context = ALONE,
    ) -> Decided:  # fmt: skip
        """Every recipient's verdict on one report, with `now` from the broker's clock.

        `fresh` is False when the clock or the control state may be stale: then nothing is permitted.
        """
        seen = features(report)
        expires, series = report["expires"], report["series_id"]
        level = self.level(seen.country, report["received_at"]) if self._tables.areas else Level.REGULAR
        own = series if self._is_special(series) else ""
        expired = expires is not None and expires <= now
        answered_by = context.answer_by if seen.imminent else None
        key = (bisect_right(self._bounds, now), bisect_left(self._offsets, report["epoch"]), seen, own, expired,
               fresh, ask, level, context._replace(requested_at=None), answered_by and answered_by <= now)  # fmt: skip
        found = self._decided.get(key)
        if found is None:
            if len(self._decided) >= MOST_CLASSES:
                self._decided.clear()
            question = _Question(report, seen, ask, context, now, fresh, expired, level)
            found = self._decided[key] = self._decide(question)
        later = (moment for moment in (expires, answered_by, found.valid_until) if moment and moment > now)
        return found._replace(valid_until=min(later, default=None))

    def _is_special(self, series: str) -> bool:
        tables = self._tables
        return series in tables.by_series or series in tables.withdrawn or series in tables.glass

    @cached_property
    def _bounds(self) -> list[datetime]:
        """Every moment at which an answer may change by time."""
        found = set(self.roster.bounds)
        for term in self._every_term():
            if not term.ended:
                found |= {term.grant.valid_from, term.grant.valid_to}
        for series in self._tables.glass:
            found.update(self._glass(series))
        return sorted(found)

    @cached_property
    def _offsets(self) -> list[int]:
        """Every epoch at which a report begins, or ceases, to be covered."""
        found = {term.covers_from for term in self._every_term()}
        return sorted(found | {withdrawn.offset for withdrawn in self._tables.withdrawn.values()})

    def _every_term(self) -> Iterable[Term]:
        for index in (self._tables.standing, self._tables.by_series):
            for terms in index.values():
                yield from terms

    def _decide(self, question: _Question) -> Decided:
        consulted: dict[tuple[str, str], Sequence[Term]] = {}

        def lives(org: str, series: str) -> Sequence[Term]:
            found = consulted.get((org, series))
            if found is None:
                found = consulted[org, series] = self._lives(org, series, question)
            return found

        case = self._case(question, lives)
        judged = judge(case)
        groups = tuple((verdict, self.roster.names(recipients)) for verdict, recipients in judged.groups)
        by_recipient = {org: verdict for verdict, orgs in groups for org in orgs}
        bounds = [
            bound
            for terms in consulted.values()
            for term in terms
            if not term.ended
            for bound in (term.grant.valid_from, term.grant.valid_to)
        ]
        bounds += (*self.roster.bounds, *self._glass(question.report["series_id"]))
        later = (bound for bound in bounds if bound > question.now)
        return Decided(groups, by_recipient, min(later, default=None), question.features.finest, judged.failed)

    def _case(self, question: _Question, lives: Any) -> Case:
        report, seen, now = question.report, question.features, question.now
        series = report["series_id"]
        withdrawn = self._tables.withdrawn.get(series)
        code = None
        if withdrawn:
            code = Code.DEN_RECALLED if withdrawn.offset >= report["epoch"] else Code.DEN_UPDATE_OF_RECALLED
        return Case(
            features=seen,
            roster=self.roster,
            ask=question.ask,
            context=question.context,
            now=now,
            lives=lives,
            series=series,
            known=seen.originator in self._tables.partners,
            forged=seen.originator in self._forged,
            fresh=question.fresh and not self._tables.faults,
            expired=question.expired,
            withdrawn=code,
            mode=withdrawn.mode if withdrawn else WithdrawalMode.RECALL,
            level=question.level,
            overlay=tuple(self._overlay(seen)),
            sensitivity=self._sensitivities(seen.kind, seen.country),
            glass=self._is_broken(series, seen.originator, now),
        )

    def _lives(self, org: str, series: str, question: _Question) -> tuple[Term, ...]:
        """An organisation's terms in scope: prohibitions always, permissions only if the report is no older."""
        seen, epoch = question.features, question.report["epoch"]
        scope = (org, seen.kind, seen.country, seen.status, question.level)
        standing = self._scoped.get(scope)
        if standing is None:
            terms, country = self._of_kind(scope), seen.country
            standing = self._scoped[scope] = tuple(
                [term for term in terms if country in term.grant.areas or ANY in term.grant.areas]
            )
        named = self._tables.by_series.get(series, ()) if series else ()
        ours = (term for term in named if term.grant.grantor == org and _is_level(term.grant, scope))
        return tuple(
            term for term in (*standing, *ours) if term.covers_from < epoch or term.grant.effect is GrantEffect.PROHIBIT
        )

    def _of_kind(self, scope: tuple[str, ...]) -> tuple[Term, ...]:
        """An organisation's terms in scope but for the country."""
        org, kind, _, status, level = scope
        found = self._kindred.get((org, kind, status, level))
        if found is None:
            terms = self._tables.standing.get(org, ())
            found = self._kindred[org, kind, status, level] = tuple(
                term
                for term in terms
                if (ANY in term.grant.kinds or kind in term.grant.kinds) and _is_level(term.grant, scope)
            )
        return found

    def _overlay(self, seen: Features) -> Iterable[OverlayRule]:
        for area in (seen.country, ANY):
            overlay = self._tables.overlays.get(area)
            for rule in overlay.rules if overlay else ():
                if ANY in rule.kinds or seen.kind in rule.kinds:
                    yield rule

    def _sensitivities(self, kind: str, country: str) -> Mapping[int, Sensitivity]:
        found = self._sensitivity.get((kind, country))
        if found is None:
            tables = self._tables.sensitivities
            table = tables.get(country) or tables.get(ANY)
            rows = {(row.kind, row.precision): row.level for row in table.rows} if table else _BUILT_IN
            found = self._sensitivity[kind, country] = {place: _row(rows, kind, place) for place in Place}
        return found

    def _glass(self, series: str) -> tuple[datetime, ...]:
        """From the second of two confirmations from the two sides, for 24 hours; empty if there are not two."""
        sides: dict[bool, list[datetime]] = {True: [], False: []}
        for each in self._tables.glass.get(series, ()):
            partner = self.partner(each.org)
            if partner and partner.category in _SIDES:
                sides[partner.category is Category.UNSMS].append(each.at)
        if not all(sides.values()):
            return ()
        second = max(map(min, sides.values()))
        return second, second + GLASS_TIME

    def _is_broken(self, series: str, originator: str, now: datetime) -> bool:
        glass, partner = self._glass(series), self.partner(originator)
        lou = self.lou(partner.lou) if partner else None
        return lou is not None and lou.break_glass and bool(glass) and glass[0] <= now < glass[1]


class _Question(NamedTuple):
    report: Mapping[str, Any]
    features: Features
    ask: Ask
    context: Context
    now: datetime
    fresh: bool
    expired: bool
    level: Level


def is_cochair(one: Representative) -> bool:
    """Whether the person turns one of the two keys."""
    return one.org == ADMIN and not one.scopes.isdisjoint(Cochair)


def _row(rows: Mapping[tuple[str, Place], Sensitivity], kind: str, place: Place) -> Sensitivity:
    place = max(place, Place.COUNTRY)
    return rows.get((kind, place), rows.get((ANY, place), Sensitivity.LOW))


def _is_level(grant: Grant, scope: tuple[str, ...]) -> bool:
    return grant.status == scope[3] and (grant.level is Level.REGULAR or scope[4] == Level.ENHANCED)
