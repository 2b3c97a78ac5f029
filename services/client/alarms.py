"""What somebody has to be woken for: imminent risk, a consent that is asked for, a recall that is overdue."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from services.client.record import Delivery, Family

_KINDS = frozenset({"SECURITY_ALERT", "INCIDENT_REPORT"})
_SEVERE = frozenset({"Extreme", "Severe"})
_CERTAIN = frozenset({"Observed", "Likely", "Possible"})


class Why(StrEnum):
    """What happened."""

    IMMINENT_RISK = "IMMINENT_RISK"
    CONSENT_REQUEST = "CONSENT_REQUEST"
    RECALL_OVERDUE = "RECALL_OVERDUE"


class Alarm(NamedTuple):
    """One call. It has no content: where it goes may not be as safe as where it comes from."""

    why: Why
    id: str
    """The message id: the same for every repeat."""
    status: str
    """Actual, Exercise or Test."""
    at: datetime
    key: str = ""
    series: str = ""
    deadline: datetime | None = None

    def spoken(self) -> dict[str, Any]:
        """For programs: JSON values; what is empty is left out."""
        return {name: value for name, value in self._asdict().items() if value not in {"", None}}


def alarm(delivery: Delivery) -> Alarm | None:
    """The alarm that this delivery is, if it is one."""
    envelope = delivery.envelope
    if envelope is None:
        return None
    of: dict[str, Any] = {"id": envelope.message_id, "status": envelope.status, "at": delivery.at}
    value = delivery.value
    if delivery.kind == "view" and any(map(is_imminent, value["accounts"])):
        return Alarm(Why.IMMINENT_RISK, **of, key=delivery.key)
    if delivery.kind in {"consent_request", "onward_asked"} and value.get("stage") != "FINAL":
        return Alarm(Why.CONSENT_REQUEST, **of, series=value["series_id"], deadline=value["deadline"])
    if delivery.kind == "reminder" and delivery.family is Family.NOTICES:
        return Alarm(Why.RECALL_OVERDUE, **of, key=value["key"], deadline=value["deadline"])
    return None


def is_imminent(account: Mapping[str, Any]) -> bool:
    """docs/rules.md §1, as far as a recipient is shown it."""
    return (
        account["message"] != "CANCEL"
        and account["kind"] in _KINDS
        and account["urgency"] == "Immediate"
        and account["severity"] in _SEVERE
        and account["certainty"] in _CERTAIN
    )
