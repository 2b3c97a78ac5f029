"""The multiset of recalls: what had to be taken back by the control log alone, and what was (consent.md §5)."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from tests.oracle.entitlement import History, Target
from tests.oracle.outlets import deliveries
from tests.oracle.world import OUTLETS, UNNAMED, World, recipient_of


class Taken(NamedTuple):
    """One delivered series in one outlet."""

    topic: str
    series: str


def recalls_due(world: World) -> Counter[Taken]:
    """Every delivery of what is not permitted in the end, once.

    Exact for a history in which nobody gets back what was taken from it, and each series has one version
    (tests/oracle/storm.py).
    """
    history = History(world.of("slt.control"))
    decider = history.at(history.end)
    shown = {
        Taken(entry.at.topic, series): world.reports[series, version]
        for entry, _ in deliveries(world)
        for series, version in world.accounts(entry.data)
        if (series, version) != UNNAMED
    }
    return Counter(
        taken for taken, report in shown.items()
        if decider.target(report, recipient_of(taken.topic), world.now) is Target.NONE
    )  # fmt: skip


def recalls_made(world: World) -> Counter[Taken]:
    """Every RECALL in an outlet, by what its key had held; one of nothing has no series."""
    held: dict[tuple[str, str], str] = {}
    made: Counter[Taken] = Counter()
    for entry, mark in deliveries(world):
        if not entry.at.topic.startswith(OUTLETS):
            continue
        if mark.type == "RECALL":
            made[Taken(entry.at.topic, held.get((entry.at.topic, entry.key), ""))] += 1
        for series, _ in world.accounts(entry.data):
            held[entry.at.topic, entry.key] = series
    return made
