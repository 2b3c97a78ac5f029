"""The transactional producer of one slot, made anew whenever its last outcome is in doubt.

The client still speaks the transaction protocol without an epoch per transaction: a commit request that was delayed on
the network can commit the *next* transaction while it is open (reliability.md §2.4). A request is in doubt when it got
no answer: its connection ended, it timed out, or the call took far longer than usual. Then a new producer is made
before the next transaction, whose initialisation fences whatever is still on its way.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import orjson
from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from services.runtime.ports import Aborted, Fatal

STATISTICS_MS = 200
_PATIENCE_SECONDS = 30.0
_SLOW_FACTOR = 10.0
_SLOW_SECONDS = 0.25
"""Floor of "far longer than usual": below it lie garbage collections and busy cores, not lost requests."""
_FULL_SECONDS = 0.05


class Doubt:
    """Whether the last outcome of a producer may still change on its way to the broker."""

    def __init__(self) -> None:
        """No doubt so far."""
        self.raised = False
        self._unanswered = 0
        self._usual = 0.0

    def statistics(self, text: str) -> None:
        """Compare the brokers' counters of requests without an answer with those seen before."""
        brokers = orjson.loads(text)["brokers"].values()
        count = sum(broker["txretries"] + broker["req_timeouts"] + broker["disconnects"] for broker in brokers)
        self.raised |= count > self._unanswered
        self._unanswered = count

    def took(self, seconds: float) -> None:
        """A commit succeeded after so long."""
        self.raised |= seconds > max(_SLOW_SECONDS, _SLOW_FACTOR * self._usual)
        self._usual += 0.1 * (seconds - self._usual)


class Transactions:
    """Begin, send, commit and abort under one stable transactional id."""

    def __init__(self, settings: dict[str, Any], rebuilt: Callable[[], None]) -> None:
        """`settings` name the transactional id; `rebuilt` is told of every new producer after the first."""
        self._settings = settings
        self._rebuilt = rebuilt
        self._producer = self._new()

    def begin(self) -> None:
        """Open a transaction, with a new producer if the last outcome is in doubt."""
        self._producer.poll(0)  # statistics
        if self._doubt.raised:
            self.close()
            self._producer = self._new()
            self._rebuilt()
        self._try(self._producer.begin_transaction)

    def send(self, topic: str, key: bytes, value: bytes | None, partition: int | None) -> None:
        """Queue one record; waits while the queue is full. Aborted if the client refuses it at once."""
        while True:
            try:
                self._producer.produce(topic, value, key, -1 if partition is None else partition)
            except BufferError:
                self._producer.poll(_FULL_SECONDS)
            except KafkaException as error:
                raise _translate(error.args[0]) from error
            else:
                return

    def commit(self, offsets: Sequence[TopicPartition], group: Any) -> None:
        """Commit what was sent and, if there are any, the offsets with the group's metadata."""
        started = time.monotonic()
        if offsets:
            self._try(lambda: self._producer.send_offsets_to_transaction(list(offsets), group, _PATIENCE_SECONDS))
        self._try(lambda: self._producer.commit_transaction(_PATIENCE_SECONDS))
        self._doubt.took(time.monotonic() - started)

    def abort(self) -> None:
        """Abort; the records that are on their way are waited for first (librdkafka #4849)."""
        self._producer.flush(1.0)
        self._try(lambda: self._producer.abort_transaction(_PATIENCE_SECONDS))

    def close(self) -> None:
        """Let go of the producer; what it cannot end itself any more, the slot's next holder ends."""
        with suppress(KafkaException):
            self._producer.close()

    def _new(self) -> Producer:
        self._doubt = Doubt()
        watched = {"statistics.interval.ms": STATISTICS_MS, "stats_cb": self._doubt.statistics}
        producer = Producer({**self._settings, **watched})
        try:
            _again(lambda: producer.init_transactions(_PATIENCE_SECONDS))
        except KafkaException as error:
            raise Fatal(error.args[0].name()) from error
        return producer

    def _try(self, call: Callable[[], Any]) -> None:
        try:
            self._doubt.raised |= _again(call)
        except KafkaException as error:
            self._doubt.raised = True
            raise _translate(error.args[0]) from error


def _again(call: Callable[[], Any]) -> bool:
    """The same call again while it may succeed; True if that was needed."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    retried = False
    while True:
        try:
            call()
        except KafkaException as error:
            if not error.args[0].retriable() or time.monotonic() > deadline:
                raise
            retried = True
        else:
            return retried


def _translate(error: KafkaError) -> Aborted | Fatal:
    """An error that is neither abortable nor retriable is fatal, as the client's own text says."""
    return Aborted(error.name()) if error.txn_requires_abort() and not error.fatal() else Fatal(error.name())
