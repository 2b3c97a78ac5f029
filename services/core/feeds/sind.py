"""Insecurity Insight's Security in Numbers Database: one table per data set.

Each data set is its own series space, so that two of them that describe one event reach correlation as two reports.
SiND counts who was killed in captivity as kidnapped (consent.md F7), so its counts name their scheme.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from services.core.feeds.table import Feed, Row, Rule, Submission, add_attribute, keep, set_headline, set_period, to

_TIMES = ("occurred_from", "occurred_to", "time_precision")
_PRECISION = {"(1)": "EXACT", "(2)": "TOWN", "(3)": "ADMIN2", "(4)": "ADMIN1", "(6)": "COUNTRY"}
"""By the code that opens `Geo Precision`. (2), within 25 km, is given as TOWN: of two levels the finer, so that a
release that must be coarser does coarsen. (5) along a line, (7) at sea or in the air, and `censored` are UNKNOWN."""
_WHO = (
    to("Reported Perpetrator Name", "actor"),
    *keep("Reported Perpetrator"),
    to("Weapon Carried/Used", "means"),
)
_WHERE = (
    to("Country ISO", "place.country"),
    to("Country", "place.country", "attributes", note="the place's country where there is no code"),
    to("Admin 1", "place.admin1"),
)
_POINT = (
    to("Latitude", "place.latitude", note="blank for Palestine"),
    to("Longitude", "place.longitude", note="blank for Palestine"),
    to(
        "Geo Precision",
        "place.precision",
        "attributes",
        note="(1) EXACT, (2) TOWN, (3) ADMIN2, (4) ADMIN1, (6) COUNTRY",
    ),
)
_WHAT = (
    to("Date", *_TIMES, note="UTC range of the day; what is no date is kept as an attribute"),
    to("Event Description", "description"),
)


def _id(column: str, data_set: str) -> Rule:
    return to(column, "series_id", note=f"`sind-{data_set}-<{column}>`")


def _feed(data_set: str, event: str, identity: str, marks: set[str], rules: tuple[Rule, ...]) -> Feed:
    def series(row: Row) -> str:
        number = row.get(identity, "").strip()
        return f"sind-{data_set}-{number}" if number else ""

    return Feed(
        name=f"sind-{data_set}",
        title=f"Insecurity Insight: {event}",
        scheme="SIND",
        kind="INCIDENT_REPORT",
        marks=frozenset(marks | {identity}),
        rules=(_id(identity, data_set), *rules),
        series=series,
        derive=_deriver(event),
        protected=("Latitude", "Longitude", "City", "Camp Name"),
    )


def _deriver(event: str) -> Callable[[Row, Submission], None]:
    def derive(row: Row, found: Submission) -> None:
        when = row.get("Date", "") or row.get("Incident date", "")
        if not _set_day(found, when.strip()):
            add_attribute(found, "Date", when.strip())
        found["event"] = event
        place = found["place"]
        if "latitude" in place and "longitude" in place:
            place["precision"] = _PRECISION.get(row.get("Geo Precision", "").strip()[:3], "UNKNOWN")
        set_headline(found, event, row.get("Country", "").strip() or place.get("country", ""))

    return derive


def _set_day(found: Submission, text: str) -> bool:
    """`2024-02-28`, `2023-12-21 00:00:00` and `2024-02-28T00:00:00.000Z` are one day each."""
    try:
        day = date.fromisoformat(text[:10])
    except ValueError:
        return False
    return set_period(found, str(day.year), str(day.month), str(day.day))


_KIKA = ("Killed", "Injured", "Kidnapped", "Arrested")
_GROUPS = ("International", "National", "Female", "Male")

AID_WORKERS = _feed(
    "aidworker", "Aid workers killed, injured, kidnapped or arrested", "SiND Event ID", {"Aid Workers Injured"},
    (
        *_WHAT, *_WHERE, *_POINT, *_WHO,
        to("Organisation Affected", "victims"),
        *keep("Location of Incident", "Programme Focus", "Known Kidnapping or Arrest Outcome"),
        to("Aid Workers Killed", "harm.killed"),
        to("Aid Workers Injured", "harm.injured"),
        to("Aid Workers Kidnapped", "harm.kidnapped"),
        to("Aid Workers Arrested", "harm.detained"),
        *keep("Aid Workers Killed in Captivity"),
        *keep(*(f"{who} Aid Workers {what}" for who in _GROUPS for what in (*_KIKA, "Killed in Captivity"))),
    ),
)  # fmt: skip

HEALTH_CARE = _feed(
    "health", "Attack on health care", "SiND Event ID", {"Health Workers Threatened"},
    (
        *_WHAT, *_WHERE, *_POINT, *_WHO,
        to("Health Workers Killed", "harm.killed"),
        to("Health Workers Injured", "harm.injured"),
        to("Health Workers Kidnapped", "harm.kidnapped"),
        to("Health Workers Arrested", "harm.detained"),
        *keep(
            "Location", "Number of Attacks on Health Facilities Reporting Destruction",
            "Number of Attacks on Health Facilities Reporting Damaged", "Forceful Entry into Health Facility",
            "Occupation of Health Facility", "Health Transportation Destroyed", "Health Transportation Damaged",
            "Health Transportation Stolen/Hijacked", "Looting/Theft/Robbery/Burglary of Health Supplies",
            "Access Denied or Obstructed", "Known Kidnapping or Arrest Outcome", "Health Workers Threatened",
            "Health Workers Assaulted", "Health Workers Sexually Assaulted", "Conflict-Related Violence",
            "Political-Related Violence", "COVID-19-Related Violence", "Ebola-Related Violence",
            "Vaccination-Related Violence",
        ),
    ),
)  # fmt: skip

HEALTH_CARE_MAP = _feed(
    "healthmap", "Attack on health care", "Event ID", {"Total health worker killed"},
    (
        to("Incident date", *_TIMES, note="UTC range of the day; what is no date is kept as an attribute"),
        to("Event description", "description"),
        to("ISO3 codes", "place.country"),
        to("Total health worker killed", "harm.killed"),
        to("Total health worker injured", "harm.injured"),
        to("Total health worker kidnapped", "harm.kidnapped"),
        to("Perpetrator", "actor"),
        to("Weapons use", "means"),
        *keep(
            "Total health worker assaulted", "Total number of attacks on facilities which reported destruction",
            "Total number of attacks on facilities which reported damage", "Conflict Related Violence",
            "Political Related Violence", "COVID 19 Related Violence", "Ebola Related Violence",
            "Vaccination Related Violence",
        ),
    ),
)  # fmt: skip

EDUCATION = _feed(
    "education", "Attack on education", "SiND Event ID", {"Educators Injured"},
    (
        *_WHAT, *_WHERE, *_POINT, *_WHO,
        *(
            to(f"{who} {what}", f"harm.{target}", "attributes", note="educators and students together")
            for who in ("Educators", "Students")
            for what, target in zip(_KIKA, ("killed", "injured", "kidnapped", "detained"), strict=True)
        ),
        *keep(
            "Location of event", "Type of education facility", "Attacks on Schools", "Attacks on Universities",
            "Military Occupation of Education facility", "Arson attack on education facility",
            "Forced Entry into education facility", "Damage/Destruction To Ed facility Event",
            "Attacks on Students and Teachers", "Known Educators Kidnap Or Arrest Outcome",
            "Students Attacked in School", "Known Student Kidnap Or Arrest Outcome",
            "Sexual Violence Affecting School Age Children",
        ),
    ),
)  # fmt: skip

PROTECTION = _feed(
    "protection", "Attack on displaced people or their camp", "SiND ID", {"Camp Resident Killed"},
    (
        *_WHAT, *_WHERE, *_POINT, *_WHO,
        to("Camp Name", "place.name", note="blank for Palestine"),
        *(
            to(name, f"harm.{target}", "attributes", note="residents and service providers together")
            for name, target in (
                ("Camp Resident Killed", "killed"), ("Camp Resident Injured", "injured"),
                ("Camp Residents Kidnapped", "kidnapped"), ("Camp Residents Arrested", "detained"),
                ("Service Provider Killed", "killed"), ("Service Provider Kidnapped", "kidnapped"),
                ("Service Provider Arrested", "detained"),
            )
        ),
        *keep(
            "Protection Event Context", "Victim of Violence", "Survivor or Victim Sex", "Survivor or Victim Minor",
            "Number of Attacks on Camps Reporting Destruction", "Number of Attacks on Camps Reporting Damaged",
            "Camp Residents Targeted with CRSV", "Service Provider Targeted with CRSV",
        ),
    ),
)  # fmt: skip

FOOD_SECURITY = _feed(
    "food", "Incident that affects food security", "SiND Event ID", {"FoodSecurity"},
    (*_WHAT, *_WHERE, *_POINT, *_WHO, *keep("Location of Incident", "Infrastructure Affected", "FoodSecurity")),
)  # fmt: skip

EXPLOSIVE_WEAPONS = _feed(
    "explosive", "Explosive weapons affecting aid, education or health", "SiND Event ID", {"Explosive Weapon Type"},
    (
        *_WHAT, *_WHERE,
        to("Reported Perpetrator Name", "actor"),
        *keep("Reported Perpetrator"),
        to("Explosive Weapon Type", "means"),
        to("Provider", "victims"),
        *keep("Sector Affected", "Launch Type", "Affected"),
        *(
            to(f"{who} Killed", "harm.killed", "attributes", note="the groups together")
            for who in ("Aid Workers", "Health Workers", "Aid Health Workers", "Educators", "Students")
        ),
    ),
)  # fmt: skip

SIND = (AID_WORKERS, HEALTH_CARE, HEALTH_CARE_MAP, EDUCATION, PROTECTION, FOOD_SECURITY, EXPLOSIVE_WEAPONS)
