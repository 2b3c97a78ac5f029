"""One contract, two brokers: the in-memory twin and a real Kafka."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any, Protocol

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)

from services.runtime import kafka, kafka_broker
from services.runtime.acks import Acks
from services.runtime.clock import HEARTBEAT, Clock
from services.runtime.codec import Codec
from services.runtime.control import Control
from services.runtime.kafka_broker import KafkaBroker, to_message
from services.runtime.kafka_tail import Beater, Tails
from services.runtime.local import LocalStack
from services.runtime.memory import MemoryBroker, MemoryCluster, MemoryTail
from services.runtime.observer import Observer, Unwatched
from services.runtime.ports import Broker, Message
from services.runtime.processor import Processor, Stage
from services.runtime.runner import Outside, Runner
from services.runtime.settings import Limits
from services.runtime.step import DEAD, Step

CODEC = Codec()
LIMITS = Limits(batch=3, bugs=3, barrier_seconds=0.3, commit_seconds=1e-6)
"""Small: every batch is a transaction of its own, so that few records make many."""


class Crash(BaseException):
    """The process dies here."""


class Faulty:
    """A broker port that calls `before(operation)` before each operation, which may raise instead."""

    def __init__(self, inner: Broker, before: Callable[[str], None]) -> None:
        self.inner, self.before = inner, before

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self.inner, name)

        def call(*arguments: Any, **named: Any) -> Any:
            self.before(name)
            return operation(*arguments, **named)

        return call


class World(Protocol):
    """What a test of the contract may do to a broker."""

    name: str

    def create(self, topic: str, partitions: int) -> None: ...

    def append(self, topic: str, key: str, value: bytes | None, partition: int = 0) -> None: ...

    def committed(self, topic: str) -> list[Message]:
        """Every committed record of a topic, as a reader sees it now."""

    def runner(self, processor: Processor, slot: int = 0, **options: Any) -> Runner:
        """A slot; `before`: fault hook, `fold`: policy, `acks`: their topic, `observer`, `limits`."""

    def crash(self, runner: Runner) -> None:
        """The process of this slot is gone: nothing is committed, nobody is told."""

    def hold(self, topic: str) -> Callable[[], None]:
        """Somebody else's transaction writes one record and stays open; call the result to abort it."""


def topics(world: World, partitions: int = 2) -> str:
    """Fresh topics of one test, by their common prefix."""
    prefix = f"contract-{uuid.uuid4().hex[:8]}"
    for suffix in ("in", "out", "state"):
        world.create(f"{prefix}.{suffix}", partitions)
    world.create(f"{prefix}.control", 1)
    return prefix


def beat(text: str) -> bytes:
    """The simplest record of ours."""
    return CODEC.encode("beat", {"by": text})


def ack(message: str, answer: str) -> bytes:
    """An acknowledgement as intake enters it."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    fields = {"recipient": "birch", "message_id": message, "answer": answer, "received_at": at, "note": ""}
    return CODEC.encode("ack", fields)


def texts(world: World, topic: str) -> list[tuple[str, str]]:
    """Key and text of every committed record, sorted: a multiset to compare."""
    return sorted(((m.key or b"").decode(), CODEC.decode(m.value or b"")[1]["by"]) for m in world.committed(topic))


def dead(world: World, prefix: str) -> list[dict[str, Any]]:
    """The dead letters of one test's topics."""
    found = [CODEC.decode(message.value or b"")[1] for message in world.committed(DEAD)]
    return [letter for letter in found if letter["topic"].startswith(prefix)]


def drive(runners: Sequence[Runner], until: Callable[[], bool], seconds: float = 40.0) -> None:
    """Turn by turn, in turns, until it is so."""
    deadline = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < deadline, "the slots did not get there in time"
        for runner in runners:
            runner.turn()


class MemoryWorld:
    """The twin."""

    name = "memory"

    def __init__(self) -> None:
        self.cluster = MemoryCluster()
        for topic in (HEARTBEAT, DEAD):
            self.cluster.create(topic)

    def create(self, topic: str, partitions: int) -> None:
        self.cluster.create(topic, partitions)

    def append(self, topic: str, key: str, value: bytes | None, partition: int = 0) -> None:
        self.cluster.append(topic, key.encode(), value, partition)

    def committed(self, topic: str) -> list[Message]:
        parts = self.cluster.parts([topic])
        return [message for part in parts for message in self.cluster.read(part, 0, 10**9)[0]]

    def runner(self, processor: Processor, slot: int = 0, **options: Any) -> Runner:
        cluster = self.cluster
        clock = Clock(
            MemoryTail(cluster, HEARTBEAT, newest=True, committed=False),
            lambda: cluster.append(HEARTBEAT, None, beat("test")),
            LIMITS.heartbeat_stale_seconds,
        )
        fold, control = options.pop("fold", None), None
        if fold:
            tail = MemoryTail(cluster, f"{processor.sources[0].removesuffix('.in')}.control")
            control = Control(tail, fold, CODEC, LIMITS.barrier_seconds)
        acks = Acks(MemoryTail(cluster, options.pop("acks")), CODEC) if "acks" in options else None
        return _runner(processor, MemoryBroker(cluster, processor.stage, slot), (clock, control, acks), **options)

    def crash(self, runner: Runner) -> None:
        """Nothing to do: nobody calls it again, and the next holder of the slot fences it."""

    def hold(self, topic: str) -> Callable[[], None]:
        other = MemoryBroker(self.cluster, Stage.DELIVER, 9)
        other.begin()
        other.send(topic, b"held", beat("held"), 0)
        return other.abort


