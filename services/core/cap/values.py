"""The texts of single elements: is this a time, an area, a list of addresses as CAP writes them?"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import NamedTuple

from services.core.cap.dictionary import Type

SPACE = " \t\r\n"
"""What XML calls white space; Python's `strip()` takes more."""
_CAP_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[+-][0-9]{2}:[0-9]{2}")
_DATE_TIME = re.compile(
    r"-?[0-9]{4,}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})?"
)
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)")
_PLAIN = {
    Type.LANGUAGE: (re.compile(r"([a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*)?"), "write a language as en, fr or pt-BR"),
    Type.INTEGER: (re.compile(r"[+-]?[0-9]+"), "write a whole number"),
    Type.DECIMAL: (_NUMBER, "write a number such as 1500 or 12.5"),
    Type.URI: (re.compile(r".*", re.DOTALL), ""),  # what XML Schema takes as one; a rule asks for more
}
TIME_ADVICE = "write a time as 2026-03-01T06:30:00+00:00: no Z, no fractions, a numeric offset"
MOST_OFFSET = 14 * 60


class Point(NamedTuple):
    """Degrees, WGS 84."""

    latitude: float
    longitude: float


def wrong(type_: Type, text: str) -> str:
    """What to do about a text that is not of its type; empty if it is. White space around it does not count."""
    if type_ is Type.STRING:
        return ""
    if type_ in {Type.CAP_TIME, Type.DATE_TIME}:
        return "" if _is_time(type_, text.strip(SPACE)) else TIME_ADVICE
    wanted, advice = _PLAIN[type_]
    return "" if wanted.fullmatch(text.strip(SPACE)) else advice


def _is_time(type_: Type, text: str) -> bool:
    pattern = _CAP_TIME if type_ is Type.CAP_TIME else _DATE_TIME
    return pattern.fullmatch(text) is not None and moment(text) is not None


def moment(text: str) -> datetime | None:
    """The aware moment that a CAP time names; None if there is none such. Without a zone (CAP 1.0, 1.1) it is UTC."""
    offset = re.search(r"[+-]([0-9]{2}):([0-9]{2})$", text)
    if offset and (int(offset[1]) * 60 + int(offset[2]) > MOST_OFFSET or int(offset[2]) > 59):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def number(text: str) -> float | None:
    """A decimal number without exponent; None if it is none."""
    return float(text) if _NUMBER.fullmatch(text) else None


def point(text: str) -> Point | None:
    """`latitude,longitude`; None if it is none. A longitude may run past the date line, so up to 360 degrees."""
    parts = [number(part) for part in text.split(",")]
    if len(parts) != 2 or parts[0] is None or parts[1] is None:
        return None
    return Point(parts[0], parts[1]) if abs(parts[0]) <= 90 and abs(parts[1]) <= 360 else None


class Fault(NamedTuple):
    """What is wrong with a shape."""

    advice: str
    readable: bool
    """Everybody can tell what is meant."""


_BEYOND = Fault("give longitudes from -180 to 180: split what crosses the date line", True)


def polygon_fault(text: str) -> Fault | None:
    """What is wrong with a polygon, if anything is."""
    points = [point(part) for part in text.split()]
    if not points:
        return Fault("leave an empty polygon out", True)
    if any(found is None for found in points):
        return Fault("write every point as latitude,longitude in degrees: 38.47,-120.14", False)
    if len(points) < 4:
        return Fault("give at least four points, of which the last repeats the first", False)
    if points[0] != points[-1]:
        return Fault("close it: the last point has to repeat the first", True)
    return _BEYOND if any(abs(found.longitude) > 180 for found in points if found) else None


def circle_fault(text: str) -> Fault | None:
    """What is wrong with a circle, if anything is."""
    parts = text.split()
    if not parts:
        return Fault("leave an empty circle out", True)
    centre = point(parts[0]) if len(parts) == 2 else None
    if centre is None:
        return Fault("write it as latitude,longitude radius: 32.9525,-115.5527 10", False)
    if point(parts[1]) is not None:
        return Fault("give a radius in kilometres, not a second point", True)
    radius = number(parts[1])
    if radius is None or radius < 0:
        return Fault("give the radius in kilometres, not below 0", False)
    return _BEYOND if abs(centre.longitude) > 180 else None


def quoted(text: str) -> list[str] | None:
    """The entries of a list whose entries with spaces stand in double quotes; None if a quote is left open."""
    if text.count('"') % 2:
        return None
    return [part.strip('"') for part in re.findall(r'"[^"]*"|[^\s"]+', text) if part.strip('"').strip()]
