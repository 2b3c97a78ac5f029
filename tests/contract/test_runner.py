"""What the runner promises, on memory and on Kafka alike: nothing lost, nothing twice (reliability.md §2.2, §14)."""

from __future__ import annotations

import pytest

from services.runtime.ports import Aborted, Fatal
from services.runtime.runner import Exit
from tests.contract.rules import processor
from tests.contract.runs import KEYS, Counts, fill, never, quiet, settle, started
from tests.contract.worlds import LIMITS, Crash, MemoryWorld, World, beat, drive, texts, topics


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
