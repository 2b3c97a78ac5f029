"""Consent to measure with: 1,000 standing grants of 20 originators for up to some hundred recipients, all invented."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from typing import Any

import orjson

from services.cli.bench import payload
from services.core.control import ADMIN, ANY, Category, control_id
from services.core.control_read import read_control
from services.core.draft import Arrival, normalised
from services.core.fold import PolicyFold
from services.core.policy import Policy
from services.core.projection import Point
from services.core.report import InfoKind
from services.core.stage import Record, Refusal, Source
from services.core.submission import read_submission

GRANTS = 1000
"""Standing ones; each originator has as many as another."""
_ORIGINATORS = tuple(f"origin-{number}" for number in range(1, 21))
_CATEGORIES = (Category.INGO, Category.UNSMS, Category.IO)
_KINDS = (ANY, InfoKind.INCIDENT_REPORT, InfoKind.SECURITY_ALERT, InfoKind.SITUATION_REPORT)
_EACH = GRANTS // len(_ORIGINATORS)
_SEED = 20261124
_LATER = 1_000_000
"""Epoch of the reports: every grant is earlier."""
_ALWAYS = {"valid_from": "2026-01-01T00:00:00+00:00", "valid_to": "2026-12-31T00:00:00+00:00"}
Fields = dict[str, Any]


def consents(recipients: int) -> Policy:
    """The policy of so many recipients; equal, and never asked, every time."""
    chance = random.Random(_SEED)  # noqa: S311  not for secrets
    orgs = [f"partner-{number:03}" for number in range(1, recipients + 1)]
    entries = [_partner(org, chance.choice(_CATEGORIES)) for org in orgs]
    entries += [_partner(org, Category.UNSMS) for org in _ORIGINATORS]
    entries += [_grant(number, orgs, chance) for number in range(GRANTS)]
    fold = PolicyFold(bytes(32), lambda *_: True)
    for offset, entry in enumerate(entries):
        fold.apply(_record(entry, offset))
    return fold.compiled()


def located(count: int, received: datetime) -> list[Fields]:
    """Located reports, as many of one originator as of another."""
    found = []
    for number, raw in enumerate(islice(payload.reports(1), count)):
        fields = read_submission(orjson.loads(raw), received)
        if isinstance(fields, Refusal):
            raise TypeError(fields.advice)
        arrival = Arrival(Source("slt.in", 0, number), received, _LATER)
        report = normalised(fields, _ORIGINATORS[number % len(_ORIGINATORS)], arrival)
        found.append({**report, "area": _area(report["place"]["country"]), "home": 1})
    return found


def _area(country: str) -> Fields:
    blank = dict.fromkeys(("admin1", "admin1_name", "pcode", "cell", "note"), "")
    return {"country": country, "found": "COUNTRY_FIELD", **blank}


def _partner(org: str, category: Category) -> Fields:
    return {"type": "partner", "version": 1, "org": org, "category": category, "status": "ACTIVE", "areas": [ANY],
            "kinds": [ANY], "statuses": ["Actual"]}  # fmt: skip


def _grant(number: int, orgs: list[str], chance: random.Random) -> Fields:
    """A rule by kind and country, every twentieth for all countries; for a category, or for ten organisations by name.

    Every fiftieth forbids. Some three of an originator's rules concern a report.
    """
    named = chance.sample(orgs, 10) if number % 3 else [f"category:{chance.choice(_CATEGORIES)}"]
    return {
        "type": "grant", "version": 1, "grantor": _ORIGINATORS[number // _EACH], "grant": f"grant-{number}",
        "effect": "PROHIBIT" if number % 50 == 49 else "PERMIT", "status": "Actual", "kinds": [chance.choice(_KINDS)],
        "areas": chance.sample(payload.COUNTRIES, 2) if number % 20 else [ANY], "recipients": named,
        "projection": chance.choice((Point.FULL, Point.NO_PERSONAL, Point.NO_SOURCE, Point.COARSE_GEO)), **_ALWAYS,
    }  # fmt: skip


def _record(entry: Mapping[str, Any], offset: int) -> Record:
    found = read_control(entry)
    if isinstance(found, Refusal):
        raise TypeError(found.advice)
    kind, version, control = found
    value = {
        "type": kind.value, "id": control_id(control), "version": version, "author": ADMIN, "signer": "root",
        "payload": orjson.dumps(entry).decode(), "signature": b"", "covers_from": -1,
    }  # fmt: skip
    when = datetime.fromisoformat(_ALWAYS["valid_from"])
    return Record(Source("slt.control", 0, offset), when, f"{kind}/{control_id(control)}", "control", value)
