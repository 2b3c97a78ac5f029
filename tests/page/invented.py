"""Invented organisations, places and incidents for the page's tests and screenshots; nothing here happened."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

NOW = datetime(2026, 3, 14, 9, 26, tzinfo=UTC)
Json = dict[str, Any]

ORGANISATIONS = {
    "harbour-aid": "Harbour Aid",
    "lantern-relief": "Lantern Relief",
    "meridian-health": "Meridian Health",
    "open-wells": "Open Wells",
    "quiet-road": "Quiet Road Logistics",
    "sparrow-children": "Sparrow for Children",
}
PLACES = [  # name, area, country, latitude, longitude; positions far out at sea and in deserts, names invented
    ("Port Alder", "Alder Coast", "XA", 2.1, 44.9),
    ("Tarn Gate", "North Tarn", "XB", 15.6, 32.4),
    ("Old Quarry", "Stone Plain", "XC", 9.1, 7.4),
    ("Lowbridge", "River March", "XD", 33.5, 36.3),
    ("Saltpan", "White Shore", "XE", -18.9, 47.5),
    ("Two Towers", "High Pass", "XF", 34.5, 69.2),
    ("Fernhollow", "Green Delta", "XG", 23.8, 90.4),
    ("Last Ferry", "Island Reach", "XH", 18.5, -72.3),
]
SAYINGS = [
    ("Convoy stopped at an unannounced checkpoint", "INCIDENT_REPORT", "Moderate"),
    ("Shots heard near the warehouse, staff sheltering", "SECURITY_ALERT", "Severe"),
    ("Road closed after a roadside device was found", "SECURITY_ALERT", "Extreme"),
    ("Demonstration expected at the district office", "SECURITY_ALERT", "Minor"),
    ("Staff member held for two hours and released", "INCIDENT_REPORT", "Moderate"),
    ("Clinic entered by armed men, medicines taken", "INCIDENT_REPORT", "Severe"),
]
PRECISIONS = [("TOWN", 5000), ("ADMIN1", 100000), ("EXACT", 100), ("ADMIN2", 30000)]


def iso(moment: datetime) -> str:
    """As the API writes times."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def incident(number: int, **changes: Any) -> Json:
    """The row of one incident; the higher its number, the older."""
    headline, kind, severity = SAYINGS[number % len(SAYINGS)]
    name, area, country, latitude, longitude = PLACES[number % len(PLACES)]
    precision, radius = PRECISIONS[number % len(PRECISIONS)]
    at = iso(NOW - timedelta(minutes=3 * number + 1))
    place: Json = {"latitude": latitude + (number * 37 % 101) / 50, "longitude": longitude + (number * 53 % 97) / 50}
    place |= {"precision": precision, "radius_m": radius, "name": name, "admin1": area, "admin2": ""}
    row = {
        "key": f"k{number:05}", "status": "Actual", "type": "ALERT", "sequence": 1, "headline": headline, "kind": kind,
        "event": "invented", "severity": severity, "urgency": "Immediate", "certainty": "Likely", "country": country,
        "area": area, "place": place, "originators": [list(ORGANISATIONS.values())[number % 6]], "sources": "1",
        "accounts": 1, "conflicts": 0, "occurred_from": at, "time_precision": "EXACT", "received_at": at,
        "updated_at": at, "expires": None, "imminent": False, "acknowledged_by": None, "acknowledged_at": None,
    }  # fmt: skip
    return row | changes


def account(originator: str, **changes: Any) -> Json:
    """What one originator says, as in the record `view`."""
    said = {
        "originator": ORGANISATIONS[originator], "series_id": f"{originator}/2026-031", "version": 1,
        "message": "ALERT", "kind": "INCIDENT_REPORT", "event": "armed entry", "event_scheme": "invented",
        "urgency": "Past", "severity": "Severe", "certainty": "Observed", "headline": SAYINGS[5][0],
        "description": "Four armed men entered the clinic before opening. Staff were not hurt.",
        "advice": "Consider delaying movements in the town until noon.", "occurred_from": iso(NOW - timedelta(hours=4)),
        "occurred_to": None, "time_precision": "EXACT", "reported_at": iso(NOW - timedelta(hours=3)), "expires": None,
        "place": {"latitude": 2.1, "longitude": 44.9, "precision": "TOWN", "country": "XA", "name": "Port Alder"},
        "harm": {"scheme": "invented", "killed": None, "injured": 0, "kidnapped": None, "detained": None},
        "victims": ["health"], "actor": "", "means": "small arms", "attributes": {},
        "received_at": iso(NOW - timedelta(hours=3)), "country": "XA", "area": "Alder Coast",
    }  # fmt: skip
    return said | changes


def page_of(row: Json) -> Json:
    """An incident that two organisations report, and differ about."""
    first = account("harbour-aid")
    second = account(
        "meridian-health", severity="Moderate", series_id="meridian-health/77",
        harm={"scheme": "invented", "killed": None, "injured": 2, "kidnapped": None, "detained": None},
        description="Our clinic partner says that two guards were bruised.",
    )  # fmt: skip
    clocks = ["occurred", "reported", "received", "decided", "delivered", "acknowledged"]
    timeline = [
        {"at": iso(NOW - timedelta(hours=4 - step / 2)), "clock": clock, "who": "Harbour Aid",
         "what": f"{clock}: account 1", "precision": "EXACT"}
        for step, clock in enumerate(clocks)
    ]  # fmt: skip
    relation = {
        "id": "r1", "relation": "SAME", "left": first["series_id"], "right": second["series_id"], "score": 0.93,
        "evidence": [{"name": "distance", "value": "1.2 km"}, {"name": "time_apart", "value": "25 min"}],
        "state": "proposed",
    }  # fmt: skip
    return {
        "incident": row, "notice": "Shared in confidence. The reader decides and is responsible.",
        "accounts": [first, second], "conflicts": ["severity", "harm.injured"], "timeline": timeline,
        "relations": [relation],
    }  # fmt: skip


