"""Where a report happened: country, first-level area, P-code and grid cell, from coordinates or names (stage enrich).

Two ideas hold everywhere: the originator's own word wins as long as the coordinates do not clearly contradict it
(points are rounded, boundaries are coarse or disputed), and what is unknown stays unknown, with the reason in `note`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import isfinite
from typing import Any, NamedTuple

import h3

from services.core.place_aliases import CLAIMED
from services.core.place_names import AreaName, Names, PCodes
from services.core.place_shapes import Point, Shapes, point
from services.core.reason import Reason
from services.core.stage import Refusal

BORDER_KM = 50.0
"""A point in one country may be said to be in another this near (rounded points, towns at a border, Abyei)."""
OFFSHORE_KM = 370.0
"""A point at sea belongs to the named country up to the width of an exclusive economic zone (200 nautical miles)."""
COAST_KM = 25.0
"""A point outside every polygon is taken for the nearest country's within this: coasts are drawn coarsely."""
AREA_KM = 25.0
"""The same tolerance for first-level areas."""
CELL_RESOLUTION = 4
"""H3: cells of about 1,770 km²."""


class Found(StrEnum):
    """How the country was found (`Area.found` of schemas/report)."""

    COORDINATES = "COORDINATES"
    COUNTRY_FIELD = "COUNTRY_FIELD"
    PLACE_NAME = "PLACE_NAME"
    SERIES = "SERIES"
    NOT_FOUND = "NOT_FOUND"


class Note(StrEnum):
    """Why something is unknown or not as expected. No content of the report is ever in it."""

    NO_PLACE = "neither usable coordinates nor a country nor a place name"
    BAD_COUNTRY_WORD = "country field is no known code or name"
    BAD_NAME = "place name not known, or known in several countries"
    AT_SEA = "coordinates far from every country"
    COAST = "coordinates off the coast: nearest country"
    BORDER = "coordinates outside the country that is named, but near it"
    CLAIMED = "coordinates in a territory of special or disputed status: the country that is named is kept"
    UNCHECKED = "country has no shape: not compared with the coordinates"
    SERIES_COUNTRY = "this version lies in another country than its series, which keeps its own"
    NO_AREA = "first-level area not given, and not found from coordinates"
    AREA_WORD = "first-level area kept as written: not in the tables"
    AREA_DIFFERS = "first-level area from the coordinates, which contradict its name"
    TOO_COARSE = "coordinates stand for an area: no grid cell"


class Area(NamedTuple):
    """The fields of record `Area` (schemas/report)."""

    country: str
    admin1: str
    admin1_name: str
    pcode: str
    cell: str
    found: str
    note: str


@dataclass(frozen=True)
class Tables:
    """All that enrich knows of the world; loaded once by services.runtime.gazetteer."""

    names: Names
    countries: Shapes
    areas: Shapes = field(default_factory=lambda: Shapes(()))
    """First-level areas by ISO 3166-2 code; empty unless the user supplied polygons."""
    pcodes: PCodes = field(default_factory=PCodes)


class _Country(NamedTuple):
    code: str
    found: Found
    notes: tuple[Note, ...] = ()


_AT_SEA = _Country("", Found.NOT_FOUND, (Note.AT_SEA,))
_CONTRADICTION = Refusal(
    Reason.BAD_COUNTRY,
    "the coordinates lie far outside the country that is named: correct latitude and longitude (swapped, or a sign?) "
    "or the country, or leave the country empty to have it taken from the coordinates",
    "place.country",
)


def locate(place: Mapping[str, Any], tables: Tables, series_country: str = "") -> Area | Refusal:
    """The area of a report's `place`; Refusal BAD_COUNTRY if its coordinates clearly contradict its country.

    `series_country` (alpha-3) is the country that the report's series already has: it stays (ARCHITECTURE §8 Country).
    Never raises, whatever the place holds; the same place gives the same area.
    """
    spot = _spot(place)
    named = tables.names.country(place["country"])
    seen = _by_spot(spot, named, tables.countries) if spot else None
    if isinstance(seen, Refusal):
        return seen
    own = seen if seen and seen.code else _by_words(place, named, tables.names, seen)
    return _area(place, spot, _in_series(own, series_country), tables)


