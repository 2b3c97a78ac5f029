"""Asking an originator whether what one holds of its report may go to a third party (SLT-54; consent.md §8).

Silence is no. The originator answers with a grant that names the third party; then the pipeline delivers, so that the
ledger stays complete and a recall reaches everybody. Nobody passes anything on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from services.core.checks import REQUIRED, Refused, moment, pattern, record
from services.core.control import PURPOSE
from services.core.ledger import originator_of
from services.core.notice import Notice
from services.core.policy import Policy
from services.core.reason import Reason
from services.core.report import Status
from services.core.stage import Refusal

LONGEST = timedelta(days=30)
_ORG = re.compile(r"[a-z][a-z0-9-]{1,30}")
_SERIES = re.compile(r"[a-z][a-z0-9-]{1,30}/[^\s,<>&/|]{1,120}")
_read = record({
    "onward_to": (pattern(_ORG, "name an organisation by its id"), REQUIRED),
    "series_id": (pattern(_SERIES, "copy it from the view: originator/id"), REQUIRED),
    "deadline": (moment, REQUIRED),
    "purpose": (pattern(re.compile(PURPOSE), f"nothing is shared for another purpose than {PURPOSE}"), PURPOSE),
})  # fmt: skip


class OnwardRequest(NamedTuple):
    """Who asks whom for what."""

    asker: str
    series_id: str
    third_party: str
    deadline: datetime
    """Without an answer until then the answer is no."""

    def notice(self, at: datetime) -> Notice:
        """What its originator is told; a repeated request is told once."""
        name = f"{self.asker}|{self.series_id}|{self.third_party}|{self.deadline.isoformat()}"
        body = {
            "series_id": self.series_id, "asker": self.asker, "third_party": self.third_party,
            "deadline": self.deadline,
        }  # fmt: skip
        return Notice(originator_of(self.series_id), name, "onward_asked", body, at, Status.ACTUAL)


def read_onward(fields: Any, asker: str, policy: Policy, received: datetime) -> OnwardRequest | Refusal:
    """The request of an `onward_request` record, from JSON or Avro, or why it is none.

    Whether the asker holds the report, and whether there is one, is not looked up: the answer would tell.
    """
    try:
        found: Mapping[str, Any] = _read("", fields)
    except Refused as refused:
        return refused.refusal
    if found["deadline"] is None:
        return Refusal(Reason.BAD_FIELD_MISSING, "say until when an answer helps", "deadline")
    request = OnwardRequest(asker, found["series_id"], found["onward_to"], found["deadline"])
    return _misplaced(request, policy, received) or request


def _misplaced(request: OnwardRequest, policy: Policy, received: datetime) -> Refusal | None:
    originator = originator_of(request.series_id)
    if request.asker in {originator, request.third_party}:
        return Refusal(Reason.BAD_PARTNER, "ask another organisation, for a third one: your own report needs a grant")
    if policy.partner(originator) is None or policy.partner(request.third_party) is None:
        return Refusal(Reason.BAD_PARTNER, "name organisations that are in the registry", "onward_to")
    if not received < request.deadline <= received + LONGEST:
        return Refusal(Reason.BAD_TIME, f"give a deadline within {LONGEST.days} days", "deadline")
    return None
