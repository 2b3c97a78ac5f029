"""Sends the answers to recalls that a store holds, until the relay's broker has each of them."""

from __future__ import annotations

import time
from functools import partial

import orjson
from confluent_kafka import KafkaError, Producer

from services.client.access import Access
from services.client.errors import ClientError, Problem, login_refused, problem_of, topic_refused, trouble
from services.client.store import Recalled, Store

_AGAIN = 30.0
"""Seconds before an answer that was refused is sent again."""


def acknowledgement(recall: Recalled) -> bytes:
    """The record for slt.in.<org>: what the recall's header and key say proves that it was received (docs/adr/0023)."""
    fields = {
        "message_id": recall.message_id, "key": recall.key, "sequence": recall.sequence, "answer": recall.answer,
    }  # fmt: skip
    return orjson.dumps({**fields, "note": recall.note} if recall.note else fields)


def refused(error: KafkaError, access: Access, topic: str) -> ClientError:
    """Why the relay did not take a record."""
    if error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
        return topic_refused(topic, access.org, writing=True)
    if problem_of(error.code()) is Problem.WRONG_PASSWORD:
        return login_refused(access.username, access.idle_days())
    return trouble(error, access.bootstrap)


class Answers:
    """The way out for answers; a producer is made when the first one is due."""

    def __init__(self, access: Access, store: Store) -> None:
        """Nothing is sent yet."""
        self._access, self._store = access, store
        self._topic = f"slt.in.{access.org}"
        self._producer: Producer | None = None
        self._waiting: dict[str, float] = {}
        """Message id of the recall -> when its answer may be sent again."""
        self.problem: ClientError | None = None
        """Why the last answer was not taken; None: nothing is wrong."""

    def send(self) -> None:
        """Hand over what is not yet on its way, and note what was confirmed. Call it between transactions."""
        now = time.monotonic()
        for recall in self._store.unsent():
            if self._waiting.get(recall.message_id, 0.0) <= now:
                self._waiting[recall.message_id] = now + _AGAIN
                done = partial(self._delivered, recall)
                self._connected().produce(self._topic, acknowledgement(recall), on_delivery=done)
        self.poll()

    def poll(self) -> None:
        """Take in confirmations."""
        if self._producer is not None:
            self._producer.poll(0)

    def finish(self, seconds: float) -> None:
        """Wait for the confirmations of what is on its way."""
        if self._producer is not None:
            self._producer.flush(seconds)

    def close(self) -> None:
        """Let go of the connection."""
        if self._producer is not None:
            self._producer.close()

    def _connected(self) -> Producer:
        if self._producer is None:
            self._producer = Producer({**self._access.producer(), "error_cb": self._noted})
        return self._producer

    def _delivered(self, recall: Recalled, error: KafkaError | None, _message: object) -> None:
        if error is None:
            self.problem = None
            self._store.sent(recall.message_id, recall.answer)
            self._waiting.pop(recall.message_id, None)
        else:
            self.problem = refused(error, self._access, self._topic)

    def _noted(self, error: KafkaError) -> None:
        if problem_of(error.code()) is Problem.WRONG_PASSWORD:
            self.problem = refused(error, self._access, self._topic)
