"""The benchmark's own arithmetic: a figure that is computed wrongly is worse than none."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import cast

import pytest
import typer
from typer.testing import CliRunner

from services.cli.bench import bench, payload
from services.cli.bench.chain import Chain, Received, Run, percentile, search
from services.cli.bench.report import figure, write
from services.cli.bench.stages import Caught, rss_line
from services.cli.bench.targets import TARGETS, Result
from services.cli.bench.watch import Sample, Watch, cpu_seconds
from services.core.home import home_partition
from services.core.stage import Refusal
from services.core.submission import content_hash, read_submission
from services.runtime.inbound import load_json

NAMED_IN_THE_REQUIREMENT = {
    "intake_reports_per_s": (6000, False),
    "enrich_reports_per_s": (6000, False),
    "correlate_reports_per_s": (6000, False),
    "distribute_reports_per_s": (1500, False),
    "deliver_records_per_s": (60000, False),
    "chain_p50_ms_at_10": (80, True),
    "chain_p99_ms_at_10": (250, True),
    "chain_rate_at_p99_1s": (400, False),
    "rss_mb_per_100k_incidents": (1500, True),
    "decide_us_per_recipient_warm_50": (2, True),
    "decide_us_per_recipient_warm_200": (2, True),
    "decide_us_new_class_50": (200, True),
    "revoke_live_p99_ratio": (2, True),
    "revoke_confirmed_seconds": (5, True),
}


@pytest.mark.parametrize(("name", "asked"), NAMED_IN_THE_REQUIREMENT.items())
def test_targets_are_those_that_were_asked_for(name: str, asked: tuple[float, bool]) -> None:
    limit, at_most = asked
    assert (TARGETS[name].limit, TARGETS[name].at_most) == (limit, at_most)
    assert TARGETS[name].met(limit) is True
    assert TARGETS[name].met(limit + (1 if at_most else -1)) is False


# -- reports


@pytest.fixture(scope="module")
def reports() -> list[bytes]:
    return list(islice(payload.reports(4), 400))


def test_reports_are_accepted_distinct_and_about_a_kilobyte(reports: list[bytes]) -> None:
    received = datetime(2026, 11, 23, tzinfo=UTC)
    found = [read_submission(load_json(report.decode()), received) for report in reports]
    accepted = [fields for fields in found if not isinstance(fields, Refusal)]
    assert len(accepted) == len(reports)
    assert len({content_hash(fields) for fields in accepted}) == len(reports)
    assert 900 < sum(map(len, reports)) / len(reports) < 1200


def test_reports_fill_the_lanes_evenly(reports: list[bytes]) -> None:
    countries = [load_json(report.decode())["place"]["country"] for report in reports]
    assert Counter(home_partition(country, "", 4) for country in countries) == dict.fromkeys(range(4), 100)
    assert len(set(countries)) > 12


def test_the_same_reports_come_in_every_run(reports: list[bytes]) -> None:
    assert list(islice(payload.reports(4), 20)) == reports[:20]


# -- a stage's catch-up


def _caught(times: list[int], samples: list[Sample], reports: int = 100) -> Caught:
    watch = Watch({"distribute": os.getpid()})
    watch.samples += samples
    return Caught("distribute", reports, times, watch)


def _sample(at: float, cpu: float, machine: float = 0.0, rss: float = 0.0) -> Sample:
    return Sample(at, {"distribute": cpu, "bench": 0.0, "machine": machine}, {"distribute": rss})


def test_the_rate_leaves_the_first_fifth_out() -> None:
    slow_start = [1000 * number for number in range(20)]  # one a second
    then = [20_000 + 10 * number for number in range(81)]  # one every 10 ms
    caught = _caught(slow_start + then[:-1], [])
    assert caught.window == (20.0, 20.79)
    assert caught.rate == pytest.approx(80 / 0.79)


def test_processor_time_is_taken_over_the_counted_records_only() -> None:
    samples = [_sample(0, 0), _sample(20, 100), _sample(20.8, 100.4), _sample(30, 200)]
    times = [1000 * number for number in range(20)] + [20_000 + 10 * number for number in range(81)][1:]
    caught = _caught(times, samples)
    assert caught.window == (20.01, 20.8)
    assert caught.cpu_us("distribute") == pytest.approx(0.4 * (0.79 / 0.8) / 80 * 1e6)


def test_what_others_used_is_the_machine_without_ours() -> None:
    caught = _caught([0] * 20 + [1000] + [3000] * 79, [_sample(1, 5, 10), _sample(3, 6, 13)])
    assert caught.others == pytest.approx((3 - 1) / 2)


def test_memory_of_an_incident_is_the_slope_after_the_warm_up() -> None:
    times = list(range(0, 10_000, 10))  # 1,000 incidents in ten seconds
    warming = [_sample(at, 0, rss=10) for at in (0.5, 1.0, 1.5)]
    growing = [_sample(at, 0, rss=50 + 0.01 * at * 100) for at in (3.0, 5.0, 7.0, 9.0)]
    assert rss_line(_caught(times, warming + growing)) == pytest.approx((0.01, 50))


def test_the_watch_sees_a_process_work() -> None:
    with Watch({"me": os.getpid()}) as watch:
        start = cpu_seconds(os.getpid())
        while cpu_seconds(os.getpid()) < start + 0.3 or len(watch.samples) < 3:
            pass
    first, last = watch.samples[0], watch.samples[-1]
    assert 0.05 < watch.used("me", first.at, last.at) <= cpu_seconds(os.getpid())
    assert last.rss["me"] > 10


# -- the chain


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([1], 50, 1), (range(100), 50, 50), (range(100), 99, 99), (range(1000), 99, 990), ([], 50, float("inf"))],
)
def test_percentiles(values: Sequence[int], share: float, expected: float) -> None:
    assert percentile(values, share) == expected


def _run(rate: float, seconds: float, ms: int = 100, missing: int = 0, pace: float | None = None) -> Run:
    return Run(rate, seconds, [Received("org/1", 0, 50, ms)], missing, pace or rate, {})


@pytest.mark.parametrize(
    ("run", "holds"),
    [(_run(100, 60), True), (_run(100, 60, ms=1001), False), (_run(100, 60, missing=1), False),
     (_run(100, 60, pace=90), False)],
)  # fmt: skip
def test_a_load_holds_only_if_everything_came_in_time_at_the_pace_that_was_meant(run: Run, holds: bool) -> None:
    assert run.holds(1000) is holds


class _FakeChain:
    """Holds short loads up to one rate, and full ones up to a lower one."""

    def __init__(self, short: float, full: float) -> None:
        self.limits = {15.0: short, 60.0: full}
        self.drained: list[float] = []

    def load(self, rate: float, seconds: float) -> Run:
        return _run(rate, seconds, ms=100 if rate <= self.limits[seconds] else 5000)

    def drain(self, run: Run) -> None:
        self.drained.append(run.rate)


def test_the_search_goes_up_in_short_loads_and_down_in_full_ones() -> None:
    fake = _FakeChain(short=300, full=200)
    runs = list(search(cast(Chain, fake), (100, 200, 300, 400, 500), 60.0, 1000))
    assert [(run.rate, run.seconds) for run in runs] == [
        (100, 15), (200, 15), (300, 15), (400, 15), (300, 60), (200, 60)
    ]  # fmt: skip
    assert fake.drained == [400, 300]


# -- what is shown and written


def test_the_file_has_what_was_agreed(tmp_path: Path) -> None:
    path = tmp_path / "build" / "bench.json"
    write(path, [Result("chain_p50_ms_at_10", 81.0), Result("cpu_us_per_report_intake", 42.0)])
    assert json.loads(path.read_text(encoding="utf-8")) == {
        "results": [
            {"name": "chain_p50_ms_at_10", "value": 81.0, "unit": "ms", "target": 80, "met": False},
            {"name": "cpu_us_per_report_intake", "value": 42.0, "unit": "us", "target": None, "met": None},
        ]
    }


@pytest.mark.parametrize(("value", "text"), [(12345.6, "12,346"), (99.94, "99.9"), (0.02857, "0.0286")])
def test_figures_have_three_digits(value: float, text: str) -> None:
    assert figure(value) == text


def test_an_unknown_name_is_told_with_the_known_ones() -> None:
    app = typer.Typer()
    app.command()(bench)
    result = CliRunner().invoke(app, ["--only", "nonsense"])
    assert result.exit_code == 2
    assert "nonsense is none of" in result.output
