"""The tail port on Kafka, and the small producer of heartbeats."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Producer, TopicPartition

from services.runtime.clock import HEARTBEAT
from services.runtime.codec import Codec
from services.runtime.kafka import reader, writer
from services.runtime.kafka_broker import to_message
from services.runtime.ports import Fatal, Message
from services.runtime.processor import Stage
from services.runtime.settings import Settings

_TAKEN = 5000
_START_SECONDS = 30.0
_UNCOMMITTED = {"isolation.level": "read_uncommitted"}
_SWIFT = {"message.timeout.ms": 3000, "linger.ms": 0}
"""A beat that is late is no beat: the next one is better."""


class KafkaTail:
    """See services.runtime.ports.Tail; follows partition 0 of a topic."""

    def __init__(self, consumer: Consumer, part: TopicPartition, asks: Consumer) -> None:
        """`asks` must read uncommitted: to other readers the broker names the last stable offset as the end."""
        self._consumer, self._part, self._asks = consumer, part, asks
        self._position = max(0, part.offset)
        consumer.assign([part])

    @property
    def position(self) -> int:
        """See the port."""
        return self._position

    def end(self, seconds: float) -> int | None:
        """See the port."""
        return _end(self._asks, self._part, seconds)

    def take(self, seconds: float) -> Sequence[Message]:
        """See the port."""
        first = self._consumer.poll(seconds)
        if first is None:
            return ()
        found = []
        for message in (first, *self._consumer.consume(_TAKEN, 0)):
            error = message.error()
            if error is None:
                found.append(to_message(message))
                self._position = found[-1].offset + 1
            elif error.code() == KafkaError._PARTITION_EOF:
                self._position = to_message(message).offset
            elif error.fatal() or error.code() == KafkaError._AUTO_OFFSET_RESET:
                raise Fatal(error.name(), topic=self._part.topic, partition=0)
        return found

    def close(self) -> None:
        """See the port."""
        self._consumer.close()


class Tails:
    """Makes the tails of one slot; everything made here is closed with `opened`."""

    def __init__(self, opened: ExitStack, settings: Settings, stage: str) -> None:
        """`stage`: whose credentials; nothing is connected yet."""
        self._opened, self._settings, self._stage = opened, settings, stage

    def newest(self, topic: str) -> KafkaTail:
        """From the topic's last record on, committed or not; Fatal if the broker cannot be reached."""
        consumer = self._consumer(**_UNCOMMITTED, **{"fetch.wait.max.ms": 250})
        end = _end(consumer, TopicPartition(topic, 0), _START_SECONDS)
        if end is None:
            raise Fatal("_TIMED_OUT", topic=topic)
        return KafkaTail(consumer, TopicPartition(topic, 0, max(0, end - 1)), consumer)

    def whole(self, topic: str) -> KafkaTail:
        """Every committed record of the topic, from its first.

        Its end is asked on a connection of its own: on one that also fetches, the question would wait for the answer
        to the fetch before it, since a broker handles the requests of a connection in turn.
        """
        consumer = self._consumer(**{"enable.partition.eof": True})
        return KafkaTail(consumer, TopicPartition(topic, 0, OFFSET_BEGINNING), self._consumer(**_UNCOMMITTED))

    def _consumer(self, **extra: object) -> Consumer:
        consumer = Consumer(reader(self._settings, self._stage, **extra))
        self._opened.callback(consumer.close)
        return consumer


class Beater:
    """Writes heartbeats, outside any transaction."""

    def __init__(self, settings: Settings, stage: Stage, slot: int, codec: Codec) -> None:
        """A producer of its own: a beat must not wait for a transaction."""
        self._producer = Producer(writer(settings, stage, **_SWIFT))
        self._beat = codec.encode("beat", {"by": f"{stage}.{slot}"})

    def beat(self) -> None:
        """One beat; if it does not arrive nobody sees it, and the clocks say so (services.runtime.clock)."""
        self._producer.produce(HEARTBEAT, self._beat)
        self._producer.poll(0)

    def close(self) -> None:
        """Let go; a last beat may be lost."""
        self._producer.close()


def _end(consumer: Consumer, part: TopicPartition, seconds: float) -> int | None:
    try:
        found = consumer.get_watermark_offsets(part, timeout=seconds, cached=False)
    except KafkaException:
        return None  # whoever asked treats an unknown end as not reached
    return None if found is None else int(found[1])
