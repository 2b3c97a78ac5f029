"""Every stage alone, as its real process, catching up with what the stage before has made of the same reports."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from services.cli.bench.targets import RECIPIENTS, STAGES, Result
from services.cli.bench.watch import Watch
from services.cli.bench.world import NOTICES, ORIGINATORS, OUTLETS, MeasureError, Parts, World
from services.runtime.supervisor import Supervisor

_OUTPUT = {
    "intake": "slt.reports",
    "enrich": "slt.located",
    "correlate": "slt.incidents",
    "distribute": "slt.decisions",
}
"""Where a stage leaves one record for each report."""
_WARM_UP = 0.2
"""Share of the records that come first and are not counted."""
_PATIENCE = 120.0
_SLOWEST = 100.0
"""Reports per second: a stage below it is given up."""


class Caught(NamedTuple):
    """One stage's catch-up."""

    stage: str
    reports: int
    times: Sequence[int]
    """Append times of its records, sorted, milliseconds since 1970."""
    watch: Watch

    @property
    def _first(self) -> int:
        return int(_WARM_UP * len(self.times))

    @property
    def window(self) -> tuple[float, float]:
        """First and last counted moment, seconds since 1970."""
        return self.times[self._first] / 1000, self.times[-1] / 1000

    @property
    def rate(self) -> float:
        """Records per second after the warm-up."""
        start, end = self.window
        return (len(self.times) - self._first) / max(end - start, 0.001)

    def cpu_us(self, name: str) -> float:
        """Processor time per report, microseconds."""
        return self.watch.used(name, *self.window) * 1e6 / ((1 - _WARM_UP) * self.reports)

    @property
    def others(self) -> float:
        """Cores that others used meanwhile."""
        return self.watch.others(*self.window)


def measure(world: World, reports: Sequence[bytes], last: str) -> Iterator[Caught]:
    """Each stage up to `last` on the reports, which are submitted first. MeasureError if one loses any."""
    for report in reports:
        world.submit(report)
    world.submitted()
    inputs: Parts = world.ends(f"slt.in.{org}" for org in ORIGINATORS)
    for stage in STAGES[: STAGES.index(last) + 1]:
        if stage == "deliver":
            yield _deliver(world, len(reports))
            return
        caught, positions = _transactional(world, stage, inputs, len(reports))
        yield caught
        if stage != "distribute":
            inputs = positions


def results(caught: Caught) -> list[Result]:
    """The stage's figures."""
    stage = caught.stage
    unit = "records" if stage == "deliver" else "reports"
    found = [
        Result(f"{stage}_{unit}_per_s", caught.rate),
        Result(f"cpu_us_per_report_{stage}", caught.cpu_us(stage)),
        Result(f"cpu_us_per_report_{stage}_broker", caught.cpu_us("broker")),
    ]
    return [*found, Result("rss_mb_per_100k_incidents", rss_at(caught, 100_000))] if stage == "distribute" else found


def rss_at(caught: Caught, incidents: int) -> float:
    """Resident memory of the slot at so many incidents, in MB, by the slope after the warm-up."""
    start, end = caught.window
    points = [
        (bisect_left(caught.times, int(sample.at * 1000)), sample.rss[caught.stage])
        for sample in caught.watch.samples
        if start <= sample.at <= end
    ]
    if len(points) < 3:
        raise MeasureError("rss_mb_per_100k_incidents: too few samples; take more reports")
    slope, base = _line(points)
    return base + slope * incidents


def _line(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Slope and value at zero of the least squares."""
    count = len(points)
    middle, mean = sum(x for x, _ in points) / count, sum(y for _, y in points) / count
    spread = sum((x - middle) ** 2 for x, _ in points)
    slope = sum((x - middle) * (y - mean) for x, y in points) / spread if spread else 0.0
    return slope, mean - slope * middle


def _transactional(world: World, stage: str, inputs: Parts, count: int) -> tuple[Caught, Parts]:
    """A stage with a group; also the offsets behind the last records of its output."""
    before = world.ends([_OUTPUT[stage]])

    def done() -> bool:
        positions = world.committed(f"{stage}.slots", inputs)
        return all(positions[part] >= end for part, end in inputs.items())

    with world.running(stage) as slots, _watching(world, slots, stage) as watch:
        world.wait(done, slots, stage, _PATIENCE + count / _SLOWEST)
    times, positions = array("q"), {}
    for message in world.records(before):
        times.append(message.timestamp()[1])
        positions[message.topic(), message.partition()] = message.offset() + 1
    return _caught(stage, count, count, times, watch), positions


def _deliver(world: World, count: int) -> Caught:
    """DELIVER keeps its own resume points: it is done when the outlets have everything."""
    topics = (*OUTLETS, *NOTICES)
    before = world.ends(topics)
    expected = count * RECIPIENTS + count  # a receipt for each report

    def done() -> bool:
        return sum(world.ends(topics).values()) - sum(before.values()) >= expected

    with world.running("deliver") as slots, _watching(world, slots, "deliver") as watch:
        world.wait(done, slots, "deliver", _PATIENCE + count / _SLOWEST)
    times = array("q", (message.timestamp()[1] for message in world.records(before)))
    return _caught("deliver", count, expected, times, watch)


def _caught(stage: str, reports: int, expected: int, times: array[int], watch: Watch) -> Caught:
    if len(times) < expected:
        raise MeasureError(f"{stage}: {len(times)} of {expected} records came out")
    return Caught(stage, reports, sorted(times), watch)


def _watching(world: World, slots: Supervisor, stage: str) -> Watch:
    world.wait(lambda: slots.slot(stage).pid is not None, slots, stage)
    return Watch({stage: slots.slot(stage).pid or 0, "broker": world.stack.brokers[0].pid})
