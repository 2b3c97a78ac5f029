"""Several DELIVER slots: takeover, a frozen and revived process, a stop; bad records; pulses."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator

import pytest

from services.core.envelope import DeliveryType
from services.runtime import kafka
from services.runtime.local import LocalStack
from services.runtime.outlets_order import misplaced
from services.runtime.outlets_read import Reader
from services.runtime.processor import Assignment
from tests.faults.deliver_kit import (
    Log,
    Outlets,
    Slot,
    as_predecessor,
    complete,
    exact,
    floors_too_high,
    mine,
    orgs,
    repeats,
    wait,
)

pytestmark = pytest.mark.kafka
ORGS = orgs("slot")
NAMES = tuple(f"slt.out.{org}" for org in ORGS)
BOUND = 500
"""Repeats of a revived process: what may be in its local queues; measured are a few."""


@pytest.fixture
def slots(own_stack: LocalStack) -> Iterator[tuple[Slot, Slot]]:
    pair = Slot(own_stack, 0), Slot(own_stack, 1)
    yield pair
    for slot in pair:
        if slot.process is not None and slot.process.poll() is None:
            slot.kill()


def test_a_frozen_process_is_taken_over_and_repeats_little_when_revived(
    own_stack: LocalStack, slots: tuple[Slot, Slot], outlets: Outlets
) -> None:
    log, (first, second) = Log(own_stack, NAMES, "frozen"), slots
    first.start()
    second.start()
    wait(lambda: first.said("partitions taken over") and second.said("partitions taken over"), "both at work")
    writer = threading.Thread(target=log.write_for, args=(18.0, 80))
    writer.start()
    wait(lambda: outlets.end(NAMES[0]) > 100, "deliveries")
    known = second.said("partitions taken over")
    first.signal(signal.SIGSTOP)
    frozen = time.monotonic()
    wait(lambda: second.said("partitions taken over") > known, "the takeover")
    wait(lambda: time.monotonic() - frozen > 14, "the end of the frost")
    first.signal(signal.SIGCONT)
    assert first.wait() == 3  # it has lost its membership: a new process is needed
    writer.join()
    log.close()
    wait(lambda: complete(outlets, log, NAMES), "every delivery in its outlet")
    found = 0
    for name, held in mine(outlets, log).items():
        assert {each.sent for each in held} <= set(log.owed[name])
        if not first.parked(name) and not second.parked(name):
            assert {each.sent for each in held} == set(log.owed[name])
        found += repeats(held)
    print(f"repeats {found}")  # noqa: T201  how many is a measurement
    assert found <= BOUND
    assert floors_too_high(outlets, log) == []


def test_a_second_slot_joins_and_a_first_one_stops_without_a_repeat(
    own_stack: LocalStack, slots: tuple[Slot, Slot], outlets: Outlets
) -> None:
    log, (first, second) = Log(own_stack, NAMES, "join"), slots
    before = {name: len(held) for name, held in outlets.all_held(NAMES).items()}
    first.start()
    writer = threading.Thread(target=log.write_for, args=(8.0, 60))
    writer.start()
    wait(lambda: outlets.end(NAMES[0]) > before[NAMES[0]] + 50, "deliveries")
    second.start()
    known = second.said("partitions taken over")
    wait(lambda: second.said("partitions taken over") > known, "the second slot's partitions")
    asked = time.monotonic()
    first.signal(signal.SIGTERM)
    assert first.wait() == 0
    stopped = time.monotonic() - asked
    first.start()  # its place was kept
    writer.join()
    log.close()
    wait(lambda: complete(outlets, log, NAMES), "every delivery in its outlet")
    assert stopped < 4.0  # 2 s on a machine of its own
    exact(outlets, log, first, second)


def test_bad_records_are_recorded_and_do_not_stop_the_stream(
    own_stack: LocalStack, slots: tuple[Slot, Slot], outlets: Outlets
) -> None:
    log, (slot, _) = Log(own_stack, NAMES[:2], "bad"), slots
    before = len(unreadable(outlets))
    log.write(30)
    for partition in range(4):
        log.garbage(partition)
    log.write(30)
    log.close()
    slot.start()
    wait(lambda: complete(outlets, log, log.outlets), "every delivery in its outlet")
    wait(lambda: len(unreadable(outlets)) == before + 4, "four records in slt.dead")
    # One more than the limit ends the slot; the next process goes on behind them.
    for partition in range(2):
        log.garbage(partition)
    assert slot.wait() == 4
    slot.start()
    log.write(30)
    log.close()
    wait(lambda: complete(outlets, log, log.outlets), "every delivery in its outlet")
    wait(lambda: len(unreadable(outlets)) == before + 6, "six records in slt.dead")
    assert slot.process is not None
    assert slot.process.poll() is None


def unreadable(outlets: Outlets) -> list[tuple[str, int, int]]:
    dead = [each for each in outlets.dead() if (each["stage"], each["reason"]) == ("deliver", "BUG_RECORD")]
    return [(each["topic"], each["partition"], each["offset"]) for each in dead]


def test_the_newest_record_of_a_key_that_ends_with_an_older_one_is_found(
    own_stack: LocalStack, outlets: Outlets
) -> None:
    log, topic = Log(own_stack, NAMES[:1], "order"), NAMES[0]
    begin = outlets.end(topic)
    for number in (1, 2, 3):
        log.write_one("moved", number, DeliveryType.UPDATE, f"invented {number}".encode())
        log.write_one("right", number, DeliveryType.UPDATE)
    log.close()
    first, newest = log.owed[topic][0], log.owed[topic][4]
    as_predecessor(own_stack, {topic: [*log.owed[topic], first]})  # a revived process repeats an old one
    reader = Reader(kafka.reader(own_stack.settings, "deliver", **{"isolation.level": "read_uncommitted"}))
    again = misplaced(reader, {Assignment(topic, 0): begin})
    expected = {"key": newest.key, "sequence": 3, "header": newest.header}
    assert [(each.topic, each.item, each.body) for each in again] == [(topic, expected, newest.body)]


def test_every_live_outlet_has_a_pulse_from_one_slot_alone(
    own_stack: LocalStack, slots: tuple[Slot, Slot], outlets: Outlets
) -> None:
    before = {name: len(outlets.pulses(name)) for name in NAMES}
    for slot in slots:
        slot.start()
    wait(lambda: all(len(outlets.pulses(name)) > before[name] for name in NAMES), "a pulse in every outlet")
    for name in NAMES:
        times = outlets.pulses(name)
        assert times == sorted(times)
