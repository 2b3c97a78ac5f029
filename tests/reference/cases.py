"""Random worlds in which the rules collide often: small vocabularies, times on and beside every bound."""

from __future__ import annotations

from datetime import datetime
from random import Random
from typing import Any, NamedTuple

from tests.reference.facts import ATTRIBUTIONS, FACTS, LEVELS, PLACES, TIMES, Fields
from tests.reference.records import (
    ACTIONS,
    DAY,
    HOUR,
    KINDS,
    MINUTE,
    NOW,
    ORGS,
    PURPOSE,
    SECOND,
    UNKNOWN,
    Registry,
    mostly,
    series_of,
    some,
)  # fmt: skip
from tests.reference.registry import Entry

RECIPIENTS = (*ORGS, UNKNOWN)
REPORTS = 10
CASES = REPORTS * len(RECIPIENTS)
"""Cases of one world."""


class Ask(NamedTuple):
    """A report with everything that is asked about it; asked for every recipient."""

    report: Fields
    action: str
    purpose: str
    as_of: datetime
    fresh: bool
    echo: tuple[tuple[str, str], ...]
    superseded: bool
    requested_at: datetime | None


class World(NamedTuple):
    """Control records and reports."""

    entries: tuple[Entry, ...]
    asks: tuple[Ask, ...]


def world(random: Random) -> World:
    """One world of `CASES` cases."""
    entries = Registry(random).entries()
    return World(entries, tuple(ask(random, entries[-1].offset) for _ in range(REPORTS)))


def ask(random: Random, last: int) -> Ask:
    """A report, and when and how it is asked about."""
    bound = mostly(random, NOW, NOW - HOUR, NOW + HOUR, NOW + DAY, NOW - DAY, share=0.85)
    made = report(random, last)
    others = [org for org in ORGS if org != made["originator"]]
    echo = tuple((org, series_of(random, org)) for org in (random.sample(others, 1) if random.random() < 0.05 else []))
    return Ask(
        made,
        mostly(random, "READ", *ACTIONS, share=0.85),
        mostly(random, PURPOSE, "ANYTHING_ELSE", share=0.98),
        bound + random.choice((-SECOND, 0 * SECOND, 0 * SECOND, SECOND)),
        fresh=random.random() < 0.97,
        echo=echo,
        superseded=random.random() < 0.03,
        requested_at=random.choice((None, NOW - 2 * HOUR, NOW - 2 * HOUR, NOW - 10 * MINUTE, NOW - 5 * MINUTE)),
    )


def report(random: Random, last: int) -> Fields:
    """A located report with every field that the rules read."""
    org = mostly(random, "alder", *ORGS, share=0.5)
    series = series_of(random, org if random.random() < 0.99 else "birch")
    originator = UNKNOWN if random.random() < 0.01 else org
    return {
        "originator": originator, "series_id": series if originator == org else f"{UNKNOWN}/s1",
        "version": mostly(random, 1, 2, 3, 0, share=0.95), "status": mostly(random, "Actual", "Exercise", share=0.93),
        "message": mostly(random, "ALERT", "UPDATE", "CORRECT", "CANCEL", share=0.8),
        "initial_audience": some(random, RECIPIENTS) if random.random() < 0.5 else [],
        "kind": mostly(random, "INCIDENT_REPORT", *KINDS, share=0.6), "supersedes": "",
        "expires": mostly(random, None, NOW - DAY, NOW, NOW + SECOND, NOW + DAY, share=0.85),
        "received_at": NOW - MINUTE, "epoch": mostly(random, last + 1, random.randint(0, last + 1), share=0.7),
        **urgency(random), **contents(random), **place(random), **times(random), **marks(random),
        "raw": {"topic": f"slt.in.{originator}", "partition": 0, "offset": 1}, "content_hash": series.encode(),
        "home": 1,
    }  # fmt: skip


