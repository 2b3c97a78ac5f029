"""All acknowledgements so far: slt.acks, followed from its first record by whoever waits for answers.

There is no barrier as for slt.control: an answer that is read a moment later costs a reminder at most. But the whole
topic is read before the first record, so that a restart reminds nobody who has answered.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog

from services.core.answers import Answers
from services.runtime.codec import Codec
from services.runtime.ports import Tail
from services.runtime.step import UnreadableError, read_record

ACKS = "slt.acks"
_log = structlog.get_logger()
_WAIT_SECONDS = 0.05


class Acks:
    """One slot's view of slt.acks."""

    def __init__(self, tail: Tail, codec: Codec) -> None:
        """`tail`: from the first record on."""
        self._tail = tail
        self._codec = codec
        self.answers = Answers()

    def load(self, stopped: Callable[[], bool], seconds: float) -> None:
        """Read the topic to its end, however long it takes, or until `stopped`; `seconds` to ask where that is."""
        end = None
        while not stopped() and (end is None or self._tail.position < end):
            end = self._tail.end(seconds) if end is None else end
            self.take(_WAIT_SECONDS)

    def take(self, seconds: float = 0.0) -> None:
        """Take in what is there."""
        for message in self._tail.take(seconds):
            try:
                self.answers.enter(read_record(self._codec, message).value)
            except UnreadableError:  # costs its recall a reminder, and must not cost anybody a release
                _log.error("cannot read", topic=ACKS, partition=0, offset=message.offset)
