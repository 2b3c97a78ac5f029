"""How a partner's system submits: a plain idempotent producer on slt.in.<org>, over TLS, no transaction."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from services.runtime.kafka import COMMON, PRODUCER, partner_security
from services.runtime.settings import Settings

FLUSH_SECONDS = 30.0
"""Longer than `message.timeout.ms`: by then every record has its delivery report."""


@dataclass(frozen=True)
class SubmitReport:
    """What became of the records that were handed over."""

    submitted: int
    confirmed: int
    """Delivery reports without an error; the broker has these for good."""
    failures: tuple[str, ...] = ()
    """The client's words for the errors seen, once for each kind; no content."""

    @property
    def complete(self) -> bool:
        """True if every record was confirmed."""
        return self.confirmed == self.submitted


class Submitter:
    """One organisation's producer, on slt.in, or on slt.consent for what is signed.

    The principal is the organisation's id; its password is a secret of that name.
    """

    def __init__(self, settings: Settings, org: str, family: str = "slt.in") -> None:
        """SettingsError if the password is missing; the connection is made with the first record."""
        self._topic = f"{family}.{org}"
        self._submitted = 0
        self._confirmed = 0
        self._failures: dict[int, str] = {}
        config = {**COMMON, **partner_security(settings, org), **PRODUCER, "error_cb": self._failed}
        self._producer = Producer(config)

    def send(self, value: bytes) -> None:
        """Hand over one record; waits while the local queue is full. One that the client refuses is not confirmed."""
        self._submitted += 1
        while not self._queued(value):
            self._producer.poll(0.1)
        self._producer.poll(0)

    def _queued(self, value: bytes) -> bool:
        try:
            self._producer.produce(self._topic, value, on_delivery=self._delivered)
        except BufferError:
            return False
        except KafkaException as refused:  # larger than any topic takes
            self._failed(refused.args[0])
        return True

    def wait(self, seconds: float) -> None:
        """Serve delivery reports for that long."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self._producer.poll(left)

    def finish(self) -> SubmitReport:
        """Wait for the outstanding delivery reports."""
        self._producer.flush(FLUSH_SECONDS)
        return SubmitReport(self._submitted, self._confirmed, tuple(self._failures.values()))

    def close(self) -> None:
        """Let go of the client, which would otherwise live as long as the process."""
        self._producer.close()

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is None:
            self._confirmed += 1
        else:
            self._failed(error)

    def _failed(self, error: KafkaError) -> None:
        self._failures.setdefault(error.code(), error.str())


def submit_all(settings: Settings, org: str, values: Iterable[bytes]) -> SubmitReport:
    """Submit records as an organisation, as fast as possible."""
    submitter = Submitter(settings, org)
    for value in values:
        submitter.send(value)
    return submitter.finish()
