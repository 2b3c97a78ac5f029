"""Policies for tests of the rules: control records folded without a broker and without keys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from services.core.control import control_id
from services.core.control_read import read_control
from services.core.fold import PolicyFold
from services.core.policy import Policy
from services.core.stage import Record, Refusal, Source
from services.core.terms import TERMS

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
START, END = "2026-01-01T00:00:00+00:00", "2026-12-01T00:00:00+00:00"


def partner(org: str, **fields: Any) -> dict[str, Any]:
    base = {"type": "partner", "version": 1, "org": org, "category": "INGO", "status": "ACTIVE", "areas": ["*"],
            "kinds": ["*"], "statuses": ["Actual", "Exercise"]}  # fmt: skip
    return {**base, **fields}


def officer(org: str, **fields: Any) -> dict[str, Any]:
    base = {"type": "representative", "version": 1, "org": org, "name": "officer", "public_key": "11" * 32,
            "scopes": ["consent"], "valid_from": START, "valid_to": END}  # fmt: skip
    return {**base, **fields}


def grant(org: str, **fields: Any) -> dict[str, Any]:
    base = {"type": "grant", "version": 1, "grantor": org, "grant": "g", "status": "Actual", "kinds": ["*"],
            "areas": ["*"], "recipients": ["*"], "valid_from": START, "valid_to": END}  # fmt: skip
    return {**base, **fields}


def record(payload: Mapping[str, Any], offset: int, at: datetime = NOW) -> Record:
    """A record of slt.control as intake would have entered it."""
    found = read_control(payload)
    assert not isinstance(found, Refusal), found
    kind, version, control = found
    author = payload.get("grantor", "admin") if kind == "grant" else "admin"
    value = {
        "type": kind.value, "id": control_id(control), "version": version, "author": author,
        "signer": "officer" if author != "admin" else "root", "payload": json.dumps(payload), "signature": b"",
        "covers_from": -1,
    }  # fmt: skip
    return Record(Source("slt.control", 0, offset), at, f"{kind}/{control_id(control)}", "control", value)


def fold(*payloads: Mapping[str, Any]) -> PolicyFold:
    """A fold whose epoch is the number of payloads."""
    made = PolicyFold(b"\x00" * 32, lambda *_: True)
    for offset, payload in enumerate(payloads):
        made.apply(record(payload, offset))
    return made


def policy(*payloads: Mapping[str, Any]) -> Policy:
    return fold(*payloads).compiled()


def report(series: str, **fields: Any) -> dict[str, Any]:
    """A located report with every field; `series` is originator/id."""
    base = {
        "originator": series.split("/", maxsplit=1)[0], "series_id": series, "version": 1, "message": "ALERT",
        "status": "Actual", "initial_audience": [], "kind": "INCIDENT_REPORT", "event": "", "event_scheme": "",
        "urgency": "Unknown", "severity": "Unknown", "certainty": "Unknown", "headline": f"About {series}",
        "description": "", "advice": "", "occurred_from": None, "occurred_to": None, "time_precision": "UNKNOWN",
        "reported_at": None, "expires": None,
        "place": {"latitude": None, "longitude": None, "precision": "UNKNOWN", "country": "KEN", "admin1": "",
                  "admin2": "", "name": ""},
        "harm": {"scheme": "", "killed": None, "injured": None, "kidnapped": None, "detained": None},
        "victims": [], "actor": "", "means": "", "attributes": {}, "received_at": NOW - timedelta(minutes=1),
        "epoch": 1000, "raw": {"topic": "slt.in.x", "partition": 0, "offset": 1}, "content_hash": series.encode()[:16],
        "area": {"country": "KEN", "admin1": "", "admin1_name": "", "pcode": "", "cell": "", "found": "COUNTRY_FIELD",
                 "note": ""},
        "home": 1, "supersedes": "", **{name: default for name, (_, default) in TERMS.items()},
    }  # fmt: skip
    return {**base, **fields}
