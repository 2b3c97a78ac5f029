"""The life cycle of a partner (SLT-42): which status may follow which."""

from __future__ import annotations

from collections.abc import Mapping

from services.core.control import PartnerStatus

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
