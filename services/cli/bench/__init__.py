"""`slt bench`: measures the stages and the chain on a stack of its own, and writes build/bench.json."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.console import Console

from services.cli.bench import formats, matching, plain, revoke, rules, stages
from services.cli.bench.chain import Chain, Run, percentile, search
from services.cli.bench.facts import facts
from services.cli.bench.hops import hops, starts
from services.cli.bench.report import fact_table, figure, hop_table, table, write
from services.cli.bench.targets import STAGES, TARGETS, Group, Result
from services.cli.bench.world import MeasureError, World
from services.runtime.local import StackError
from services.runtime.local.process import ROOT

_FILE = ROOT / "build" / "bench.json"
_P99_MS = 1000
_QUIET = 0.1
"""Cores: what others may use without being mentioned."""


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    reports: int = 20_000
    warm_up: int = 10_000
    """Reports that every stage has caught up with before it is measured."""
    latency_seconds: float = 60.0
    sustained_seconds: float = 60.0
    rates: Sequence[float] = (50, 100, 200, 300, 400, 500, 600)


LONG = Size(100_000, 20_000, 300.0, 60.0, tuple(range(50, 1001, 50)))


def bench(
    long: Annotated[bool, typer.Option("--long", help="100,000 reports, longer loads, a finer search.")] = False,
    only: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only what gives this result.")] = None,
) -> None:
    """Measure the stages and the chain on a fresh Kafka; a table, and build/bench.json. Exit 1: not measurable."""
    console = Console()
    groups = _groups(only or list(TARGETS))
    console.print(fact_table(facts()))
    measuring = Bench(console, LONG if long else Size(), groups)
    measuring.alone()
    try:
        if groups - {Group.RULES, Group.FORMATS, Group.MATCHING}:
            with World.start() as world:
                measuring.run(world)
    except StackError as error:
        measuring.failures.append(str(error))
    order = {name: place for place, name in enumerate(TARGETS)}
    results = sorted(measuring.results, key=lambda result: order[result.name])
    write(_FILE, results)
    console.print(table(results))
    console.print(f"written to {_FILE.relative_to(ROOT)}")
    if measuring.others > _QUIET:
        console.print(
            f"not alone: others used up to {measuring.others:.1f} cores, so this is less than it can", style="yellow"
        )
    for failure in measuring.failures:
        console.print(f"not measured: {failure}", style="red", markup=False)
    if measuring.failures:
        raise typer.Exit(1)


def _groups(names: Sequence[str]) -> frozenset[Group]:
    unknown = [name for name in names if name not in TARGETS]
    if unknown:
        raise typer.BadParameter(f"{unknown[0]} is none of: {', '.join(TARGETS)}", param_hint="--only")
    return frozenset(TARGETS[name].group for name in names)


class Bench:
    """One run; `results` and `failures` say what came of it."""

    def __init__(self, console: Console, size: Size, groups: frozenset[Group]) -> None:
        """`groups`: what to measure; what they need is measured with them."""
        self._console, self._size, self._groups = console, size, groups
        self.results: list[Result] = []
        self.failures: list[str] = []
        self.others = 0.0
        """Cores that others used while something was measured, at most."""

    def alone(self) -> None:
        """What needs no broker."""
        if Group.FORMATS in self._groups:
            self._add(formats.measure())
        if Group.MATCHING in self._groups:
            self._add(matching.measure())
        if Group.RULES in self._groups:
            for found, made_of in rules.measure():
                self._add(found)
                self._console.print(f"  of which: {made_of}")

    def run(self, world: World) -> None:
        """Everything that was asked for; what cannot be measured is noted and the rest goes on."""
        wanted = [stage for stage in STAGES if stage in self._groups]
        if wanted or Group.PLAIN in self._groups:
            self._attempt(lambda: self._catch_up(world, wanted))
        if self._groups & {Group.LATENCY, Group.RATE}:
            self._attempt(lambda: self._chain(world))
        if Group.REVOKE in self._groups:
            self._attempt(lambda: self._revoke(world))

    def _attempt(self, measure: Callable[[], None]) -> None:
        try:
            measure()
        except MeasureError as error:
            self.failures.append(str(error))

    def _add(self, results: Sequence[Result], note: str = "") -> None:
        self.results += results
        for result in results:
            self._console.print(f"  {result.name} {figure(result.value)} {TARGETS[result.name].unit}{note}")
            note = ""

    def _catch_up(self, world: World, wanted: Sequence[str]) -> None:
        reports = world.take(self._size.reports)
        if wanted:
            # Once for the broker's compiler alone: a broker just started takes up to four times the processor time.
            list(stages.measure(world, world.take(self._size.warm_up), wanted[-1]))
        bare = plain.measure(world, reports)
        self._add(bare)
        for caught in stages.measure(world, reports, wanted[-1]) if wanted else ():
            self.others = max(self.others, caught.others)
            self._add([*stages.results(caught), *_ratios(caught, bare)], f" (others used {caught.others:.1f} cores)")

    def _chain(self, world: World) -> None:
        with Chain.start(world) as chain:
            if Group.LATENCY in self._groups:
                self._latency(world, chain)
            if Group.RATE in self._groups:
                runs = list(self._shown(search(chain, self._size.rates, self._size.sustained_seconds, _P99_MS)))
                held = [run.rate for run in runs if run.seconds >= self._size.sustained_seconds and run.holds(_P99_MS)]
                self._add([Result("chain_rate_at_p99_1s", max(held, default=0.0))])

    def _revoke(self, world: World) -> None:
        """Last, because two originators have no grant afterwards."""
        found = revoke.measure(world)
        self.others = max(self.others, found.others)
        self._add(found.results, f" ({found.note}; others used {found.others:.1f} cores)")

    def _latency(self, world: World, chain: Chain) -> None:
        start = starts(world)
        (run,) = self._shown([chain.load(10, self._size.latency_seconds)])
        if run.missing:
            raise MeasureError(f"chain_p50_ms_at_10: {run.missing} records did not come")
        self._add([Result(f"chain_p{share}_ms_at_10", percentile(run.latencies, share)) for share in (50, 99)])
        found = hops(world, start, run.received)
        self.results += [result for hop in found for result in hop.results()]
        self._console.print(hop_table(found))

    def _shown(self, runs: Sequence[Run] | Iterator[Run]) -> Iterator[Run]:
        for run in runs:
            self.others = max(self.others, run.busy["others"])
            busy = ", ".join(f"{name} {cores:.2f}" for name, cores in run.busy.items())
            p50, p99 = (figure(percentile(run.latencies, share)) for share in (50, 99))
            self._console.print(
                f"  {run.rate:.0f} reports/s for {run.seconds:.0f} s: p50 {p50} ms, p99 {p99} ms, missing {run.missing}"
                f" (sent {run.pace:.1f}/s; cores: {busy})"
            )
            yield run


def _ratios(caught: stages.Caught, bare: Sequence[Result]) -> list[Result]:
    """A stage against the bare loops, where it makes one record of one."""
    if f"{caught.stage}_to_plain" not in TARGETS:
        return []
    names = (f"{caught.stage}_to_plain", f"{caught.stage}_to_plain_transactional")
    return [Result(name, caught.rate / loop.value) for name, loop in zip(names, bare, strict=True)]
