"""What a report says (docs/rules.md §1): present facts, precision, the tear-line, imminent."""

from __future__ import annotations

from datetime import datetime
from typing import Any

Fields = dict[str, Any]

FACTS = (
    "WHAT", "NARRATIVE", "WHERE", "WHEN", "WHO", "HARM", "SMALL_NUMBERS", "ADVICE", "TEARLINE", "SOURCE_NOTE",
    "PERSONAL", "CORROBORATION",
)  # fmt: skip
PLACES = ("EXACT", "TOWN", "ADMIN2", "ADMIN1", "COUNTRY", "UNKNOWN")
TIMES = ("EXACT", "DAY", "WEEK", "MONTH", "YEAR", "UNKNOWN")
ATTRIBUTIONS = ("NAMED", "CATEGORY", "ANONYMOUS")
LEVELS = ("LOW", "MODERATE", "HIGH", "SEVERE")
COUNTS = ("killed", "injured", "kidnapped", "detained")


def country(report: Fields) -> str:
    """`area.country`, empty if unknown."""
    found: str = report["area"]["country"]
    return found


def place_precision(report: Fields) -> str:
    """§1 "Place precision"."""
    place = report["place"]
    if place["precision"] != "UNKNOWN":
        return str(place["precision"])
    if place["latitude"] is not None and place["longitude"] is not None:
        return "EXACT"
    for field, precision in (("name", "TOWN"), ("admin2", "ADMIN2"), ("admin1", "ADMIN1")):
        if place[field]:
            return precision
    return "COUNTRY" if place["country"] or country(report) else "UNKNOWN"


def _has_time(report: Fields) -> bool:
    return any(report[field] is not None for field in ("occurred_from", "occurred_to", "reported_at"))


def time_precision(report: Fields) -> str:
    """§1 "Time precision"."""
    if report["time_precision"] != "UNKNOWN":
        return str(report["time_precision"])
    return "EXACT" if _has_time(report) else "UNKNOWN"


def present(report: Fields) -> set[str]:
    """§1: the facts of which one field at least is not empty."""
    counts = [report["harm"][count] for count in COUNTS]
    said = {
        "WHAT": report["event"] or report["event_scheme"] or report["means"],
        "NARRATIVE": report["headline"] or report["description"] or report["attributes"],
        "WHERE": place_precision(report) != "UNKNOWN",
        "WHEN": _has_time(report),
        "WHO": report["actor"] or report["victims"],
        "HARM": any(count is not None for count in counts),
        "SMALL_NUMBERS": 1 in counts or 2 in counts,
        "ADVICE": report["advice"],
        "TEARLINE": report["tearline"],
        "SOURCE_NOTE": report["source_note"],
        "PERSONAL": report["personal"],
        "CORROBORATION": True,
    }
    return {fact for fact in FACTS if said[fact]}


def above_tearline(report: Fields) -> set[str]:
    """§1 "Above the tear-line"; a mark that takes a fact away beats one that adds it."""
    above = {"WHAT", "WHERE", "WHEN", "ADVICE", "TEARLINE"}
    for mark in report["facts"]:
        if mark["above"] is True:
            above.add(mark["fact"])
    for mark in report["facts"]:
        if mark["above"] is False:
            above.discard(mark["fact"])
    return above


def mark_above(report: Fields, fact: str, ceiling: str) -> bool:
    """True if a mark of this fact names a sensitivity above the ceiling (§6)."""
    for mark in report["facts"]:
        level = mark["sensitivity"] or "LOW"
        if mark["fact"] == fact and LEVELS.index(level) > LEVELS.index(ceiling):
            return True
    return False


def imminent(report: Fields) -> bool:
    """§1 "Imminent"."""
    if report["message"] == "CANCEL":
        return False
    return bool(report["imminent"]) or (
        report["kind"] in ("SECURITY_ALERT", "INCIDENT_REPORT")
        and report["urgency"] == "Immediate"
        and report["severity"] in ("Extreme", "Severe")
        and report["certainty"] in ("Observed", "Likely", "Possible")
    )


def sources(report: Fields) -> list[tuple[str, str]]:
    """The upstream organisations with the series that each is named for ("" where none is)."""
    found = [(one["org"], one["series"]) for one in report["upstream"] if one["type"] == "ORGANISATION"]
    if report["on_behalf_of"]:
        found.append((report["on_behalf_of"], ""))
    return found


def moment(text: str) -> datetime:
    """A time of a control record."""
    return datetime.fromisoformat(text)
