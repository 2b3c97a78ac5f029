"""The test reports of the canary: one series per lane, and how they look when they come back.

Nothing in them says anything: a country that leads to the lane, a count, and the words of this file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import count
from typing import Any, NamedTuple

import orjson

from services.core.home import home_partition
from services.core.report import InfoKind, PlacePrecision, Status, TimePrecision
from services.runtime.topics import CANARY

_MASK = 0xFFFFFFFF


class Lane(NamedTuple):
    """One partition number of the internal topics, and the series that passes through it in each of them."""

    number: int
    series: str
    """The originator's own id."""
    country: str
    """ISO 3166-1 alpha-3."""


class Arrival(NamedTuple):
    """An account of the canary's own that came back."""

    series: str
    version: int
    seconds: float
    """From the append to slt.in to the append to the outlet."""


def lanes(countries: Iterable[str], number: int) -> tuple[Lane, ...]:
    """One lane for every partition number below `number`; ValueError if the countries do not reach one."""
    reached = {home_partition(country, "", number): country for country in sorted(countries, reverse=True)}
    missing = [lane for lane in range(number) if lane not in reached]
    if missing:
        raise ValueError(f"no country lives in lane {missing[0]}: fewer lanes than countries are needed")
    return tuple(Lane(lane, _series(lane, number), reached[lane]) for lane in range(number))


def _series(lane: int, number: int) -> str:
    """A series whose key leads to the lane in slt.reports as well."""
    names = (f"lane-{lane}-{attempt}" for attempt in count())
    return next(name for name in names if (murmur2(f"{CANARY}/{name}".encode()) & 0x7FFFFFFF) % number == lane)


def submission(lane: Lane, version: int) -> bytes:
    """The body for slt.in.canary (JSON, schemas/submission); `attributes.count` makes each version new content."""
    return orjson.dumps(
        {
            "series_id": lane.series,
            "version": version,
            "message": "ALERT" if version == 1 else "UPDATE",
            "status": Status.TEST,
            "initial_audience": [CANARY],
            "kind": InfoKind.INCIDENT_REPORT,
            "headline": "Test of the relay by the relay itself",
            "occurred_from": "2020-01-01T00:00:00+00:00",  # a view says when the relay received it only beside a time
            "time_precision": TimePrecision.EXACT,
            "place": {"country": lane.country, "precision": PlacePrecision.COUNTRY},
            "attributes": {"count": str(version)},
        }
    )


def arrivals(view: Mapping[str, Any], appended: float) -> Iterable[Arrival | None]:
    """The accounts of a view appended at `appended` (seconds since 1970); None for one that is not the canary's."""
    for account in view["accounts"]:
        owner, _, series = account["series_id"].rpartition("/")
        if owner != CANARY or view["status"] != Status.TEST:
            yield None
        else:
            yield Arrival(series, account["version"], appended - account["received_at"].timestamp())


def murmur2(data: bytes) -> int:
    """The hash by which Kafka's clients choose a key's partition: unsigned, 32 bit, of Kafka's own seed."""
    factor = 0x5BD1E995
    found = (0x9747B28C ^ len(data)) & _MASK
    whole = len(data) // 4 * 4
    for at in range(0, whole, 4):
        word = int.from_bytes(data[at : at + 4], "little") * factor & _MASK
        word = (word ^ word >> 24) * factor & _MASK
        found = found * factor & _MASK ^ word
    if whole < len(data):
        found = (found ^ int.from_bytes(data[whole:], "little")) * factor & _MASK
    found = (found ^ found >> 13) * factor & _MASK
    return found ^ found >> 15
