"""What the runner does with bad input, bugs of ours and work that no record brings (reliability.md §14 P10)."""

from __future__ import annotations

import pytest

from services.core.reason import Reason
from services.core.stage import Outcome
from services.runtime.ports import Aborted
from services.runtime.runner import Exit
from tests.contract.rules import Due, FailsAtOnce, FailsLater, Once, processor
from tests.contract.runs import Counts, never, quiet, settle, started
from tests.contract.worlds import LIMITS, World, beat, dead, drive, texts, topics


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
