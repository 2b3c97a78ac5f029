"""What all acknowledgements so far add up to: the newest answer to each message (consent.md §5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any, NamedTuple

from services.core.report import Answer

_KEPT = timedelta(days=40)
"""Longer than any recall waits (services.core.recall)."""


class Answered(NamedTuple):
    """One entered acknowledgement."""

    recipient: str
    answer: Answer
    received_at: datetime
    number: int
    """In the order in which they were entered, from 1."""


class Answers:
    """The newest acknowledgement of each message, oldest first; what no recall can wait for any more is dropped."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._by_message: dict[str, Answered] = {}
        self.count = 0
        """How many were entered."""

    def enter(self, fields: Mapping[str, Any]) -> None:
        """Take in the next `ack` record."""
        self.count += 1
        message = fields["message_id"]
        self._by_message.pop(message, None)
        received = fields["received_at"]
        self._by_message[message] = Answered(fields["recipient"], Answer(fields["answer"]), received, self.count)
        old = list(takewhile(lambda one: self._by_message[one].received_at < received - _KEPT, self._by_message))
        for one in old:
            del self._by_message[one]

    def get(self, message: str) -> Answered | None:
        """The newest answer to a message."""
        return self._by_message.get(message)

    def since(self, number: int) -> Iterator[str]:
        """Messages that were answered after the first `number` acknowledgements, the newest first."""
        newest = reversed(self._by_message.items())
        return (message for message, _ in takewhile(lambda item: item[1].number > number, newest))


NO_ANSWERS = Answers()
"""For stages that ask for none."""
