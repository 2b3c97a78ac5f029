"""The life cycle of a partner (SLT-42): which status may follow which."""

from __future__ import annotations

from collections.abc import Mapping

from services.core.ahead import Known
from services.core.control import Category, Cochair, Partner, PartnerStatus

NEXT: Mapping[PartnerStatus, frozenset[PartnerStatus]] = {
    PartnerStatus.APPLIED: frozenset({PartnerStatus.UNDER_REVIEW, PartnerStatus.REJECTED}),
    PartnerStatus.UNDER_REVIEW: frozenset({PartnerStatus.OC_AGREED, PartnerStatus.REJECTED}),
    PartnerStatus.OC_AGREED: frozenset({PartnerStatus.ACTIVE, PartnerStatus.REJECTED}),
    PartnerStatus.ACTIVE: frozenset({PartnerStatus.SUSPENDED, PartnerStatus.WITHDRAWN}),
    PartnerStatus.SUSPENDED: frozenset({PartnerStatus.ACTIVE, PartnerStatus.WITHDRAWN, PartnerStatus.TERMINATED}),
    PartnerStatus.WITHDRAWN: frozenset({PartnerStatus.APPLIED}),
    PartnerStatus.REJECTED: frozenset(),
    PartnerStatus.TERMINATED: frozenset(),
}
"""Who withdrew may apply afresh; REJECTED and TERMINATED are final."""


def may_follow(before: PartnerStatus | None, after: PartnerStatus) -> bool:
    """True if a record with status `after` may follow one with `before`; None: there is none, a registry is loaded."""
    return before is None or after is before or after in NEXT[before]


TWO_KEYS = frozenset({PartnerStatus.OC_AGREED, PartnerStatus.SUSPENDED})
"""Admission is agreed, and a breach punished, by both co-chairs of the Oversight Committee (SLT-34, SLT-43)."""
_EVIDENCED = frozenset({Category.INGO, Category.IO})


def keys_missing(partner: Partner, version: int, policy: Known) -> frozenset[Cochair]:
    """Which of the two keys the record still needs; an installation without co-chairs asks for none."""
    before = policy.partner(partner.org)
    if partner.status not in TWO_KEYS or (before and before.status is partner.status):
        return frozenset()
    chairs = policy.cochairs()
    turned: set[str] = set()
    for chair in chairs:
        found = policy.approval(partner.org, chair.name)
        if found and (found.status, found.standing) == (partner.status, version):
            turned |= chair.scopes
    return frozenset(Cochair) - turned if chairs else frozenset()


def may_begin(partner: Partner, policy: Known) -> bool:
    """True if the organisation's first record may say this; where there are co-chairs, none is let in past them.

    A field partner is let in by a Designated Official instead (SLT-05).
    """
    begins = partner.status is PartnerStatus.APPLIED or partner.category is Category.FIELD_PARTNER
    return begins or not policy.cochairs()


def lacking(before: PartnerStatus | None, partner: Partner) -> str:
    """The field without which who was agreed on does not become ACTIVE (SLT-20, SLT-41); empty if nothing lacks."""
    if (before, partner.status) != (PartnerStatus.OC_AGREED, PartnerStatus.ACTIVE):
        return ""
    if not partner.lou:
        return "lou"
    return "evidence" if partner.category in _EVIDENCED and not partner.evidence.strip() else ""
