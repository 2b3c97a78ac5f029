"""Random control records: every type and state, over a small vocabulary, with NOW on and beside every bound."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, TypeVar

from tests.reference.facts import ATTRIBUTIONS, FACTS, LEVELS, PLACES, TIMES, Fields
from tests.reference.registry import Entry

T = TypeVar("T")
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY, HOUR, MINUTE, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
CATEGORIES = {
    "alder": "INGO", "birch": "INGO", "cedar": "UNSMS", "dogwood": "IO", "elm-platform": "COORDINATION_PLATFORM",
    "fir-observer": "OBSERVER", "gum-field": "FIELD_PARTNER", "hazel-host": "HOST_AUTHORITY",
}  # fmt: skip
"""Invented organisations."""
ORGS = tuple(CATEGORIES)
UNKNOWN = "zelkova"
COUNTRIES = ("KEN", "UGA")
KINDS = ("INCIDENT_REPORT", "SECURITY_ALERT", "OPERATIONAL_PLANNING")
ACTIONS = ("READ", "ONWARD", "DERIVE", "ATTRIBUTE", "AGGREGATE", "PERSONAL", "PUBLISH")
POINTS = ("FULL", "NO_PERSONAL", "NO_SOURCE", "COARSE_GEO", "TEARLINE", "LIFE_SAFETY")
CAPABILITIES = ("ENCRYPT", "ACK_RECALL", "DELETE_BY")
PURPOSE = "SECURITY_OF_PERSONNEL_OPERATIONS_ASSETS"


def mostly(random: Random, usual: T, *others: T, share: float = 0.8) -> T:
    """The usual value, else one of the others."""
    return usual if random.random() < share else random.choice(others)


def some(random: Random, words: Sequence[T], least: int = 0) -> list[T]:
    """A few of the words."""
    return random.sample(words, random.randint(least, min(len(words), least + 2)))


def any_or(random: Random, words: Sequence[str], share: float = 0.6) -> list[str]:
    """`*`, or some words."""
    return ["*"] if random.random() < share else some(random, words, 1)


def series_of(random: Random, org: str) -> str:
    """One of an organisation's few series."""
    return f"{org}/s{random.randint(1, 3)}"


def period(random: Random) -> dict[str, str]:
    """From and to, mostly around NOW, at times with NOW as a bound."""
    start = mostly(random, NOW - 100 * DAY, NOW - DAY, NOW, NOW + HOUR)
    end = mostly(random, NOW + 100 * DAY, NOW - HOUR, NOW, NOW + HOUR, NOW + DAY)
    return {"valid_from": min(start, end - MINUTE).isoformat(), "valid_to": end.isoformat()}


