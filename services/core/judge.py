"""All gates' findings joined to one verdict for each group of recipients (docs/rules.md §5, §6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import NamedTuple

from services.core.control import Sensitivity
from services.core.decide import GATES, Case, Finding
from services.core.gates import RANK, Code, Given, Target, Verdict, verdict
from services.core.projection import FULL, Attribution, Fact, Place, Projection, Time

_CLOSING = frozenset({
    Code.OK_SELF, Code.DEN_CONSENT_REVOKED, Code.DEN_CONSENT_INVALID, Code.DEN_CONSENT_WITHDRAWN,
    Code.DEN_CONSENT_REFUSED, Code.DEN_CONSENT_WITHDRAWN_PROSPECTIVE, Code.DEN_CONSENT_EXPIRED,
    Code.DEN_CONSENT_NOT_YET_VALID, Code.DEN_NO_CONSENT, Code.HLD_CONSENT_PENDING, Code.DEN_OBLIGATION_UNSUPPORTED,
    Code.IMR_HOLD, Code.DEN_UPSTREAM_UNKNOWN, Code.DEN_UPSTREAM_NO_CONSENT, Code.DEN_ECHO_OF_RECEIVED,
})  # fmt: skip
"""Nothing is permitted, so nothing can be narrowed."""
_FREE = frozenset({Fact.WHERE, Fact.WHEN, Fact.CORROBORATION})
"""Facts that a mark coarsens, or does not concern."""
_SOURCE = {Attribution.CATEGORY: Code.RED_SOURCE_CATEGORY, Attribution.ANONYMOUS: Code.RED_SOURCE_ANONYMOUS}


class Judged(NamedTuple):
    """Every recipient's verdict, equal ones together."""

    groups: tuple[tuple[Verdict, int], ...]
    """Disjoint sets of recipients (services.core.roster)."""
    failed: tuple[str, ...]
    """Gates that raised, with the class of the exception: they denied everybody."""


def judge(case: Case) -> Judged:
    """Run every gate, collect every reason."""
    findings: list[Finding] = []
    failed = []
    for gate in GATES:
        try:
            findings += gate(case)
        except Exception as error:  # noqa: BLE001  a gate that cannot be asked denies: a skipped prohibition would leak
            findings.append(Finding(case.roster.everybody, Code.DEN_GATE_ERROR))
            failed.append(f"{gate.__name__.strip('_')}:{type(error).__name__}")
    groups: dict[Verdict, int] = {}
    limits = _Limits(case)
    for recipients, told in _cells(case.roster.everybody, findings):
        for some, found in _verdicts(limits, recipients, told):
            groups[found] = groups.get(found, 0) | some
    return Judged(tuple(groups.items()), tuple(failed))


def _cells(everybody: int, findings: Iterable[Finding]) -> list[tuple[int, tuple[Finding, ...]]]:
    """Recipients with the same findings together."""
    cells: list[tuple[int, tuple[Finding, ...]]] = [(everybody, ())] if everybody else []
    for finding in findings:
        if finding.recipients & everybody:
            cells = _split(cells, finding)
    return cells


def _split(cells: list[tuple[int, tuple[Finding, ...]]], finding: Finding) -> list[tuple[int, tuple[Finding, ...]]]:
    after = []
    for recipients, told in cells:
        both = recipients & finding.recipients
        if both:
            after.append((both, (*told, finding)))
        if recipients != both:
            after.append((recipients & ~both, told))
    return after


def _verdicts(limits: _Limits, recipients: int, told: tuple[Finding, ...]) -> Iterator[tuple[int, Verdict]]:
    reasons = {finding.code for finding in told if finding.code}
    least = _least(told)
    if reasons & _CLOSING:
        yield recipients, verdict(reasons, least=least)
        return
    permits = [finding.permit for finding in told if finding.permit]
    grants = _sorted([permit.grants for permit in permits])
    obligations = _sorted([permit.obligations for permit in permits])
    for some, projection, narrowed in limits.narrowed(recipients, _meet(told)):
        every = reasons | narrowed
        if Code.IMR_STANDING_GRANT in every and projection.facts & Fact.TEARLINE:
            every |= {Code.IMR_TEARLINE}
        yield some, verdict(every, Given(projection, grants, obligations), least)


def _sorted(sets: Iterable[frozenset[str]]) -> tuple[str, ...]:
    found = frozenset[str]().union(*sets)
    return tuple(sorted(found)) if found else ()


def _least(told: Iterable[Finding]) -> Target:
    found = Target.SHOW
    for finding in told:
        if finding.target is not Target.SHOW and RANK[finding.target] < RANK[found]:
            found = finding.target
    return found


