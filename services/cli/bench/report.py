"""What is shown and written of the results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import orjson
from rich.table import Table

from services.cli.bench.chain import percentile
from services.cli.bench.hops import ENDS, Hop
from services.cli.bench.targets import TARGETS, Result

_STYLES = {True: "green", False: "red", None: "dim"}


def write(path: Path, results: Sequence[Result]) -> None:
    """build/bench.json."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"results": [result.fields() for result in results]}
    path.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def table(results: Sequence[Result]) -> Table:
    """All results against their targets; the hops have a table of their own."""
    found = Table("what", "value", "unit", "target", "", title="slt bench")
    for result in results:
        target = TARGETS[result.name]
        if result.name.startswith("hop_"):
            continue
        met = target.met(result.value)
        bound = "" if target.limit is None else f"{'≤' if target.at_most else '≥'} {target.limit:,.0f}"
        mark = {True: "met", False: "missed", None: ""}[met]
        found.add_row(result.name, figure(result.value), target.unit, bound, mark, style=_STYLES[met])
    return found


def hop_table(hops: Sequence[Hop]) -> Table:
    """A report's way at ten a second."""
    found = Table("hop", "until its record is in", "p50 ms", "p99 ms", title="Hop by hop at 10 reports/s")
    for hop, end in zip(hops, ENDS, strict=True):
        found.add_row(hop.name, end, *(figure(percentile(hop.times, share)) for share in (50, 99)))
    return found


def fact_table(facts: Mapping[str, str]) -> Table:
    """The machine."""
    found = Table(show_header=False, title="Measured on")
    for name, value in facts.items():
        found.add_row(name, value)
    return found


def figure(value: float) -> str:
    """A number with as many digits as it is worth."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