def urgency(random: Random) -> Fields:
    """Often imminent."""
    return {
        "urgency": mostly(random, "Immediate", "Unknown", share=0.5),
        "severity": random.choice(("Extreme", "Severe", "Moderate", "Minor", "Unknown")),
        "certainty": random.choice(("Observed", "Likely", "Possible", "Unlikely")),
        "imminent": random.random() < 0.15,
    }


def contents(random: Random) -> Fields:
    """Texts and counts; each may be empty."""

    def maybe(value: Any, empty: Any, share: float = 0.6) -> Any:
        return value if random.random() < share else empty

    return {
        "event": maybe("ambush", ""), "event_scheme": "", "means": "", "headline": maybe("Headline", ""),
        "description": "", "attributes": {}, "actor": maybe("somebody", "", 0.3), "victims": [],
        "advice": maybe("Stay in", ""), "tearline": maybe("Avoid the road", "", 0.5),
        "source_note": maybe("heard", "", 0.3), "personal": maybe({"name": "A. Person"}, {}, 0.3),
        "harm": {"scheme": "", "killed": random.choice((None, 0, 1, 2, 3)), "injured": None, "kidnapped": None,
                 "detained": random.choice((None, None, 2))},
    }  # fmt: skip


def place(random: Random) -> Fields:
    """A place of any precision, said or to be worked out."""
    country = mostly(random, "KEN", "UGA", "", share=0.7)
    exact = random.random() < 0.4
    return {
        "place": {
            "latitude": 1.0 if exact else None, "longitude": 36.0 if exact else None, "country": country,
            "precision": mostly(random, "UNKNOWN", *PLACES, share=0.4), "name": random.choice(("", "Somewhere")),
            "admin1": random.choice(("", "One")), "admin2": random.choice(("", "Two")),
        },
        "area": {"country": country, "admin1": "", "admin1_name": "", "pcode": "", "cell": "", "found": "COUNTRY_FIELD",
                 "note": ""},
    }  # fmt: skip


def times(random: Random) -> Fields:
    """When it happened, at times impossibly late."""
    late = NOW - MINUTE + DAY
    return {
        "occurred_from": mostly(random, None, NOW - DAY, late, late + SECOND, share=0.9), "occurred_to": None,
        "reported_at": random.choice((None, NOW - HOUR)),
        "time_precision": mostly(random, "UNKNOWN", *TIMES, share=0.4),
    }  # fmt: skip


def marks(random: Random) -> Fields:
    """Marks, handling, the chain whence it comes, the wish for attribution."""
    facts = [
        {"fact": random.choice(FACTS[:-1]), "sensitivity": random.choice(("", *LEVELS)),
         "above": random.choice((True, False))}
        for _ in range(random.choice((0, 0, 1, 3)))
    ]  # fmt: skip
    return {
        "facts": facts, "attribution": mostly(random, "NAMED", *ATTRIBUTIONS), "upstream": upstream(random),
        "on_behalf_of": random.choice(ORGS) if random.random() < 0.05 else "",
        "handling": {"tlp": mostly(random, "AMBER_STRICT", "RED", "GREEN", share=0.9),
                     "attribution": mostly(random, "MAY", "MUST", "MUST_NOT"), "encrypt_in_transit": "MAY",
                     "permitted_actions": "NONE", "affected_party_notifications": "MAY", "external_reference": ""},
    }  # fmt: skip


def upstream(random: Random) -> list[Fields]:
    """Whence it comes."""
    found = []
    for _ in range(random.choice((0, 0, 0, 0, 0, 0, 1, 2))):
        org, empty = random.choice(ORGS), {"org": "", "series": "", "url": "", "licence": ""}
        series = series_of(random, org) if random.random() < 0.5 else ""
        kind = mostly(random, "ORGANISATION", "PUBLIC", "PUBLIC", "UNKNOWN", share=0.5)
        source = {"org": org, "series": series} if kind == "ORGANISATION" else {}
        public = {"url": "https://example.org", "licence": "CC-BY"} if kind == "PUBLIC" else {}
        found.append(empty | {"type": kind} | source | public)
    return found
