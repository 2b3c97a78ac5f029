"""The policy as of an epoch: slt.control, applied up to a barrier before every batch (ARCHITECTURE §5 rules 7 and 8).

A slot reads the whole topic before its first record. From then on every batch asks the broker for the high watermark
and applies records until its own position has reached it. The position also moves over ends of transactions, which are
no records: waiting for "the last record" would wait for ever.

INTAKE writes slt.control in the same transactions that it decides in. Its own open writes lie below the watermark and
cannot be read yet, so the runner commits a transaction with control outputs before it takes the next batch, and a task
keeps what it has itself written since the batch began (Task.applied).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from services.core.stage import Record
from services.runtime.codec import Codec
from services.runtime.ports import Fatal, Tail
from services.runtime.step import UnreadableError, read_record

CONTROL = "slt.control"
_WAIT_SECONDS = 0.05


class Fold(Protocol):
    """What slt.control's records add up to (services.core.policy.PolicyFold)."""

    def apply(self, record: Record) -> None:
        """Take in the next control record; its offset is the epoch of the change."""

    def compiled(self) -> Any:
        """The policy of all records so far; cheap when nothing was applied since."""


class Control:
    """One slot's view of slt.control."""

    def __init__(self, tail: Tail, fold: Fold, codec: Codec, limit: float) -> None:
        """`limit`: seconds within which a barrier must be reached."""
        self._tail = tail
        self._fold = fold
        self._codec = codec
        self._limit = limit

    @property
    def epoch(self) -> int:
        """Offset up to which (exclusive) the policy is applied."""
        return self._tail.position

    @property
    def policy(self) -> Any:
        """The policy at the epoch."""
        return self._fold.compiled()

    def barrier(self) -> bool:
        """Apply what the topic holds now; False if that was not reached in time: then nothing may be released."""
        deadline = time.monotonic() + self._limit
        end = self._tail.end(self._limit)
        if end is None:
            return False
        self._take(0.0)
        while self._tail.position < end:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self._take(min(left, _WAIT_SECONDS))
        return True

    def load(self, stopped: Callable[[], bool]) -> None:
        """Apply the whole topic, however long it takes, or until `stopped`."""
        while not stopped() and not self.barrier():
            continue

    def _take(self, seconds: float) -> None:
        for message in self._tail.take(seconds):
            try:
                record = read_record(self._codec, message)
            except UnreadableError as error:
                # Fail closed: a policy with a hole in it may permit what was taken back.
                raise Fatal("unreadable", topic=CONTROL, partition=0, offset=message.offset) from error
            self._fold.apply(record)
