"""The SIOC's picture of an incident: one row of the console's feed, from what the SIOC itself was delivered.

Everything here is a function of one record of slt.out.sioc or slt.exercise.sioc, so that nothing gets into the picture
that the SIOC does not hold as a recipient (ARCHITECTURE §8 "The SIOC is a recipient", SLT-68). Times are datetimes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from services.core.envelope import DeliveryType, Envelope
from services.core.features import SEVERITIES, is_imminent

RADIUS_M = {"EXACT": 100, "TOWN": 5_000, "ADMIN2": 30_000, "ADMIN1": 100_000, "COUNTRY": 300_000}
"""How far around its coordinates a place of each precision may lie: what a map draws instead of a pin."""


class Gone(NamedTuple):
    """A key that has no content any more, and why."""

    key: str
    reason: str
    """RECALL or REPLACED."""
    replaced_by: str
    at: datetime


def gone(key: str, envelope: Envelope, at: datetime) -> Gone | None:
    """What ends a key; None where the record has content."""
    if envelope.type is DeliveryType.RECALL:
        return Gone(key, "RECALL", "", at)
    if envelope.replaced_by:
        return Gone(key, "REPLACED", envelope.replaced_by, at)
    return None


def row(key: str, envelope: Envelope, view: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """A line of the feed; `at`: when the record was appended. The newest account speaks, the worst severity counts."""
    accounts = view["accounts"]
    said = accounts[-1]
    return {
        "key": key, "status": view["status"], "type": envelope.type.value, "sequence": envelope.sequence,
        "headline": _newest(accounts, "headline"), "kind": said["kind"], "event": said["event"],
        "severity": max((each["severity"] for each in accounts), key=SEVERITIES.__getitem__),
        "urgency": said["urgency"], "certainty": said["certainty"],
        "country": said["country"], "area": said["area"], "place": _place(accounts),
        "originators": sorted({each["originator"] for each in accounts if each["originator"]}),
        "sources": view["sources"], "accounts": len(accounts), "conflicts": len(view["conflicts"]),
        "occurred_from": said["occurred_from"], "time_precision": said["time_precision"],
        "received_at": said["received_at"], "updated_at": at, "expires": said["expires"],
        "imminent": any(is_imminent({**each, "imminent": False}) for each in accounts),
    }  # fmt: skip


def _newest(accounts: Iterable[Mapping[str, Any]], field: str) -> str:
    """The newest text that is shown at all; accounts come in the order of their reception."""
    found = [each[field] for each in accounts if each[field]]
    return found[-1] if found else ""


def _place(accounts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The most precise place that an account shows; of equal ones the newest."""
    found = [each["place"] for each in accounts]
    order = ["UNKNOWN", *reversed(RADIUS_M)]
    best = max(reversed(found), key=lambda place: order.index(place["precision"]))
    return {**best, "radius_m": RADIUS_M.get(best["precision"])}