def matrix() -> Json:
    """Six recipients of two reports."""
    verdicts = [
        ("PERMIT", "", "all fields, town"),
        ("DENY", "DEN_NO_CONSENT", ""),
        ("HOLD", "HLD_CONSENT_PENDING", ""),
    ]
    texts = {
        "": "Permitted by the originator's grant",
        "DEN_NO_CONSENT": "The originator has given no consent",
        "HLD_CONSENT_PENDING": "The originator was asked and has not answered",
    }
    rows = []
    for index, (recipient, name) in enumerate(ORGANISATIONS.items()):
        for step, series in enumerate(["harbour-aid/2026-031", "meridian-health/77"]):
            effect, code, projection = verdicts[(index + step) % 3]
            told = iso(NOW - timedelta(minutes=30)) if effect == "PERMIT" else None
            rows.append({
                "recipient": recipient, "name": name, "series_id": series, "effect": effect, "target": "SHOW",
                "primary": code, "text": texts[code], "projection": projection, "delivered_at": told,
                "acknowledged_at": told if index == 0 else None, "valid_until": None,
            })  # fmt: skip
    return {"as_of": iso(NOW), "epoch": 412, "series": ["harbour-aid/2026-031", "meridian-health/77"], "rows": rows}


def health() -> Json:
    """Well, but for one parked outlet."""
    times = [int(NOW.timestamp()) - 5 * step for step in range(60)][::-1]
    since = iso(NOW - timedelta(minutes=9))
    stages = ("intake", "enrich", "correlate", "distribute", "deliver")
    return {
        "state": "warn",
        "checks": [
            {"name": "clock", "state": "ok", "text": "The broker's clock runs.", "since": None},
            {"name": "outlets", "state": "warn", "text": "1 outlet is parked.", "since": since},
        ],
        "stages": [
            {"stage": stage, "partition": None, "rate": 12.5, "lag": 3, "p50_ms": 14, "p99_ms": 61} for stage in stages
        ],
        "rates": {
            "times": times,
            "accepted": [10 + n % 7 for n in range(60)],
            "delivered": [40 + n % 11 for n in range(60)],
        },
        "latency": {"p50_ms": 83, "p99_ms": 310},
        "accounts": {
            "accepted": 8210, "delivered": 6020, "withheld": 2011, "duplicate": 160,
            "expired": 12, "refused": 7, "gap": 0,
        },
        "parked": [{"recipient": "quiet-road", "since": since, "reason": "access was refused", "keys": 4}],
        "dead": [{
            "id": "d1", "at": iso(NOW - timedelta(hours=1)), "stage": "intake", "reason": "SCHEMA_UNKNOWN",
            "topic": "slt.in.open-wells", "partition": 0, "offset": 5120, "length": 912, "replayable": True,
            "replayed_at": None,
        }],
    }  # fmt: skip


def partners() -> list[Json]:
    """One of each state."""
    return [
        {
            "recipient": recipient, "name": name, "state": "SUSPENDED" if index == 3 else "ACTIVE",
            "outlet": "parked" if index == 4 else "open", "lag": index, "last_heartbeat": iso(NOW),
            "silent": index == 5,
            "last_delivery": iso(NOW - timedelta(minutes=4)), "last_submission": iso(NOW - timedelta(hours=2)),
        }
        for index, (recipient, name) in enumerate(ORGANISATIONS.items())
    ]  # fmt: skip


def recalls() -> list[Json]:
    """One open, one acknowledged."""
    base = {"status": "Actual", "reason": "Consent was withdrawn", "started_at": iso(NOW)}
    soon = iso(NOW + timedelta(minutes=42))
    return [
        base | {"id": "c1", "incident_key": None, "recipient": "open-wells", "name": "Open Wells", "due_at": soon,
                "state": "open", "acknowledged_at": None},
        base | {"id": "c2", "incident_key": "k00005", "recipient": "harbour-aid", "name": "Harbour Aid", "due_at": soon,
                "state": "acknowledged", "acknowledged_at": iso(NOW)},
    ]  # fmt: skip


def request(number: int = 1, **changes: Any) -> Json:
    """A request to release before the originator answers."""
    asked = {
        "id": f"q{number}", "status": "Actual", "series_id": "lantern-relief/12", "originator": "Lantern Relief",
        "audience": "organisations in North Tarn", "reason": "Device on the road that two convoys take at ten",
        "asked_at": iso(NOW), "expires_at": iso(NOW + timedelta(minutes=18)), "state": "waiting",
        "incident_key": "k00001", "approvals": [], "needed": 2,
    }  # fmt: skip
    return asked | changes


def windows() -> list[Json]:
    """Two windows, one above its baseline."""
    base = {"from": iso(NOW - timedelta(hours=6)), "to": iso(NOW), "kind": "INCIDENT_REPORT"}
    return [
        base | {"country": "XB", "area": "North Tarn", "count": 9, "baseline": 2.1, "spike": True,
                "evidence": "9 reports of 4 originators in 6 h; usual 2.1"},
        base | {"country": "XA", "area": "Alder Coast", "count": 2, "baseline": 1.8, "spike": False, "evidence": ""},
    ]  # fmt: skip
