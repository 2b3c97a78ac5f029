"""The tables: what the packages hold, what the user may supply, and how that is refused when it is wrong."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from services.core.place import Area, Tables, locate
from services.core.place_shapes import point
from services.core.stage import Refusal
from services.runtime.gazetteer import CROSSWALK, PCODES, POLYGONS, GazetteerError, load_tables
from tests.places import place

REAL = Path(__file__).resolve().parents[3] / "shared" / "data"
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason="the folder ../shared/data is not there")


@pytest.fixture(scope="module")
def packaged() -> Tables:
    return load_tables()


@pytest.mark.parametrize(
    ("word", "country"),
    [
        ("SO", "SOM"), ("som", "SOM"), ("Somalia", "SOM"), ("OPT", "PSE"), ("oPt", "PSE"), ("DRC", "COD"),
        ("CAR", "CAF"),
        ("Occupied Palestinian Territories", "PSE"), ("Congo Brazzaville", "COG"), ("Kosovo", "XKX"), ("XK", "XKX"),
        ("Chechnya", "RUS"), ("Côte d'Ivoire", "CIV"), ("Ivory Coast", "CIV"), ("Syria", "SYR"), ("South Korea", "KOR"),
        ("Democratic Republic of Congo", "COD"), ("Türkiye", "TUR"), ("Turkey", "TUR"), ("UK", "GBR"), ("Niger", "NER"),
        ("Iran, Islamic Republic of", "IRN"), ("Korea", ""), ("Abyei", ""), ("Freedonia", ""), ("", ""),
    ],
)  # fmt: skip
def test_country_codes_and_the_names_of_the_field(packaged: Tables, word: str, country: str) -> None:
    assert packaged.names.country(word) == country


@pytest.mark.parametrize(
    ("longitude", "latitude", "country"),
    [
        (45.34, 2.04, "SOM"), (69.17, 34.53, "AFG"), (31.58, 4.85, "SSD"), (32.53, 15.55, "SDN"), (34.47, 31.50, "PSE"),
        (35.21, 31.90, "PSE"), (21.16, 42.66, "XKX"), (34.1, 45.0, "UKR"), (-13.2, 27.15, "ESH"), (2.35, 48.86, "FRA"),
        (178.44, -18.12, "FJI"), (-178.95, -17.25, "FJI"), (0.0, 0.0, ""), (0.0, -89.9, "ATA"),
    ],
)  # fmt: skip
def test_capitals_and_places_of_disputed_status(
    packaged: Tables, longitude: float, latitude: float, country: str
) -> None:
    assert packaged.countries.at(point(longitude, latitude)) == country


def test_first_level_areas_come_from_names_and_lower_levels_stand_for_the_one_above(packaged: Tables) -> None:
    found = [packaged.names.area(*words) for words in (("AFG", "Helmand Province"), ("UGA", "Kampala"), ("AFG", "x"))]
    assert [area and area.code for area in found] == ["AF-HEL", "UG-C", None]


def test_a_town_names_its_country_only_if_no_other_has_one_of_that_name(packaged: Tables) -> None:
    found = [locate(place(name=name), packaged) for name in ("Mogadishu", "Tripoli")]
    assert [isinstance(area, Area) and area.country for area in found] == ["SOM", ""]


def test_a_name_that_a_country_has_twice_stands_for_neither(packaged: Tables) -> None:
    assert packaged.names.town("USA", "Springfield") is None
    assert packaged.names.area("MOZ", "Maputo") is None  # the city and the province


def _feature(code: str, name: str | None, west: float) -> dict[str, Any]:
    ring = [[west, 60.0], [west + 1, 60.0], [west + 1, 61.0], [west, 61.0], [west, 60.0]]
    own = {"iso3166_2": code, "name": name, "iso3": "FIN"}
    return {"type": "Feature", "properties": own, "geometry": {"type": "Polygon", "coordinates": [ring]}}


def _supply(folder: Path, polygons: Mapping[str, Any]) -> Path:
    (folder / POLYGONS).write_text(json.dumps(polygons))
    (folder / PCODES).write_text(
        "\ufeffLocation,Admin Level,P-Code,Name,Parent P-Code,Valid from date\n"
        "FIN,1,FI90,Uudenmaa,FIN,2020-01-01\nFIN,2,FI9001,Wells District,FI90,2020-01-01\n",
        encoding="utf-8",
    )
    (folder / CROSSWALK).write_text("iso3,iso3166_2,iso_name,pcode,pcode_name\nFIN,FI-18,Uusimaa,FI90,Uudenmaa\n")
    return folder


def test_the_users_polygons_and_p_codes_are_used(tmp_path: Path) -> None:
    features = [_feature("FI-18", "Uusimaa", 24.0), _feature("FI-99", None, 26.0)]
    supplied = load_tables(_supply(tmp_path, {"type": "FeatureCollection", "features": features}))
    wheres = [
        place(60.5, 24.5, admin2="Wells"), place(60.5, 26.5), place(country="FIN", admin1="FI90"),
        place(country="Finland", admin1="uudenmaa", admin2="Elsewhere"),
    ]  # fmt: skip
    found = [locate(where, supplied) for where in wheres]
    assert [(area.admin1, area.pcode) for area in found if isinstance(area, Area)] == [
        ("FI-18", "FI9001"), ("FI-99", ""), ("FI-18", "FI90"), ("FI-18", "FI90"),
    ]  # fmt: skip


def test_a_folder_without_the_files_is_as_good_as_none(tmp_path: Path) -> None:
    area = locate(place(60.5, 24.5, admin1="Uusimaa"), load_tables(tmp_path))
    assert isinstance(area, Area)
    assert (area.country, area.admin1, area.pcode) == ("FIN", "FI-18", "")


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        (POLYGONS, b"not json", POLYGONS),
        (POLYGONS, b'{"type": "FeatureCollection"}', POLYGONS),
        (POLYGONS, b'{"features": [{"properties": {"iso3": "FIN"}, "geometry": null}]}', POLYGONS),
        (POLYGONS, b'{"features": [{"properties": {}, "geometry": {"type": "Polygon"}}]}', POLYGONS),
        (PCODES, b"Location,Admin Level,Name,Parent P-Code\n", "P-Code"),
        (CROSSWALK, b"", "iso3"),
        (CROSSWALK, b"\xe9\xe8", "UTF-8"),
    ],
)
def test_a_table_that_is_not_in_its_format_stops_the_start_by_name(
    tmp_path: Path, name: str, content: bytes, complaint: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(GazetteerError, match=complaint):
        load_tables(tmp_path)


def test_a_folder_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(GazetteerError, match="no folder nowhere"):
        load_tables(tmp_path / "nowhere")


def _awsd() -> list[dict[str, Any]]:
    file = REAL / "awsd" / "awsd_2025-08-26_hxl.csv"
    rows = [row for row in csv.DictReader(file.read_text(encoding="utf-8-sig").splitlines(keepends=True))][1:]
    return [
        place(
            float(row["Latitude"]) if row["Latitude"] else None,
            float(row["Longitude"]) if row["Longitude"] else None,
            country=row["Country Code"] or row["Country"], admin1=row["Region"], admin2=row["District"],
            name=row["City"],
        )
        for row in rows
    ]  # fmt: skip


@needs_real
def test_real_rows_are_located_and_only_real_contradictions_refused(packaged: Tables) -> None:
    """Bounds with a margin; the exact figures are in docs/places.md."""
    rows = _awsd()
    found = [locate(row, packaged) for row in rows]
    told = Counter("refused" if isinstance(one, Refusal) else one.found for one in found)
    alone = [(packaged.names.country(row["country"]), locate({**row, "country": ""}, packaged)) for row in rows]
    agree = Counter(isinstance(one, Area) and one.country == named for named, one in alone if named)
    assert len(rows) == 4152
    assert told["refused"] <= 20
    assert told["NOT_FOUND"] <= 10
    assert agree[True] / agree.total() >= 0.97


@needs_real
def test_real_polygons_name_nearly_every_first_level_area() -> None:
    supplied = load_tables(REAL / "geo")
    rows = [row for row in _awsd() if row["admin1"].strip()]
    found = [area for area in (locate(row, supplied) for row in rows) if isinstance(area, Area)]
    assert sum(area.admin1[2:3] == "-" for area in found) / len(found) >= 0.95
    assert sum(area.pcode != "" for area in found) / len(found) >= 0.5
