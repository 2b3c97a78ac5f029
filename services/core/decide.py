"""The gates: each looks at a report for all recipients at once, all of them run (docs/rules.md §5, §6).

A new gate is a function from a Case to findings and one row of GATES. Findings are joined without regard to their
order: the lowest effect and target and the meet of all caps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import NamedTuple

from services.core.consent import Asked, Consent, Permit, Term, consent, overlaid, prohibited
from services.core.control import PURPOSE, Action, Level, OverlayRule, Sensitivity, WithdrawalMode
from services.core.features import Features, Upstream
from services.core.gates import MEANING, Code, Target
from services.core.projection import ALL_FACTS, FULL, Fact, Point, Projection, resolve
from services.core.report import InfoKind
from services.core.roster import Roster

ANSWER_TIME = timedelta(minutes=10)
"""An originator has so long to answer a request about an imminent risk, unless an installation says otherwise
(consent.md §7)."""
GLASS_TIME = timedelta(hours=24)
_ASKABLE = frozenset({Code.DEN_NO_CONSENT, Code.DEN_CONSENT_EXPIRED, Code.DEN_CONSENT_NOT_YET_VALID})
_ADDRESSED = FULL._replace(facts=ALL_FACTS & ~Fact.PERSONAL)
_ADDRESSED_ACTIONS = frozenset({Action.READ, Action.ATTRIBUTE, Action.AGGREGATE})


class Ask(NamedTuple):
    """What somebody would do with a report, and for what."""

    action: Action = Action.READ
    purpose: str = PURPOSE


class Context(NamedTuple):
    """What the ledger knows about a report beside the report itself."""

    echo: tuple[Upstream, ...] = ()
    """Reports that its submitter had received and that it repeats."""
    superseded: bool = False
    requested_at: datetime | None = None
    """When its originator was asked for consent because of an imminent risk."""
    answer_time: timedelta = ANSWER_TIME

    @property
    def answer_by(self) -> datetime | None:
        """The end of its originator's time to answer; None if it was not asked."""
        return self.requested_at + self.answer_time if self.requested_at else None


READ, ALONE = Ask(), Context()


@dataclass(frozen=True)
class Case:
    """One report, one question, one moment, all recipients."""

    features: Features
    roster: Roster
    ask: Ask
    context: Context
    now: datetime
    lives: Callable[[str, str], Sequence[Term]]
    """Of an organisation, in scope of the report and covering it; the second argument is its series, or empty."""
    series: str
    known: bool
    """The originator is in the registry."""
    forged: bool
    """A control record of the originator has a signature that does not hold."""
    fresh: bool
    expired: bool
    withdrawn: Code | None
    mode: WithdrawalMode
    level: Level
    overlay: tuple[OverlayRule, ...]
    sensitivity: Mapping[int, Sensitivity]
    """By place precision, for the report's kind and country."""
    glass: bool
    """Two persons have broken it, and its time is not over."""

    @cached_property
    def asked(self) -> Asked:
        """The same as grants see it."""
        seen = self.features
        return Asked(self.ask.action, seen.country, seen.above, seen.imminent, self.now)

    @cached_property
    def consent(self) -> Consent:
        """The originator's answer."""
        return consent(self.lives(self.features.originator, self.series), self.asked, self.roster)

    @cached_property
    def own(self) -> int:
        """The originator as a recipient."""
        return self.roster.bit(self.features.originator)

    @cached_property
    def others(self) -> int:
        """Everybody but the originator."""
        return self.roster.everybody & ~self.own

    @cached_property
    def addressed(self) -> int:
        """Whom the originator addressed by name, for an action that this covers."""
        return self.roster.bits(self.features.audience) if self.ask.action in _ADDRESSED_ACTIONS else 0

    @cached_property
    def personal(self) -> int:
        """Those to whom the originator permits personal data (SLT-57)."""
        lives = self.lives(self.features.originator, self.series)
        return consent(lives, self.asked._replace(action=Action.PERSONAL), self.roster).permitted

    @cached_property
    def named(self) -> int:
        """Addressed, or permitted by a grant that names them."""
        return self.roster.bits(self.features.audience) | self.consent.named


class Finding(NamedTuple):
    """What a gate says of some recipients."""

    recipients: int
    code: Code | None
    """None: nothing but a cap."""
    cap: Projection = FULL
    target: Target = Target.SHOW
    """A target below the code's own."""
    permit: Permit | None = None
    """Grants and obligations that come with it."""


Findings = Iterable[Finding]


def _integrity(case: Case) -> Findings:
    everybody, seen = case.roster.everybody, case.features
    if not seen.sound:
        yield Finding(everybody, Code.DEN_INTEGRITY_SCHEMA)
    if case.forged:
        yield Finding(everybody, Code.DEN_INTEGRITY_SIGNATURE)
    if not case.known:
        yield Finding(everybody, Code.DEN_INTEGRITY_UNKNOWN_SENDER)
    if seen.untimely:
        yield Finding(everybody, Code.DEN_INTEGRITY_TIME)


