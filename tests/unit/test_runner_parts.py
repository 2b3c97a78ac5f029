"""The parts of the runner that decide without a broker: store, clock, step, doubts of the producer, arguments."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.reason import Reason
from services.core.stage import Moment, Outcome, Output, Refusal, Result
from services.runtime.clock import HEARTBEAT, Clock
from services.runtime.codec import Codec
from services.runtime.memory import MemoryCluster, MemoryTail
from services.runtime.ports import Message
from services.runtime.processor import Processor, Stage
from services.runtime.runner import Runner, longest
from services.runtime.slot import MISUSED, main, size_limits
from services.runtime.step import KEPT_BYTES, Step
from services.runtime.store import Store
from services.runtime.topics import Catalogue
from services.runtime.transactions import Doubt

CODEC = Codec()
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MOMENT = Moment(NOW, True)
WRITES = st.lists(st.tuples(st.sampled_from("abcde"), st.none() | st.sampled_from(["x", "y", "z"])))


def beat(text: str) -> bytes:
    return CODEC.encode("beat", {"by": text})


@pytest.mark.parametrize(("behind", "allowed"), [(0, 0.1), (0.9, 0.1), (2, 0.2), (4, 0.4), (5, 0.5), (3600, 0.5)])
def test_a_transaction_grows_with_the_backlog_to_a_tenth_of_its_age_and_five_times_the_limit(
    behind: float, allowed: float
) -> None:
    assert longest(0.1, behind) == pytest.approx(allowed)


def content(store: Store) -> dict[str, Any]:
    return {key: store.get(key) for key in sorted(store.keys())}


@given(WRITES, WRITES, st.booleans())
def test_a_rollback_takes_back_exactly_the_open_transaction(
    first: list[tuple[str, str | None]], second: list[tuple[str, str | None]], read_between: bool
) -> None:
    store, expected = Store(CODEC), dict[str, Any]()
    for key, text in first:
        store.put(key, beat(text) if text else None)
        expected.pop(key, None)
        if text:
            expected[key] = {"by": text}
    store.settle()
    for key, text in second:
        store.put(key, beat(text) if text else None)
        if read_between:
            store.get(key)
    store.rollback()
    assert content(store) == expected


class Times:
    """A clock's world: a monotonic clock that is set, and a broker in memory."""

    def __init__(self, stagger: float = 0.0) -> None:
        self.at, self.cluster = 100.0, MemoryCluster()
        self.cluster.create(HEARTBEAT)
        self.cluster.now = _ms(NOW)
        self.stagger = stagger

    def clock(self) -> Clock:
        tail = MemoryTail(self.cluster, HEARTBEAT, newest=True, committed=False)
        return Clock(tail, self.beat, 5.0, self.stagger, lambda: self.at)

    def beat(self) -> None:
        self.cluster.append(HEARTBEAT, None, beat("test"))

    def pass_(self, seconds: float) -> None:
        self.at += seconds
        self.cluster.now += int(seconds * 1000)

    @property
    def beats(self) -> int:
        return self.cluster.end(self.cluster.parts([HEARTBEAT])[0])


def ticks(clock: Clock, count: int) -> list[bool]:
    """Whether the clock was fresh after each tick."""
    found = []
    for _ in range(count):
        clock.tick()
        found.append(clock.fresh)
    return found


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def test_an_old_beat_does_not_tell_the_time_of_a_new_slot() -> None:
    times = Times()
    times.beat()
    times.pass_(3600)
    clock = times.clock()
    assert ticks(clock, 2) == [False, True]
    assert clock.now == NOW + timedelta(hours=1)


def test_now_never_goes_back() -> None:
    times = Times()
    clock = times.clock()
    clock.wait(lambda: False)
    times.cluster.now -= 60_000
    times.beat()
    clock.tick()
    assert clock.now == NOW


def test_without_beats_the_clock_is_stale_after_the_limit_and_not_before() -> None:
    times = Times()
    clock = times.clock()
    clock.wait(lambda: False)
    times.beat = lambda: None  # type: ignore[method-assign]  # what the slot writes does not arrive
    clock._beat = times.beat
    for _ in range(5):
        times.pass_(1.0)
        clock.tick()
        assert clock.fresh
    times.pass_(0.01)
    assert not clock.fresh


def test_after_a_standstill_only_a_new_beat_counts() -> None:
    times = Times()
    clock = times.clock()
    clock.wait(lambda: False)
    times.beat()  # lies in the queue of the frozen process
    times.pass_(30)
    assert ticks(clock, 2) == [False, True]
    assert clock.now == NOW + timedelta(seconds=30)


