"""The rule: where a report happened (ARCHITECTURE §8 Country). The world is invented: tests/places.py."""

from __future__ import annotations

from typing import Any

import pytest
import shapely

from services.core.home import home_partition
from services.core.place import Area, Found, Note, locate
from services.core.place_names import bare, fold
from services.core.place_shapes import Shapes, point
from services.core.reason import Reason
from services.core.stage import Refusal
from tests.places import place, square, tables

WORLD = tables()
DRAWN = tables(areas=True)


@pytest.mark.parametrize(
    ("where", "country", "found", "note"),
    [
        (place(2, 2), "AAA", Found.COORDINATES, ""),
        (place(2, 2, country="aland"), "AAA", Found.COORDINATES, ""),
        (place(2, 2, country="Nowhere"), "AAA", Found.COORDINATES, ""),
        (place(4.5, 4.5), "CCC", Found.COORDINATES, ""),
        (place(5, 10.3, country="AAA"), "AAA", Found.COUNTRY_FIELD, Note.BORDER),
        (place(-3, 5, country="AAA"), "AAA", Found.COUNTRY_FIELD, Note.BORDER),
        (place(-0.2, 5), "AAA", Found.COORDINATES, Note.COAST),
        (place(-3, 5), "", Found.NOT_FOUND, Note.AT_SEA),
        (place(5, 65, country="SDN"), "SDN", Found.COUNTRY_FIELD, Note.CLAIMED),
        (place(5, 5, country="DDD"), "DDD", Found.COUNTRY_FIELD, Note.UNCHECKED),
        (place(country="Åland"), "AAA", Found.COUNTRY_FIELD, ""),
        (place(country="Nowhere"), "", Found.NOT_FOUND, Note.BAD_COUNTRY_WORD),
        (place(admin1="Northmark"), "AAA", Found.PLACE_NAME, ""),
        (place(name="Easton"), "BBB", Found.PLACE_NAME, ""),
        (place(name="Twinford"), "", Found.NOT_FOUND, Note.BAD_NAME),
        (place(admin1="Northmark", name="Twinford"), "AAA", Found.PLACE_NAME, ""),
        (place(admin1="Northmark", name="Easton"), "", Found.NOT_FOUND, Note.BAD_NAME),
        (place(-3, 5, name="Easton"), "BBB", Found.PLACE_NAME, Note.AT_SEA),
        (place(), "", Found.NOT_FOUND, Note.NO_PLACE),
        (place(None, 5), "", Found.NOT_FOUND, Note.NO_PLACE),
        (place(float("nan"), 5), "", Found.NOT_FOUND, Note.NO_PLACE),
        (place(91, 5, country="AAA"), "AAA", Found.COUNTRY_FIELD, ""),
    ],
)
def test_the_country_and_how_it_was_found(where: dict[str, Any], country: str, found: Found, note: str) -> None:
    area = locate(where, WORLD)
    assert isinstance(area, Area)
    assert (area.country, area.found) == (country, found)
    assert note in area.note


@pytest.mark.parametrize(
    "where",
    [
        place(5, 11, country="AAA"),  # a degree (111 km) beyond the border
        place(5, 65, country="AAA"),
        place(5, 45, country="SSD"),  # the special status goes one way only
        place(-4, 5, country="AAA"),  # 445 km out at sea
        place(0, -170, country="BBB"),
    ],
)
def test_a_country_that_the_coordinates_clearly_contradict_is_refused_with_advice(where: dict[str, Any]) -> None:
    refusal = locate(where, WORLD)
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.field) == (Reason.BAD_COUNTRY, "place.country")
    assert "correct latitude and longitude" in refusal.advice


@pytest.mark.parametrize(
    ("where", "series", "country", "found", "note"),
    [
        (place(2, 2), "AAA", "AAA", Found.COORDINATES, ""),
        (place(2, 2), "BBB", "BBB", Found.SERIES, Note.SERIES_COUNTRY),
        (place(), "BBB", "BBB", Found.SERIES, Note.NO_PLACE),
        (place(name="Twinford"), "AAA", "AAA", Found.SERIES, Note.BAD_NAME),
    ],
)
def test_a_series_keeps_its_country(where: dict[str, Any], series: str, country: str, found: Found, note: str) -> None:
    area = locate(where, WORLD, series)
    assert isinstance(area, Area)
    assert (area.country, area.found) == (country, found)
    assert note in area.note