def _spot(place: Mapping[str, Any]) -> Point | None:
    latitude, longitude = place["latitude"], place["longitude"]
    if latitude is None or longitude is None or not (isfinite(latitude) and isfinite(longitude)):
        return None
    return point(longitude, latitude) if abs(latitude) <= 90 and abs(longitude) <= 180 else None


def _by_spot(spot: Point, named: str, shapes: Shapes) -> _Country | Refusal:
    """The country at a point, or the named one while the point does not clearly contradict it."""
    inside = shapes.at(spot)
    if inside and named in {"", inside}:
        return _Country(inside, Found.COORDINATES)
    if not named:
        coast = shapes.near(spot, COAST_KM)
        return _Country(coast, Found.COORDINATES, (Note.COAST,)) if coast else _AT_SEA
    if named not in shapes.codes:
        return _Country(named, Found.COUNTRY_FIELD, (Note.UNCHECKED,))
    if (named, inside) in CLAIMED:
        return _Country(named, Found.COUNTRY_FIELD, (Note.CLAIMED,))
    if shapes.near(spot, BORDER_KM if inside else OFFSHORE_KM, named):
        return _Country(named, Found.COUNTRY_FIELD, (Note.BORDER,))
    return _CONTRADICTION


def _by_words(place: Mapping[str, Any], named: str, names: Names, seen: _Country | None) -> _Country:
    """The country from the country field, else from names that only one country has."""
    if named:
        return _Country(named, Found.COUNTRY_FIELD)
    notes = seen.notes if seen else ()
    if place["country"].strip():
        notes += (Note.BAD_COUNTRY_WORD,)
    holders = [names.holding(place[part]) for part in ("admin1", "name") if place[part]]
    known = [countries for countries in holders if countries]
    common = frozenset.intersection(*known) if known else frozenset()
    if len(common) == 1:
        return _Country(next(iter(common)), Found.PLACE_NAME, notes)
    if holders:
        notes += (Note.BAD_NAME,)
    return _Country("", Found.NOT_FOUND, notes or (Note.NO_PLACE,))


def _in_series(own: _Country, series_country: str) -> _Country:
    if not series_country or own.code == series_country:
        return own
    return _Country(series_country, Found.SERIES, (*own.notes, Note.SERIES_COUNTRY) if own.code else own.notes)


def _area(place: Mapping[str, Any], spot: Point | None, country: _Country, tables: Tables) -> Area:
    notes = list(country.notes)
    coarse = place["precision"] in {"COUNTRY", "ADMIN1"}
    if spot is None:
        town = tables.names.town(country.code, place["name"])
        spot, coarse = (point(*town), False) if town else (None, coarse)
    area, note = _first_level(place, None if place["precision"] == "COUNTRY" else spot, country.code, tables)
    if note:
        notes.append(note)
    if spot and coarse:
        notes.append(Note.TOO_COARSE)
    cell = h3.latlng_to_cell(spot.latitude, spot.longitude, CELL_RESOLUTION) if spot and not coarse else ""
    pcode = tables.pcodes.find(country.code, area, place["admin2"])
    return Area(country.code, area.code, area.name, pcode, cell, country.found.value, "; ".join(notes))


def _first_level(
    place: Mapping[str, Any], spot: Point | None, country: str, tables: Tables
) -> tuple[AreaName, Note | None]:
    """The first-level area: the word while the polygons do not contradict it, else the polygon, else the bare word."""
    word = tables.names.area(country, place["admin1"])
    drawn = tables.areas.at(spot) if spot else ""
    there = tables.names.area(country, drawn) if drawn else None
    if word and (there is None or there.code == word.code or _close(word.code, spot, tables.areas)):
        return word, None
    if there:
        return there, Note.AREA_DIFFERS if word else None
    written = place["admin1"].strip()
    return AreaName(written, written), Note.AREA_WORD if written else Note.NO_AREA


def _close(code: str, spot: Point | None, areas: Shapes) -> bool:
    return spot is not None and bool(areas.near(spot, AREA_KM, code))