class Registry:
    """Makes the control records of one world."""

    def __init__(self, random: Random) -> None:
        """Take the source of chance."""
        self.random = random
        self.versions: dict[tuple[str, ...], int] = {}

    def entries(self) -> tuple[Entry, ...]:
        """Partners and representatives first, then everything in any order."""
        random = self.random
        payloads = [self.partner(org) for org in ORGS if random.random() < 0.98]
        payloads += [officer(org) for org in ORGS]
        makers = (
            [self.grant] * random.choice((4, 14, 24)) + [self.end] * random.randint(0, 2) + [self.group] * 2
            + [self.withdrawal] * random.randint(0, 2) + [self.area] * random.randint(0, 3)
            + [self.sensitivity] * random.randint(0, 2) + [self.overlay] * random.randint(0, 1)
            + [self.lou] * 3 + [self.breakglass] * random.choice((0, 4, 10))
            + [self.partner_again] * random.randint(0, 1)
        )  # fmt: skip
        random.shuffle(makers)
        payloads += [maker() for maker in makers]
        times = sorted(
            random.choices((NOW - 30 * DAY, NOW - DAY, NOW - DAY + SECOND, NOW - HOUR, NOW), k=len(payloads))
        )
        offsets = [2 * n + random.randint(0, 1) for n in range(len(payloads))]
        return tuple(map(self.entry, offsets, times, payloads))

    def entry(self, offset: int, at: datetime, payload: Fields) -> Entry:
        """As intake would have entered it; seldom with a signature that does not hold, or unreadable."""
        author = self.author(payload)
        covers_from = mostly(self.random, -1, offset // 2, share=0.9)
        holds = payload["type"] != "grant" or self.random.random() < 0.995
        if payload["type"] == "area" and self.random.random() < 0.02:
            payload = {"type": "area"}
        return Entry(offset, at, author, covers_from, payload, holds)

    def author(self, payload: Fields) -> str:
        """The organisation on whose topic such a record comes."""
        field = {"grant": "grantor", "withdrawal": "originator", "breakglass": "org"}.get(payload["type"], "")
        return str(payload.get(field, "admin"))

    def version(self, *key: str) -> int:
        """Mostly the next one, at times one that changes nothing."""
        newest = self.versions.get(key, 0)
        version = mostly(self.random, newest + 1, max(newest, 1), newest + 2, share=0.92)
        self.versions[key] = max(newest, version)
        return version

    def partner(self, org: str) -> Fields:
        """An organisation, mostly active and open to everything."""
        random, category = self.random, CATEGORIES[org]
        field_partner = category == "FIELD_PARTNER"
        end = mostly(random, NOW + 50 * DAY, NOW, NOW + SECOND, NOW - DAY, share=0.85)
        found = {
            "type": "partner", "version": self.version("partner", org), "org": org, "category": category,
            "status": mostly(random, "ACTIVE", "SUSPENDED", "TERMINATED", "OC_AGREED", share=0.92),
            "areas": any_or(random, COUNTRIES, 0.7), "kinds": any_or(random, KINDS, 0.8),
            "statuses": mostly(random, ["Actual", "Exercise"], ["Actual"], ["Exercise"], share=0.95),
            "ceiling": mostly(random, "HIGH", *LEVELS, share=0.6),
            "capabilities": mostly(random, list(CAPABILITIES), ["ENCRYPT"], [], share=0.6),
            "threshold": mostly(random, "", "Minor", "Severe"), "paused": random.random() < 0.07,
            "lou": mostly(random, "lou-1", "lou-2", "", share=0.5),
            "valid_to": end.isoformat() if field_partner or random.random() < 0.2 else None,
        }  # fmt: skip
        if random.random() < 0.5 or field_partner:
            found["presence"] = some(random, COUNTRIES, 1) if field_partner else any_or(random, COUNTRIES, 0.4)
        if field_partner:
            found["admitted_by"] = "cedar"
        if category == "COORDINATION_PLATFORM":
            found["members"] = some(random, [one for one in ORGS if one != org], 1)
        if category == "OBSERVER":
            found["entitlements"] = [self.entitlement() for _ in range(random.randint(0, 3))]
        return found

    def partner_again(self) -> Fields:
        """A later version of a partner."""
        return self.partner(self.random.choice(ORGS))

    def entitlement(self) -> Fields:
        """An observer's portion."""
        return {"forum": "forum", "kinds": any_or(self.random, KINDS), "areas": any_or(self.random, COUNTRIES),
                **period(self.random)}  # fmt: skip

    def recipients(self) -> list[str]:
        """Every way of meaning somebody."""
        words = [
            "*", "*", "*", "present", "present", "category:INGO", "category:IO", "category:HOST_AUTHORITY",
            "category:OBSERVER", "group:g-1", "group:g-2", "platform:elm-platform", "platform:elm-platform/members",
            *ORGS,
        ]  # fmt: skip
        return sorted({*some(self.random, words, 1), mostly(self.random, "*", *words, share=0.4)})

    def projection(self) -> Any:
        """A named point, or its four dimensions."""
        random = self.random
        if random.random() < 0.6:
            return random.choice(POINTS)
        share = random.choice((0.1, 0.7, 0.9))
        facts = [fact for fact in FACTS if random.random() < share] or ["WHAT"]
        place, time = mostly(random, "EXACT", *PLACES, share=0.4), mostly(random, "EXACT", *TIMES, share=0.4)
        return {"facts": facts, "place": place, "time": time, "attribution": random.choice(ATTRIBUTIONS)}

    def grant(self) -> Fields:
        """A permission or a prohibition, in any state."""
        random = self.random
        grantor, name = mostly(random, "alder", *ORGS, share=0.4), f"g{random.randint(1, 4)}"
        found: Fields = {
            "type": "grant", "version": self.version("grant", grantor, name), "grantor": grantor, "grant": name,
            "status": mostly(random, "Actual", "Exercise", share=0.92), "recipients": self.recipients(),
            **period(random),
            "state": mostly(random, "GIVEN", "WITHDRAWN", "REFUSED", "DEFERRED", share=0.75),
            "mode": random.choice(("RECALL", "PROSPECTIVE")), "covers_earlier": random.random() < 0.4,
        }  # fmt: skip
        if random.random() < 0.25:
            found["series"] = sorted({series_of(random, grantor), series_of(random, grantor)})
        else:
            found |= {"kinds": any_or(random, KINDS, 0.8), "areas": any_or(random, COUNTRIES, 0.8)}
        return found | (self.prohibits() if random.random() < 0.1 else self.permits())

    def prohibits(self) -> Fields:
        """The fields of a prohibition."""
        actions = {"actions": some(self.random, ACTIONS, 1)} if self.random.random() < 0.3 else {}
        return {"effect": "PROHIBIT", **actions}

    def permits(self) -> Fields:
        """The fields of a permission."""
        random = self.random
        optional = {
            "actions": sorted({"READ", *some(random, ACTIONS, 1)}),
            "projection": self.projection(),
            "attribution": random.choice(ATTRIBUTIONS),
            "condition": mostly(random, "IMMINENT_ONLY", "", share=0.5),
            "obligations": some(random, CAPABILITIES),
            "level": mostly(random, "REGULAR", "ENHANCED", share=0.7),
            "purpose": PURPOSE,
        }
        return {"effect": "PERMIT", **{name: value for name, value in optional.items() if random.random() < 0.4}}

    def end(self) -> Fields:
        """A grant ended by an administrator."""
        grantor, name = mostly(self.random, "alder", *ORGS, share=0.4), f"g{self.random.randint(1, 4)}"
        return {"type": "end", "version": self.version("end", grantor, name), "grantor": grantor, "grant": name,
                "state": self.random.choice(("REVOKED", "INVALIDATED"))}  # fmt: skip

    def withdrawal(self) -> Fields:
        """A series taken back."""
        org = self.random.choice(ORGS)
        series = series_of(self.random, org)
        return {"type": "withdrawal", "version": self.version("withdrawal", series), "originator": org,
                "series": series, "mode": self.random.choice(("RECALL", "PROSPECTIVE"))}  # fmt: skip

    def area(self) -> Fields:
        """A level from a moment on."""
        random = self.random
        area = random.choice(COUNTRIES)
        start = mostly(random, NOW - 50 * DAY, NOW - MINUTE, NOW - MINUTE + SECOND)
        return {"type": "area", "version": self.version("area", area), "area": area, "srm_level": "HIGH",
                "level": mostly(random, "ENHANCED", "REGULAR", share=0.7), "valid_from": start.isoformat(),
                "approver": "cedar"}  # fmt: skip

    def sensitivity(self) -> Fields:
        """A table for a country or for all."""
        random = self.random
        area = random.choice((*COUNTRIES, "*"))
        rows = {
            (mostly(random, "*", *KINDS, share=0.4), random.choice(PLACES[:-1])) for _ in range(random.randint(0, 5))
        }
        return {"type": "sensitivity", "version": self.version("sensitivity", area), "area": area,
                "rows": [{"kind": kind, "precision": precision, "level": random.choice(LEVELS)}
                         for kind, precision in sorted(rows)]}  # fmt: skip

    def overlay(self) -> Fields:
        """What an area's authority forbids or caps."""
        random = self.random
        area = random.choice((*COUNTRIES, "*"))
        rules = [
            {"kinds": any_or(random, KINDS, 0.4), "recipients": self.recipients(),
             "projection": None if random.random() < 0.4 else self.projection()}
            for _ in range(random.randint(0, 2))
        ]  # fmt: skip
        return {"type": "overlay", "version": self.version("overlay", area), "area": area, "rules": rules}

    def lou(self) -> Fields:
        """A letter of understanding."""
        random = self.random
        name = mostly(random, "lou-1", "lou-2", share=0.7)
        return {"type": "lou", "version": self.version("lou", name), "lou": name, "text_version": "1", "offers": [],
                "withheld_kinds": some(random, KINDS) if random.random() < 0.1 else [],
                "break_glass": random.random() < 0.8}  # fmt: skip

    def group(self) -> Fields:
        """A group with a time."""
        random = self.random
        name = random.choice(("g-1", "g-2"))
        return {"type": "group", "version": self.version("group", name), "group": name,
                "members": some(random, ORGS, 2), "purpose": PURPOSE, **period(random)}  # fmt: skip

    def breakglass(self) -> Fields:
        """A person's word that the glass be broken."""
        random = self.random
        series = series_of(random, mostly(random, "alder", *ORGS))
        org = mostly(random, "cedar", "birch", "dogwood", "gum-field", share=0.5)
        person = random.choice(("one", "two"))
        return {"type": "breakglass", "version": self.version("breakglass", series, org, person), "series": series,
                "org": org, "confirmer": person}  # fmt: skip


def officer(org: str) -> Fields:
    """The representative who signs for an organisation."""
    return {"type": "representative", "version": 1, "org": org, "name": "officer", "public_key": "11" * 32,
            "scopes": ["consent"], "valid_from": (NOW - 300 * DAY).isoformat(),
            "valid_to": (NOW + 300 * DAY).isoformat()}  # fmt: skip