def _status(case: Case) -> Findings:
    yield Finding(case.roster.everybody & ~case.roster.takes_status(case.features.status), Code.DEN_STATUS_MISMATCH)


def _life_cycle(case: Case) -> Findings:
    everybody = case.roster.everybody
    if case.withdrawn:
        code = case.withdrawn
        yield Finding(everybody, code, target=_withdrawn_target(code, case.mode))
    if case.expired:
        yield Finding(everybody, Code.DEN_EXPIRED)
    if case.context.superseded:
        yield Finding(everybody, Code.DEN_SUPERSEDED)


def _withdrawn_target(code: Code, mode: WithdrawalMode) -> Target:
    kept = code is Code.DEN_RECALLED and mode is WithdrawalMode.PROSPECTIVE
    return Target.KEEP if kept else Target.NONE


def _standing(case: Case) -> Findings:
    roster, seen = case.roster, case.features
    ended = roster.ended(case.now)
    yield Finding(roster.everybody & ~roster.active & ~roster.suspended | ended, Code.DEN_PARTNER_NOT_ACTIVE)
    yield Finding(roster.suspended, Code.DEN_PARTNER_SUSPENDED)
    yield Finding(roster.field_partners & case.others & ~roster.present(seen.country), Code.DEN_PARTNER_AREA)
    named = case.named | (case.consent.mentioned & ~case.consent.permitted)  # what a grant named ends as any other
    yield Finding(roster.third_parties & case.others & ~named, Code.DEN_PARTNER_CATEGORY)
    observers = roster.observers & case.others
    if observers and case.ask.action is Action.READ:
        observers &= ~roster.entitled(seen.kind, seen.country, case.now)
    yield Finding(observers, Code.DEN_OBSERVER_SCOPE)


def _purpose(case: Case) -> Findings:
    if case.ask.purpose != PURPOSE:
        yield Finding(case.roster.everybody, Code.DEN_PURPOSE)


def _prohibition(case: Case) -> Findings:
    roster, seen = case.roster, case.features
    forbidden = prohibited(case.lives(seen.originator, case.series), case.asked, roster)
    if seen.named_only:
        forbidden |= roster.everybody & ~case.named
    yield Finding(forbidden & case.others, Code.DEN_PROHIBIT_ORIGINATOR)
    for source in (*seen.upstream, *case.context.echo):
        forbidden = prohibited(case.lives(*source), case.asked, roster)
        yield Finding(forbidden & case.others, Code.DEN_PROHIBIT_UPSTREAM)
    yield Finding(roster.withheld(seen.kind) & case.others, Code.DEN_PROHIBIT_LOU)
    for rule in case.overlay:
        meant = _meant_now(case, rule.recipients) & case.others
        if rule.projection is None:
            yield Finding(meant, Code.DEN_PROHIBIT_AREA)
        else:
            yield Finding(meant, None, resolve(rule.projection, seen.above))


def _meant_now(case: Case, words: frozenset[str]) -> int:
    meant = case.roster.meant(words, case.features.country)
    found = meant.always
    for members, start, end in meant.grouped:
        found |= members if start <= case.now < end else 0
    return found


def _consent(case: Case) -> Findings:
    if not case.fresh:
        yield Finding(case.roster.everybody, Code.HLD_CONSENT_STATE_STALE)
    given, addressed = case.consent, case.addressed
    permitted = (given.permitted & case.others) | addressed
    yield from _permitted(case, permitted)
    yield Finding(case.own & ~addressed, Code.OK_SELF)
    for recipients, code in _refusals(case, permitted):
        yield from _denied(case, recipients, code)


def _refusals(case: Case, permitted: int) -> Iterator[tuple[int, Code]]:
    """Those to whom nobody permits it, with the one code of docs/rules.md §4."""
    denied = case.others & ~permitted
    for recipients, code in case.consent.denied:
        yield recipients & denied, code
        denied &= ~recipients
    yield denied, Code.DEN_NO_CONSENT


def _permitted(case: Case, permitted: int) -> Findings:
    addressed = case.addressed
    cells = [(held & case.others, permit) for held, permit in case.consent.permits]
    granted = case.consent.permitted & case.others
    if addressed:
        cells = overlaid(cells, addressed, Permit(_ADDRESSED), Permit.join)
    for recipients, permit in cells:
        yield Finding(recipients, None, permit.projection, permit=permit)
        if permit.imminent_only and case.ask.action is Action.READ:
            yield Finding(recipients & _near(case), Code.IMR_STANDING_GRANT)
    yield Finding(addressed, Code.OK_INITIAL_AUDIENCE)
    yield Finding(granted, Code.OK_GRANT)
    if case.features.public_upstream:
        yield Finding(permitted, Code.OK_PUBLIC_SOURCE)


