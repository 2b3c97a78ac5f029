"""Random histories of one incident: reports join and are revised, links come and go, control records, time."""

from __future__ import annotations

from datetime import datetime
from random import Random
from typing import NamedTuple

from tests.reference.cases import report
from tests.reference.facts import Fields
from tests.reference.reconcile import Link
from tests.reference.records import DAY, HOUR, MINUTE, NOW, ORGS, SECOND, Registry, mostly, series_of
from tests.reference.registry import Entry

STEPS = 5
_TIMES = (NOW - HOUR, NOW - SECOND, NOW, NOW + SECOND, NOW + 10 * MINUTE, NOW + HOUR, NOW + DAY, NOW + 3 * DAY + HOUR)
_ORIGINATORS = ("alder", "alder", "birch", "cedar", "dogwood")


class Step(NamedTuple):
    """The incident and the control records at a moment."""

    reports: tuple[Fields, ...]
    """The newest version of each, sorted by series."""
    links: tuple[Link, ...]
    echo: dict[str, tuple[tuple[str, str], ...]]
    """Series -> what it repeats."""
    entries: tuple[Entry, ...]
    as_of: datetime
    fresh: bool


def history(random: Random) -> tuple[Step, ...]:
    """`STEPS` steps; each knows the records of the one before, and more."""
    entries = Registry(random).entries()
    known: dict[str, Fields] = {}
    links: tuple[Link, ...] = ()
    echo: dict[str, tuple[tuple[str, str], ...]] = {}
    steps = []
    begun = 2 * len(ORGS)
    for as_of in sorted(random.choices(_TIMES, k=STEPS)):
        begun = random.randint(begun, len(entries))
        known = _changed(random, known, entries[begun - 1].offset)
        links = _linked(random, known, links)
        for series in known:
            echo.setdefault(series, _echo(random, series))
        reports = tuple(known[series] for series in sorted(known))
        steps.append(Step(reports, links, dict(echo), entries[:begun], as_of, random.random() < 0.9))
    return tuple(steps)


def _changed(random: Random, known: dict[str, Fields], last: int) -> dict[str, Fields]:
    """Mostly one report more, or a newer version of one; seldom one has left."""
    after = dict(known)
    for _ in range(random.choice((0, 1, 1, 2)) if known else 2):
        org = random.choice(_ORIGINATORS)
        series = random.choice(sorted(after)) if after and random.random() < 0.4 else series_of(random, org)
        after[series] = _version(random, series, after, last)
    if after and random.random() < 0.05:
        del after[random.choice(sorted(after))]
    return after


def _version(random: Random, series: str, known: dict[str, Fields], last: int) -> Fields:
    """The next version of a series; at times the same content, or a new series that replaces another."""
    before, made = known.get(series), report(random, last)
    org = series.split("/", maxsplit=1)[0]
    if before and random.random() < 0.5:
        made = {**before, "message": made["message"], "epoch": last + 1, "attribution": made["attribution"]}
    others = [one for one in sorted(known) if one != series and one.startswith(f"{org}/")]
    replaced = random.choice(others) if others and random.random() < 0.15 else ""
    status = before["status"] if before else "Actual"
    version = before["version"] + 1 if before else 1
    return {**made, "originator": org, "series_id": series, "version": version, "status": status,
            "supersedes": before["supersedes"] if before else replaced}  # fmt: skip


def _linked(random: Random, known: dict[str, Fields], links: tuple[Link, ...]) -> tuple[Link, ...]:
    """Links come more often than they go."""
    kept = [link for link in links if {link.one, link.other} <= set(known) and random.random() < 0.85]
    if len(known) > 1 and random.random() < 0.7:
        kept.append(Link(*random.sample(sorted(known), 2)))
    return tuple(kept)


def _echo(random: Random, series: str) -> tuple[tuple[str, str], ...]:
    other = mostly(random, "alder", *ORGS)
    is_echo = random.random() < 0.05 and not series.startswith(f"{other}/")
    return ((other, series_of(random, other)),) if is_echo else ()
