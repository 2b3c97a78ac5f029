"""Codes of a decision, and what each means for what a recipient holds (docs/rules.md §5; consent.md §3).

One row per code: effect, and the target for something that the recipient may hold already. The order of the rows is the
precedence in which a primary reason is picked.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum, StrEnum
from functools import lru_cache
from typing import NamedTuple

from services.core.projection import EMPTY, Projection


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
    """Why a decision came out as it did; a metric label and an audit word. Added, never renamed."""

    DEN_INTEGRITY_SCHEMA = "DEN_INTEGRITY_SCHEMA"
    DEN_GATE_ERROR = "DEN_GATE_ERROR"
    DEN_INTEGRITY_SIGNATURE = "DEN_INTEGRITY_SIGNATURE"
    DEN_INTEGRITY_UNKNOWN_SENDER = "DEN_INTEGRITY_UNKNOWN_SENDER"
    DEN_INTEGRITY_TIME = "DEN_INTEGRITY_TIME"
    DEN_STATUS_MISMATCH = "DEN_STATUS_MISMATCH"
    DEN_RECALLED = "DEN_RECALLED"
    DEN_UPDATE_OF_RECALLED = "DEN_UPDATE_OF_RECALLED"
    DEN_CANCELLED = "DEN_CANCELLED"
    DEN_EXPIRED = "DEN_EXPIRED"
    DEN_SUPERSEDED = "DEN_SUPERSEDED"
    DEN_PARTNER_UNKNOWN = "DEN_PARTNER_UNKNOWN"
    DEN_PARTNER_NOT_ACTIVE = "DEN_PARTNER_NOT_ACTIVE"
    DEN_PARTNER_SUSPENDED = "DEN_PARTNER_SUSPENDED"
    DEN_PARTNER_AREA = "DEN_PARTNER_AREA"
    DEN_PARTNER_CATEGORY = "DEN_PARTNER_CATEGORY"
    DEN_OBSERVER_SCOPE = "DEN_OBSERVER_SCOPE"
    DEN_PURPOSE = "DEN_PURPOSE"
    DEN_PROHIBIT_ORIGINATOR = "DEN_PROHIBIT_ORIGINATOR"
    DEN_PROHIBIT_UPSTREAM = "DEN_PROHIBIT_UPSTREAM"
    DEN_PROHIBIT_LOU = "DEN_PROHIBIT_LOU"
    DEN_PROHIBIT_AREA = "DEN_PROHIBIT_AREA"
    DEN_CONSENT_REVOKED = "DEN_CONSENT_REVOKED"
    DEN_CONSENT_INVALID = "DEN_CONSENT_INVALID"
    DEN_CONSENT_WITHDRAWN = "DEN_CONSENT_WITHDRAWN"
    DEN_CONSENT_REFUSED = "DEN_CONSENT_REFUSED"
    DEN_CONSENT_WITHDRAWN_PROSPECTIVE = "DEN_CONSENT_WITHDRAWN_PROSPECTIVE"
    DEN_CONSENT_EXPIRED = "DEN_CONSENT_EXPIRED"
    DEN_CONSENT_NOT_YET_VALID = "DEN_CONSENT_NOT_YET_VALID"
    DEN_NO_CONSENT = "DEN_NO_CONSENT"
    HLD_CONSENT_PENDING = "HLD_CONSENT_PENDING"
    HLD_CONSENT_STATE_STALE = "HLD_CONSENT_STATE_STALE"
    DEN_UPSTREAM_UNKNOWN = "DEN_UPSTREAM_UNKNOWN"
    DEN_UPSTREAM_NO_CONSENT = "DEN_UPSTREAM_NO_CONSENT"
    DEN_ECHO_OF_RECEIVED = "DEN_ECHO_OF_RECEIVED"
    DEN_SENSITIVITY_CEILING = "DEN_SENSITIVITY_CEILING"
    DEN_PRIVACY = "DEN_PRIVACY"
    DEN_LEVEL = "DEN_LEVEL"
    DEN_OBLIGATION_UNSUPPORTED = "DEN_OBLIGATION_UNSUPPORTED"
    IMR_REFUSED = "IMR_REFUSED"
    IMR_HOLD = "IMR_HOLD"
    IMR_UNREACHABLE = "IMR_UNREACHABLE"
    IMR_REQUEST_SENT = "IMR_REQUEST_SENT"
    NRT_AREA = "NRT_AREA"
    NRT_KIND = "NRT_KIND"
    NRT_THRESHOLD = "NRT_THRESHOLD"
    NRT_SUBSCRIPTION = "NRT_SUBSCRIPTION"
    NRT_BACKFILL = "NRT_BACKFILL"
    NRT_DUPLICATE = "NRT_DUPLICATE"
    OK_SELF = "OK_SELF"
    OK_INITIAL_AUDIENCE = "OK_INITIAL_AUDIENCE"
    OK_GRANT = "OK_GRANT"
    OK_PUBLIC_SOURCE = "OK_PUBLIC_SOURCE"
    IMR_STANDING_GRANT = "IMR_STANDING_GRANT"
    IMR_TEARLINE = "IMR_TEARLINE"
    IMR_BREAK_GLASS = "IMR_BREAK_GLASS"
    RED_GEO_COARSENED = "RED_GEO_COARSENED"
    RED_TIME_COARSENED = "RED_TIME_COARSENED"
    RED_SENSITIVE_FACT = "RED_SENSITIVE_FACT"
    RED_PERSONAL = "RED_PERSONAL"
    RED_SMALL_NUMBER = "RED_SMALL_NUMBER"
    RED_SOURCE_CATEGORY = "RED_SOURCE_CATEGORY"
    RED_SOURCE_ANONYMOUS = "RED_SOURCE_ANONYMOUS"


MEANING: dict[Code, tuple[Effect, Target]] = {
    Code.DEN_INTEGRITY_SCHEMA: (Effect.DENY, Target.NONE),
    Code.DEN_GATE_ERROR: (Effect.DENY, Target.KEEP),
    Code.DEN_INTEGRITY_SIGNATURE: (Effect.DENY, Target.KEEP),
    Code.DEN_INTEGRITY_UNKNOWN_SENDER: (Effect.DENY, Target.NONE),
    Code.DEN_INTEGRITY_TIME: (Effect.DENY, Target.NONE),
    Code.DEN_STATUS_MISMATCH: (Effect.DENY, Target.NONE),
    Code.DEN_RECALLED: (Effect.DENY, Target.KEEP),
    Code.DEN_UPDATE_OF_RECALLED: (Effect.DENY, Target.NONE),
    Code.DEN_CANCELLED: (Effect.DENY, Target.KEEP),
    Code.DEN_EXPIRED: (Effect.DENY, Target.KEEP),
    Code.DEN_SUPERSEDED: (Effect.DENY, Target.KEEP),
    Code.DEN_PARTNER_UNKNOWN: (Effect.DENY, Target.NONE),
    Code.DEN_PARTNER_NOT_ACTIVE: (Effect.DENY, Target.NONE),
    Code.DEN_PARTNER_SUSPENDED: (Effect.DENY, Target.KEEP),
    Code.DEN_PARTNER_AREA: (Effect.DENY, Target.NONE),
    Code.DEN_PARTNER_CATEGORY: (Effect.DENY, Target.NONE),
    Code.DEN_OBSERVER_SCOPE: (Effect.DENY, Target.NONE),
    Code.DEN_PURPOSE: (Effect.DENY, Target.NONE),
    Code.DEN_PROHIBIT_ORIGINATOR: (Effect.DENY, Target.NONE),
    Code.DEN_PROHIBIT_UPSTREAM: (Effect.DENY, Target.NONE),
    Code.DEN_PROHIBIT_LOU: (Effect.DENY, Target.NONE),
    Code.DEN_PROHIBIT_AREA: (Effect.DENY, Target.NONE),
    Code.DEN_CONSENT_REVOKED: (Effect.DENY, Target.NONE),
    Code.DEN_CONSENT_INVALID: (Effect.DENY, Target.NONE),
    Code.DEN_CONSENT_WITHDRAWN: (Effect.DENY, Target.NONE),
    Code.DEN_CONSENT_REFUSED: (Effect.DENY, Target.NONE),
    Code.DEN_CONSENT_WITHDRAWN_PROSPECTIVE: (Effect.DENY, Target.KEEP),
    Code.DEN_CONSENT_EXPIRED: (Effect.DENY, Target.KEEP),
    Code.DEN_CONSENT_NOT_YET_VALID: (Effect.DENY, Target.NONE),
    Code.DEN_NO_CONSENT: (Effect.DENY, Target.NONE),
    Code.HLD_CONSENT_PENDING: (Effect.HOLD, Target.KEEP),
    Code.HLD_CONSENT_STATE_STALE: (Effect.HOLD, Target.KEEP),
    Code.DEN_UPSTREAM_UNKNOWN: (Effect.DENY, Target.NONE),
    Code.DEN_UPSTREAM_NO_CONSENT: (Effect.DENY, Target.KEEP),
    Code.DEN_ECHO_OF_RECEIVED: (Effect.DENY, Target.KEEP),
    Code.DEN_SENSITIVITY_CEILING: (Effect.DENY, Target.NONE),
    Code.DEN_PRIVACY: (Effect.DENY, Target.NONE),
    Code.DEN_LEVEL: (Effect.DENY, Target.NONE),
    Code.DEN_OBLIGATION_UNSUPPORTED: (Effect.DENY, Target.NONE),
    Code.IMR_REFUSED: (Effect.DENY, Target.NONE),
    Code.IMR_HOLD: (Effect.HOLD, Target.KEEP),
    Code.IMR_UNREACHABLE: (Effect.HOLD, Target.KEEP),
    Code.IMR_REQUEST_SENT: (Effect.HOLD, Target.KEEP),
    Code.NRT_AREA: (Effect.PERMIT, Target.KEEP),
    Code.NRT_KIND: (Effect.PERMIT, Target.KEEP),
    Code.NRT_THRESHOLD: (Effect.PERMIT, Target.KEEP),
    Code.NRT_SUBSCRIPTION: (Effect.PERMIT, Target.KEEP),
    Code.NRT_BACKFILL: (Effect.PERMIT, Target.KEEP),
    Code.NRT_DUPLICATE: (Effect.PERMIT, Target.KEEP),
    Code.OK_SELF: (Effect.PERMIT, Target.KEEP),
    Code.OK_INITIAL_AUDIENCE: (Effect.PERMIT, Target.SHOW),
    Code.OK_GRANT: (Effect.PERMIT, Target.SHOW),
    Code.OK_PUBLIC_SOURCE: (Effect.PERMIT, Target.SHOW),
    Code.IMR_STANDING_GRANT: (Effect.PERMIT, Target.SHOW),
    Code.IMR_TEARLINE: (Effect.PERMIT, Target.SHOW),
    Code.IMR_BREAK_GLASS: (Effect.PERMIT, Target.SHOW),
    Code.RED_GEO_COARSENED: (Effect.PERMIT, Target.SHOW),
    Code.RED_TIME_COARSENED: (Effect.PERMIT, Target.SHOW),
    Code.RED_SENSITIVE_FACT: (Effect.PERMIT, Target.SHOW),
    Code.RED_PERSONAL: (Effect.PERMIT, Target.SHOW),
    Code.RED_SMALL_NUMBER: (Effect.PERMIT, Target.SHOW),
    Code.RED_SOURCE_CATEGORY: (Effect.PERMIT, Target.SHOW),
    Code.RED_SOURCE_ANONYMOUS: (Effect.PERMIT, Target.SHOW),
}
"""An originator's own report is its own (OK_SELF); it is not sent back unless it addressed itself."""
DEPENDING = frozenset({Code.DEN_RECALLED, Code.DEN_UPSTREAM_NO_CONSENT, Code.DEN_ECHO_OF_RECEIVED})
"""Whether these take back depends on how the consent behind them ended; the table has the milder target."""
PRECEDENCE = {code: rank for rank, code in enumerate(MEANING)}
RANK = {Target.NONE: 0, Target.KEEP: 1, Target.SHOW: 2}


