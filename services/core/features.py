"""What the gates look at in a report: those with equal features have equal verdicts (docs/rules.md §1).

No content is among the features, so that no reason, key or memo can carry any.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from services.core.control import Sensitivity
from services.core.projection import LIFE_SAVING, Attribution, Fact, Place, Projection, Time
from services.core.report import PAST_KINDS, Certainty, InfoKind, Message, Severity, Urgency

SMALL = 3
"""Counts below it may point at a person (SLT-57)."""
SEVERITIES = {word.value: rank for rank, word in enumerate(reversed(Severity))}
_AHEAD = timedelta(days=1)
_URGENT = frozenset({InfoKind.SECURITY_ALERT, InfoKind.INCIDENT_REPORT})
_SEVERE = frozenset({Severity.EXTREME, Severity.SEVERE})
_CERTAIN = frozenset({Certainty.OBSERVED, Certainty.LIKELY, Certainty.POSSIBLE})
_TEXTS = (
    (Fact.WHAT, ("event", "event_scheme", "means")),
    (Fact.NARRATIVE, ("headline", "description", "attributes")),
    (Fact.WHEN, ("occurred_from", "occurred_to", "reported_at")),
    (Fact.WHO, ("actor", "victims")),
    (Fact.ADVICE, ("advice",)),
    (Fact.TEARLINE, ("tearline",)),
    (Fact.SOURCE_NOTE, ("source_note",)),
    (Fact.PERSONAL, ("personal",)),
)
COUNTS = ("killed", "injured", "kidnapped", "detained")


class Upstream(NamedTuple):
    """An organisation whose consent a report needs as well."""

    org: str
    series: str


class Features(NamedTuple):
    """The class of a report."""

    originator: str
    kind: str
    country: str
    status: str
    audience: tuple[str, ...]
    finest: Projection
    """Facts that are present, how precise its place and time are, and how the originator wants to be shown."""
    above: int
    """Facts above the tear-line."""
    marks: tuple[tuple[int, int], ...]
    """Fact and sensitivity, where the originator marked one."""
    named_only: bool
    """TLP:RED."""
    upstream: tuple[Upstream, ...]
    unknown_upstream: bool
    public_upstream: bool
    imminent: bool
    severity: int
    sound: bool
    """Its series is its originator's, its version a version."""
    untimely: bool
    """It happened after it was received."""


def features(report: Mapping[str, Any]) -> Features:
    """The features of a `report` record."""
    area, place = report["area"], report["place"]
    country = area["country"] if area else ""
    marks = report["facts"]
    upstream = report["upstream"]
    originator = report["originator"]
    return Features(
        originator,
        report["kind"],
        country,
        report["status"],
        tuple(report["initial_audience"]),
        Projection(_present(report), place_precision(place, country), time_precision(report), _wish(report)),
        _above(marks),
        tuple((Fact[m["fact"]].value, Sensitivity[m["sensitivity"]].value) for m in marks if m["sensitivity"]),
        report["handling"]["tlp"] == "RED",
        tuple(_organisations(report)),
        any(source["type"] == "UNKNOWN" for source in upstream),
        any(source["type"] == "PUBLIC" for source in upstream),
        is_imminent(report),
        SEVERITIES[report["severity"]],
        report["series_id"].startswith(f"{originator}/") and report["version"] >= 1,
        _is_untimely(report),
    )


def is_imminent(report: Mapping[str, Any]) -> bool:
    """Somebody may be hurt soon (SLT-59, consent.md §7)."""
    if report["message"] == Message.CANCEL:
        return False
    return bool(report["imminent"]) or (
        report["urgency"] == Urgency.IMMEDIATE
        and report["kind"] in _URGENT
        and report["severity"] in _SEVERE
        and report["certainty"] in _CERTAIN
    )


def _is_untimely(report: Mapping[str, Any]) -> bool:
    began = report["occurred_from"]
    return began is not None and report["kind"] in PAST_KINDS and began > report["received_at"] + _AHEAD


def _present(report: Mapping[str, Any]) -> int:
    facts: int = Fact.CORROBORATION
    for fact, fields in _TEXTS:
        for field in fields:
            if report[field]:
                facts |= fact
                break
    counts = [count for name in COUNTS if (count := report["harm"][name]) is not None]
    if counts:
        facts |= Fact.HARM
        if any(0 < count < SMALL for count in counts):
            facts |= Fact.SMALL_NUMBERS
    area = report["area"]
    return facts | Fact.WHERE if place_precision(report["place"], area["country"] if area else "") else facts


def place_precision(place: Mapping[str, Any], country: str) -> int:
    """How precisely a report says where (Place); `country`: that of its area, empty if unknown."""
    if place["precision"] != "UNKNOWN":
        return Place[place["precision"]]
    if place["latitude"] is not None:
        return Place.EXACT
    if place["name"]:
        return Place.TOWN
    if place["admin2"]:
        return Place.ADMIN2
    if place["admin1"]:
        return Place.ADMIN1
    return Place.COUNTRY if place["country"] or country else Place.UNKNOWN


def time_precision(report: Mapping[str, Any]) -> int:
    """How precisely a report says when (Time)."""
    if report["time_precision"] != "UNKNOWN":
        return Time[report["time_precision"]]
    told = report["occurred_from"] or report["occurred_to"] or report["reported_at"]
    return Time.EXACT if told else Time.UNKNOWN


def _wish(report: Mapping[str, Any]) -> int:
    if report["handling"]["attribution"] == "MUST_NOT":
        return Attribution.ANONYMOUS
    return Attribution[report["attribution"]]


def _above(marks: Iterable[Mapping[str, Any]]) -> int:
    added, removed = LIFE_SAVING, 0
    for mark in marks:
        if mark["above"]:
            added |= Fact[mark["fact"]]
        elif mark["above"] is False:
            removed |= Fact[mark["fact"]]
    return added & ~removed


def _organisations(report: Mapping[str, Any]) -> Iterable[Upstream]:
    for source in report["upstream"]:
        if source["type"] == "ORGANISATION":
            yield Upstream(source["org"], source["series"])
    if report["on_behalf_of"]:
        yield Upstream(report["on_behalf_of"], "")
