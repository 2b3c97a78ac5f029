"""Reads an installation's topics into the books, with the administrator's credentials and from the first record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from services.cli.books import CONSENTS, FAMILIES, REPORTS, Books, Read
from services.core.envelope import HEADER, parse
from services.core.stage import Source
from services.runtime import kafka
from services.runtime.codec import Codec

_ANSWER = 30.0
QUIET = {"log_level": 2}
"""What the client library says of retries is nothing for a terminal: what fails for good is raised or reported."""
_RAW = (REPORTS, CONSENTS)


class Reader:
    """One consumer over every topic of FAMILIES that exists when it is made."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        """`config`: the administrator's client configuration; KafkaException if the broker does not answer."""
        self.books = Books()
        self._codec = Codec()
        self._consumer = Consumer({**kafka.COMMON, **config, **kafka.CONSUMER, **QUIET, "group.id": "admin.reader"})
        topics = self._consumer.list_topics(timeout=_ANSWER).topics
        parts = [
            TopicPartition(name, number, 0)
            for name, topic in topics.items()
            if name.startswith(FAMILIES)
            for number in topic.partitions
        ]
        self._consumer.assign(parts)

    def poll(self, seconds: float) -> int:
        """Take in what is there, waiting for it at most so long; how many records that were."""
        messages = self._consumer.consume(1000, seconds)
        for message in messages:
            self.books.fold(self._read(message))
        return len(messages)

    def close(self) -> None:
        """Leave the broker."""
        self._consumer.close()

    def _read(self, message: Message) -> Read:
        error = message.error()
        topic, partition, offset = message.topic(), message.partition(), message.offset()
        if error is not None or topic is None or partition is None or offset is None:
            raise KafkaException(error)
        data = message.value()
        kind, value = (
            ("raw", data or b"") if topic.startswith(_RAW) else self._codec.decode(data) if data else ("", None)
        )
        header = dict(message.headers() or ()).get(HEADER)
        envelope = parse(header) if isinstance(header, bytes) else None
        return Read(Source(topic, partition, offset), (message.key() or b"").decode(), kind, value, envelope)