class Given(NamedTuple):
    """What a permission comes to."""

    projection: Projection
    grants: tuple[str, ...]
    obligations: tuple[str, ...]


NOTHING = Given(EMPTY, (), ())


class Verdict(NamedTuple):
    """One report, one recipient, at one policy epoch."""

    effect: Effect
    target: Target
    primary: Code
    reasons: tuple[Code, ...]
    projection: Projection
    grants: tuple[str, ...]
    """Keys of the grants that were used (grantor/grant), sorted."""
    obligations: tuple[str, ...] = ()


def verdict(reasons: Iterable[Code], given: Given = NOTHING, least: Target = Target.SHOW) -> Verdict:
    """The verdict of all gates' reasons together: effect and target are the lowest of all, the primary is the first.

    The lowest and not the primary one's, because a revocation must recall although an earlier gate denied already
    (an expired report, a suspended recipient: docs/adr/0018). `least`: a target that no code states.
    """
    effect, target, ordered = _together(frozenset(reasons), least)
    if target is not Target.SHOW:
        return Verdict(effect, target, ordered[0], ordered, EMPTY, ())
    return Verdict(effect, target, ordered[0], ordered, *given)


@lru_cache(4096)
def _together(reasons: frozenset[Code], least: Target) -> tuple[Effect, Target, tuple[Code, ...]]:
    """A few hundred combinations occur: each is looked at once."""
    ordered = tuple(sorted(reasons, key=PRECEDENCE.__getitem__))
    effect = min(MEANING[code][0] for code in ordered)
    target = min((least, *(MEANING[code][1] for code in ordered)), key=RANK.__getitem__)
    return effect, target, ordered
