"""An outlet's account and a lane's resume point, without a broker: a fake producer reports as the real one does."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException, Message

from services.core.outlet import WINDOW, Progress
from services.runtime.outlets_lane import Lane
from services.runtime.outlets_send import Account, Outlet, State
from services.runtime.ports import Fatal
from services.runtime.processor import Assignment

TOPIC = "slt.out.alder"
PART = Assignment("slt.deliveries", 0)


class Report:
    """What a delivery report tells."""

    def __init__(self, offset: int) -> None:
        self._offset = offset

    def offset(self) -> int:
        return self._offset


class FakeProducer:
    """Keeps what it is handed; the test decides what is reported."""

    def __init__(self, room: int = 1000) -> None:
        self.room = room
        self.queue: deque[tuple[str, Any]] = deque()
        self.refuses: KafkaError | None = None
        self.log: list[str] = []

    def produce(self, _topic: str, _value: bytes, key: str, _partition: int, *, on_delivery: Any, headers: Any) -> None:
        assert headers is None or headers[0][0] == "slt"
        if self.refuses is not None:
            raise KafkaException(self.refuses)
        if len(self.queue) >= self.room:
            raise BufferError
        self.queue.append((key, on_delivery))

    def confirm(self, count: int) -> None:
        for _ in range(count):
            key, report = self.queue.popleft()
            self.log.append(key)
            report(None, cast(Message, Report(len(self.log) - 1)))

    def refuse(self, count: int, code: int) -> None:
        for _ in range(count):
            _, report = self.queue.popleft()
            report(KafkaError(code), cast(Message, Report(-1001)))


def entry(account: Account, key: str, sequence: int = 1) -> tuple[Account, Mapping[str, Any], bytes]:
    account.left += 1
    return (account, {"key": key, "sequence": sequence, "header": b"type=ALERT"}, b"body")


def outlet(producer: FakeProducer) -> Outlet:
    return Outlet(TOPIC, cast(Any, producer), [])


def test_a_confirmed_record_settles_its_account_and_moves_the_floor() -> None:
    producer, account = FakeProducer(), Account(None, 0)
    one = outlet(producer)
    one.send(entry(account, "a"))
    one.send(entry(account, "b"))
    assert (account.left, one.floor) == (2, 0)
    producer.confirm(2)
    assert (account.left, one.floor, one.confirmed) == (0, 2, 2)


def test_what_the_client_has_no_room_for_is_sent_later_in_order() -> None:
    producer, account = FakeProducer(room=1), Account(None, 0)
    one = outlet(producer)
    for key in "abc":
        one.send(entry(account, key))
    for _ in range(3):
        producer.confirm(1)
        one.pump()
    assert producer.log == ["a", "b", "c"]
    assert account.left == 0


def test_a_refused_batch_is_sent_again_one_by_one_and_only_the_large_one_is_given_up() -> None:
    producer, account = FakeProducer(), Account(None, 0)
    one = outlet(producer)
    for key in ("a", "large", "c"):
        one.send(entry(account, key))
    producer.refuse(3, KafkaError.MSG_SIZE_TOO_LARGE)
    one.send(entry(account, "later"))
    one.retry()
    for code in (None, KafkaError.MSG_SIZE_TOO_LARGE, None, None):
        one.pump()
        assert len(producer.queue) == 1
        producer.confirm(1) if code is None else producer.refuse(1, code)
    assert producer.log == ["a", "c", "later"]
    assert [each[1]["key"] for each in one.hopeless] == ["large"]
    assert account.left == 1  # until the large one is recorded


def test_a_refused_record_that_its_key_has_passed_is_needless() -> None:
    producer, first, second = FakeProducer(), Account(None, 0), Account(None, 1)
    one = outlet(producer)
    one.send(entry(first, "a", 1))
    one.send(entry(second, "a", 2))
    producer.refuse(1, KafkaError.MSG_SIZE_TOO_LARGE)
    producer.confirm(1)
    one.retry()
    one.pump()
    assert (first.left, second.left, one.superseded) == (0, 0, 1)
    assert not producer.queue


def test_a_parked_outlet_gives_up_its_part_and_ignores_late_reports() -> None:
    producer, account = FakeProducer(), Account(None, 0)
    one = outlet(producer)
    one.send(entry(account, "a"))
    producer.confirm(1)
    one.send(entry(account, "b"))
    one.send(entry(account, "c"))
    producer.refuse(1, KafkaError.TOPIC_AUTHORIZATION_FAILED)
    assert one.broken == KafkaError.TOPIC_AUTHORIZATION_FAILED
    sent, unsent = one.park()
    assert ([each[1]["key"] for each in sent], unsent) == (["b", "c"], [])
    assert (account.left, one.state, one.floor, one.settled) == (0, State.PARKED, 1, False)
    producer.confirm(1)
    assert (account.left, one.floor, one.settled) == (0, 1, True)


def test_new_deliveries_wait_behind_what_is_owed() -> None:
    producer, account = FakeProducer(), Account(None, 0)
    one = outlet(producer)
    one.park()
    one.catch_up(5)
    assert one.floor == 0  # what is sent now must be found again after a crash
    one.send(entry(account, "owed"))
    one.state = State.JOINING
    one.held.append(entry(account, "new"))
    producer.confirm(1)
    one.open()
    one.pump()
    producer.confirm(1)
    assert producer.log == ["owed", "new"]


def test_a_fatal_error_of_the_producer_ends_the_slot() -> None:
    producer = FakeProducer()
    producer.refuses = KafkaError(KafkaError._FATAL, "fenced", True)
    with pytest.raises(Fatal):
        outlet(producer).send(entry(Account(None, 0), "a"))


class Input:
    """A message of the delivery log."""

    def __init__(self, offset: int) -> None:
        self._offset = offset

    def offset(self) -> int:
        return self._offset


def lane(offset: int = 0, there: Mapping[str, Mapping[str, int]] | None = None) -> Lane:
    made = Lane(PART, Progress(offset), {} if there is None else there)
    if there is None:
        made.there = None
    return made


def arrive(one: Lane, *offsets: int) -> None:
    one.waiting.extend(cast(Any, Input(offset)) for offset in offsets)


def test_a_resume_point_holds_the_floors_from_before_its_next_input() -> None:
    one = lane()
    arrive(one, 0, 1)
    _, first = one.take()
    first.left = 1
    assert one.due(1.0, lambda: {TOPIC: 10}) is None  # noted: next input 1, floor 10
    _, second = one.take()
    second.left = 1
    first.left = 0
    one.advance()
    # Input 1 has been sent meanwhile, at 11; a floor of now would hide it.
    assert one.due(1.1, lambda: {TOPIC: 12}) == Progress(1, {TOPIC: 10})
    one.written(1)
    second.left = 0
    one.advance()
    assert one.due(2.0, lambda: {TOPIC: 12}) == Progress(2, {TOPIC: 12})


def test_while_skipping_nothing_is_written() -> None:
    one = lane(there={TOPIC: {"a": 3}})
    arrive(one, 0, 1)
    one.take()
    one.take()
    assert not one.advance()
    assert one.passed == 2
    assert one.due(9.0, dict) is None
    one.ended(3)
    assert one.advance()
    assert one.due(9.0, lambda: {TOPIC: 4}) == Progress(3, {TOPIC: 4})


def test_skipping_ends_at_the_window_too() -> None:
    one = lane(there={})
    arrive(one, 0, WINDOW - 1, WINDOW)
    one.take()
    one.take()
    assert not one.may_send()
    assert one.advance()


def test_no_input_is_sent_a_window_above_the_durable_point() -> None:
    one = lane()
    arrive(one, WINDOW - 1, WINDOW)
    assert one.may_send()
    one.take()
    assert not one.may_send()
    one.written(1)
    assert one.may_send()


def test_a_parked_outlet_is_in_the_resume_point_until_it_has_what_it_is_owed() -> None:
    one = lane()
    arrive(one, 7)
    _, account = one.take()
    for key in ("a", "b"):
        one.owe(TOPIC, (account, {"key": key, "sequence": 4, "header": b""}, b""), listed=True)
    one.owe(TOPIC, (account, {"key": "c", "sequence": 1, "header": b""}, b""), listed=False)
    one.advance()
    point = one.due(1.0, dict)
    assert point is not None
    assert [(each.key, each.sequence, each.input) for each in point.parked] == [("a", 4, 7), ("b", 4, 7)]
    one.written(8)
    one.settle(TOPIC)
    assert one.due(2.0, dict) == Progress(8)
