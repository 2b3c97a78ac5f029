"""Every stage alone, as its real process, catching up with what the stage before has made of the same reports."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from services.cli.bench.targets import RECIPIENTS, STAGES, Result
from services.cli.bench.watch import Watch
from services.cli.bench.world import NOTICES, OUTLETS, MeasureError, Parts, World
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
_AT_ONCE = 50_000
_PORTION = 2000
"""Reports that are handed to the broker at once."""
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
    for number, report in enumerate(reports, 1):
        world.submit(report)
        if number % _PORTION == 0:
            world.submitted()
    world.submitted()
    for stage in STAGES[: STAGES.index(last) + 1]:
        topics = (*OUTLETS, *NOTICES) if stage == "deliver" else (_OUTPUT[stage],)
        yield _catch_up(world, stage, topics, len(reports))


def results(caught: Caught) -> list[Result]:
    """The stage's figures."""
    stage = caught.stage
    unit = "records" if stage == "deliver" else "reports"
    found = [
        Result(f"{stage}_{unit}_per_s", caught.rate),
        Result(f"cpu_us_per_report_{stage}", caught.cpu_us(stage)),
        Result(f"cpu_us_per_report_{stage}_broker", caught.cpu_us("broker")),
    ]
    if stage != "distribute":
        return found
    slope, base = rss_line(caught)
    memory = [
        Result("rss_mb_per_100k_incidents", base + slope * 100_000),
        Result("bytes_per_live_incident", slope * 1e6),
    ]
    return [*found, *memory]


def rss_line(caught: Caught) -> tuple[float, float]:
    """Resident memory of the slot, in MB: what one more incident adds to it after the warm-up, and without any."""
    start, end = caught.window
    points = [
        (bisect_left(caught.times, int(sample.at * 1000)), sample.rss[caught.stage])
        for sample in caught.watch.samples
        if start <= sample.at <= end
    ]
    if len(points) < 3:
        raise MeasureError("rss_mb_per_100k_incidents: too few samples; take more reports")
    return _line(points)


def _line(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Slope and value at zero of the least squares."""
    count = len(points)
    middle, mean = sum(x for x, _ in points) / count, sum(y for _, y in points) / count
    spread = sum((x - middle) ** 2 for x, _ in points)
    slope = sum((x - middle) * (y - mean) for x, y in points) / spread if spread else 0.0
    return slope, mean - slope * middle


def _catch_up(world: World, stage: str, topics: Sequence[str], reports: int) -> Caught:
    """Run one slot until everything is there."""
    before = world.ends(topics)
    counted = _in_outlets if stage == "deliver" else _in_topic
    with world.running(stage) as slots:
        world.wait(lambda: slots.slot(stage).pid is not None, slots, stage)
        with Watch({stage: slots.slot(stage).pid or 0, "broker": world.stack.brokers[0].pid}) as watch:
            times = counted(world, before, reports, slots)
    return Caught(stage, reports, sorted(times), watch)


def _in_topic(world: World, before: Parts, expected: int, slots: Supervisor) -> array[int]:
    """Append times of so many records: read while they come, because ends count transactions' markers too."""
    times = array("q")
    with world.reading(before) as consumer:

        def done() -> bool:
            messages = consumer.consume(_AT_ONCE, 0)
            times.extend(message.timestamp()[1] for message in messages if message.error() is None)
            return len(times) >= expected

        world.wait(done, slots, slots.slots[0].stage, _PATIENCE + expected / _SLOWEST)
    return times


def _in_outlets(world: World, before: Parts, reports: int, slots: Supervisor) -> array[int]:
    """The same for the outlets and the originators' notices: read when all is there, to take no time from DELIVER."""
    expected = sum(before.values()) + reports * (RECIPIENTS + 1)  # a receipt for each report
    topics = {topic for topic, _ in before}
    world.wait(lambda: sum(world.ends(topics).values()) >= expected, slots, "deliver", _PATIENCE + reports / _SLOWEST)
    return array("q", (message.timestamp()[1] for message in world.records(before)))