def _denied(case: Case, recipients: int, code: Code) -> Findings:
    """The code; or what becomes of it where somebody may be hurt soon."""
    if not case.features.imminent or case.ask.action is not Action.READ:
        yield Finding(recipients, code)
        return
    near = recipients & _near(case)
    if code is Code.DEN_CONSENT_REFUSED:
        yield Finding(near, Code.IMR_REFUSED)
    elif code in _ASKABLE:
        yield from _asked_for(case, near, MEANING[code][1])
        recipients &= ~near
    yield Finding(recipients, code)


def _near(case: Case) -> int:
    """Whom an imminent risk concerns: active partners who work there."""
    roster = case.roster
    return roster.active & ~roster.ended(case.now) & roster.common & roster.present(case.features.country) & case.others


def _asked_for(case: Case, near: int, target: Target) -> Findings:
    """Asking takes nothing back and keeps nothing: what is held stays, or goes, as without the request."""
    if not _is_late(case):
        yield Finding(near, Code.HLD_CONSENT_PENDING, target=target)
        yield Finding(near, Code.IMR_REQUEST_SENT)
    elif case.glass:
        saving = resolve(Point.LIFE_SAFETY, case.features.above)
        yield Finding(near, Code.IMR_BREAK_GLASS, saving)
    else:
        yield Finding(near, Code.HLD_CONSENT_PENDING, target=target)
        yield Finding(near, Code.IMR_UNREACHABLE)
        yield Finding(near, Code.IMR_HOLD)


def _is_late(case: Case) -> bool:
    """The originator was asked, and its time to answer is over."""
    answer_by = case.context.answer_by
    return answer_by is not None and case.now >= answer_by


def _saved(case: Case) -> int:
    """Those for whom the glass is broken."""
    if not (case.glass and case.features.imminent and case.ask.action is Action.READ and _is_late(case)):
        return 0
    permitted = (case.consent.permitted & case.others) | case.addressed
    found = 0
    for recipients, code in _refusals(case, permitted):
        found |= recipients if code in _ASKABLE else 0
    return found & _near(case)


def _upstream(case: Case) -> Findings:
    if case.features.unknown_upstream:
        yield Finding(case.others, Code.DEN_UPSTREAM_UNKNOWN)
    for source in case.features.upstream:
        yield from _of_another(case, source, Code.DEN_UPSTREAM_NO_CONSENT)


def _echo(case: Case) -> Findings:
    for source in case.context.echo:
        yield from _of_another(case, source, Code.DEN_ECHO_OF_RECEIVED)
        yield Finding(case.roster.everybody, None, FULL._replace(facts=ALL_FACTS & ~Fact.CORROBORATION))


def _of_another(case: Case, source: Upstream, code: Code) -> Findings:
    """Gate 6 for another organisation whose material it is."""
    concerned = case.others & ~case.roster.bit(source.org)
    if source.org == case.features.originator:
        return
    answer = consent(case.lives(*source), case.asked, case.roster)
    for recipients, permit in answer.permits:
        yield Finding(recipients & concerned, None, permit.projection, permit=permit)
    concerned &= ~answer.permitted
    for recipients, why in answer.denied:
        yield Finding(recipients & concerned, code, target=MEANING[why][1])
        concerned &= ~recipients
    yield Finding(concerned, code, target=Target.NONE)


def _attribution(case: Case) -> Findings:
    yield Finding(case.others, None, FULL._replace(attribution=case.features.finest.attribution))


def _level(case: Case) -> Findings:
    if case.features.kind == InfoKind.OPERATIONAL_PLANNING and case.level is not Level.ENHANCED:
        yield Finding(case.others, Code.DEN_LEVEL)


def _routing(case: Case) -> Findings:
    """Whether a recipient wants it; never asked of those whom the originator addressed."""
    roster, seen = case.roster, case.features
    asked = (case.consent.permitted & case.others & ~case.addressed) | _saved(case)
    yield Finding(asked & ~roster.takes_area(seen.country), Code.NRT_AREA)
    yield Finding(asked & ~roster.takes_kind(seen.kind), Code.NRT_KIND)
    if not seen.imminent:
        yield Finding(asked & ~roster.wants(seen.severity), Code.NRT_THRESHOLD)
        yield Finding(asked & roster.paused, Code.NRT_SUBSCRIPTION)


Gate = Callable[[Case], Findings]
GATES: tuple[Gate, ...] = (
    _integrity, _status, _life_cycle, _standing, _purpose, _prohibition, _consent, _upstream, _echo, _attribution,
    _level, _routing,
)  # fmt: skip
