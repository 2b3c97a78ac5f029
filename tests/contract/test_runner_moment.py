"""By what a batch is decided: state, control records, answers and the clock as of before it (ARCHITECTURE §5)."""

from __future__ import annotations

from typing import Any

import pytest

from services.runtime import runner as runner_module
from tests.contract.rules import Enters, Hears, Names, Told
from tests.contract.runs import quiet, started
from tests.contract.worlds import LIMITS, World, ack, beat, drive, texts, topics


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
