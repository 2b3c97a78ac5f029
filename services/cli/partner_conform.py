"""`slt conform`: a self-test that a partner runs alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from services.cli.partner_options import HOME, Config, now
from services.client import Access
from services.client.conform import Verdict, command_reader, judge, own_reader
from services.client.conform_relay import probe
from services.runtime.secrets import write_private


def conform(
    reader: Annotated[
        str | None, typer.Option(help="Command of your own reader; the one of this package unless given.")
    ] = None,
    offline: Annotated[bool, typer.Option(help="The reader alone, without the relay.")] = False,
    report: Annotated[Path | None, typer.Option(help="Write the report, signed by your representative (JSON).")] = None,
    config: Config = HOME,
) -> None:
    """Test your connection and your reader: login, topics, schemas, repeats, replay, recalls, exercises, clock.

    A reader of your own gets each record as a line of JSON and says what it holds (docs/partners.md).

    Exit status 1 if a check fails.

    For example: slt conform --reader "python my_reader.py" --report conform.json
    """
    access = Access.load(config) if report or not offline else None
    verdicts = judge(command_reader(reader) if reader else own_reader)
    if access is not None and not offline:
        verdicts = [*probe(access, now), *verdicts]
    _show(verdicts)
    passed = all(each.passed for each in verdicts)
    if report is not None and access is not None:
        said = {
            "type": "conformance", "organisation": access.org, "at": now().isoformat(timespec="seconds"),
            "reader": reader or "services.client", "relay": not offline, "passed": passed,
            "checks": [each._asdict() for each in verdicts],
        }  # fmt: skip
        write_private(report, access.signed(said).decode() + "\n")
    raise typer.Exit(0 if passed else 1)


def _show(verdicts: list[Verdict]) -> None:
    table = Table("check", "result", "what to do")
    for each in verdicts:
        table.add_row(each.name, "passed" if each.passed else "FAILED", each.advice)
    Console().print(table)
