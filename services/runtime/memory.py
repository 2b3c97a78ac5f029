"""The broker in memory: transactions, committed reads, one group per stage, static members. The twin for tests.

It keeps the hazards that matter: ends of transactions take an offset of their own, readers stop at the first open
transaction, a new holder of a slot fences the old one, and a crash is simply that nobody calls again.
"""

from __future__ import annotations

import threading
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from services.runtime.ports import Aborted, Fatal, Message, Owner
from services.runtime.processor import Assignment, Stage


class _State(Enum):
    OPEN = "open"
    COMMITTED = "committed"
    ABORTED = "aborted"


@dataclass(eq=False)
class _Transaction:
    state: _State = _State.OPEN
    parts: set[Assignment] = field(default_factory=set)


@dataclass(frozen=True)
class _Entry:
    appended: int
    key: bytes | None
    value: bytes | None
    transaction: _Transaction | None
    marker: bool = False


@dataclass
class _Group:
    sources: tuple[str, ...] = ()
    members: set[int] = field(default_factory=set)
    owners: dict[Assignment, int] = field(default_factory=dict)
    offsets: dict[Assignment, int] = field(default_factory=dict)


class MemoryCluster:
    """All topics, transactions and groups; safe for several threads."""

    def __init__(self) -> None:
        """An empty cluster; its clock stands at 2026-01-01 until it is set."""
        self.now = 1_767_225_600_000
        """Append time of the next record, milliseconds since 1970."""
        self.news = threading.Condition()
        self._parts: dict[Assignment, list[_Entry]] = {}
        self._holders: dict[str, object] = {}
        self._groups: defaultdict[Stage, _Group] = defaultdict(_Group)

    def create(self, topic: str, partitions: int = 1) -> None:
        """A new topic; one that is there stays as it is."""
        for number in range(partitions):
            self._parts.setdefault(Assignment(topic, number), [])

    def append(self, topic: str, key: bytes | None, value: bytes | None, partition: int | None = None) -> None:
        """One record outside any transaction."""
        self.write(self.place(topic, key, partition), _Entry(self.now, key, value, None))

    def write(self, part: Assignment, entry: _Entry) -> None:
        """One entry at the end of a partition; Aborted if there is no such partition."""
        with self.news:
            if part not in self._parts:
                raise Aborted("UNKNOWN_TOPIC_OR_PART")
            self._parts[part].append(entry)
            self.news.notify_all()

    def place(self, topic: str, key: bytes | None, partition: int | None) -> Assignment:
        """Where a record goes; a key stays on one partition (not on the one of Kafka: nothing relies on it)."""
        count = sum(part.topic == topic for part in self._parts)
        return Assignment(topic, zlib.crc32(key or b"") % max(1, count) if partition is None else partition)

    def read(self, part: Assignment, offset: int, limit: int, *, committed: bool = True) -> tuple[list[Message], int]:
        """Up to `limit` records from `offset` on, and the offset to go on from."""
        found: list[Message] = []
        entries, end = self._parts[part], self.stable(part) if committed else self.end(part)
        while offset < end and len(found) < limit:
            entry = entries[offset]
            gone = committed and entry.transaction is not None and entry.transaction.state is _State.ABORTED
            if not (entry.marker or gone):
                found.append(Message(part.topic, part.partition, offset, entry.appended, entry.key, entry.value))
            offset += 1
        return found, offset

    def end(self, part: Assignment) -> int:
        """The high watermark."""
        return len(self._parts[part])

    def stable(self, part: Assignment) -> int:
        """The last stable offset: nothing of an open transaction lies below it."""
        entries = self._parts[part]
        still = (at for at, found in enumerate(entries) if found.transaction and found.transaction.state is _State.OPEN)
        return next(still, len(entries))

    def parts(self, sources: Sequence[str]) -> list[Assignment]:
        """Every partition of these topics and families."""
        prefixes = tuple(source.removesuffix("{org}") for source in sources if source.endswith("{org}"))
        return sorted(p for p in self._parts if p.topic in sources or (prefixes and p.topic.startswith(prefixes)))

    def finish(self, transaction: _Transaction, state: _State) -> None:
        """End a transaction and write its markers."""
        with self.news:
            transaction.state = state
            for part in transaction.parts:
                self.write(part, _Entry(self.now, None, None, None, marker=True))

    def take_over(self, name: str, holder: MemoryBroker) -> None:
        """From now on this holder alone may use the transactional id; what the last one left open is aborted."""
        before = self._holders.get(name)
        self._holders[name] = holder
        if isinstance(before, MemoryBroker) and before.transaction is not None:
            self.finish(before.transaction, _State.ABORTED)

    def holds(self, name: str, holder: MemoryBroker) -> bool:
        """Whether no other holder came since."""
        return self._holders.get(name) is holder

    def group(self, stage: Stage) -> _Group:
        """The stage's group."""
        return self._groups[stage]

    def expire(self, stage: Stage, slot: int) -> None:
        """The session of a slot that is gone ends: its partitions are free."""
        with self.news:
            group = self.group(stage)
            group.members.discard(slot)
            group.owners = {part: owner for part, owner in group.owners.items() if owner != slot}


