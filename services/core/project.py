"""One report as one projection shows it: an account, built by allow-list from facts (docs/rules.md §8; consent.md L6).

Nothing is taken away from a full object: what is in no list here is in no account. Without its source's name an account
also lacks whatever belongs to the source alone: its ids and counting, its schemes and codes, and moments of the relay.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from services.core.features import COUNTS, SMALL, place_precision, time_precision
from services.core.projection import Attribution, Fact, Place, Projection, Time
from services.core.report import UpstreamType

Fields = Mapping[str, Any]
Account = dict[str, Any]
NOT_SAID = datetime(1970, 1, 1, tzinfo=UTC)
"""`received_at` where the projection has no time; the field is in every view."""
NO_VERSION = 0
"""`version` where the source is not named: its counting is its own."""
_ALWAYS = ("kind", "message", "urgency", "severity", "certainty", "expires")
_TOLD: dict[Fact, tuple[str, ...]] = {
    Fact.WHAT: ("event", "means"),
    Fact.NARRATIVE: ("headline", "description"),
    Fact.WHO: ("actor", "victims"),
    Fact.ADVICE: ("advice",),
    Fact.TEARLINE: ("tearline",),
    Fact.SOURCE_NOTE: ("source_note",),
    Fact.PERSONAL: ("personal",),
}
_TOLD_BY_NAME: dict[Fact, tuple[str, ...]] = {Fact.WHAT: ("event_scheme",), Fact.NARRATIVE: ("attributes",)}
"""Words and codes of a scheme tell whose scheme it is."""
_SOURCE = ("originator", "series_id", "version", "on_behalf_of")
_HANDLING = ("tlp", "attribution", "encrypt_in_transit", "permitted_actions", "affected_party_notifications")
_HANDLING_BY_NAME = (*_HANDLING, "external_reference")
"""The reference may be the originator's letter of understanding."""
_NO_AREA = {"country": "", "admin1": "", "admin1_name": ""}
_PLACE_FIELDS = {
    Place.COUNTRY: ("country",),
    Place.ADMIN1: ("country", "admin1"),
    Place.ADMIN2: ("country", "admin1", "admin2"),
    Place.TOWN: ("country", "admin1", "admin2", "name"),
    Place.EXACT: ("country", "admin1", "admin2", "name", "latitude", "longitude", "precision"),
}
_TOWN_DECIMALS = 1
"""A tenth of a degree is about 11 km: more digits would say more than the town."""
_MOMENTS = ("occurred_from", "occurred_to", "reported_at")


def account(report: Fields, projection: Projection, shown_as: str) -> Account:
    """What the projection allows of a `report` record, as an account of a `view`; fields left out have their defaults.

    `shown_as`: the category of the originator in the registry, for attribution CATEGORY; empty: shown without one.
    """
    facts, place, time, attribution = projection
    named = attribution == Attribution.NAMED
    shown: Account = {name: report[name] for name in _names(facts, named)}
    shown |= _source(report, attribution, shown_as)
    shown["handling"] = {name: report["handling"][name] for name in (_HANDLING_BY_NAME if named else _HANDLING)}
    shown["received_at"] = NOT_SAID
    if facts & Fact.WHERE:
        shown |= _where(report, place)
    if facts & Fact.WHEN:
        shown |= _when(report, time, named=named)
    if facts & Fact.HARM:
        shown |= _harm(report["harm"], small=bool(facts & Fact.SMALL_NUMBERS), named=named)
    if upstream := _upstream(report, named=named, told=bool(facts & Fact.NARRATIVE)):
        shown["upstream"] = upstream
    return shown


@cache
def _names(facts: int, named: bool) -> tuple[str, ...]:
    """The fields that are shown as they are."""
    told = [name for fact, names in _TOLD.items() if facts & fact for name in names]
    if named:
        told += [name for fact, names in _TOLD_BY_NAME.items() if facts & fact for name in names]
        told += _SOURCE
    return (*_ALWAYS, *told)


def _source(report: Fields, attribution: int, shown_as: str) -> Account:
    if attribution == Attribution.NAMED:
        return {"attribution": Attribution.NAMED.name, "source": report["originator"]}
    if attribution == Attribution.CATEGORY and shown_as:
        return {"attribution": Attribution.CATEGORY.name, "source": shown_as, "version": NO_VERSION}
    return {"attribution": Attribution.ANONYMOUS.name, "version": NO_VERSION}


def _where(report: Fields, allowed: int) -> Account:
    """Names and coordinates no finer than allowed, nor than the report says they are; never the grid cell."""
    place, area = report["place"], report["area"] or _NO_AREA
    own = place_precision(place, area["country"])
    level = Place(min(allowed, own))
    if level is Place.UNKNOWN:
        return {}
    found = {name: place[name] for name in _PLACE_FIELDS[level]}
    if level is not Place.EXACT:
        found["precision"] = level.name
    if level is Place.TOWN and own == Place.TOWN and place["latitude"] is not None:
        found["latitude"] = round(place["latitude"], _TOWN_DECIMALS)
        found["longitude"] = round(place["longitude"], _TOWN_DECIMALS)
    shown = {"place": found, "country": area["country"]}
    if level >= Place.ADMIN1:
        shown["area"] = area["admin1_name"] or area["admin1"]
    return shown


def _when(report: Fields, allowed: int, *, named: bool) -> Account:
    """Each moment becomes the beginning of the day, week, month or year that is shown.

    The relay's own moment is not finer than the day where the source is not named: two reports that came in one batch
    would show that they have one sender.
    """
    level = Time(min(allowed, time_precision(report)))
    if level is Time.UNKNOWN:
        return {}
    found: Account = {name: begin(moment, level) if (moment := report[name]) else None for name in _MOMENTS}
    found["time_precision"] = report["time_precision"] if level is Time.EXACT else level.name
    found["received_at"] = begin(report["received_at"], level if named else min(level, Time.DAY))
    return found


def begin(moment: datetime, level: Time) -> datetime:
    """The beginning of the period, in UTC, that a moment lies in; weeks begin on Monday, EXACT is the moment itself."""
    if level is Time.EXACT:
        return moment
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    if level is Time.DAY:
        return day
    if level is Time.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if level is Time.MONTH else day.replace(month=1, day=1)


def _harm(harm: Fields, *, small: bool, named: bool) -> Account:
    """Counts below SMALL may point at a person: without SMALL_NUMBERS their names are all that is said (SLT-57)."""
    hidden = [] if small else [name for name in COUNTS if 0 < (harm[name] or 0) < SMALL]
    found = {name: None if name in hidden else harm[name] for name in COUNTS}
    if named:
        found["scheme"] = harm["scheme"]
    return {"harm": found, "suppressed": hidden}


def _upstream(report: Fields, *, named: bool, told: bool) -> list[Account]:
    """Organisations as their reporter is named; public sources with the narrative, which they tell in full."""
    found = []
    for source in report["upstream"]:
        if source["type"] == UpstreamType.ORGANISATION and named:
            found.append({"org": source["org"]})
        elif source["type"] == UpstreamType.PUBLIC and told:
            found.append({"url": source["url"], "licence": source["licence"]})
    return found
