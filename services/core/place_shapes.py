"""Which area a point lies in, and how far it is from another: polygons with a box tree."""

from __future__ import annotations

from collections.abc import Iterable
from math import asin, cos, radians, sin, sqrt
from typing import NamedTuple

import shapely

_EARTH_KM = 6371.0
_KM_PER_DEGREE = 111.195


class Point(NamedTuple):
    """Degrees, WGS 84, in range. Made by `point`."""

    longitude: float
    latitude: float
    here: shapely.Geometry
    """The same for shapely, made once: it costs as much as the search."""


def point(longitude: float, latitude: float) -> Point:
    """The point at these degrees."""
    return Point(longitude, latitude, shapely.Point(longitude, latitude))


class Shapes:
    """Areas by code, each of any number of polygons. Where areas overlap, the smallest polygon counts."""

    def __init__(self, areas: Iterable[tuple[str, shapely.Geometry]]) -> None:
        """Index the polygons of (code, geometry) pairs; a code may come more than once."""
        parts: list[tuple[float, str, shapely.Geometry]] = []
        for code, shape in areas:
            parts += ((part.area, code, part) for part in _polygons(_valid(shape)))
        parts.sort(key=lambda part: part[0])
        self._codes = [code for _, code, _ in parts]
        self._parts = [part for _, _, part in parts]
        shapely.prepare(self._parts)
        self._tree = shapely.STRtree(self._parts)
        self.codes = frozenset(self._codes)

    def at(self, spot: Point) -> str:
        """Code of the area that holds the point, or empty.

        Boxes first, then the prepared polygon: a predicate in the query would not use the prepared form.
        """
        if not self._parts:
            return ""
        candidates: list[int] = self._tree.query(spot.here).tolist()
        for index in sorted(candidates):
            if shapely.intersects(self._parts[index], spot.here):
                return self._codes[index]
        return ""

    def near(self, spot: Point, reach: float, only: str = "") -> str:
        """Code of the nearest area within `reach` kilometres, or empty; with `only`, that area or empty."""
        best = (reach, "")
        candidates: list[int] = self._tree.query(_box(spot, reach)).tolist()
        for index in candidates:
            if only in {"", self._codes[index]}:
                best = min(best, (_kilometres(spot, self._parts[index]), self._codes[index]))
        return best[1]


def _valid(shape: shapely.Geometry) -> shapely.Geometry:
    return shape if shape.is_valid else shapely.make_valid(shape)


def _polygons(shape: shapely.Geometry) -> list[shapely.Geometry]:
    """What make_valid leaves of a broken polygon may be nested, with stray lines in it."""
    if shape.geom_type == "Polygon":
        return [shape]
    return [polygon for part in getattr(shape, "geoms", ()) for polygon in _polygons(part)]


def _box(spot: Point, reach: float) -> shapely.Geometry:
    x, y, _ = spot
    high = reach / _KM_PER_DEGREE
    wide = high / max(cos(radians(y)), 0.01)
    return shapely.box(x - wide, y - high, x + wide, y + high)


def _kilometres(spot: Point, polygon: shapely.Geometry) -> float:
    """Great-circle distance to the polygon's nearest point (nearest in degrees: never less than the true distance)."""
    longitude, latitude = shapely.shortest_line(polygon, spot.here).coords[0]
    low, high = radians(spot.latitude), radians(latitude)
    half = sin((high - low) / 2) ** 2 + cos(low) * cos(high) * sin(radians(longitude - spot.longitude) / 2) ** 2
    return 2 * _EARTH_KM * asin(min(1.0, sqrt(half)))
