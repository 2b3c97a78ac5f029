"""DELIVER under kill -9: each delivery once, in order, nothing lost, read as a stock client reads."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator

import pytest

from services.runtime.local import LocalStack
from tests.faults.deliver_kit import Log, Outlets, Slot, as_predecessor, complete, exact, floors_too_high, orgs, wait

pytestmark = pytest.mark.kafka
ORGS = orgs("kill")
FEW = tuple(f"slt.out.{org}" for org in ORGS)


@pytest.fixture
def slot(own_stack: LocalStack) -> Iterator[Slot]:
    slot = Slot(own_stack)
    yield slot
    if slot.process is not None and slot.process.poll() is None:
        slot.kill()


def took_over(slot: Slot, known: int) -> None:
    wait(lambda: slot.said("partitions taken over") > known, "the takeover")


def storm(own_stack: LocalStack, slot: Slot, outlets: Outlets, log: Log, kills: int, rate: float) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201  a failed run can be repeated
    moments = random.Random(seed)
    done = threading.Event()

    def write() -> None:
        while not done.is_set():
            log.write_for(0.5, rate)

    writer = threading.Thread(target=write)
    writer.start()
    for _ in range(kills):
        known = slot.said("partitions taken over")
        slot.start()
        if moments.random() < 0.7:  # else at any moment of the start
            took_over(slot, known)
        time.sleep(moments.uniform(0, 0.7))
        slot.kill()
    done.set()
    writer.join()
    slot.start()
    wait(lambda: complete(outlets, log, log.outlets), "every delivery in its outlet")
    slot.kill()


def test_twenty_kills_lose_and_repeat_nothing(own_stack: LocalStack, slot: Slot, outlets: Outlets) -> None:
    log = Log(own_stack, FEW, "storm")
    storm(own_stack, slot, outlets, log, kills=20, rate=60)
    exact(outlets, log, slot)


def test_a_kill_while_skipping_leaves_floors_and_resume_points_alone(
    own_stack: LocalStack, slot: Slot, outlets: Outlets
) -> None:
    log = Log(own_stack, FEW, "skip")
    # A predecessor has sent all of these to their outlets and died before it could write a resume point.
    for _ in range(8):
        log.write(200)
    log.close()
    as_predecessor(own_stack, log.owed)
    before = len(outlets.resume_points())
    killed_while_skipping = 0
    for attempt in range(6):
        known = slot.said("partitions taken over")
        slot.start()
        took_over(slot, known)
        time.sleep(0.03 * attempt)
        slot.kill()
        killed_while_skipping += len(outlets.resume_points()) == before
        if len(outlets.resume_points()) > before:
            break
    assert killed_while_skipping >= 1
    assert floors_too_high(outlets, log) == []
    log.write(200)
    slot.start()
    wait(lambda: complete(outlets, log, log.outlets), "every delivery in its outlet")
    slot.kill()
    exact(outlets, log, slot)


@pytest.mark.full
def test_a_million_deliveries_under_twenty_kills(own_stack: LocalStack, slot: Slot, outlets: Outlets) -> None:
    own_stack.provision(orgs("many", 50))
    log = Log(own_stack, tuple(f"slt.out.{org}" for org in orgs("many", 50)), "million")
    storm(own_stack, slot, outlets, log, kills=20, rate=400)
    while sum(map(len, log.owed.values())) < 1_000_000:
        log.write(100)
    slot.start()
    wait(lambda: complete(outlets, log, log.outlets), "every delivery in its outlet", 300)
    slot.kill()
    exact(outlets, log, slot)
