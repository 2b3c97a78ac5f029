"""Located reports of invented events that several organisations tell of, each in its own words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.registry import NOW, report

DAY = timedelta(days=1)
BRIDGE = {
    "alder": "Three staff of an invented charity were killed by gunmen at the bridge of Nowhere, near Elsewhere.",
    "birch": "Armed men opened fire on an ambulance near Nowhere; 3 aid workers died, the vehicle was taken.",
    "cedar": "NOWHERE bridge: attack on a medical convoy leaves three dead, perpetrators fled towards Elsewhere.",
    "dogwood": "A partner reports that its colleagues came under fire, three lost their lives. Avoid the crossing.",
}  # fmt: skip


def event(series: str, *, day: int = 0, at: tuple[float, float] = (0.2, 37.0), **fields: Any) -> dict[str, Any]:
    """A report of an attack with three dead, `day` days after the first; with the same values two are one incident."""
    org = series.split("/", 1)[0]
    moment = NOW - 10 * DAY + day * DAY
    base: dict[str, Any] = {
        "description": BRIDGE.get(org, BRIDGE["alder"]), "event": "shooting", "means": "shooting",
        "occurred_from": moment, "time_precision": "DAY",
        "place": {"latitude": at[0], "longitude": at[1], "precision": "TOWN", "country": "KEN", "admin1": "",
                  "admin2": "", "name": "Nowhere"},
        "area": {"country": "KEN", "admin1": f"KE-{int(at[0] * 10)}", "admin1_name": "", "pcode": "", "cell": "",
                 "found": "COORDINATES", "note": ""},
        "harm": {"scheme": "", "killed": 3, "injured": None, "kidnapped": None, "detained": None},
        "victims": ["NGO"], "content_hash": f"{series} {day} {at} {fields.get('version', 1)}".encode(),
    }  # fmt: skip
    return report(series, **{**base, **fields})
