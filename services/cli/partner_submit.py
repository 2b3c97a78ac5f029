"""`slt submit`: send reports, and see what becomes of them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import orjson
import typer

from services.cli.partner_options import HOME, AsJson, Config, now
from services.client import Access
from services.client.formats import check, read_mapping, submissions
from services.client.send import Desk


def submit(
    file: Annotated[Path, typer.Argument(help="JSON, JSON lines or CSV; `-`: JSON from standard input.")],
    mapping: Annotated[Path | None, typer.Option(help="For CSV: which column fills which field (YAML).")] = None,
    as_json: AsJson = False,
    config: Config = HOME,
) -> None:
    """Submit reports and print each one's receipt. Nothing is sent unless all of the file would pass the first checks.

    Exit status 1 if the relay refuses one.

    For example: slt submit incident.json
    """
    from_stdin = str(file) == "-"
    if not from_stdin and not file.is_file():
        raise typer.BadParameter(f"there is no file {file}")
    data = sys.stdin.buffer.read() if from_stdin else file.read_bytes()
    mapped = read_mapping(mapping.read_bytes()) if mapping else None
    reports = submissions("-.json" if from_stdin else file.name, data, mapped)
    for number, report in enumerate(reports, 1):
        refusal = check(report, now())
        if refusal:
            raise typer.BadParameter(f"report {number}, `{refusal.field}`: {refusal.advice} ({refusal.reason})")
    refused = 0
    with Desk(Access.load(config)) as desk:
        for offset in [desk.submit(orjson.dumps(report)) for report in reports]:
            receipt = desk.receipt("in", offset)
            if receipt is None:
                raise typer.Exit(_unanswered())
            refused += receipt["result"] == "REFUSED"
            said = (receipt["result"], receipt["series_id"], receipt["reason"], receipt["field"], receipt["advice"])
            typer.echo(orjson.dumps(receipt) if as_json else "  ".join(filter(None, said)))
    raise typer.Exit(1 if refused else 0)


def _unanswered() -> int:
    typer.echo(
        "sent, but the relay has not answered within 30 s: slt tail --topic notices shows when it does", err=True
    )
    return 1
