"""What the runner needs of a broker: one port for Kafka and for its in-memory twin.

Every failure of a port is one of two. `Aborted`: the open transaction cannot be committed, abort and rewind. `Fatal`:
nothing but a new process helps (reliability.md §2.2). Whatever can be tried again in place, a port tries again itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from services.runtime.processor import Assignment


class PortError(Exception):
    """A failure with a code for the log (the client library's own name for it) and where it happened."""

    def __init__(self, code: str, **where: str | int) -> None:
        """`where`: fields of services.runtime.logs, such as topic and partition."""
        super().__init__(code)
        self.code = code
        self.where = where


class Aborted(PortError):  # noqa: N818  the protocol's own word
    """The open transaction is lost; abort it, undo the state and rewind every partition."""


class Fatal(PortError):  # noqa: N818  the client's own word
    """The client cannot go on; the process ends and its supervisor starts it again."""


class Message(NamedTuple):
    """One record as it lies in the log."""

    topic: str
    partition: int
    offset: int
    appended: int
    """Milliseconds since 1970, the broker's."""
    key: bytes | None
    value: bytes | None


class Owner(Protocol):
    """Who is told, from inside `poll`, which partitions it owns."""

    def assigned(self, parts: Sequence[Assignment]) -> None:
        """These are the slot's from now on; their previous owners' transactions have ended."""

    def revoked(self, parts: Sequence[Assignment]) -> None:
        """These go to another slot on return: commit what is open."""

    def lost(self, parts: Sequence[Assignment]) -> None:
        """These may be another slot's already: nothing of them may be committed."""


class Broker(Protocol):
    """One slot's membership in its stage's group, and its transactions."""

    def open(self, sources: Sequence[str], owner: Owner) -> None:
        """End what a previous holder of this slot left open, then join the group."""

    def poll(self, limit: int, seconds: float, until: float = 0.0) -> Sequence[Message]:
        """At most `limit` committed records of owned partitions, waiting `seconds` for the first; Fatal on a gap.

        After the first more may be gathered, until the monotonic clock shows `until`.
        """

    def begin(self) -> None:
        """Open a transaction; never with a producer whose last outcome is in doubt (reliability.md §2.4)."""

    def send(self, topic: str, key: bytes, value: bytes | None, partition: int | None = None) -> None:
        """Add one record to the transaction; without a partition the key decides (murmur2)."""

    def commit(self, offsets: Mapping[Assignment, int]) -> None:
        """Commit the records and, with the group's metadata, the next offset of each input."""

    def abort(self) -> None:
        """Abort the transaction."""

    def rewind(self) -> None:
        """Read every owned partition again from its committed offset, from the start where there is none."""

    def restore(self, topic: str, partition: int) -> Iterator[tuple[bytes, bytes | None]]:
        """Every committed record of a changelog partition, to its end at the time of the call or later."""

    def close(self) -> None:
        """Let go without leaving the group: the slot's next process takes its partitions over at once."""


class Tail(Protocol):
    """A reader that follows one partition from a given offset, without a group."""

    @property
    def position(self) -> int:
        """Next offset; every record below it has been returned by `take` (ends of transactions count)."""

    def end(self, seconds: float) -> int | None:
        """The high watermark, asked of the broker now; None if it does not answer in time."""

    def take(self, seconds: float) -> Sequence[Message]:
        """Records that are there, waiting `seconds` for the first news (a record, or a moved position)."""

    def close(self) -> None:
        """Stop reading."""
