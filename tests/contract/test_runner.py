"""What the runner promises, on memory and on Kafka alike (ARCHITECTURE §5; reliability.md §2.2, §14 P1, P2, P10)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from services.core.reason import Reason
from services.core.stage import Outcome
from services.runtime import runner as runner_module
from services.runtime.observer import Unwatched
from services.runtime.ports import Aborted, Fatal
from services.runtime.runner import Exit, Runner
from tests.contract.rules import Due, Enters, FailsAtOnce, FailsLater, Hears, Names, Once, Told, processor
from tests.contract.worlds import LIMITS, Crash, MemoryWorld, World, ack, beat, dead, drive, texts, topics

KEYS = [f"k{number}" for number in range(8)]


def never() -> bool:
    return False


def started(world: World, prefix: str, rule: type[Once] = Once, **options: Any) -> Runner:
    runner = world.runner(processor(prefix, rule, reads_control="fold" in options), **options)
    runner.start(never)
    return runner


def fill(world: World, prefix: str, keys: list[str] = KEYS) -> list[tuple[str, str]]:
    """Every key twice, over two partitions; what must come out once."""
    for key in keys:
        for text in ("first", "second"):
            world.append(f"{prefix}.in", key, beat(text), KEYS.index(key) % 2)
    return sorted((key, "first") for key in keys)


def quiet(world: World, prefix: str, expected: list[tuple[str, str]]) -> Callable[[], bool]:
    return lambda: len(texts(world, f"{prefix}.out")) >= len(expected)


def settle(runner: Runner) -> None:
    """Two more turns: what would come twice has come by then."""
    runner.turn()
    runner.turn()


class Counts(Unwatched):
    """What the observer was told."""

    def __init__(self) -> None:
        self.read: Counter[int] = Counter()
        self.ended: Counter[tuple[int, Outcome]] = Counter()
        self.reasons: list[Reason] = []
        self.aborts = 0
        self.lags: list[float] = []

    def position_lag(self, topic: str, partition: int, seconds: float) -> None:
        self.lags.append(seconds)

    def inputs(self, topic: str, partition: int, n: int) -> None:
        self.read[partition] += n

    def outcome(self, topic: str, partition: int, outcome: Outcome, n: int) -> None:
        self.ended[partition, outcome] += n

    def refused(self, reason: Reason) -> None:
        self.reasons.append(reason)

    def aborted(self) -> None:
        self.aborts += 1


def test_each_key_is_sent_once_and_the_changelog_is_the_state(world: World) -> None:
    prefix = topics(world)
    expected = fill(world, prefix)
    runner = started(world, prefix)
    drive([runner], quiet(world, prefix, expected))
    settle(runner)
    assert texts(world, f"{prefix}.out") == expected
    assert texts(world, f"{prefix}.state") == expected


def test_outputs_keep_the_partition_of_their_input(world: World) -> None:
    prefix = topics(world)
    expected = fill(world, prefix)
    drive([started(world, prefix)], quiet(world, prefix, expected))
    found = {(message.key or b"").decode(): message.partition for message in world.committed(f"{prefix}.out")}
    assert found == {key: KEYS.index(key) % 2 for key in KEYS}


OPERATIONS = [
    ("poll", 2),
    ("begin", 1),
    ("send", 1),
    ("send", 2),
    ("commit", 1),
    ("poll", 4),
    ("begin", 2),
    ("commit", 2),
]


@pytest.mark.parametrize(("operation", "number"), OPERATIONS)
def test_a_crash_before_an_operation_loses_and_repeats_nothing(world: World, operation: str, number: int) -> None:
    left = number

    def before(name: str) -> None:
        nonlocal left
        left -= name == operation
        if not left and name == operation:
            raise Crash

    prefix = topics(world)
    expected = fill(world, prefix)
    runner = started(world, prefix, before=before)
    with pytest.raises(Crash):
        drive([runner], never, 20)
    world.crash(runner)
    again = started(world, prefix)
    drive([again], quiet(world, prefix, expected))
    settle(again)
    assert texts(world, f"{prefix}.out") == expected
    assert texts(world, f"{prefix}.state") == expected


def test_a_crash_anywhere_loses_and_repeats_nothing() -> None:
    """Every operation of a whole run, one after the other (memory: on Kafka each restart costs its time)."""
    crashes, at = 0, 1
    while True:
        world, left = MemoryWorld(), at

        def before(_: str) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise Crash

        prefix = topics(world)
        expected = fill(world, prefix)
        try:
            drive([started(world, prefix, before=before)], quiet(world, prefix, expected))
        except Crash:
            crashes += 1
        again = started(world, prefix)
        drive([again], quiet(world, prefix, expected))
        settle(again)
        assert texts(world, f"{prefix}.out") == expected, f"crash before operation {at}"
        assert texts(world, f"{prefix}.state") == expected, f"crash before operation {at}"
        if left > 0:
            break
        at += 1
    assert crashes > 30


@pytest.mark.parametrize("number", [1, 2, 3])
def test_an_abort_rewinds_every_partition_and_undoes_the_state(world: World, number: int) -> None:
    commits, counts = 0, Counts()

    def before(name: str) -> None:
        nonlocal commits
        commits += name == "commit"
        if name == "commit" and commits == number:
            raise Aborted("a test")

    prefix = topics(world)
    expected = fill(world, prefix)
    runner = started(world, prefix, before=before, observer=counts)
    drive([runner], lambda: counts.aborts == 1 and quiet(world, prefix, expected)())
    settle(runner)
    assert texts(world, f"{prefix}.out") == expected
    assert texts(world, f"{prefix}.state") == expected
    assert sum(counts.read.values()) == 2 * len(KEYS), "a record read again after an abort is the same input"
    assert sum(counts.ended.values()) == 2 * len(KEYS)


def test_an_abort_that_never_ends_ends_the_slot(world: World) -> None:
    def before(name: str) -> None:
        if name == "commit":
            raise Aborted("REFUSED")

    prefix = topics(world)
    fill(world, prefix)
    with pytest.raises(Fatal, match="REFUSED"):
        drive([started(world, prefix, before=before)], never)
    assert texts(world, f"{prefix}.out") == []


def test_two_slots_share_the_partitions(world: World) -> None:
    prefix = topics(world, 4)
    counts = Counts(), Counts()
    runners = [world.runner(processor(prefix), slot, observer=counts[slot]) for slot in (0, 1)]
    for runner in runners:
        runner.start(never)
    drive(runners, lambda: all(len(runner.owned) == 2 for runner in runners))
    for number in range(20):
        world.append(f"{prefix}.in", f"k{number}", beat("first"), number % 4)
    expected = sorted((f"k{number}", "first") for number in range(20))
    drive(runners, quiet(world, prefix, expected))
    assert texts(world, f"{prefix}.out") == expected
    assert [sum(count.read.values()) for count in counts] == [10, 10]
    assert not counts[0].read.keys() & counts[1].read.keys()


def test_a_second_slot_takes_partitions_over_with_their_state(world: World) -> None:
    prefix = topics(world)
    expected = fill(world, prefix)
    first = started(world, prefix)
    drive([first], quiet(world, prefix, expected))
    second = world.runner(processor(prefix), 1)
    second.start(never)
    drive([first, second], lambda: len(first.owned) == len(second.owned) == 1)
    fill(world, prefix)  # all of it known by now
    world.append(f"{prefix}.in", "new0", beat("first"), 0)
    world.append(f"{prefix}.in", "new1", beat("first"), 1)
    expected = sorted([*expected, ("new0", "first"), ("new1", "first")])
    drive([first, second], quiet(world, prefix, expected))
    assert texts(world, f"{prefix}.out") == expected


def test_bad_input_is_a_dead_letter_with_its_coordinates_and_stops_nothing(world: World) -> None:
    prefix, counts = topics(world), Counts()
    for number in range(4 * LIMITS.bugs):
        world.append(f"{prefix}.in", f"bad{number}", beat("bad"))
    world.append(f"{prefix}.in", "good", beat("first"))
    drive([started(world, prefix, observer=counts)], quiet(world, prefix, [("good", "first")]))
    letters = dead(world, prefix)
    assert sorted(letter["offset"] for letter in letters) == list(range(4 * LIMITS.bugs))
    assert {(letter["stage"], letter["partition"], letter["reason"]) for letter in letters} == {
        ("enrich", 0, "BAD_TIME")
    }
    assert {(letter["advice"], letter["field"]) for letter in letters} == {("give a time that has passed", "by")}
    assert {letter["first_bytes"] for letter in letters} == {beat("bad")}
    assert counts.reasons == [Reason.BAD_TIME] * 4 * LIMITS.bugs
    assert counts.ended[0, Outcome.REFUSED] == 4 * LIMITS.bugs


def test_a_dead_letter_is_in_the_transaction_of_its_input(world: World) -> None:
    commits = 0

    def before(name: str) -> None:
        nonlocal commits
        commits += name == "commit"
        if name == "commit" and commits == 1:
            assert dead(world, prefix) == []
            raise Aborted("a test")

    prefix = topics(world)
    world.append(f"{prefix}.in", "k0", beat("bad"))
    drive([started(world, prefix, before=before)], lambda: len(dead(world, prefix)) > 0)
    assert len(dead(world, prefix)) == 1


def test_a_record_that_is_none_of_ours_is_a_dead_letter(world: World) -> None:
    prefix = topics(world)
    world.append(f"{prefix}.in", "k0", b"\x00\x00no record")
    world.append(f"{prefix}.in", "k1", beat("first"))
    drive([started(world, prefix)], quiet(world, prefix, [("k1", "first")]))
    (letter,) = dead(world, prefix)
    assert (letter["reason"], letter["offset"], letter["length"]) == ("BUG_RECORD", 0, 11)


def test_our_own_bugs_stop_the_slot_at_the_limit_and_not_before(world: World) -> None:
    prefix = topics(world, 1)
    for number in range(5):
        world.append(f"{prefix}.in", f"bug{number}", beat("bug"))
        world.append(f"{prefix}.in", f"k{number}", beat("first"))
    runner = world.runner(processor(prefix))
    assert runner.run(never) is Exit.BUGS
    assert [letter["offset"] for letter in dead(world, prefix)] == [0, 2, 4]
    assert {letter["reason"] for letter in dead(world, prefix)} == {"BUG_STEP"}
    assert texts(world, f"{prefix}.out") == [("k0", "first"), ("k1", "first")], "nothing past the limit is committed"
    again = world.runner(processor(prefix))
    stop_when = quiet(world, prefix, [("", "")] * 5)
    assert again.run(stop_when) is Exit.STOPPED
    assert [letter["offset"] for letter in dead(world, prefix)] == [0, 2, 4, 6, 8]


def test_a_result_that_its_rule_cannot_take_in_is_undone_and_refused(world: World) -> None:
    prefix = topics(world)
    for key, text in (("k0", "first"), ("k2", "unappliable"), ("k4", "first")):
        world.append(f"{prefix}.in", key, beat(text))
    drive([started(world, prefix)], quiet(world, prefix, [("", "")] * 2))
    assert texts(world, f"{prefix}.out") == texts(world, f"{prefix}.state") == [("k0", "first"), ("k4", "first")]
    assert [(letter["reason"], letter["offset"]) for letter in dead(world, prefix)] == [("BUG_STEP", 1)]


def test_due_work_is_done_when_no_record_comes(world: World) -> None:
    prefix = topics(world)
    world.append(f"{prefix}.state", "k0", beat("before"))
    world.append(f"{prefix}.state", "k1", beat("before"), 1)
    runner = started(world, prefix, Due)
    drive([runner], quiet(world, prefix, [("", "")] * 2))
    settle(runner)
    assert texts(world, f"{prefix}.out") == [("k0-due", "due"), ("k1-due", "due")]


def test_due_work_that_takes_longer_than_a_slice_goes_on_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.runtime.runner._SLICE", 0.0)  # every piece ends one
    prefix = topics(world)
    for number, key in enumerate(("k0", "k1", "k2", "k3")):
        world.append(f"{prefix}.state", key, beat("before"), number % 2)
    runner = started(world, prefix, Due)
    drive([runner], quiet(world, prefix, [("", "")] * 4))
    settle(runner)
    assert texts(world, f"{prefix}.out") == [(f"k{number}-due", "due") for number in range(4)]


@pytest.mark.parametrize("rule", [FailsAtOnce, FailsLater])
def test_bugs_in_due_work_stop_the_slot_at_the_limit_too(world: World, rule: type[Once]) -> None:
    assert world.runner(processor(topics(world), rule)).run(never) is Exit.BUGS


def test_the_lag_is_shown_and_is_nothing_when_no_record_waits(world: World) -> None:
    prefix, counts = topics(world, 1), Counts()
    world.append(f"{prefix}.in", "k0", beat("first"))
    drive([started(world, prefix, observer=counts)], lambda: len(counts.lags) > 1)
    assert counts.lags[0] >= 0.0
    assert counts.lags[1:] == [0.0]


def test_the_state_is_restored_to_its_end_before_the_first_record(world: World) -> None:
    prefix = topics(world)
    for number in range(50):
        world.append(f"{prefix}.state", f"k{number}", beat("before"))
    world.append(f"{prefix}.state", "k49", None)
    for key in ("k0", "k48", "k49"):
        world.append(f"{prefix}.in", key, beat("first"))
    drive([started(world, prefix)], quiet(world, prefix, [("", "")]))
    assert texts(world, f"{prefix}.out") == [("k49", "first")]


def test_a_batch_is_decided_by_every_control_record_before_it(world: World) -> None:
    prefix = topics(world)
    world.append(f"{prefix}.control", "a", beat("a"))
    runner = started(world, prefix, Told, fold=Names())
    world.append(f"{prefix}.in", "k0", beat("first"))
    drive([runner], quiet(world, prefix, [("", "")]))
    for name in ("b", "c"):
        world.append(f"{prefix}.control", name, beat(name))
    world.append(f"{prefix}.in", "k2", beat("first"))
    drive([runner], quiet(world, prefix, [("", "")] * 2))
    assert texts(world, f"{prefix}.out") == [("k0", "a True"), ("k2", "a,b,c True")]


def test_the_moment_carries_the_answers_of_before_and_after_the_start(world: World) -> None:
    prefix = topics(world, 1)
    world.create(f"{prefix}.acks", 1)
    world.append(f"{prefix}.acks", "a", ack("k0", "PARTIAL"))
    world.append(f"{prefix}.acks", "a", ack("k0", "DONE"))
    runner = started(world, prefix, Hears, acks=f"{prefix}.acks")
    drive([runner], quiet(world, prefix, [("", "")]))
    world.append(f"{prefix}.acks", "b", b"no record of ours")
    world.append(f"{prefix}.acks", "c", ack("k2", "CANNOT"))
    drive([runner], quiet(world, prefix, [("", "")] * 2))
    assert texts(world, f"{prefix}.out") == [("k0", "DONE"), ("k2", "CANNOT")]


def test_a_stage_that_writes_control_sees_its_own_record_before_its_next_batch(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It commits at once, however long a transaction may last: behind its own open one no barrier would be reached."""
    prefix = topics(world)
    monkeypatch.setattr(runner_module, "CONTROL", f"{prefix}.control")
    for key in ("k0", "k2", "k4"):
        world.append(f"{prefix}.in", key, beat("first"))
    patient = LIMITS.model_copy(update={"batch": 1, "commit_seconds": 60.0})
    runner = started(world, prefix, Enters, fold=Names(), limits=patient)
    drive([runner], quiet(world, prefix, [("", "")] * 3))
    assert texts(world, f"{prefix}.out") == [("k0", " True"), ("k2", "k0 True"), ("k4", "k0,k2 True")]