class KafkaWorld:
    """A real broker. Groups and slots are a test's own: members of the last test may not be missed by this one's."""

    name = "kafka"

    def __init__(self, stack: LocalStack, opened: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
        self.settings, self.opened = stack.settings, opened
        self._admin_settings = stack.admin_config()
        self.admin = AdminClient(stack.admin_config())
        self._producer = Producer(self._admin_settings)
        self._grant(Stage.ENRICH)
        self.reader = Consumer({**self._admin_settings, "group.id": "watcher", "isolation.level": "read_uncommitted"})
        opened.callback(self.reader.close)
        group = f"contract-{uuid.uuid4().hex[:8]}"

        def member(settings: Any, stage: str, slot: int, **extra: Any) -> dict[str, Any]:
            return kafka.member(settings, stage, slot, **extra) | {"group.id": f"{stage}.{group}"}

        monkeypatch.setattr(kafka_broker, "member", member)

    def _grant(self, stage: Stage) -> None:
        bindings = [
            AclBinding(
                ResourceType.TOPIC, "contract-", ResourcePatternType.PREFIXED, f"User:{stage}", "*", operation,
                AclPermissionType.ALLOW,
            )
            for operation in (AclOperation.READ, AclOperation.WRITE)
        ]  # fmt: skip
        for done in self.admin.create_acls(bindings).values():
            done.result()

    def create(self, topic: str, partitions: int) -> None:
        for done in self.admin.create_topics([NewTopic(topic, partitions, 1)]).values():
            done.result()
        deadline = time.monotonic() + 30
        while not self._has_leaders(topic, partitions):
            assert time.monotonic() < deadline

    def _has_leaders(self, topic: str, count: int) -> bool:
        """Whether a client that asks now finds the new topic whole."""
        parts = self.reader.list_topics(topic, timeout=10).topics[topic].partitions
        try:
            for part in parts:
                self.reader.get_watermark_offsets(TopicPartition(topic, part), timeout=5)
        except KafkaException:
            return False
        return len(parts) == count

    def append(self, topic: str, key: str, value: bytes | None, partition: int = 0) -> None:
        self.queue(topic, key, value, partition)
        self.flush()

    def queue(self, topic: str, key: str, value: bytes | None, partition: int) -> None:
        self._producer.produce(topic, value, key, partition)

    def flush(self) -> None:
        assert self._producer.flush(20) == 0

    def committed(self, topic: str) -> list[Message]:
        consumer = Consumer(
            {
                **self._admin_settings, "group.id": "oracle", "enable.partition.eof": True,
                "isolation.level": "read_committed", "fetch.wait.max.ms": 10,
            }
        )  # fmt: skip
        try:
            parts = consumer.list_topics(topic, timeout=10).topics[topic].partitions
            consumer.assign([TopicPartition(topic, part, OFFSET_BEGINNING) for part in parts])
            found, ended = [], 0
            while ended < len(parts):
                message = consumer.poll(10.0)
                assert message is not None
                if message.error():
                    ended += 1
                else:
                    found.append(to_message(message))
        finally:
            consumer.close()
        return sorted(found)

    def runner(self, processor: Processor, slot: int = 0, **options: Any) -> Runner:
        stage = processor.stage
        tails = Tails(self.opened, self.settings, stage)
        beater = Beater(self.settings, stage, slot, CODEC)
        self.opened.callback(beater.close)
        clock = Clock(tails.newest(HEARTBEAT), beater.beat, LIMITS.heartbeat_stale_seconds)
        fold, control = options.pop("fold", None), None
        if fold:
            tail = tails.whole(f"{processor.sources[0].removesuffix('.in')}.control")
            control = Control(tail, fold, CODEC, LIMITS.barrier_seconds)
        broker = KafkaBroker(self.settings, stage, slot, options.get("observer", Unwatched()).rebuilt)
        self.opened.callback(broker.close)
        acks = Acks(tails.whole(options.pop("acks")), CODEC) if "acks" in options else None
        return _runner(processor, broker, (clock, control, acks), **options)

    def crash(self, runner: Runner) -> None:
        """The consumer goes without a word; the producer stays as the dead process left it, and is fenced."""
        broker: Any = runner.broker
        broker = getattr(broker, "inner", broker)
        broker._owner = None
        broker._consumer.close()

    def hold(self, topic: str) -> Callable[[], None]:
        producer = Producer({**self._admin_settings, "transactional.id": f"held-{uuid.uuid4().hex[:8]}"})
        producer.init_transactions(30)
        producer.begin_transaction()
        producer.produce(topic, beat("held"), "held", 0)
        assert producer.flush(10) == 0

        def release() -> None:
            producer.abort_transaction(30)
            producer.close()

        return release


def _runner(
    processor: Processor,
    broker: Broker,
    told: tuple[Clock, Control | None, Acks | None],
    *,
    before: Callable[[str], None] | None = None,
    observer: Observer | None = None,
    limits: Limits = LIMITS,
) -> Runner:
    port: Broker = Faulty(broker, before) if before else broker
    step = Step(processor.stage, CODEC, raw=processor.raw, size_limit=lambda _: 1_000_000)
    clock, control, acks = told
    return Runner(processor, Outside(port, clock, control, observer or Unwatched(), acks), step, CODEC, limits)
