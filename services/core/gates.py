"""Codes of a decision, and what each means for what a recipient holds (consent.md §3; ARCHITECTURE §4).

One row per code: effect, and the target for something that the recipient may hold already. The order of the rows is the
precedence in which a primary reason is picked.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import NamedTuple


class Effect(IntEnum):
    """The lattice of a decision: the lowest of all gates wins."""

    DENY = 0
    HOLD = 1
    PERMIT = 2


class Target(StrEnum):
    """What a recipient should hold of a report."""

    NONE = "NONE"  # never permitted, or taken back
    KEEP = "KEEP"  # its time is over: nothing more is sent, nothing is recalled
    SHOW = "SHOW"  # permitted now


class Code(StrEnum):
    """Why a decision came out as it did; a metric label and an audit word."""

    DEN_STATUS_MISMATCH = "DEN_STATUS_MISMATCH"
    DEN_EXPIRED = "DEN_EXPIRED"
    DEN_PARTNER_UNKNOWN = "DEN_PARTNER_UNKNOWN"
    DEN_PARTNER_NOT_ACTIVE = "DEN_PARTNER_NOT_ACTIVE"
    DEN_PARTNER_SUSPENDED = "DEN_PARTNER_SUSPENDED"
    DEN_PROHIBIT_ORIGINATOR = "DEN_PROHIBIT_ORIGINATOR"
    DEN_CONSENT_REVOKED = "DEN_CONSENT_REVOKED"
    DEN_CONSENT_INVALID = "DEN_CONSENT_INVALID"
    DEN_CONSENT_WITHDRAWN = "DEN_CONSENT_WITHDRAWN"
    DEN_CONSENT_WITHDRAWN_PROSPECTIVE = "DEN_CONSENT_WITHDRAWN_PROSPECTIVE"
    DEN_CONSENT_EXPIRED = "DEN_CONSENT_EXPIRED"
    DEN_CONSENT_NOT_YET_VALID = "DEN_CONSENT_NOT_YET_VALID"
    DEN_NO_CONSENT = "DEN_NO_CONSENT"
    HLD_CONSENT_STATE_STALE = "HLD_CONSENT_STATE_STALE"
    NRT_AREA = "NRT_AREA"
    NRT_KIND = "NRT_KIND"
    NRT_BACKFILL = "NRT_BACKFILL"
    OK_SELF = "OK_SELF"
    OK_INITIAL_AUDIENCE = "OK_INITIAL_AUDIENCE"
    OK_GRANT = "OK_GRANT"


MEANING: dict[Code, tuple[Effect, Target]] = {
    Code.DEN_STATUS_MISMATCH: (Effect.DENY, Target.NONE),
    Code.DEN_EXPIRED: (Effect.DENY, Target.KEEP),
    Code.DEN_PARTNER_UNKNOWN: (Effect.DENY, Target.NONE),
    Code.DEN_PARTNER_NOT_ACTIVE: (Effect.DENY, Target.NONE),
    Code.DEN_PARTNER_SUSPENDED: (Effect.DENY, Target.KEEP),
    Code.DEN_PROHIBIT_ORIGINATOR: (Effect.DENY, Target.NONE),
    Code.DEN_CONSENT_REVOKED: (Effect.DENY, Target.NONE),
    Code.DEN_CONSENT_INVALID: (Effect.DENY, Target.NONE),
    Code.DEN_CONSENT_WITHDRAWN: (Effect.DENY, Target.NONE),
    Code.DEN_CONSENT_WITHDRAWN_PROSPECTIVE: (Effect.DENY, Target.KEEP),
    Code.DEN_CONSENT_EXPIRED: (Effect.DENY, Target.KEEP),
    Code.DEN_CONSENT_NOT_YET_VALID: (Effect.DENY, Target.NONE),
    Code.DEN_NO_CONSENT: (Effect.DENY, Target.NONE),
    Code.HLD_CONSENT_STATE_STALE: (Effect.HOLD, Target.KEEP),
    Code.NRT_AREA: (Effect.PERMIT, Target.KEEP),
    Code.NRT_KIND: (Effect.PERMIT, Target.KEEP),
    Code.NRT_BACKFILL: (Effect.PERMIT, Target.KEEP),
    Code.OK_SELF: (Effect.PERMIT, Target.KEEP),
    Code.OK_INITIAL_AUDIENCE: (Effect.PERMIT, Target.SHOW),
    Code.OK_GRANT: (Effect.PERMIT, Target.SHOW),
}
"""An originator's own report is its own (OK_SELF); it is not sent back unless it addressed itself."""
PRECEDENCE = {code: rank for rank, code in enumerate(MEANING)}


class Projection(StrEnum):
    """How much of a report a recipient may see. The spine knows everything and nothing."""

    FULL = "FULL"
    EMPTY = ""

    def covers(self, other: Projection) -> bool:
        """True if this is not less than the other in any dimension."""
        return self is Projection.FULL or other is Projection.EMPTY


class Verdict(NamedTuple):
    """One report, one recipient, at one policy epoch."""

    effect: Effect
    target: Target
    primary: Code
    reasons: tuple[Code, ...]
    projection: Projection
    grants: tuple[str, ...]
    """Keys of the grants that were used (grantor/grant)."""


_RANK = {Target.NONE: 0, Target.KEEP: 1, Target.SHOW: 2}


def verdict(reasons: set[Code], grants: tuple[str, ...] = ()) -> Verdict:
    """The verdict of all gates' reasons together: effect and target are the lowest of all, the primary is the first.

    The lowest and not the primary one's, because a revocation must recall although an earlier gate denied already
    (an expired report, a suspended recipient: docs/adr/0018).
    """
    ordered = tuple(sorted(reasons, key=PRECEDENCE.__getitem__))
    effect = min(MEANING[code][0] for code in ordered)
    target = min((MEANING[code][1] for code in ordered), key=_RANK.__getitem__)
    projection = Projection.FULL if target is Target.SHOW else Projection.EMPTY
    return Verdict(effect, target, ordered[0], ordered, projection, grants if target is Target.SHOW else ())
