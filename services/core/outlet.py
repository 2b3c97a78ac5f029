"""The rules of DELIVER: exact resume, skipping, catching up by key, and order (ARCHITECTURE §5 rule 11, §8).

An outlet is one partner topic with one partition. Nothing here reads or writes one: what lies in it is passed in.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from services.core.envelope import DeliveryType

FAMILIES = ("slt.out.", "slt.exercise.", "slt.notices.")
LIVE = FAMILIES[0]
"""The family whose topics carry a pulse."""
PULSE = "pulse"
WINDOW = 5000
"""No input at or above (the durable resume point + WINDOW) is ever sent: so much has to be matched after a crash."""

There = Mapping[str, Mapping[str, int]]
"""What lies in outlets: topic -> key -> highest sequence."""


class Unconfirmed(NamedTuple):
    """One record of a parked outlet of which nobody knows yet whether it is there."""

    topic: str
    key: str
    sequence: int
    input: int
    """Offset in the delivery log; everything owed to the outlet from the least of them on is read there again."""


class Progress(NamedTuple):
    """The resume point of one input partition: one record of slt.progress.

    `floors`: no record that belongs to an input at or above `offset` lies below its outlet's floor.
    """

    offset: int = 0
    floors: Mapping[str, int] = {}
    parked: tuple[Unconfirmed, ...] = ()
    writing: tuple[str, ...] = ()
    """Parked outlets that may still get older records: reports are to come, or what was owed is being sent."""

    def fields(self) -> dict[str, Any]:
        """The fields of the `progress` record."""
        parked = [each._asdict() for each in self.parked]
        writing = list(self.writing)
        return {
            "offset": self.offset, "floors": dict(self.floors), "parked": parked, "last_hash": b"", "writing": writing,
        }  # fmt: skip

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Progress:
        """The resume point that a `progress` record holds."""
        parked = tuple(Unconfirmed(**each) for each in fields["parked"])
        return cls(fields["offset"], fields["floors"], parked, tuple(fields["writing"]))


def progress_key(topic: str, partition: int) -> str:
    """The key of one input partition's resume point."""
    return f"deliver/{topic}/{partition}"


def organisation(topic: str) -> str | None:
    """Whose outlet a topic is; None if it is no outlet."""
    for family in FAMILIES:
        if topic.startswith(family) and len(topic) > len(family):
            return topic[len(family) :]
    return None


def keeper(org: str, lanes: int) -> int:
    """The partition of slt.deliveries whose owner alone writes pulses on an outlet and mends its order."""
    return zlib.crc32(org.encode()) % lanes


def sequence_of(header: bytes) -> int:
    """The sequence that an envelope states; 0 if it states none. Many are read at a takeover, so nothing else is."""
    start = header.find(b";seq=")
    if start < 0:
        return 0
    digits = header[start + 5 :].partition(b";")[0]
    return int(digits) if digits.isdigit() else 0


def type_of(header: bytes) -> str:
    """The delivery type that an envelope states first."""
    return header.partition(b";")[0].removeprefix(b"type=").decode("ascii", "replace")


def misfit(record: Mapping[str, Any]) -> str | None:
    """What is wrong with a `deliveries` record although its schema holds; None if nothing."""
    bodies = len(record["bodies"])
    for item in record["items"]:
        if organisation(item["topic"]) is None:
            return "topic"
        if not 0 <= item["body"] < bodies:
            return "body"
    return None


class Owed:
    """What catching up by key owes an outlet: of each key the newest delivery, and no RECALL of what never got there.

    First `note` every delivery of the stretch of log, then ask `wants` for each again, both in log order.
    """

    def __init__(self, there: Mapping[str, int]) -> None:
        """`there`: key -> highest sequence in the outlet, at least from its floor on."""
        self._there = there
        self._newest: dict[str, int] = {}
        self._unseen: set[str] = set()
        self._recalled: set[str] = set()

    def note(self, key: str, sequence: int, header: bytes) -> None:
        """One delivery that the log owes."""
        if sequence <= self._there.get(key, 0):
            return
        kind = type_of(header)
        if key not in self._newest and key not in self._there and kind == DeliveryType.ALERT:
            self._unseen.add(key)  # an ALERT is sent to a recipient that holds nothing: here began what it never got
        if sequence > self._newest.get(key, 0):
            self._newest[key] = sequence
            (self._recalled.add if kind == DeliveryType.RECALL else self._recalled.discard)(key)

    def wants(self, key: str, sequence: int) -> bool:
        """Whether this delivery is to be sent; one newer than all that were noted is."""
        newest = self._newest.get(key, 0)
        if sequence <= self._there.get(key, 0) or sequence < newest:
            return False
        return sequence > newest or key not in self._unseen or key not in self._recalled


class Order:
    """Which keys of an outlet end with an older sequence than they reached: compaction would keep the wrong record."""

    def __init__(self) -> None:
        """An outlet of which nothing has been read."""
        self._last: dict[str, int] = {}
        self._highest: dict[str, tuple[int, int]] = {}

    def add(self, key: str, sequence: int, offset: int) -> None:
        """The next record in the outlet's order."""
        self._last[key] = sequence
        if sequence > self._highest.get(key, (0, 0))[0]:
            self._highest[key] = (sequence, offset)

    def misplaced(self) -> Iterable[int]:
        """Offsets of the records to append once more."""
        return [offset for key, (sequence, offset) in self._highest.items() if self._last[key] < sequence]
