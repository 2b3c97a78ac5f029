"""Matching's own cost, without a broker: sketch, candidates, scores and the index, with few and with many live reports.

Processor time of this process. The world is invented: reports of 30 days in 60 countries, three in ten of them another
organisation's words for an earlier one, with coordinates and day a little off.
"""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from services.cli.bench.targets import Result
from services.core.correlation import compared
from services.core.matching.candidates import Candidates
from services.core.matching.sketch import sketch
from services.core.matching.weights import Weights
from services.core.stage import Fields
from services.runtime.matching import load_weights

LIVE = {"20k": 20_000, "200k": 200_000}
_MEASURED = 5_000
_COUNTRIES, _DAYS, _SEED = 60, 30, 11
_MEANS = ("Shooting", "Kidnapping", "Shelling", "Bodily assault", "Roadside IED", "Firearms", "Unknown")
_VICTIMS = ("UN", "INGO", "NNGO", "LNGO", "NRCS")
_SYLLABLES = ("ba", "ko", "ri", "tan", "mel", "du", "sha", "vor", "li", "gam", "ne", "zu", "par", "osk", "hin", "ta")
_VERBS = ("stopped", "robbed", "attacked", "threatened", "followed", "searched", "shelled", "looted")
_THINGS = ("convoy", "clinic", "warehouse", "motorcycle", "compound", "ambulance", "school", "checkpoint", "bridge")


def measure() -> list[Result]:
    """Reports a second with each number of live reports, and bytes for each of them."""
    weights, results = load_weights(), []
    for name, live in LIVE.items():
        world = Invented()
        index = _filled(world, live)
        gc.collect()
        gc.freeze()  # as every slot does
        results.append(Result(f"correlate_match_reports_per_s_{name}", _rate(index, world.reports(_MEASURED), weights)))
    return [*results, Result("match_bytes_per_report", _bytes(LIVE["20k"]))]


def _filled(world: Invented, live: int) -> Candidates:
    index = Candidates()
    for report in world.stream(live):
        index.add(sketch(report))
    return index


def _rate(index: Candidates, reports: Sequence[Fields], weights: Weights) -> float:
    """Each report is compared, added, and an earlier one forgotten."""
    started = time.process_time()
    for report in reports:
        one = sketch(report)
        for other in index.near(one):
            compared(one, other, weights)
        index.add(one)
    return len(reports) / (time.process_time() - started)


def _bytes(live: int) -> float:
    world = Invented()
    _filled(world, 1000)  # caches
    reports = world.reports(live)
    tracemalloc.start()
    index = Candidates()
    for report in reports:
        index.add(sketch(report))
    gc.collect()
    found = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return found / len(index)


class Invented:
    """Reports of nobody, about nothing that happened."""

    def __init__(self) -> None:
        """The same every time."""
        self._random = Random(_SEED)  # noqa: S311  not for secrets
        self._towns = [[self._name() for _ in range(60)] for _ in range(_COUNTRIES)]
        self._before: list[Fields] = []
        self._count = 0

    def reports(self, count: int) -> list[Fields]:
        """The next reports."""
        return list(self.stream(count))

    def stream(self, count: int) -> Any:
        """The next reports, one at a time."""
        for _ in range(count):
            self._count += 1
            again = self._before and self._random.random() < 0.3
            report = self._again(self._random.choice(self._before)) if again else self._first()
            self._before = [*self._before[-200:], report]
            yield report

    def _first(self) -> Fields:
        choose = self._random
        country, day = choose.randrange(_COUNTRIES), choose.randrange(_DAYS)
        town = choose.randrange(60)
        names = f"{self._towns[country][town]} and {choose.choice(self._towns[country])}"
        return self._report("alder", country, town, day, names, choose.choice(_MEANS), int(choose.expovariate(0.7)))

    def _again(self, other: Fields) -> Fields:
        """The same incident in another organisation's words."""
        choose = self._random
        country, town, day, names = other["invented"]
        return self._report("birch", country, town, day, names, choose.choice(_MEANS), other["harm"]["killed"])

    def _report(  # noqa: PLR0913, PLR0917  what differs between two reports
        self, originator: str, country: int, town: int, day: int, names: str, means: str, killed: int
    ) -> Fields:
        choose = self._random
        text = " ".join(f"{choose.choice(_VERBS)} the {choose.choice(_THINGS)} {self._name()}" for _ in range(4))
        began = _day(day)
        return {
            "series_id": f"{originator}/{self._count}", "originator": originator, "status": "Actual",
            "description": f"Armed men near {names} {text}.", "headline": "", "occurred_from": began,
            "occurred_to": began, "reported_at": None, "means": means, "event": "", "actor": "",
            "victims": [choose.choice(_VICTIMS)],
            "place": {
                "latitude": -30 + country + town / 8 + choose.gauss(0, 0.05),
                "longitude": town % 8 + choose.gauss(0, 0.05),
                "precision": "TOWN", "country": "", "admin1": "", "admin2": "", "name": self._towns[country][town],
            },
            "harm": {"killed": killed, "injured": choose.choice((0, 0, 1, 2)), "kidnapped": 0, "detained": None},
            "area": {"country": f"X{country:02}", "admin1": f"X{country:02}-{town // 5}"},
            "invented": (country, town, day, names),
        }  # fmt: skip

    def _name(self) -> str:
        return "".join(self._random.choices(_SYLLABLES, k=3)).capitalize()


def _day(number: int) -> Any:
    return datetime(2026, 10, 1, 12, tzinfo=UTC) + timedelta(days=number)
