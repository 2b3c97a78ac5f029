"""An invented world for the tests of places: square countries on a grid, invented areas and towns, and reports in it.

Each country is a square of ten degrees. ISO codes are real only where a rule speaks of that code.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import shapely

from services.core.place import Tables
from services.core.place_names import AreaName, Names, PCodes
from services.core.place_shapes import Shapes
from services.core.stage import Change, Fields, Moment, Output, Record, Source

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
MOMENT = Moment(AT, fresh=True)
NORTH, SOUTH = AreaName("AA-NO", "Northmark"), AreaName("AA-SO", "Southmark")


def square(west: float, south: float, side: float = 10.0) -> shapely.Geometry:
    return shapely.box(west, south, west + side, south + side)


def tables(*, areas: bool = False) -> Tables:
    """AAA and BBB share the border at 10° E; CCC is an enclave in AAA; SDN and SSD lie far apart; DDD has no shape."""
    countries = Shapes([
        ("AAA", square(0, 0)), ("BBB", square(10, 0)), ("CCC", square(4, 4, 1)), ("SDN", square(40, 0)),
        ("SSD", square(60, 0)),
    ])  # fmt: skip
    drawn = Shapes([("AA-SO", shapely.box(0, 0, 10, 5)), ("AA-NO", shapely.box(0, 5, 10, 10))])
    return Tables(names(), countries, drawn if areas else Shapes(()), pcodes() if areas else PCodes())


def names() -> Names:
    return Names(
        countries={
            "aa": "AAA", "aaa": "AAA", "aland": "AAA", "bbb": "BBB", "ccc": "CCC", "ddd": "DDD", "sdn": "SDN",
            "ssd": "SSD",
        },
        areas={
            ("AAA", "northmark"): NORTH, ("AAA", "southmark"): SOUTH, ("AAA", "aa no"): NORTH, ("AAA", "aa so"): SOUTH,
        },
        holders={
            "northmark": frozenset({"AAA"}), "twinford": frozenset({"AAA", "BBB"}), "easton": frozenset({"BBB"}),
            "aland": frozenset({"AAA"}),
        },
        towns={("AAA", "twinford"): (2.0, 8.0), ("BBB", "easton"): (15.0, 5.0)},
    )  # fmt: skip


def pcodes() -> PCodes:
    return PCodes({"AA-NO": "AA01"}, {("AAA", "southmark"): "AA02"}, {("AA01", "wells"): "AA0101"})


def place(latitude: float | None = None, longitude: float | None = None, **words: str) -> dict[str, Any]:
    empty = {"precision": "TOWN", "country": "", "admin1": "", "admin2": "", "name": ""}
    return {"latitude": latitude, "longitude": longitude, **empty, **words}


def report(version: int = 1, where: Mapping[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """A report of the invented organisation alder; nothing but what enrich reads has a meaning."""
    return {
        "originator": "alder", "series_id": "alder/1", "version": version, "message": "ALERT", "status": "Actual",
        "initial_audience": [], "kind": "SECURITY_ALERT", "place": dict(where or place()), "received_at": AT,
        "epoch": 7,
        "raw": {"topic": "slt.in.alder", "partition": 0, "offset": version}, "content_hash": b"hash", **fields,
    }  # fmt: skip


def record(fields: Fields, offset: int = 0) -> Record:
    return Record(Source("slt.reports", 0, offset), AT, fields["series_id"], "report", fields)


def fields(output: Output) -> Fields:
    """What an output that is not encoded yet says."""
    assert not isinstance(output.value, bytes)
    return output.value


class Memory:
    """A partition's state in memory."""

    def __init__(self, values: Mapping[str, Fields] | None = None) -> None:
        self._values = dict(values or {})

    def get(self, key: str) -> Fields | None:
        return self._values.get(key)

    def keys(self) -> Iterable[str]:
        return self._values.keys()

    def apply(self, changes: Iterable[Change]) -> None:
        for change in changes:
            if change.value is None:
                del self._values[change.key]
            else:
                self._values[change.key] = change.value