def _meet(told: Iterable[Finding]) -> Projection:
    found = FULL
    for finding in told:
        if finding.cap is not FULL:
            found = found.meet(finding.cap)
    return found


class _Limits:
    """Gates 9 and 10 of one case: who may hold what, however much of it is permitted."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._known: dict[tuple[Projection, Sensitivity, bool], tuple[Projection, frozenset[Code]]] = {}

    def narrowed(self, recipients: int, most: Projection) -> Iterator[tuple[int, Projection, frozenset[Code]]]:
        """Each part of the recipients with what is left for it, and why."""
        case, finest = self._case, self._case.features.finest
        if recipients & case.own:
            yield case.own, most.meet(finest._replace(attribution=Attribution.NAMED)), frozenset()
        most = most.meet(finest)
        for level, personal, held in self._parts:
            if some := recipients & held:
                yield some, *self._narrow(most, level, personal=personal)

    @cached_property
    def _parts(self) -> list[tuple[Sensitivity, bool, int]]:
        """Level, whether personal data are permitted (it counts for small numbers only), and whom it concerns."""
        others, seen = self._case.others, self._case.features
        personal = self._case.personal if seen.finest.facts & Fact.SMALL_NUMBERS else 0
        found = []
        for level, held in _ceilings(self._case):
            found += [(level, True, held & others & personal), (level, False, held & others & ~personal)]
        return [part for part in found if part[2]]

    def _narrow(self, most: Projection, ceiling: Sensitivity, *, personal: bool) -> tuple[Projection, frozenset[Code]]:
        found = self._known.get((most, ceiling, personal))
        if found is None:
            projection, reasons = _narrow(self._case, most, ceiling, personal=personal)
            found = self._known[most, ceiling, personal] = projection, frozenset(reasons)
        return found


def _ceilings(case: Case) -> Iterator[tuple[Sensitivity, int]]:
    """Who may hold facts of which sensitivity; being named lifts HIGH to SEVERE (consent.md F6)."""
    ceilings = case.roster.ceilings
    high = ceilings[Sensitivity.HIGH]
    yield Sensitivity.SEVERE, ceilings[Sensitivity.SEVERE] | high & case.named
    yield Sensitivity.HIGH, high & ~case.named
    yield Sensitivity.MODERATE, ceilings[Sensitivity.MODERATE]
    yield Sensitivity.LOW, ceilings[Sensitivity.LOW]


def _narrow(case: Case, most: Projection, ceiling: Sensitivity, *, personal: bool) -> tuple[Projection, set[Code]]:
    """The steps of docs/rules.md §6, in their order."""
    facts, place, time, attribution = most
    reasons: set[Code] = set()
    if ceiling < Sensitivity.SEVERE:
        facts &= ~Fact.PERSONAL
    for fact, level in case.features.marks:
        if level > ceiling and fact not in _FREE and facts & fact:
            facts &= ~fact
            reasons.add(Code.RED_SENSITIVE_FACT)
        if level > ceiling and fact == Fact.WHEN and time > Time.WEEK:
            time = Time.WEEK
            reasons.add(Code.RED_TIME_COARSENED)
    allowed = _place(case, place, ceiling)
    if allowed is None:
        reasons.add(Code.DEN_SENSITIVITY_CEILING)
    elif allowed < place:
        place = allowed
        reasons.add(Code.RED_GEO_COARSENED)
    if facts & Fact.SMALL_NUMBERS and place > Place.ADMIN2 and not personal:
        facts &= ~Fact.SMALL_NUMBERS
        reasons.add(Code.RED_SMALL_NUMBER)
    return Projection(facts, place, time, attribution), reasons | _told(case, facts, attribution)


def _place(case: Case, place: int, ceiling: Sensitivity) -> int | None:
    """The finest that the ceiling allows, or None: sensitivity is judged anew after coarsening."""
    marked = max((level for fact, level in case.features.marks if fact == Fact.WHERE), default=Sensitivity.LOW)
    for precision in range(place, Place.UNKNOWN - 1, -1):
        if case.sensitivity[precision] <= ceiling and (marked <= ceiling or precision <= Place.ADMIN1):
            return precision
    return None


def _told(case: Case, facts: int, attribution: int) -> set[Code]:
    reasons = set()
    if case.features.finest.facts & Fact.PERSONAL:
        if not facts & Fact.PERSONAL:
            reasons.add(Code.RED_PERSONAL)
        if not facts & ~(Fact.CORROBORATION | Fact.PERSONAL):
            reasons.add(Code.DEN_PRIVACY)  # a person's data alone goes to nobody, whoever permits it
    if attribution in _SOURCE:
        reasons.add(_SOURCE[Attribution(attribution)])
    return reasons
