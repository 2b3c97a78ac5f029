"""Sends a plan over the partners' listener, each record with its organisation's own credentials."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from confluent_kafka import KafkaError, Message, Producer

from tests.oracle.scenario import Send
from tests.oracle.world import Coordinates

_SECONDS = 60.0


class Submitter:
    """Keeps a client per organisation; `acknowledged` is the local log, written after the delivery report."""

    def __init__(self, client: Callable[[str], Mapping[str, Any]]) -> None:
        """`client`: organisation -> its client configuration."""
        self._client = client
        self._producers: dict[str, Producer] = {}
        self.acknowledged: dict[Coordinates, str] = {}
        self.failed: Counter[str] = Counter()

    def send(self, sends: Sequence[Send], rate: float = 0.0) -> None:
        """Send all in their order, at most `rate` a second (0: as fast as it goes), and wait for the reports."""
        began = time.monotonic()
        for number, send in enumerate(sends):
            if rate and (wait := began + number / rate - time.monotonic()) > 0:
                time.sleep(wait)
            self._produce(send)
        self.flush()

    def flush(self) -> None:
        """Wait until the broker has answered for everything."""
        for producer in self._producers.values():
            producer.flush(_SECONDS)

    def close(self) -> None:
        """Let go of the connections."""
        for producer in self._producers.values():
            producer.close()

    def _produce(self, send: Send) -> None:
        producer = self._producers.get(send.org)
        if producer is None:
            settings = {"enable.idempotence": True, "linger.ms": 2, "message.timeout.ms": 120000}
            producer = self._producers[send.org] = Producer({**self._client(send.org), **settings})
        producer.produce(send.topic, send.value, on_delivery=lambda error, message: self._report(send, error, message))
        producer.poll(0)

    def _report(self, send: Send, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self.failed[error.name()] += 1
            return
        topic, partition, offset = message.topic(), message.partition(), message.offset()
        if topic is not None and partition is not None and offset is not None:
            self.acknowledged[Coordinates(topic, partition, offset)] = send.what
