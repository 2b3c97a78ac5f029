"""Real slot processes on real Kafka: killed, stopped, and wrong on purpose (reliability.md §9 rows 1 and 14, §14 P2, P8)."""

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


def test_a_slot_that_restarts_goes_on_at_once(world: KafkaWorld, slots: Slots) -> None:
    """Static member and stable transactional id: neither the session nor the transaction has to time out first."""
    slots.start()
    expected = fill(world, slots.prefix, 0, 400)
    wait(lambda: physically(world, f"{slots.prefix}.out") > 0)
    slots.kill(0)
    slots.start()
    killed = time.monotonic()
    complete(world, slots.prefix, expected)
    assert time.monotonic() - killed < 12.0, "less than session.timeout.ms and transaction.timeout.ms, 15 s both"


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


@pytest.mark.parametrize(("mutant", "lost"), [("right", False), ("no-rewind", True), ("remember-first", True)])
def test_the_control_survives_its_aborts_and_the_mutants_do_not(
    world: KafkaWorld, slots: Slots, mutant: str, *, lost: bool
) -> None:
    slots.start(mutant=mutant)
    expected = []
    for chunk in range(60):
        expected += fill(world, slots.prefix, 4 * chunk, 4)
        time.sleep(0.02)  # the load itself: small transactions, so that some of them are aborted
    last = [(f"last{lane}", "first") for lane in range(LANES)]
    for lane, (key, text) in enumerate(last):
        world.append(f"{slots.prefix}.in", key, beat(text), lane)
    wait(lambda: set(last) <= set(texts(world, f"{slots.prefix}.out")))
    assert (texts(world, f"{slots.prefix}.out") != sorted(expected + last)) is lost


def test_a_random_transactional_id_holds_readers_up_for_its_time_out(world: KafkaWorld, slots: Slots) -> None:
    """The mutant of test_a_slot_that_restarts_goes_on_at_once."""
    slots.start(mutant="random-id")
    expected = fill(world, slots.prefix, 0, 400)
    wait(lambda: physically(world, f"{slots.prefix}.out") > 0)
    slots.kill(0)
    stuck = len(texts(world, f"{slots.prefix}.out")) < len(expected)
    slots.start(mutant="random-id")
    killed = time.monotonic()
    complete(world, slots.prefix, expected)
    assert not stuck or time.monotonic() - killed > 12.0
