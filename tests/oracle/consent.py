"""Leaks, recalls and what recipients hold, held against the naive decider (reliability §8, P4, P5; ARCHITECTURE §4)."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.oracle.entitlement import History, Target
from tests.oracle.findings import Finding, Kind
from tests.oracle.outlets import Place, deliveries
from tests.oracle.world import OUTLETS, PARTNER_TOPICS, UNNAMED, Marks, Owed, World, marks, recipient_of

Account = tuple[str, int]
BARRIER = timedelta(seconds=15)
"""A decision must know every control record this much older: the longest transaction plus a broker's restart."""
SETTLING = timedelta(seconds=10)
"""What time alone changed more recently may not have reached the recipients yet."""

_EVER = datetime.min.replace(tzinfo=UTC)


class Shelf:
    """What a reader who obeys every envelope keeps under one key."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._held: dict[int, tuple[Account, ...]] = {}

    def take(self, mark: Marks, accounts: tuple[Account, ...]) -> None:
        """Do what the envelope says, then keep the content."""
        gone = max(mark.delete_to, mark.replace_to)
        self._held = {sequence: held for sequence, held in self._held.items() if sequence > gone}
        if accounts:
            self._held[mark.sequence] = accounts

    @property
    def accounts(self) -> frozenset[Account]:
        """Everything that is there, by series and version."""
        return frozenset(account for held in self._held.values() for account in held)


def check_leaks(world: World, history: History) -> Iterator[Finding]:
    """Every account in a partner's topic was permitted by the control records that its decision knew or had to know."""
    owed = {Place(item.topic, item.key, item.sequence): item for item in world.owed}
    required = _required_epochs(world, history)
    confirmed = _confirmed_epochs(world)
    for entry, mark in deliveries(world):
        if not entry.at.topic.startswith(OUTLETS):
            continue
        if (mark.status == "Actual") != entry.at.topic.startswith("slt.out."):
            yield Finding(Kind.LEAKED, str(entry.at), f"status {mark.status} does not belong here")
        item = owed.get(Place(entry.at.topic, entry.key, mark.sequence))
        if item is None:
            continue  # alien already
        told = confirmed[bisect_left(confirmed, (entry.appended, 0)) - 1][1]
        epoch = max(item.epoch, required[item.log.partition, item.log.offset], told)
        for account in world.accounts(entry.data):
            may_be = world.reports if account == UNNAMED else (account,)
            if not any(_permitted(world, history, one, item, epoch) for one in may_be):
                yield Finding(Kind.LEAKED, str(entry.at), f"{account[0]} version {account[1]} at epoch {epoch}")


def _required_epochs(world: World, history: History) -> dict[tuple[int, int], int]:
    times = [entry.appended for entry in history.control]
    offsets = [0, *(entry.at.offset + 1 for entry in history.control)]
    return {
        (log.at.partition, log.at.offset): offsets[bisect_left(times, log.appended - BARRIER)]
        for log in world.of("slt.deliveries")
    }


def _confirmed_epochs(world: World) -> list[tuple[datetime, int]]:
    """From when on nothing may come that was permitted below an epoch: its originator was told that consent is over."""
    told = [(_EVER, 0)]
    for entry in sorted(world.under(("slt.notices.",)), key=lambda entry: entry.appended):
        if entry.kind == "consent_status":
            value = world.codec.decode(entry.data)[1]
            if value["status"] == "REVOKED_CONFIRMED":
                told.append((entry.appended, max(told[-1][1], value["epoch"] + 1)))
    return told


def _permitted(world: World, history: History, account: Account, item: Owed, epoch: int) -> bool:
    report = world.reports.get(account)
    if report is None:
        return False
    lively = {**report, "message": "ALERT"}  # a cancellation goes to those who may still have what it cancels
    return history.at(epoch).target(lively, recipient_of(item.topic), item.as_of) is Target.SHOW