def test_nothing_is_fresh_while_an_open_transaction_hides_control_records(world: World) -> None:
    """The barrier waits for the high watermark: what an unfinished writer holds back may be a revocation."""
    prefix = topics(world)
    runner = started(world, prefix, Told, fold=Names())
    release = world.hold(f"{prefix}.control")
    world.append(f"{prefix}.control", "b", beat("b"))
    world.append(f"{prefix}.in", "k0", beat("first"))
    drive([runner], quiet(world, prefix, [("", "")]))
    release()
    world.append(f"{prefix}.in", "k2", beat("first"))
    drive([runner], quiet(world, prefix, [("", "")] * 2))
    assert texts(world, f"{prefix}.out") == [("k0", " False"), ("k2", "b True")]


def test_epoch_and_clock_never_go_back(world: World) -> None:
    prefix, rules = topics(world), []

    class Kept(Told):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            rules.append(self)

    runner = started(world, prefix, Kept, fold=Names())
    for number in range(6):
        world.append(f"{prefix}.control", f"c{number}", beat(f"c{number}"))
        world.append(f"{prefix}.in", f"k{number}", beat("first"))
        drive([runner], quiet(world, prefix, [("", "")] * (number + 1)))
    moments = next(rule.moments for rule in rules if rule.moments)
    assert [moment.epoch for moment in moments] == [1, 2, 3, 4, 5, 6]
    assert [moment.now for moment in moments] == sorted(moment.now for moment in moments)


def test_a_clean_stop_commits_what_is_open(world: World) -> None:
    prefix = topics(world)
    expected = fill(world, prefix)
    runner = world.runner(processor(prefix), limits=LIMITS.model_copy(update={"batch": 4, "commit_seconds": 60.0}))
    sent = 0

    def stop_in_the_middle() -> bool:
        return runner.pending > 0

    assert runner.run(stop_in_the_middle) is Exit.STOPPED
    sent = len(texts(world, f"{prefix}.out"))
    assert 0 < sent < len(expected)
    again = started(world, prefix)
    drive([again], quiet(world, prefix, expected))
    assert texts(world, f"{prefix}.out") == expected
