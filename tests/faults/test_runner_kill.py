"""Real slot processes on real Kafka: killed, stopped, and wrong on purpose (reliability.md §9, §14 P2 and P8)."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from confluent_kafka import TopicPartition

from services.runtime.local import LocalStack
from tests.contract.worlds import KafkaWorld, beat, texts, topics

pytestmark = pytest.mark.kafka
LANES = 4


class Slots:
    """Slot processes of one test; what runs at its end is killed."""

    def __init__(self, settings_file: Path, prefix: str, log: Path) -> None:
        self.settings_file, self.prefix, self.log = settings_file, prefix, log
        self.running: dict[int, subprocess.Popen[bytes]] = {}

    def start(self, slot: int = 0, mutant: str = "product") -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.faults.slot_entry", mutant, self.prefix]
        command += ["--config", str(self.settings_file), "--slot", str(slot)]
        with self.log.open("ab") as log:
            self.running[slot] = subprocess.Popen(command, stderr=log)
        return self.running[slot]

    def kill(self, slot: int) -> None:
        self.running[slot].kill()
        self.running[slot].wait()


@pytest.fixture
def world(stack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> Iterator[KafkaWorld]:
    with ExitStack() as opened:
        yield KafkaWorld(stack, opened, monkeypatch)


@pytest.fixture
def slots(world: KafkaWorld, stack: LocalStack, tmp_path: Path) -> Iterator[Slots]:
    found = Slots(stack.settings_file, topics(world, LANES), tmp_path / "slots.log")
    yield found
    for process in found.running.values():
        process.kill()
        process.wait()


def fill(world: KafkaWorld, prefix: str, first: int, count: int) -> list[tuple[str, str]]:
    """`count` keys, each twice; what must come out of them."""
    for number in range(first, first + count):
        for text in ("first", "second"):
            world.queue(f"{prefix}.in", f"k{number}", beat(text), number % LANES)
    world.flush()
    return [(f"k{number}", "first") for number in range(first, first + count)]


def physically(world: KafkaWorld, topic: str) -> int:
    """Offsets used, whether committed or not: how far a slot has come while its transaction is open."""
    return sum(world.reader.get_watermark_offsets(TopicPartition(topic, lane), 10)[1] for lane in range(LANES))


def wait(until: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.005)


def complete(world: KafkaWorld, prefix: str, expected: list[tuple[str, str]]) -> None:
    """Every key once in the outputs and in the state, at read_committed."""
    wait(lambda: len(texts(world, f"{prefix}.out")) >= len(expected))
    assert texts(world, f"{prefix}.out") == sorted(expected)
    assert texts(world, f"{prefix}.state") == sorted(expected)


def test_slots_killed_in_the_middle_of_transactions_lose_and_repeat_nothing(world: KafkaWorld, slots: Slots) -> None:
    expected: list[tuple[str, str]] = []
    for slot in (0, 1):
        slots.start(slot)
    for kill in range(6):
        before = physically(world, f"{slots.prefix}.out")
        expected += fill(world, slots.prefix, 400 * kill, 400)
        wait(lambda before=before: physically(world, f"{slots.prefix}.out") > before)  # type: ignore[misc]
        slots.kill(kill % 2)
        slots.start(kill % 2)
    complete(world, slots.prefix, expected)


def test_sigterm_ends_a_busy_slot_within_two_seconds_and_loses_nothing(world: KafkaWorld, slots: Slots) -> None:
    process = slots.start()
    expected = fill(world, slots.prefix, 0, 2000)
    wait(lambda: physically(world, f"{slots.prefix}.out") > 0)
    asked = time.monotonic()
    process.terminate()
    assert process.wait(10) == 0
    assert time.monotonic() - asked < 2.0
    slots.start()
    complete(world, slots.prefix, expected)


def killed_in_the_middle(world: KafkaWorld, slots: Slots, mutant: str) -> tuple[list[tuple[str, str]], float]:
    """A slot is killed with a transaction open; what must come out in the end, and when the transaction began."""
    slots.start(mutant=mutant)
    expected = fill(world, slots.prefix, 0, 40)
    wait(lambda: physically(world, f"{slots.prefix}.state") > 0)
    began = time.monotonic()
    slots.kill(0)
    assert texts(world, f"{slots.prefix}.out") == []
    return expected, began


def test_a_slot_that_restarts_goes_on_at_once(world: KafkaWorld, slots: Slots) -> None:
    """Static member and stable transactional id: neither the session nor the transaction has to time out first."""
    expected, began = killed_in_the_middle(world, slots, "slow")
    slots.start()
    complete(world, slots.prefix, expected)
    assert time.monotonic() - began < 12.0, "well under session.timeout.ms and transaction.timeout.ms, 15 s both"


def test_mutant_a_random_transactional_id_holds_readers_up_for_its_time_out(world: KafkaWorld, slots: Slots) -> None:
    expected, began = killed_in_the_middle(world, slots, "random-id")
    slots.start(mutant="random-id")
    complete(world, slots.prefix, expected)
    assert time.monotonic() - began > 13.0


def test_mutant_state_remembered_before_the_send_is_lost_after_a_kill(world: KafkaWorld, slots: Slots) -> None:
    expected, _ = killed_in_the_middle(world, slots, "remember-first")
    slots.start()
    later = fill(world, slots.prefix, 40, 40)
    wait(lambda: set(later) <= set(texts(world, f"{slots.prefix}.out")))
    assert set(expected) - set(texts(world, f"{slots.prefix}.out"))


@pytest.mark.parametrize(("mutant", "lost"), [("right", False), ("no-rewind", True)])
def test_an_abort_loses_nothing_but_in_the_mutant(world: KafkaWorld, slots: Slots, mutant: str, *, lost: bool) -> None:
    """One transaction after the other, of which every fifth is aborted."""
    slots.start(mutant=mutant)
    expected = []
    for chunk in range(12):
        expected += fill(world, slots.prefix, LANES * chunk, LANES)
        wait(lambda chunk=chunk: physically(world, f"{slots.prefix}.out") >= LANES * (chunk + 1))  # type: ignore[misc]
    ends: list[tuple[str, str]] = []
    while not set(ends) & set(texts(world, f"{slots.prefix}.out")):  # one of them is aborted, the next one is not
        grown = physically(world, f"{slots.prefix}.out")
        world.append(f"{slots.prefix}.in", f"end{len(ends)}", beat("first"))
        ends.append((f"end{len(ends)}", "first"))
        wait(lambda grown=grown: physically(world, f"{slots.prefix}.out") > grown + 1)  # type: ignore[misc]
    assert bool(set(expected) - set(texts(world, f"{slots.prefix}.out"))) is lost


def test_a_committed_offset_that_retention_took_stops_the_slot(world: KafkaWorld, slots: Slots) -> None:
    expected = fill(world, slots.prefix, 0, 4)
    process = slots.start()
    complete(world, slots.prefix, expected)
    process.terminate()
    assert process.wait(10) == 0
    fill(world, slots.prefix, 4, 40)
    gone = [TopicPartition(f"{slots.prefix}.in", lane, 12) for lane in range(LANES)]
    for done in world.admin.delete_records(gone).values():
        done.result()
    assert slots.start().wait(60) == 3
    assert b"_AUTO_OFFSET_RESET" in slots.log.read_bytes()
