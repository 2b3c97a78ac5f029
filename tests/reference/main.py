"""`python -m tests.reference.main --cases N [--seed S] [--jobs J]`: engine against reference, case by case.

Exit code 1 if one answer differs; the first differences are printed with the records and features that matter.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from random import Random, SystemRandom
from typing import NamedTuple

from tests.reference.cases import CASES, RECIPIENTS, Ask, World, world
from tests.reference.decide import decide
from tests.reference.engine import UNKNOWN, Answer, Engine
from tests.reference.facts import Fields
from tests.reference.registry import Entry

BATCH = 25
SHOWN = 3
PROGRESS = 10.0
ANSWER = ("effect", "target", "primary", "reasons", "projection", "grants", "obligations")


class Difference(NamedTuple):
    """One case that the two answer differently."""

    world: World
    ask: Ask
    recipient: str


class Batch(NamedTuple):
    """Worlds `first` to `last` of a seed, and how many cases of them are wanted."""

    seed: int
    first: int
    cases: int


def reference(entries: Sequence[Entry], ask: Ask, recipient: str) -> Answer:
    """The reference's answer in the engine's words."""
    found = decide(
        ask.report, recipient, ask.action, ask.purpose, entries, ask.as_of,
        fresh=ask.fresh, echo=ask.echo, superseded=ask.superseded, requested_at=ask.requested_at,
    )  # fmt: skip
    return (*found[:4], found.projection.text, *found[5:])


def differs(entries: tuple[Entry, ...], ask: Ask, recipient: str) -> bool:
    """True if engine and reference differ for one case."""
    answer = Engine(World(entries, (ask,))).answers(ask).get(recipient, UNKNOWN)
    return answer != reference(entries, ask, recipient)


def compare(batch: Batch) -> tuple[int, int, list[str]]:
    """Cases, differences, and the first differences in words."""
    found = []
    for case in islice(cases(batch), batch.cases):
        if case is not None:
            found.append(case)
    return batch.cases, len(found), [describe(one) for one in found[:SHOWN]]


def cases(batch: Batch) -> Iterator[Difference | None]:
    """One item a case: the difference, if there is one."""
    for number in range(batch.first, batch.first + BATCH):
        made = world(Random(f"{batch.seed}/{number}"))
        engine = Engine(made)
        for ask in made.asks:
            answers = engine.answers(ask)
            for recipient in RECIPIENTS:
                same = answers.get(recipient, UNKNOWN) == reference(made.entries, ask, recipient)
                yield None if same else Difference(made, ask, recipient)


def shrink(entries: tuple[Entry, ...], still: Callable[[tuple[Entry, ...]], bool]) -> tuple[Entry, ...]:
    """Drop entries one by one while the difference remains."""
    for entry in entries:
        fewer = tuple(one for one in entries if one is not entry)
        if fewer and still(fewer):
            entries = fewer
    return entries


def simplify(ask: Ask, still: Callable[[Ask], bool]) -> Fields:
    """The fields of the report that matter: those that cannot take the value that most reports have."""
    plain: Fields = {
        "initial_audience": [], "expires": None, "facts": [], "upstream": [], "on_behalf_of": "", "personal": {},
        "source_note": "", "tearline": "", "advice": "", "headline": "", "event": "", "actor": "", "imminent": False,
        "occurred_from": None, "reported_at": None, "attribution": "NAMED", "message": "ALERT", "version": 1,
        "urgency": "Unknown", "severity": "Unknown", "time_precision": "UNKNOWN",
    }  # fmt: skip
    report = dict(ask.report)
    for field, value in plain.items():
        if still(ask._replace(report={**report, field: value})):
            report[field] = value
    return {field: value for field, value in report.items() if field not in plain or plain[field] != value}


def describe(found: Difference) -> str:
    """A difference as few records and features as still show it."""
    entries = shrink(found.world.entries, lambda fewer: differs(fewer, found.ask, found.recipient))
    matters = simplify(found.ask, lambda ask: differs(entries, ask, found.recipient))
    answer = Engine(World(entries, (found.ask,))).answers(found.ask).get(found.recipient, UNKNOWN)
    lines = [f"difference for {found.recipient}: {found.ask._replace(report={})}", f"  report {matters}"]
    lines += [f"  control {entry}" for entry in entries]
    for name, one, other in zip(ANSWER, reference(entries, found.ask, found.recipient), answer, strict=True):
        mark = "!" if one != other else " "
        lines.append(f"  {mark} {name}: reference {_words(one)}, engine {_words(other)}")
    return "\n".join(lines)


def _words(value: Collection[str]) -> str:
    return value if isinstance(value, str) else " ".join(sorted(value)) or "none"


def batches(wanted: int, seed: int) -> Iterator[Batch]:
    """As many batches as the wanted cases need."""
    for first in range(0, wanted, BATCH * CASES):
        yield Batch(seed, first // CASES, min(BATCH * CASES, wanted - first))


def run(wanted: int, seed: int, jobs: int) -> int:
    """Compare; prints progress to stderr, differences and the last line to stdout; the number of differences."""
    done, differences, said = 0, 0, time.monotonic()
    with ProcessPoolExecutor(jobs) as pool:
        for count, different, texts in pool.map(compare, batches(wanted, seed), chunksize=4):
            for text in texts[: max(0, SHOWN - differences)]:
                sys.stdout.write(text + "\n")
            done, differences = done + count, differences + different
            if time.monotonic() - said > PROGRESS:
                said = time.monotonic()
                sys.stderr.write(f"{done:,} of {wanted:,} cases, {differences} differences\n")
    sys.stdout.write(f"differences: {differences} of {wanted} (seed {seed})\n")
    return differences


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(prog="differential", description="Compares the engine with the reference.")
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=None, help="a random one if none is given")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    options = parser.parse_args(arguments)
    seed = SystemRandom().randrange(10**9) if options.seed is None else options.seed
    return 1 if run(options.cases, seed, options.jobs) else 0


if __name__ == "__main__":
    sys.exit(main())
