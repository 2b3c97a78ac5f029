"""The canary's reports pass through every partition, and each sent one ends as received or missing."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import orjson
import pycountry
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from services.canary.probe import Arrival, Lane, arrivals, lanes, murmur2, submission
from services.canary.watch import Watch
from services.core.features import features
from services.core.home import home_partition
from services.core.project import account
from services.core.projection import FULL
from services.core.submission import content_hash, read_submission
from services.runtime.metrics import CanaryMetrics
from tests.registry import report

NOW = datetime(2026, 3, 1, tzinfo=UTC)
COUNTRIES = [country.alpha_3 for country in pycountry.countries]
LANES = (Lane(0, "lane-0-0", "AFG"), Lane(1, "lane-1-3", "ABW"))


class Seen:
    def __init__(self) -> None:
        self.counts: Counter[tuple[str, int]] = Counter()
        self.seconds: list[float] = []

    def sent(self, lane: int) -> None:
        self.counts["sent", lane] += 1

    def received(self, lane: int, seconds: float) -> None:
        self.counts["received", lane] += 1
        self.seconds.append(seconds)

    def missing(self, lane: int) -> None:
        self.counts["missing", lane] += 1


@pytest.mark.parametrize(
    ("data", "signed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_murmur2_gives_the_values_that_kafka_states(data: bytes, signed: int) -> None:
    assert murmur2(data) == signed % 2**32


@pytest.mark.parametrize("number", [1, 4, 12])
def test_every_lane_is_reached_in_both_partitionings(number: int) -> None:
    found = lanes(COUNTRIES, number)
    assert [lane.number for lane in found] == list(range(number))
    assert [home_partition(lane.country, "x", number) for lane in found] == list(range(number))
    assert [(murmur2(f"canary/{lane.series}".encode()) & 0x7FFFFFFF) % number for lane in found] == list(range(number))


def test_lanes_that_no_country_reaches_are_an_error() -> None:
    with pytest.raises(ValueError, match="no country lives in lane"):
        lanes(["AFG"], 2)


def test_intake_takes_the_submission_and_every_version_is_new_content() -> None:
    first, second = (read_submission(orjson.loads(submission(LANES[0], version)), NOW) for version in (1, 2))
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert (first["status"], first["initial_audience"]) == ("Test", ["canary"])
    assert content_hash(first) != content_hash(second)


def test_the_canarys_view_says_when_the_relay_received_it() -> None:
    said = read_submission(orjson.loads(submission(LANES[0], 1)), NOW)
    assert isinstance(said, dict)
    audience = FULL.meet(features(located := {**report("canary/x"), **said, "received_at": NOW}).finest)
    assert account(located, audience, "")["received_at"] == NOW


def view(series_id: str, status: str = "Test") -> dict[str, Any]:
    return {"status": status, "accounts": [{"series_id": series_id, "version": 7, "received_at": NOW}]}


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (view("canary/lane-0-0"), [Arrival("lane-0-0", 7, 0.5)]),
        (view("meridian-aid/lane-0-0"), [None]),
        (view(""), [None]),
        (view("canary/lane-0-0", "Actual"), [None]),
    ],
)
def test_only_its_own_tests_are_the_canarys(record: dict[str, Any], expected: list[Arrival | None]) -> None:
    assert list(arrivals(record, NOW.timestamp() + 0.5)) == expected


def test_an_arrival_settles_its_version_and_the_older_ones() -> None:
    seen = Seen()
    watch = Watch(LANES, seen)
    for version, moment in ((1, 100.0), (2, 101.0), (3, 102.0)):
        watch.sent("lane-0-0", version, moment)
    watch.arrived(Arrival("lane-0-0", 2, 0.25))
    watch.arrived(Arrival("lane-0-0", 2, 9.0))
    assert seen.counts == {("sent", 0): 3, ("received", 0): 2}
    assert seen.seconds == [1.25, 0.25]


def test_what_is_not_back_after_ten_seconds_is_missing_for_good() -> None:
    seen = Seen()
    watch = Watch(LANES, seen)
    watch.sent("lane-1-3", 1, 100.0)
    watch.overdue(110.0)
    assert seen.counts["missing", 1] == 0
    watch.overdue(110.1)
    watch.arrived(Arrival("lane-1-3", 1, 11.0))
    assert seen.counts == {("sent", 1): 1, ("missing", 1): 1}


def test_what_an_earlier_process_sent_is_left_out() -> None:
    seen = Seen()
    Watch(LANES, seen).arrived(Arrival("lane-0-0", 1, 0.1))
    Watch(LANES, seen).arrived(Arrival("lane-9-9", 1, 0.1))
    assert not seen.counts


@settings(deadline=None)  # the machine may be busy: time is not the promise
@given(st.lists(st.tuples(st.sampled_from(["send", "arrive", "wait"]), st.integers(1, 30)), max_size=60))
def test_sent_is_received_and_missing_and_under_way(history: list[tuple[str, int]]) -> None:
    seen, version, moment = Seen(), 0, 0.0
    watch = Watch(LANES, seen)
    for what, number in history:
        if what == "send":
            version += 1
            watch.sent("lane-0-0", version, moment)
        elif what == "arrive":
            watch.arrived(Arrival("lane-0-0", min(number, version), 0.1))
        else:
            moment += number
            watch.overdue(moment)
    watch.overdue(moment + 11)
    assert seen.counts["sent", 0] == version == seen.counts["received", 0] + seen.counts["missing", 0]


def test_every_lane_stands_at_nought_and_counts() -> None:
    registry = CollectorRegistry()
    metrics = CanaryMetrics(registry, 2)
    metrics.sent(1)
    metrics.received(1, 0.1)
    metrics.missing(1)
    metrics.alien()
    lane = {"partition": "1"}
    names = ("slt_canary_sent_total", "slt_canary_received_total", "slt_canary_missing_total")
    assert [registry.get_sample_value(name, {"partition": "0"}) for name in names] == [0, 0, 0]
    assert [registry.get_sample_value(name, lane) for name in names] == [1, 1, 1]
    assert registry.get_sample_value("slt_end_to_end_seconds_bucket", {**lane, "le": "0.12"}) == 1
    assert registry.get_sample_value("slt_end_to_end_seconds_bucket", {**lane, "le": "0.08"}) == 0
    assert registry.get_sample_value("slt_canary_alien_total") == 1
