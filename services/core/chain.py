"""Is the log of decisions whole? Each record of a partition names the SHA-256 of the one before (consent.md §9).

A chain proves every record but the newest, which its successor proves: so an audit stores how far it came, and goes on
from there (ARCHITECTURE §8 "Auditing is incremental").
"""

from __future__ import annotations

from collections import deque
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple

_REMEMBERED = 10_000
"""Records back to which one that stands in a wrong place is recognised as such."""


class Fault(StrEnum):
    """What is wrong at a record."""

    CHANGED = "CHANGED"  # the record before it was changed, or one between is missing
    ORDER = "ORDER"  # its predecessor is here, but not directly before it
    UNREADABLE = "UNREADABLE"  # it is no decision record
    CUT = "CUT"  # records are gone from the beginning or the end


class Head(NamedTuple):
    """How far a partition is verified."""

    offset: int
    """Of the next record."""
    hash: bytes
    """SHA-256 of the newest record; empty if there is none."""


class Finding(NamedTuple):
    """One fault of one partition."""

    partition: int
    offset: int
    """Of the record at which the chain does not hold."""
    after: int
    """Offset of the record before it; -1 if there is none."""
    fault: Fault


class Chain:
    """Verifies one partition, record by record in the order of offsets."""

    def __init__(self, partition: int, head: Head | None, first: int) -> None:
        """`head`: where an earlier audit ended; `first`: the oldest offset that the broker still has.

        Without a head, the oldest record is taken as it is if retention has removed what was before it.
        """
        self._partition = partition
        self._expected: bytes | None = head.hash if head else b"" if first == 0 else None
        self._offset = head.offset - 1 if head else -1
        self._seen: deque[bytes] = deque(maxlen=_REMEMBERED)
        self._known: set[bytes] = set()
        self._hash = head.hash if head else b""

    @property
    def head(self) -> Head:
        """Where the next audit goes on."""
        return Head(self._offset + 1, self._hash)

    def add(self, offset: int, data: bytes, previous: bytes | None) -> Finding | None:
        """The next record's bytes and the hash that it names (None: it cannot be read); what is wrong with it."""
        expected, after = self._expected, self._offset
        self._expected = self._hash = sha256(data).digest()
        self._offset = offset
        fault = self._fault(expected, previous, is_first=after < 0)
        self._remember(self._hash)
        return Finding(self._partition, offset, after, fault) if fault else None

    def _fault(self, expected: bytes | None, previous: bytes | None, *, is_first: bool) -> Fault | None:
        if previous is None:
            return Fault.UNREADABLE
        if expected is None or previous == expected:
            return None
        if is_first:
            return Fault.CUT
        return Fault.ORDER if previous in self._known else Fault.CHANGED

    def _remember(self, digest: bytes) -> None:
        if len(self._seen) == _REMEMBERED:
            self._known.discard(self._seen[0])
        self._seen.append(digest)
        self._known.add(digest)
