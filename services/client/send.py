"""Sends one record at a time, and waits for what becomes of it: the relay's receipt in the partner's notices."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaError, Message, Producer

from services.client.access import Access
from services.client.acknowledge import refused
from services.client.errors import ClientError, Problem, trouble
from services.client.feed import END, Feed
from services.client.record import Family

_CONFIRM = 15.0


class Desk:
    """One connection that sends and one that waits for answers. Close it, or use it in a `with`."""

    def __init__(self, access: Access) -> None:
        """Connected; only notices from now on are looked at. ClientError says what hinders it."""
        self._access = access
        self._error: KafkaError | None = None
        self._receipts: dict[tuple[str, int], Mapping[str, Any]] = {}
        self._feed = Feed(access)
        self._producer = Producer({**access.producer(), "error_cb": self._noted})
        try:
            self._feed.start({Family.NOTICES: END})
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Desk:
        """The desk itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Let go of both connections."""
        self._producer.close()
        self._feed.close()

    def submit(self, value: bytes) -> int:
        """Send to slt.in.<org>: a report, an answer to a recall, a request. Its offset, once the broker has it."""
        return self._send(f"slt.in.{self._access.org}", value)

    def consent(self, payload: Mapping[str, Any]) -> int:
        """Sign a grant, a withdrawal or a refusal as the representative, and send it to slt.consent.<org>."""
        return self._send(f"slt.consent.{self._access.org}", self._access.signed(payload))

    def receipt(self, family: str, offset: int, seconds: float = 30.0) -> Mapping[str, Any] | None:
        """What became of the record at this offset of slt.<family>.<org>; None: nothing was said in time."""
        deadline = time.monotonic() + seconds
        wanted = (f"slt.{family}.{self._access.org}", offset)
        while wanted not in self._receipts and time.monotonic() < deadline:
            for each in self._feed.take(0.1):
                if each.kind == "receipt":
                    self._receipts[each.value["topic"], each.value["offset"]] = each.value
        return self._receipts.pop(wanted, None)

    def _send(self, topic: str, value: bytes) -> int:
        found: list[int | KafkaError] = []

        def delivered(error: KafkaError | None, message: Message) -> None:
            found.append(error or message.offset() or 0)

        self._producer.produce(topic, value, on_delivery=delivered)
        deadline = time.monotonic() + _CONFIRM
        while not found and self._error is None and time.monotonic() < deadline:
            self._producer.poll(0.1)
        answer = found[0] if found else self._error
        if isinstance(answer, int):
            return answer
        if answer is not None:
            raise refused(answer, self._access, topic)
        raise trouble(KafkaError(KafkaError._ALL_BROKERS_DOWN), self._access.bootstrap)

    def _noted(self, error: KafkaError) -> None:
        if error.code() == KafkaError._AUTHENTICATION:
            self._error = error


def settled(receipt: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """A receipt that says yes; ClientError with reason and advice if it says no, or if there is none."""
    if receipt is None:
        text = (
            "The relay has the record but has not answered yet: look for its receipt with `slt tail --topic notices`."
        )
        raise ClientError(Problem.UNREACHABLE, text)
    if receipt["result"] == "REFUSED":
        where = f" in `{receipt['field']}`" if receipt["field"] else ""
        raise ClientError(Problem.REFUSED, f"Refused: {receipt['reason']}{where}: {receipt['advice']}.")
    return receipt