def test_many_slots_beat_about_once_a_second_together() -> None:
    times, clocks = Times(), []
    for slot in range(8):
        times.stagger = 0.02 * slot
        clocks.append(times.clock())
    for _ in range(1000):
        times.pass_(0.01)
        for clock in clocks:
            clock.tick()
    assert 10 <= times.beats <= 18  # ten seconds; each of the eight beats once when it starts


def step(raw: bool = False, limit: int = 1000) -> Step:
    return Step(Stage.INTAKE, CODEC, raw=raw, size_limit=lambda _: limit)


class Rule:
    """Answers every record with the same result."""

    def __init__(self, result: Result) -> None:
        self.result = result

    def handle(self, record: Any, moment: Moment) -> Result:
        return self.result

    def applied(self, result: Result) -> None:
        """Nothing is derived."""

    def work(self, moment: Moment, limit: int) -> tuple[Result, ...]:
        return ()


def test_a_dead_letter_holds_the_start_length_and_hash_of_a_large_record() -> None:
    value = b"\xff" * (3 * KEPT_BYTES)
    refused = Result(Outcome.REFUSED, refusal=Refusal(Reason.BAD_SIZE, "send less"))
    message = Message("slt.in.alder", 0, 7, _ms(NOW), None, value)
    (letter,) = step(raw=True, limit=10**6).handle(Rule(refused), message, MOMENT).sends
    found = CODEC.decode(letter.value)[1]
    assert letter.key == b"slt.in.alder/0/7"
    assert (found["submitter"], found["length"], found["at"]) == ("alder", len(value), NOW)
    assert found["first_bytes"] == value[:KEPT_BYTES]
    assert found["sha256"] == hashlib.sha256(value).digest()


@pytest.mark.parametrize(
    "output",
    [
        Output("slt.reports", "k", "beat", {"by": "x" * 2000}),
        Output("slt.reports", "k", "beat", {"by": 1}),
        Output("slt.reports", "k", "no such kind", {}),
    ],
)
def test_an_output_that_cannot_be_sent_is_a_bug_of_ours_and_nothing_of_it_is_sent(output: Output) -> None:
    message = Message("slt.in.alder", 0, 0, _ms(NOW), b"k", b"{}")
    effects = step(raw=True).handle(Rule(Result(Outcome.ACCEPTED, (output,))), message, MOMENT)
    assert effects.reason is Reason.BUG_STEP
    assert [sent.topic for sent in effects.sends] == ["slt.dead"]
    assert "x" * 10 not in effects.bug


def test_limits_are_those_of_the_topics() -> None:
    limit = size_limits(Catalogue.load())
    assert limit("slt.reports") == limit("slt.in.alder") == 6291456 - 4096
    assert limit("slt.series") == limit("slt.out.alder") == 1048588 - 4096


def test_a_stage_with_state_has_one_source() -> None:
    several = Processor(Stage.ENRICH, ("a", "b"), lambda *_: Rule(Result(None)), state="c")
    with pytest.raises(ValueError, match="one source topic"):
        Runner(several, None, step(), CODEC, None)  # type: ignore[arg-type]


def test_a_missing_settings_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = Processor(Stage.ENRICH, ("a",), lambda *_: Rule(Result(None)))
    assert main(one, ["--config", str(tmp_path / "none.toml")]) == MISUSED
    assert "none.toml" in capsys.readouterr().err


def statistics(**counters: int) -> str:
    usual = {"txretries": 0, "req_timeouts": 0, "disconnects": 0}
    return json.dumps({"brokers": {"a": {**usual, **counters}, "b": usual}})


@pytest.mark.parametrize("counter", ["txretries", "req_timeouts", "disconnects"])
def test_a_request_without_an_answer_raises_doubt_once_for_each_producer(counter: str) -> None:
    doubt = Doubt()
    found = []
    for texts in (statistics(), statistics(**{counter: 1}), statistics(**{counter: 1}), statistics(**{counter: 2})):
        doubt.raised = False
        doubt.statistics(texts)
        found.append(doubt.raised)
    assert found == [False, True, False, True]


@pytest.mark.parametrize(("seconds", "raised"), [(0.04, False), (0.2, False), (0.39, False), (0.6, True)])
def test_only_a_commit_ten_times_longer_than_usual_raises_doubt(seconds: float, *, raised: bool) -> None:
    doubt = Doubt()
    for _ in range(100):
        doubt.took(0.04)
    doubt.took(seconds)
    assert doubt.raised is raised
