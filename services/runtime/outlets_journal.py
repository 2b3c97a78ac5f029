"""What DELIVER writes beside the outlets: its resume points, and what it could not deliver."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from confluent_kafka import KafkaError, Message, Producer

from services.core.outlet import Progress
from services.core.reason import Reason
from services.runtime.codec import Codec
from services.runtime.outlets_read import PROGRESS
from services.runtime.outlets_send import Account
from services.runtime.ports import Fatal
from services.runtime.processor import Assignment, Stage
from services.runtime.step import DEAD, KEPT_BYTES

_SWIFT = {"message.timeout.ms": 3000, "linger.ms": 0}
_ADVICE = {
    Reason.BUG_RECORD: "a fault of the relay, nothing to change; its operators have been told",
    Reason.BAD_SIZE: "the broker refuses it on this topic: raise the topic's max.message.bytes",
}


class Journal:
    """A plain producer; a record that cannot be written ends the slot, for without it nothing may pass."""

    def __init__(self, config: Mapping[str, Any], codec: Codec) -> None:
        """`config`: an idempotent producer's."""
        self._producer = Producer({**config, **_SWIFT})
        self._codec = codec
        self._failure: Fatal | None = None

    def progress(self, key: str, progress: Progress, written: Callable[[], None]) -> None:
        """Write a resume point; `written` is called from `poll` when it is durable."""
        self._send(PROGRESS.topic, key, self._codec.encode("progress", progress.fields()), written)

    def dead(self, part: Assignment, account: Account, reason: Reason, first_bytes: bytes, at: datetime) -> None:
        """Record what could not be delivered; one of the account's records is settled when that is durable."""
        value = {
            "stage": Stage.DELIVER.value, "topic": part.topic, "partition": part.partition, "offset": account.offset,
            "submitter": "", "reason": reason.value, "advice": _ADVICE[reason], "field": "",
            "first_bytes": first_bytes[:KEPT_BYTES], "length": len(first_bytes),
            "sha256": hashlib.sha256(first_bytes).digest(), "at": at,
        }  # fmt: skip

        def written() -> None:
            account.left -= 1

        key = f"{part.topic}/{part.partition}/{account.offset}"
        self._send(DEAD, key, self._codec.encode("dead", value), written)

    def poll(self) -> None:
        """Take in reports; Fatal if a record was not written."""
        self._producer.poll(0)
        if self._failure is not None:
            raise self._failure

    def _send(self, topic: str, key: str, value: bytes, written: Callable[[], None]) -> None:
        def report(error: KafkaError | None, _message: Message) -> None:
            if error is None:
                written()
            else:
                self._failure = Fatal(error.name(), topic=topic)

        self._producer.produce(topic, value, key, on_delivery=report)
