"""Where a report's time goes: the append times of its records along the way, and the differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from services.cli.bench.chain import Received, percentile
from services.cli.bench.targets import HOPS, Result
from services.cli.bench.world import Parts, World
from services.runtime.codec import Codec

_LINKS = "slt.incidents"
_INTERNAL = ("slt.reports", "slt.located", _LINKS, "slt.deliveries")
"""Where intake, enrich, correlate and distribute leave a report."""
ENDS = (*_INTERNAL, "slt.out.*", "the partner's hands")
"""The record that ends each hop."""


class Hop(NamedTuple):
    """One step, over all reports (from deliver on over all their recipients)."""

    name: str
    times: Sequence[int]
    """Milliseconds, sorted."""

    def results(self) -> list[Result]:
        """p50 and p99."""
        return [Result(f"hop_{self.name}_p{share}_ms_at_10", percentile(self.times, share)) for share in (50, 99)]


def starts(world: World) -> Parts:
    """Where the records of the next load will lie."""
    return world.ends(_INTERNAL)


def hops(world: World, start: Parts, received: Sequence[Received]) -> list[Hop]:
    """The steps of these reports."""
    appended = _appended(world, start)
    times: list[list[int]] = [[] for _ in HOPS]
    for series, submitted in {(each.series, each.submitted) for each in received}:
        way = [submitted, *(appended[topic, series] for topic in _INTERNAL)]
        for step, (before, after) in zip(times, pairwise(way), strict=False):
            step.append(after - before)
    for each in received:
        times[-2].append(each.appended - appended[_INTERNAL[-1], each.series])
        times[-1].append(each.read - each.appended)
    return [Hop(name, sorted(found)) for name, found in zip(HOPS, times, strict=True)]


def _appended(world: World, start: Parts) -> Mapping[tuple[str, str], int]:
    """(topic, series) -> append time. slt.deliveries names incidents: slt.incidents says whose they are."""
    codec = Codec()
    found: dict[tuple[str, str], int] = {}
    by_incident: dict[str, int] = {}
    series_of: dict[str, str] = {}
    for message in world.records(start):
        topic, key, at = message.topic(), message.key().decode(), message.timestamp()[1]
        if topic == _INTERNAL[-1]:
            by_incident.setdefault(key, at)
            continue
        series = _series(codec, message) if topic == _LINKS else key
        if topic == _LINKS:
            series_of[key] = series
        found.setdefault((topic, series), at)
    return found | {(_INTERNAL[-1], series_of[key]): at for key, at in by_incident.items() if key in series_of}


def _series(codec: Codec, message: Any) -> str:
    series: str = codec.decode(message.value())[1]["series_id"]
    return series