class MemoryBroker:
    """See services.runtime.ports.Broker."""

    def __init__(self, cluster: MemoryCluster, stage: Stage, slot: int) -> None:
        """Takes the slot over from whoever holds it."""
        self._cluster, self._stage, self._slot = cluster, stage, slot
        self._name = f"{stage}.{slot}"
        self._group = cluster.group(stage)
        self._owner: Owner | None = None
        self._positions: dict[Assignment, int] = {}
        self.transaction: _Transaction | None = None
        cluster.take_over(self._name, self)

    def open(self, sources: Sequence[str], owner: Owner) -> None:
        """See the port."""
        self._owner = owner
        self._group.sources = tuple(sources)
        self._group.members.add(self._slot)

    def poll(self, limit: int, seconds: float, until: float = 0.0) -> Sequence[Message]:
        """See the port; there is nothing to spare here, so nothing is gathered."""
        with self._cluster.news:
            self._check()
            self._rebalance()
            found = self._take(limit)
            if not found and seconds and self._cluster.news.wait(seconds):
                found = self._take(limit)
            return found

    def begin(self) -> None:
        """See the port."""
        self._check()
        self.transaction = _Transaction()

    def send(self, topic: str, key: bytes, value: bytes | None, partition: int | None = None) -> None:
        """See the port."""
        self._check()
        transaction = self._open()
        part = self._cluster.place(topic, key, partition)
        self._cluster.write(part, _Entry(self._cluster.now, key, value, transaction))
        transaction.parts.add(part)

    def commit(self, offsets: Mapping[Assignment, int]) -> None:
        """See the port."""
        with self._cluster.news:
            self._check()
            if any(self._group.owners.get(part) != self._slot for part in offsets):
                raise Aborted("ILLEGAL_GENERATION")
            self._cluster.finish(self._open(), _State.COMMITTED)
            self._group.offsets.update(offsets)
            self.transaction = None

    def abort(self) -> None:
        """See the port."""
        self._check()
        self._cluster.finish(self._open(), _State.ABORTED)
        self.transaction = None

    def rewind(self) -> None:
        """See the port."""
        self._check()
        for part in self._positions:
            self._positions[part] = self._group.offsets.get(part, 0)

    def restore(self, topic: str, partition: int) -> Iterator[tuple[bytes, bytes | None]]:
        """See the port."""
        part = Assignment(topic, partition)
        messages, _ = self._cluster.read(part, 0, self._cluster.end(part))
        return ((message.key or b"", message.value) for message in messages)

    def close(self) -> None:
        """See the port."""
        self._owner = None

    def _open(self) -> _Transaction:
        if self.transaction is None:
            raise Fatal("_STATE")
        return self.transaction

    def _check(self) -> None:
        if not self._cluster.holds(self._name, self):
            raise Fatal("_FENCED")

    def _take(self, limit: int) -> list[Message]:
        found: list[Message] = []
        for part, offset in self._positions.items():
            messages, self._positions[part] = self._cluster.read(part, offset, limit - len(found))
            found += messages
        return found

    def _rebalance(self) -> None:
        """Give up what is another's now, then take what is free: a partition never has two owners."""
        if self._owner is None:
            return
        parts, members = self._cluster.parts(self._group.sources), sorted(self._group.members)
        mine = {part for at, part in enumerate(parts) if members[at % len(members)] == self._slot}
        gone = [part for part in self._positions if part not in mine]
        if gone:
            self._owner.revoked(gone)
            for part in gone:
                del self._positions[part]
                del self._group.owners[part]
        new = [p for p in sorted(mine - self._positions.keys()) if self._group.owners.get(p, self._slot) == self._slot]
        if new:
            self._group.owners.update(dict.fromkeys(new, self._slot))
            self._owner.assigned(new)
            self._positions.update((part, self._group.offsets.get(part, 0)) for part in new)


class MemoryTail:
    """See services.runtime.ports.Tail; follows partition 0 of a topic."""

    def __init__(self, cluster: MemoryCluster, topic: str, *, newest: bool = False, committed: bool = True) -> None:
        """From the first record, or from the last one on."""
        self._cluster, self._part, self._committed = cluster, Assignment(topic, 0), committed
        self._position = max(0, cluster.end(self._part) - 1) if newest else 0

    @property
    def position(self) -> int:
        """See the port."""
        return self._position

    def end(self, seconds: float) -> int | None:
        """See the port; memory always answers."""
        return self._cluster.end(self._part) if seconds >= 0 else None

    def take(self, seconds: float) -> Sequence[Message]:
        """See the port."""
        with self._cluster.news:
            before = self._position
            found = self._read()
            if self._position == before and seconds and self._cluster.news.wait(seconds):
                found = self._read()
            return found

    def _read(self) -> list[Message]:
        everything = self._cluster.end(self._part)
        found, self._position = self._cluster.read(self._part, self._position, everything, committed=self._committed)
        return found

    def close(self) -> None:
        """See the port."""
