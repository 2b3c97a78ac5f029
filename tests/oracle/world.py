"""Everything that lies in the topics, as the oracle judges it: records already read, no client and no clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from services.runtime.codec import Codec

OUTLETS = ("slt.out.", "slt.exercise.")
PARTNER_TOPICS = (*OUTLETS, "slt.notices.")
INPUTS = ("slt.in.", "slt.consent.")


class Coordinates(NamedTuple):
    """Where a record lies."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        """As it is written in findings: topic/partition/offset."""
        return f"{self.topic}/{self.partition}/{self.offset}"


class Entry(NamedTuple):
    """One record of one topic; `value` holds its fields, or None where a partner's bytes were not decoded."""

    at: Coordinates
    appended: datetime
    key: str
    kind: str
    value: Any
    data: bytes
    header: bytes = b""


class Marks(NamedTuple):
    """The oracle's own reading of the `slt` header (ARCHITECTURE §4: every delivery states the whole obligation)."""

    type: str
    id: str
    sequence: int
    previous: int
    delete_to: int
    replace_to: int
    keep_to: int
    status: str


class Owed(NamedTuple):
    """One item of the delivery log: what has been decided for one recipient."""

    topic: str
    key: str
    sequence: int
    header: bytes
    body: bytes
    epoch: int
    as_of: datetime
    log: Coordinates


UNNAMED = ("", 0)
Reports = Mapping[tuple[str, int], Mapping[str, Any]]


def marks(header: bytes) -> Marks:
    """Read an envelope; KeyError or ValueError if it is none."""
    part = dict(item.split("=", 1) for item in header.decode("ascii").split(";"))
    sequence, previous, delete, replace, keep = (
        int(part[name]) for name in ("seq", "prev", "delete", "replace", "keep")
    )
    return Marks(part["type"], part["id"], sequence, previous, delete, replace, keep, part["status"])


def recipient_of(topic: str) -> str:
    """The organisation that a partner topic belongs to."""
    return topic.split(".", 2)[2]


def raw_of(fields: Mapping[str, Any]) -> Coordinates:
    """The coordinates that a record keeps of the submission it came from."""
    raw = fields["raw"]
    return Coordinates(raw["topic"], raw["partition"], raw["offset"])


@dataclass(frozen=True)
class World:
    """All records by topic, in the order of their partitions and offsets."""

    entries: Mapping[str, Sequence[Entry]]
    now: datetime
    """Append time of the newest heartbeat, aware UTC."""
    canaries: Mapping[str, str] = field(default_factory=dict)
    """Originator -> the secret word that each of its texts carries, followed by /series/version."""
    hanging: tuple[str, ...] = ()
    """Partitions whose committed end is not their end."""
    catch_up: bool = False
    """True: an outlet may have skipped what a later record of the same key made needless (ARCHITECTURE §5 rule 11)."""
    codec: Codec = field(default_factory=Codec)

    def of(self, topic: str) -> Sequence[Entry]:
        """The records of one topic."""
        return self.entries.get(topic, ())

    def at(self, at: Coordinates) -> Entry | None:
        """One record by its coordinates."""
        return self._by_coordinates.get(at)

    def under(self, prefixes: tuple[str, ...]) -> Iterator[Entry]:
        """The records of every topic of some families."""
        for topic, entries in self.entries.items():
            if topic.startswith(prefixes):
                yield from entries

    @cached_property
    def _by_coordinates(self) -> dict[Coordinates, Entry]:
        return {entry.at: entry for entries in self.entries.values() for entry in entries}

    @cached_property
    def owed(self) -> tuple[Owed, ...]:
        """Every item of the delivery log and of the receipts."""
        logs = (*self.of("slt.deliveries"), *self.of("slt.receipts"))
        return tuple(
            Owed(
                one["prefix"] + recipient, key, one["sequence"], one["before"] + message.encode() + one["after"],
                log.value["bodies"][one["body"]], log.value["epoch"], log.value["as_of"], log.at,
            )
            for log in logs
            for one in log.value["groups"]
            for recipient, key, message in zip(one["recipients"], one["keys"], one["messages"], strict=True)
        )  # fmt: skip

    @cached_property
    def reports(self) -> Reports:
        """Every accepted report that is no copy, by series and version, as CORRELATE handed it on."""
        found: dict[tuple[str, int], Mapping[str, Any]] = {}
        for entry in self.of("slt.incidents"):
            report = entry.value["report"]
            if report is not None and entry.value["relation"] != "DUPLICATE":
                found.setdefault((report["series_id"], report["version"]), report)
        return found

    @cached_property
    def versions(self) -> Mapping[str, Sequence[int]]:
        """The versions of each series, ascending."""
        found: dict[str, list[int]] = {}
        for series, version in sorted(self.reports):
            found.setdefault(series, []).append(version)
        return found

    def accounts(self, body: bytes) -> tuple[tuple[str, int], ...]:
        """The reports that a body shows: series and version; none for anything but a view.

        An account whose source is not named has no ids: it is UNNAMED.
        """
        known = self._views.get(body)
        if known is None:
            kind, value = self.codec.decode(body)
            shown = value["accounts"] if kind == "view" else ()
            known = self._views[body] = tuple((each["series_id"], each["version"]) for each in shown)
        return known

    @cached_property
    def _views(self) -> dict[bytes, tuple[tuple[str, int], ...]]:
        return {}
