"""`python -m tests.reference.main --cases N [--seed S] [--jobs J] [--reconcile]`: engine against reference.

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
from tests.reference.engine import UNKNOWN, Answer, Engine, Relay, Stand
from tests.reference.facts import Fields
from tests.reference.histories import STEPS, Step, history
from tests.reference.reconcile import Incident, Item, Key, Moment, Outcome, reconcile
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


def compare_histories(batch: Batch) -> tuple[int, int, list[str]]:
    """The same for histories: a case is one step of one history for one recipient."""
    found = [text for text in islice(steps(batch), batch.cases) if text]
    return batch.cases, len(found), found[:SHOWN]


def steps(batch: Batch) -> Iterator[str]:
    """One item a case: the difference in words, or nothing. After a difference its recipient is not followed."""
    for number in range(batch.first, batch.first + BATCH):
        seed = f"{batch.seed}/history/{number}"
        relay, made = Relay(), history(Random(seed))
        keys: dict[str, tuple[Key, ...] | None] = dict.fromkeys(RECIPIENTS, ())
        for place, step in enumerate(made):
            moment = _moment(step, relay)
            stands = relay.step(step)
            for recipient in RECIPIENTS:
                before = keys[recipient]
                if before is None:
                    yield ""
                    continue
                expected = reconcile(moment, recipient, before)
                said = disagreement(expected, stands.get(recipient))
                keys[recipient] = None if said else expected.keys
                yield f"difference in history {seed}, step {place}, for {recipient}:\n{said}" if said else ""


def _moment(step: Step, relay: Relay) -> Moment:
    """What the reference is asked: of the engine it takes only when a report was first seen, and asked about."""
    items = []
    for report in step.reports:
        series = report["series_id"]
        decided_at, requested_at = relay.context(series, step.as_of)
        items.append(Item(report, decided_at, step.echo[series], requested_at))
    return Moment(Incident(tuple(items), step.links), step.entries, step.as_of, step.fresh)


def disagreement(expected: Outcome, found: Stand | None) -> str:
    """What the reference and the engine tell differently of a recipient; an unknown one has no decisions."""
    keys = {key.founder: frozenset((h.series, h.version, h.projection.text) for h in key.held) for key in expected.keys}
    decisions = {s: (d.target, d.reasons, d.projection.text) for s, d in expected.decisions.items()}
    if found is None:
        found = Stand({}, frozenset(), decisions)
    lines = [
        f"  ! {name}: reference {one}, engine {other}"
        for name, one, other in (
            ("keys", keys, found.keys), ("recalled", expected.recalled, found.recalled),
            ("decisions", decisions, found.decisions),
        )
        if one != other
    ]  # fmt: skip
    return "\n".join(lines)


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


def batches(wanted: int, seed: int, each: int = CASES) -> Iterator[Batch]:
    """As many batches as the wanted cases need; `each`: cases of one world or history."""
    for first in range(0, wanted, BATCH * each):
        yield Batch(seed, first // each, min(BATCH * each, wanted - first))


def run(wanted: int, seed: int, jobs: int, *, histories: bool = False) -> int:
    """Compare; prints progress to stderr, differences and the last line to stdout; the number of differences."""
    done, differences, said = 0, 0, time.monotonic()
    compared, each = (compare_histories, STEPS * len(RECIPIENTS)) if histories else (compare, CASES)
    with ProcessPoolExecutor(jobs) as pool:
        for count, different, texts in pool.map(compared, batches(wanted, seed, each), chunksize=4):
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
    parser.add_argument("--reconcile", action="store_true", help="histories: what is held, not what is decided")
    options = parser.parse_args(arguments)
    seed = SystemRandom().randrange(10**9) if options.seed is None else options.seed
    return 1 if run(options.cases, seed, options.jobs, histories=options.reconcile) else 0


if __name__ == "__main__":
    sys.exit(main())
