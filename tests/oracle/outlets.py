"""Partners' topics against what was decided: alien, missing, duplicated, out of order (reliability §8, P2)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tests.oracle.findings import Finding, Kind
from tests.oracle.world import OUTLETS, PARTNER_TOPICS, Entry, Marks, World, marks


class Place(NamedTuple):
    """What names one delivery."""

    topic: str
    key: str
    sequence: int

    def __str__(self) -> str:
        """As it is written in findings."""
        return f"{self.topic} {self.key}#{self.sequence}"


def deliveries(world: World) -> Iterator[tuple[Entry, Marks]]:
    """Every record of partner topics with its envelope; pulses, a time and nothing else, are no deliveries."""
    for entry in world.under(PARTNER_TOPICS):
        if entry.kind != "pulse":
            yield entry, marks(entry.header)


def check_outlets(world: World) -> tuple[list[Finding], dict[str, int]]:
    """Exactly what is owed has arrived, once, and byte for byte."""
    owed = {Place(item.topic, item.key, item.sequence): (item.header, item.body) for item in world.owed}
    arrived: Counter[Place] = Counter()
    found: list[Finding] = []
    for entry, mark in deliveries(world):
        place = Place(entry.at.topic, entry.key, mark.sequence)
        arrived[place] += 1
        if owed.get(place) != (entry.header, entry.data):
            what = "differs from what was decided" if place in owed else "nobody decided it"
            found.append(Finding(Kind.ALIEN, str(entry.at), what))
    found += [
        Finding(Kind.DUPLICATED, str(place), f"{count} times in the topic")
        for place, count in arrived.items()
        if count > 1
    ]
    found += [*_missing(world, set(arrived)), *_shared_ids(world)]
    return found, {"owed deliveries": len(owed), "arrived deliveries": arrived.total()}


def _missing(world: World, arrived: set[Place]) -> Iterator[Finding]:
    """Owed and never arrived, unless catching up by key made it needless (ARCHITECTURE §5 rule 11, parking)."""
    newest: dict[tuple[str, str], int] = defaultdict(int)
    for place in arrived:
        newest[place[:2]] = max(newest[place[:2]], place.sequence)
    last = {(item.topic, item.key): item for item in world.owed}
    for item in world.owed:
        key = (item.topic, item.key)
        if Place(*key, item.sequence) in arrived:
            continue
        needless = newest[key] > item.sequence or (not newest[key] and marks(last[key].header).type == "RECALL")
        if not (world.catch_up and needless):
            yield Finding(Kind.MISSING, str(Place(*key, item.sequence)), f"owed by {item.log}")


def _shared_ids(world: World) -> Iterator[Finding]:
    """A message id names one delivery of one topic."""
    places: dict[tuple[str, str], set[tuple[str, int]]] = defaultdict(set)
    for entry, mark in deliveries(world):
        places[entry.at.topic, mark.id].add((entry.key, mark.sequence))
    for (topic, name), of in places.items():
        if len(of) > 1:
            yield Finding(Kind.DUPLICATED, topic, f"message id {name} names {len(of)} deliveries")


def check_order(world: World) -> Iterator[Finding]:
    """Per key: sequences rise, marks never fall back, a series never goes back to an earlier version."""
    last: dict[tuple[str, str], Marks] = {}
    versions: dict[tuple[str, str, str], int] = {}
    for entry, mark in deliveries(world):
        key = (entry.at.topic, entry.key)
        before = last.get(key)
        if before and mark.sequence <= before.sequence:
            yield Finding(Kind.ORDER, str(entry.at), f"sequence {mark.sequence} after {before.sequence}")
        if before and any(now < then for now, then in zip(mark[4:7], before[4:7], strict=True)):
            yield Finding(Kind.ORDER, str(entry.at), "a mark takes back what an earlier record had said")
        last[key] = mark
        yield from _backwards(entry, world.accounts(entry.data), versions)
    yield from _previous(world)


def _backwards(
    entry: Entry, accounts: Iterable[tuple[str, int]], versions: dict[tuple[str, str, str], int]
) -> Iterator[Finding]:
    for series, version in accounts:
        name = (entry.at.topic, entry.key, series)
        if version < versions.get(name, 0):
            yield Finding(Kind.ORDER, str(entry.at), f"{series} goes back to version {version}")
        versions[name] = version


def _previous(world: World) -> Iterator[Finding]:
    """In the delivery log every envelope names the one before it under its key."""
    last: dict[tuple[str, str], int] = defaultdict(int)
    for item in world.owed:
        if not item.topic.startswith(OUTLETS):
            continue  # a notice stands alone
        mark = marks(item.header)
        key = (item.topic, item.key)
        if mark.sequence != item.sequence or mark.previous != last[key] or item.sequence <= last[key]:
            yield Finding(Kind.ORDER, str(item.log), f"{item.key}#{item.sequence} follows {last[key]}")
        last[key] = item.sequence