@pytest.mark.parametrize(
    ("where", "drawn", "code", "pcode", "note"),
    [
        (place(2, 2), False, "", "", Note.NO_AREA),
        (place(2, 2, admin1="northmark"), False, "AA-NO", "", ""),
        (place(2, 2, admin1="AA-NO"), False, "AA-NO", "", ""),
        (place(2, 2, admin1=" Old March "), False, "Old March", "", Note.AREA_WORD),
        (place(2, 2), True, "AA-SO", "AA02", ""),
        (place(2, 2, admin1="Southmark"), True, "AA-SO", "AA02", ""),
        (place(2, 2, admin1="Northmark"), True, "AA-SO", "AA02", Note.AREA_DIFFERS),
        (place(4.9, 2, admin1="Northmark"), True, "AA-NO", "AA01", ""),  # 11 km off a coarse line
        (place(8, 2, admin2="Wells"), True, "AA-NO", "AA0101", ""),
        (place(8, 2, precision="COUNTRY"), True, "", "", Note.NO_AREA),
        (place(8, 2, precision="ADMIN1"), True, "AA-NO", "AA01", Note.TOO_COARSE),
        (place(country="AAA", name="Twinford"), True, "AA-NO", "AA01", ""),
        (place(country="AAA", admin1="Southmark"), True, "AA-SO", "AA02", ""),
    ],
)
def test_the_first_level_area(where: dict[str, Any], drawn: bool, code: str, pcode: str, note: str) -> None:
    area = locate(where, DRAWN if drawn else WORLD)
    assert isinstance(area, Area)
    assert (area.admin1, area.pcode) == (code, pcode)
    assert note in area.note


@pytest.mark.parametrize(
    ("where", "cell"),
    [
        (
            place(37.775938728915946, -122.41795063018799),
            "8428309ffffffff",
        ),
        (place(2, 2, precision="COUNTRY"), ""),
        (place(2, 2, precision="ADMIN1"), ""),
        (place(country="AAA"), ""),
    ],
)
def test_the_grid_cell_stands_for_a_point_and_never_for_an_area(where: dict[str, Any], cell: str) -> None:
    """The first cell is the parent of 8928308280fffff, H3's own example for that point."""
    area = locate(where, WORLD)
    assert isinstance(area, Area)
    assert area.cell == cell


def test_a_town_without_coordinates_has_the_cell_of_the_town() -> None:
    by_name, by_point = locate(place(country="BBB", name="Easton"), WORLD), locate(place(5.0, 15.0), WORLD)
    assert isinstance(by_name, Area)
    assert isinstance(by_point, Area)
    assert by_name.cell == by_point.cell != ""


@pytest.mark.parametrize(
    ("text", "folded", "without_kind"),
    [
        ("Al Ḩasakah", "al hasakah", "hasakah"),
        ("Côte d’Ivoire", "cote divoire", "cotedivoire"),
        ("NORTH-KIVU ", "north kivu", "northkivu"),
        ("Helmand Province", "helmand province", "helmand"),
        ("The Region", "the region", "the region"),
        ("Ба́лтика", "балтика", "балтика"),
        ("حلب", "حلب", "حلب"),
        ("***", "", ""),
    ],
)
def test_spellings_of_one_name_become_one(text: str, folded: str, without_kind: str) -> None:
    assert (fold(text), bare(text)) == (folded, without_kind)


def test_distances_are_kilometres_at_every_latitude() -> None:
    shapes = Shapes([("XX", square(0, 60))])
    spot = point(10.5, 65.0)  # half a degree of longitude at 65° N: 23.5 km
    assert shapes.near(spot, 24.0) == "XX"
    assert shapes.near(spot, 23.0) == ""
    assert shapes.near(spot, 24.0, only="YY") == ""


def test_a_broken_polygon_still_holds_its_points() -> None:
    bow_tie = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    assert Shapes([("XX", bow_tie)]).at(point(0.2, 1.0)) == "XX"


def test_the_home_is_crc32_of_the_country_and_before_that_of_the_series() -> None:
    check = 0xCBF43926  # the published check value of CRC-32, over "123456789"
    assert home_partition("123456789", "alder/1", 7) == check % 7
    assert home_partition("", "123456789", 12) == check % 12
