"""Decisions of the last days, read again: what they named, and the reports that they were about."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from services.core.policy import Policy
from services.core.shadow import Difference, differences
from services.core.stage import Fields
from services.runtime.archive import Archive
from services.runtime.verify import DECISIONS

LOCATED = "slt.located"
Wanted = dict[tuple[str, int], set[datetime]]


class Replayed(NamedTuple):
    """What a replay has covered."""

    decisions: int
    """Reports decided about, each as often as it was."""
    reports: int
    missing: int
    """Versions whose report slt.located no longer has (it keeps 28 days): nothing is known of them."""
    differences: tuple[Difference, ...]


def decided(archive: Archive, since: datetime, told: Callable[[Fields], None] = lambda _: None) -> Wanted:
    """Series and version of every report decided about since, with the moments; `told` gets each verdict row."""
    found: Wanted = {}
    for record in archive.records(DECISIONS, archive.since(DECISIONS, since)):
        for verdict in record.value["verdicts"]:
            found.setdefault((verdict["series_id"], verdict["version"]), set()).add(record.value["as_of"])
            told(verdict)
    return found


def reports(archive: Archive, wanted: Wanted) -> Iterator[tuple[Any, set[datetime]]]:
    """The located reports of these, each once; what is left in `wanted` afterwards is in the topic no more."""
    for record in archive.records(LOCATED):
        moments = wanted.pop((record.value["series_id"], record.value["version"]), None)
        if moments:
            yield record.value, moments


def compare(archive: Archive, since: datetime, old: Policy, new: Policy) -> Replayed:
    """Decide everything since once more, under both policies."""
    wanted = decided(archive, since)
    count, known = sum(map(len, wanted.values())), len(wanted)
    found = [one for report, moments in reports(archive, wanted) for one in differences(report, moments, old, new)]
    return Replayed(count, known - len(wanted), len(wanted), tuple(found))
