"""What the broker port hands to the client; its behaviour on Kafka is in tests/contract."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from services.runtime.kafka_broker import KafkaBroker
from services.runtime.processor import Assignment

PARTS = [Assignment("slt.incidents", 0), Assignment("slt.incidents", 1)]


class Clients:
    """A consumer and a producer that note what they are told."""

    def __init__(self) -> None:
        self.sent: list[list[tuple[str, int, int]]] = []

    def commit(self, offsets: Sequence[TopicPartition], group: Any) -> None:
        assert group == "the group"
        self.sent.append([(one.topic, one.partition, one.offset) for one in offsets])

    def consumer_group_metadata(self) -> str:
        return "the group"

    def committed(self, parts: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        return [TopicPartition(one.topic, one.partition, 40 + one.partition) for one in parts]

    def incremental_assign(self, parts: list[TopicPartition]) -> None:
        assert len(parts) == len(PARTS)


@pytest.fixture
def clients() -> Clients:
    return Clients()


@pytest.fixture
def broker(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> KafkaBroker:
    monkeypatch.setattr(KafkaBroker, "__init__", lambda _: None)
    made: Any = KafkaBroker()  # type: ignore[call-arg]
    made._owner, made._committed_to = None, {}
    made._transactions = made._consumer = clients
    made._assigned([TopicPartition(part.topic, part.partition) for part in PARTS])
    return made  # type: ignore[no-any-return]


def test_due_work_without_an_input_is_fenced_by_the_group_as_well(broker: KafkaBroker, clients: Clients) -> None:
    broker.commit({})
    assert clients.sent == [[("slt.incidents", 0, 40)]]


def test_an_offset_is_never_committed_backwards_by_due_work(broker: KafkaBroker, clients: Clients) -> None:
    broker.commit({PARTS[0]: 50})
    broker.commit({})
    assert clients.sent[1] == [("slt.incidents", 0, 50)]


def test_a_partition_that_was_given_up_is_not_spoken_for(broker: KafkaBroker, clients: Clients) -> None:
    broker._revoked([TopicPartition("slt.incidents", 0)])
    broker.commit({})
    assert clients.sent == [[("slt.incidents", 1, 41)]]
