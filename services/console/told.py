"""The console's audit topic: who did or looked at what (slt.console). Ids and words, never content."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from threading import Event
from typing import Any

from confluent_kafka import KafkaError, Message, Producer

from services.core.deed import Deed
from services.runtime import kafka
from services.runtime.codec import Codec
from services.runtime.settings import Settings

PRINCIPAL = "console"
TOPIC = "slt.console"
_SECONDS = 5.0
Who = tuple[str, Iterable[str]]
"""A name and its roles."""


class Unwritten(Exception):  # noqa: N818  what the caller answers with
    """The record is not in the topic: what it tells of must not happen."""


class Told:
    """Writes deeds; one producer per process."""

    def __init__(self, settings: Settings, log: Any) -> None:
        """Connects with the first record."""
        self._codec, self._log = Codec(), log
        self._producer = Producer(kafka.writer(settings, PRINCIPAL))

    def tell(self, at: datetime, who: Who, deed: Deed, **facts: str) -> None:
        """Something was looked at: written in the background, and a failure is logged."""
        self._produce((at, who, deed), facts, self._written)
        self._producer.poll(0)

    def enter(self, at: datetime, who: Who, deed: Deed, **facts: str) -> None:
        """Something is changed: returns when it is in the topic. Unwritten: it is not."""
        done, errors = Event(), list[KafkaError]()

        def written(error: KafkaError | None, _message: Message) -> None:
            errors.extend([error] if error else [])
            done.set()

        self._produce((at, who, deed), facts, written)
        self._producer.flush(_SECONDS)
        if not done.is_set() or errors:
            raise Unwritten

    def close(self) -> None:
        """Write what is left."""
        self._producer.flush(_SECONDS)

    def _produce(
        self, what: tuple[datetime, tuple[str, Iterable[str]], Deed], facts: dict[str, str], done: Any
    ) -> None:
        at, (name, roles), deed = what
        value = {"at": at, "who": name, "roles": list(roles), "deed": deed.value, "facts": facts}
        self._producer.produce(TOPIC, self._codec.encode("console_deed", value), on_delivery=done)

    def _written(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self._log.error("a deed is not in slt.console", code=error.name())