def check_canaries(world: World, history: History) -> Iterator[Finding]:
    """No partner topic holds a secret word of an originator that never permitted this recipient anything."""
    if not world.canaries:
        return
    owners = {secret.encode(): originator for originator, secret in world.canaries.items()}
    pattern = re.compile(b"|".join(map(re.escape, owners)))
    addressed = {(report["originator"], org) for report in world.reports.values() for org in report["initial_audience"]}
    decider = history.at(history.end)
    for entry in world.under(PARTNER_TOPICS):
        recipient = recipient_of(entry.at.topic)
        bodies = {series.split("/", 1)[0] for series, _ in world.accounts(entry.data)}
        for secret in set(pattern.findall(b"\n".join((entry.data, entry.header, entry.key.encode())))):
            owner = owners[secret]
            if (owner, recipient) not in addressed and not decider.ever(owner, recipient):
                yield Finding(Kind.LEAKED, str(entry.at), f"holds the secret word of {owner}")
            elif owner not in bodies and UNNAMED[0] not in bodies:
                yield Finding(Kind.LEAKED, str(entry.at), f"holds a word of {owner} outside its account")


def check_recalls(world: World, history: History) -> Iterator[Finding]:
    """Each recall takes back, whole, something that was held and is permitted no more; never twice or in vain."""
    shelves: dict[tuple[str, str], Shelf] = defaultdict(Shelf)
    for item in world.owed:
        if not item.topic.startswith(OUTLETS):
            continue
        mark = marks(item.header)
        shelf = shelves[item.topic, item.key]
        held = shelf.accounts
        shelf.take(mark, world.accounts(item.body))
        if mark.type != "RECALL":
            continue
        where = str(Place(item.topic, item.key, item.sequence))
        if not held:
            yield Finding(Kind.RECALL, where, "a recall of nothing: it was never sent, or was recalled before")
        elif UNNAMED not in held and not any(_taken_back(world, history, account, item) for account in held):
            yield Finding(Kind.RECALL, where, "a recall of what is still permitted")
        if shelf.accounts:
            yield Finding(Kind.RECALL, where, "a recall that leaves something of it")


def _taken_back(world: World, history: History, account: Account, item: Owed) -> bool:
    """The held version, or a later one of its series that narrowed the audience, is not permitted any more."""
    series, held = account
    decider = history.at(item.epoch)
    return any(
        decider.target(world.reports[series, version], recipient_of(item.topic), item.as_of) is Target.NONE
        for version in world.versions.get(series, ())
        if version >= held
    )


def check_holdings(world: World, history: History) -> Iterator[Finding]:
    """Convergence: every recipient holds what it should at the final epoch and clock, and nothing taken back."""
    held = _holdings(world)
    decider = history.at(history.end)
    clocks = (world.now - SETTLING, world.now)
    for series, versions in world.versions.items():
        newest = world.reports[series, versions[-1]]
        family = "slt.out." if newest["status"] == "Actual" else "slt.exercise."
        for recipient in decider.registry.partners:
            targets = {decider.target(newest, recipient, clock) for clock in clocks}
            topic = family + recipient
            if len(targets) == 1:
                yield from _judge(newest, targets.pop(), topic, held[topic])


def _judge(
    newest: Mapping[str, Any], target: Target, topic: str, holdings: Mapping[str, set[int]]
) -> Iterator[Finding]:
    series, version = newest["series_id"], newest["version"]
    held = holdings.get(series, set())
    may_be_unnamed = UNNAMED[0] in holdings
    if target is Target.NONE and held:
        yield Finding(Kind.RECALL, topic, f"still holds {series} version {max(held)}")
    if target is Target.SHOW and version not in held and not may_be_unnamed:
        yield Finding(Kind.DIVERGED, topic, f"does not hold {series} version {version}")
    if target is Target.SHOW and any(each != version for each in held):
        yield Finding(Kind.DIVERGED, topic, f"holds {series} in an older version too")


def _holdings(world: World) -> dict[str, dict[str, set[int]]]:
    """Per outlet what its reader has: series -> versions."""
    shelves: dict[tuple[str, str], Shelf] = defaultdict(Shelf)
    for entry, mark in deliveries(world):
        shelves[entry.at.topic, entry.key].take(mark, world.accounts(entry.data))
    found: dict[str, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for (topic, _), shelf in shelves.items():
        for series, version in shelf.accounts:
            found[topic][series].add(version)
    return found
