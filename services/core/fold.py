"""slt.control folded into the tables of a policy: the only place that knows the order of control records.

Every slot folds the same log to the same policy. Records are verified here once more, although intake did: one that
does not hold stops release and names itself (ARCHITECTURE §5 rule 10, §8 "who acts").
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from itertools import product

from services.core.consent import Term
from services.core.control import (
    ADMIN,
    ANY,
    Approval,
    Area,
    BreakGlass,
    Control,
    End,
    Grant,
    GrantState,
    Group,
    Lou,
    Outlet,
    Overlay,
    Partner,
    Representative,
    SensitivityTable,
    Withdrawal,
    WithdrawalMode,
)
from services.core.control_read import read_control
from services.core.credential import Credential
from services.core.gates import MEANING, Code, Target
from services.core.link import LinkSaid
from services.core.policy import Policy
from services.core.roster import Roster
from services.core.stage import Record, Refusal
from services.core.tables import Confirmed, Fault, Said, Tables, Touch, Withdrawn

Verify = Callable[[bytes, bytes, bytes], bool]
"""Ed25519: public key, message, signature -> does it hold? Passed in: core knows no cryptography library."""
_ALWAYS = (datetime.fromisoformat("1990-01-01T00:00:00+00:00"), datetime.fromisoformat("9999-01-01T00:00:00+00:00"))


class PolicyFold:
    """Applies control records in their order."""

    def __init__(self, root_key: bytes, verify: Verify) -> None:
        """`root_key` is the administrators' Ed25519 public key from the settings: the root of trust."""
        root = Representative(ADMIN, "root", root_key, frozenset({"administer"}), *_ALWAYS)
        self._verify = verify
        self._tables = Tables()
        self._tables.representatives[f"{ADMIN}/root"] = root
        self._epoch = 0
        self._policy: Policy | None = None
        self._roster: Roster | None = None

    def apply(self, record: Record) -> None:
        """Fold one record of slt.control; one that does not hold is noted as a fault and changes nothing."""
        self._epoch, self._policy = record.source.offset + 1, None
        found = read_control(json.loads(record.value["payload"]))
        if isinstance(found, Refusal):
            self._tables.faults[record.key] = Fault(record.value["author"], found.reason.value)
            return
        kind, version, control = found
        key = f"{kind}/{record.value['id']}"
        if version <= self._tables.versions.get(key, 0):
            return  # a replayed record: the higher version has won already
        if not self._is_signed(record):
            self._tables.faults[record.key] = Fault(record.value["author"], "signature")
            return
        if self._tables.faults.pop(record.key, None):
            self._touch(record, Touch())  # everything was held back while it did not load
        self._tables.versions[key] = version
        self._tables.payloads[key] = record.value["payload"]
        self._fold(control, record)

    def compiled(self) -> Policy:
        """The policy as of everything applied; the same object until something changes."""
        if self._policy is None:
            self._policy = Policy(self._epoch, self._tables.copy(), self._roster)
            self._roster = self._policy.roster
        return self._policy

    def _is_signed(self, record: Record) -> bool:
        value = record.value
        signer = self._tables.representatives.get(f"{value['author']}/{value['signer']}")
        message = value["payload"].encode("utf-8")
        return signer is not None and self._verify(signer.public_key, message, value["signature"])

    def _fold(self, control: Control, record: Record) -> None:
        match control:
            case Grant():
                self._grant(control, record)
            case End():
                self._end(control, record)
            case Representative() | Outlet() | Approval() | Credential():
                self._office(control)
            case LinkSaid():
                self._say(control, record.source.offset)
            case Withdrawal() | BreakGlass():
                self._series(control, record)
            case Area() | SensitivityTable() | Overlay():
                self._area(control, record)
            case Partner() | Group() | Lou():
                self._registry(control, record)

    def _office(self, control: Representative | Outlet | Approval | Credential) -> None:
        """Who signs, who logs in: concerns nobody's holdings."""
        match control:
            case Representative():
                self._tables.representatives[f"{control.org}/{control.name}"] = control
            case Outlet():
                self._tables.outlets[control.org] = control
            case Approval():
                self._tables.approvals[f"{control.org}/{control.confirmer}"] = control
            case Credential():
                self._tables.credentials[control.principal] = control

    def _say(self, word: LinkSaid, offset: int) -> None:
        """Of two words on one pair the later counts. Correlate follows it; no consent changes."""
        for one, other in product(word.one, word.other):
            self._tables.words[min(one, other), max(one, other)] = Said(offset, word.same)

    def _touch(self, record: Record, touch: Touch) -> None:
        self._tables.touches.append((record.source.offset, touch))

    def _registry(self, control: Partner | Group | Lou, record: Record) -> None:
        """Who is who: concerns everybody's holdings."""
        tables, self._roster = self._tables, None
        match control:
            case Partner():
                tables.partners[control.org] = control
            case Group():
                tables.groups[control.group] = control
            case Lou():
                tables.lous[control.lou] = control
        self._touch(record, Touch())

    def _area(self, control: Area | SensitivityTable | Overlay, record: Record) -> None:
        tables, area = self._tables, control.area
        match control:
            case Area():
                tables.areas[area] = (*tables.areas.get(area, ()), control)
            case SensitivityTable():
                tables.sensitivities[area] = control
            case Overlay():
                tables.overlays[area] = control
        self._touch(record, Touch(area=None if area == ANY else area))

    def _series(self, control: Withdrawal | BreakGlass, record: Record) -> None:
        """A series that was taken back stays so: the first offset counts, and RECALL is not taken back."""
        tables, series = self._tables, control.series
        if isinstance(control, Withdrawal):
            before = tables.withdrawn.get(series, Withdrawn(record.source.offset, control.mode))
            mode = control.mode if before.mode is WithdrawalMode.PROSPECTIVE else before.mode
            tables.withdrawn[series] = before._replace(mode=mode)
        else:
            given = Confirmed(control.org, control.confirmer, record.appended)
            tables.glass[series] = (*tables.glass.get(series, ()), given)
        self._touch(record, Touch(originator=series.split("/", 1)[0]))

    def _grant(self, grant: Grant, record: Record) -> None:
        key = f"{grant.grantor}/{grant.grant}"
        before = self._tables.current.get(key)
        if grant.state is GrantState.GIVEN:
            renewed = before is not None and continues(before, grant, record.appended)
            self._replace(before, Term(grant, covers_from(grant, before, record), renewed=renewed), record)
            return
        current = before or Term(grant, -1)
        for life in self._lives(grant.grantor, grant.grant) or [current]:
            if life is current or (not life.ended and record.appended < life.grant.valid_to):
                self._replace(life, _ended(life, grant), record)

    def _end(self, end: End, record: Record) -> None:
        """All lives of the grant end: what an earlier one let recipients keep is taken back as well."""
        code = Code.DEN_CONSENT_REVOKED if end.state is GrantState.REVOKED else Code.DEN_CONSENT_INVALID
        for life in self._lives(end.grantor, end.grant):
            self._replace(life, life._replace(ended=code), record)

    def _lives(self, grantor: str, grant: str) -> list[Term]:
        """Every term of a grant, the current one last."""
        tables, current = self._tables, self._tables.current.get(f"{grantor}/{grant}")
        if current is None:
            return []
        named = (term for terms in tables.by_series.values() for term in terms if term.grant.grantor == grantor)
        every = dict.fromkeys(term for term in (*tables.standing.get(grantor, ()), *named))
        return [*(term for term in every if term.grant.grant == grant and term is not current), current]

    def _replace(self, before: Term | None, after: Term, record: Record) -> None:
        """A continued life takes its predecessor's place; a new life stands beside the ended one."""
        gone = before if before and _gives_way(before, after, record.appended) else None
        tables, grantor = self._tables, after.grant.grantor
        tables.current[f"{grantor}/{after.grant.grant}"] = after
        tables.touches.append((record.source.offset, Touch(originator=grantor)))
        if gone:
            _drop(tables.standing, grantor, gone)
            for series in gone.grant.series:
                _drop(tables.by_series, series, gone)
        if not after.grant.series:
            tables.standing[grantor] = (*tables.standing.get(grantor, ()), after)
        for series in after.grant.series:
            tables.by_series[series] = (*tables.by_series.get(series, ()), after)


