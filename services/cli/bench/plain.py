"""The yardstick: a bare loop that consumes and produces the same records, with and without transactions."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import NewTopic

from services.cli.bench.targets import Result
from services.cli.bench.world import MeasureError, World
from services.runtime import kafka

_ROUNDS = 5
_COMMIT_SECONDS = 0.1
_BATCH = 500
_ANSWER = 30.0
_PATIENCE = 60.0
_IN, _OUT = "bench.in", "bench.out"


def measure(world: World, reports: Sequence[bytes]) -> list[Result]:
    """Both loops over the same records."""
    lanes = world.settings.lanes
    for future in world.admin.create_topics([NewTopic(name, lanes, 1) for name in (_IN, _OUT)]).values():
        future.result(_ANSWER)
    count = _fill(world, reports)
    found = [
        Result("plain_records_per_s", _loop(world, count, transactional=False)),
        Result("plain_transactional_records_per_s", _loop(world, count, transactional=True)),
    ]
    for future in world.admin.delete_topics([_IN, _OUT]).values():
        future.result(_ANSWER)
    return found


def _fill(world: World, reports: Sequence[bytes]) -> int:
    producer = Producer({**world.client, **kafka.PRODUCER})
    for _ in range(_ROUNDS):
        for number, report in enumerate(reports):
            producer.produce(_IN, report, partition=number % world.settings.lanes)
        producer.flush(_ANSWER)
    return _ROUNDS * len(reports)


def _loop(world: World, count: int, *, transactional: bool) -> float:
    """Records per second; the first fifth is not counted."""
    consumer = Consumer({**world.client, **kafka.CONSUMER, "group.id": "bench.plain"})
    consumer.assign([TopicPartition(_IN, number, 0) for number in range(world.settings.lanes)])
    extra = {"transactional.id": "bench.plain"} if transactional else {}
    producer = Producer({**world.client, **kafka.PRODUCER, **extra})
    copy = _Copy(consumer, producer, transactional=transactional)
    try:
        warm_up = copy.run(count // 5)
        started = time.monotonic()
        done = copy.run(count - warm_up)
        return done / (time.monotonic() - started)
    finally:
        consumer.close()
        producer.close()


class _Copy:
    def __init__(self, consumer: Consumer, producer: Producer, *, transactional: bool) -> None:
        self._consumer, self._producer = consumer, producer
        self._transactional = transactional
        if transactional:
            producer.init_transactions(_ANSWER)

    def run(self, count: int) -> int:
        """Copy at least so many records; how many it were. MeasureError if they do not come."""
        done, deadline = 0, time.monotonic() + _PATIENCE
        while done < count:
            if time.monotonic() > deadline:
                raise MeasureError(f"plain loop: {done} of {count} records within {_PATIENCE:.0f} s")
            if self._transactional:
                self._producer.begin_transaction()
            until = time.monotonic() + _COMMIT_SECONDS
            while done < count and time.monotonic() < until:
                done += self._batch()
            self._commit()
        return done

    def _batch(self) -> int:
        messages = self._consumer.consume(_BATCH, 0.01)
        for message in messages:
            self._produce(message)
        self._producer.poll(0)
        return len(messages)

    def _produce(self, message: Any) -> None:
        while True:
            try:
                self._producer.produce(_OUT, message.value(), partition=message.partition())
            except BufferError:
                self._producer.poll(0.01)
            else:
                return

    def _commit(self) -> None:
        if not self._transactional:
            self._producer.flush(_ANSWER)
            return
        positions = self._consumer.position(self._consumer.assignment())
        positions = [part for part in positions if part.offset >= 0]
        self._producer.send_offsets_to_transaction(positions, self._consumer.consumer_group_metadata(), _ANSWER)
        self._producer.commit_transaction(_ANSWER)
