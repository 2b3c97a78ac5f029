"""What logins may do at the broker, and what follows from their not being used (ARCHITECTURE §8, issue "Partners")."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from services.core.control import PartnerStatus

WARNED_AFTER = timedelta(days=21)
"""Without use for so long, a credential is warned about (issue "Partners")."""
ENDED_AFTER = timedelta(days=30)
"""Without use for so long, a credential is ended."""
NOTICES_AFTER_LEAVING = timedelta(days=30)
"""Who left may still read what is recalled from it, and take back what it gave (ARCHITECTURE §8)."""


class Access(StrEnum):
    """How much of an organisation's topics its logins reach."""

    ALL = "ALL"
    NOTICES = "NOTICES"  # all but what is delivered: it is told of recalls, acknowledges them, withdraws its consents
    NONE = "NONE"


def access(status: PartnerStatus | None, standing_for: timedelta) -> Access:
    """What an organisation's standing lets its logins do; None: it is not in the registry (ARCHITECTURE §8)."""
    if status is PartnerStatus.ACTIVE:
        return Access.ALL
    if status is PartnerStatus.SUSPENDED:
        return Access.NOTICES
    if status is PartnerStatus.WITHDRAWN and standing_for < NOTICES_AFTER_LEAVING:
        return Access.NOTICES
    return Access.NONE


class Idle(StrEnum):
    """What follows from a credential's not being used."""

    USED = ""
    WARNED = "WARNED"
    ENDED = "ENDED"


def idle(unused_for: timedelta) -> Idle:
    """Warned from 21 days on, ended from 30 days on."""
    if unused_for >= ENDED_AFTER:
        return Idle.ENDED
    return Idle.WARNED if unused_for >= WARNED_AFTER else Idle.USED