def _drop(index: dict[str, tuple[Term, ...]], key: str, gone: Term) -> None:
    index[key] = tuple(term for term in index.get(key, ()) if term is not gone)


_ENDS = {
    (GrantState.WITHDRAWN, WithdrawalMode.RECALL): Code.DEN_CONSENT_WITHDRAWN,
    (GrantState.WITHDRAWN, WithdrawalMode.PROSPECTIVE): Code.DEN_CONSENT_WITHDRAWN_PROSPECTIVE,
    **{(GrantState.REFUSED, mode): Code.DEN_CONSENT_REFUSED for mode in WithdrawalMode},
    **{(GrantState.DEFERRED, mode): Code.HLD_CONSENT_PENDING for mode in WithdrawalMode},
}


def _ended(term: Term, grant: Grant) -> Term:
    """The term without consent; what was taken back already, by whomever, stays taken back."""
    if term.ended and MEANING[term.ended][1] is Target.NONE:
        return term
    if term.ended is Code.DEN_CONSENT_WITHDRAWN_PROSPECTIVE and grant.state is GrantState.DEFERRED:
        return term
    return term._replace(ended=_ENDS[grant.state, grant.mode])


def _gives_way(before: Term, after: Term, at: datetime) -> bool:
    return bool(after.ended) or continues(before, after.grant, at)


def continues(before: Term, grant: Grant, at: datetime) -> bool:
    """True if `grant`, entered `at`, renews the life before it without a gap."""
    is_open = before.ended in {None, Code.HLD_CONSENT_PENDING}
    return is_open and grant.valid_from <= before.grant.valid_to and at <= before.grant.valid_to


def covers_from(grant: Grant, before: Term | None, record: Record) -> int:
    """Reports of a later epoch are covered: the record's own offset, or the predecessor's value without a gap.

    The value that intake wrote speaks only for a predecessor that compaction has removed. Intake may have written it
    before it saw the end that lies between the two: then it would cover the gap.
    """
    if grant.covers_earlier:
        return -1
    if before and continues(before, grant, record.appended):
        return before.covers_from
    written: int = record.value["covers_from"]
    return record.source.offset if before or written < 0 else written
