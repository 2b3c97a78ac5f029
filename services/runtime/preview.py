"""Who would get a draft, before it is sent (L1): for the command line and for the console."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from services.core.audit import Row, row
from services.core.control import PartnerStatus
from services.core.draft import Locate, drafted
from services.core.place import locate
from services.core.policy import Policy
from services.core.reason import Reason
from services.core.stage import Refusal
from services.runtime.gazetteer import load_tables
from services.runtime.settings import Settings

_NOT_ACTIVE = Refusal(Reason.NOT_ACTIVE, "only active partners submit: ask the secretariat")


class Preview(NamedTuple):
    """What would become of a draft."""

    refusal: Refusal | None
    """Why it would not be accepted; then there are no rows."""
    epoch: int
    country: str = ""
    rows: tuple[Row, ...] = ()
    """Every recipient's verdict; those with equal ones together."""


def preview(submission_fields: Any, org: str, policy: Policy, now: datetime, locate: Locate) -> Preview:
    """Who would get what, if `org` sent these fields (decoded JSON) now: the functions of intake, enrich, distribute.

    What depends on other reports of the incident (echo, supersession) cannot be known of a draft. `now`: the broker's.
    """
    partner = policy.partner(org)
    if partner is None or partner.status is not PartnerStatus.ACTIVE:
        return Preview(_NOT_ACTIVE, policy.epoch)
    report = drafted(submission_fields, org, now, policy.epoch, locate)
    if isinstance(report, Refusal):
        return Preview(report, policy.epoch)
    decided = policy.decide(report, now)
    rows = tuple(row(verdict, recipients, decided.valid_until) for verdict, recipients in decided.groups)
    return Preview(None, policy.epoch, report["area"]["country"], rows)


def locator(settings: Settings) -> Locate:
    """Finds places as enrich does; takes about two seconds to load."""
    return partial(locate, tables=load_tables(settings.geo))
