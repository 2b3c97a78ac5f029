"""`slt decisions`: whether the log of decisions is whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from services.core.chain import Fault, Finding
from services.runtime.archive import Archive, ArchiveError
from services.runtime.settings import Settings
from services.runtime.verify import DECISIONS, Verified, read_heads, verify, write_heads

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="The log of decisions (slt.decisions): every record names the SHA-256 of the one before.",
)
_WORDS = {
    Fault.CHANGED: "the record before it was changed, or one between is missing",
    Fault.ORDER: "the record that it follows is here, but not directly before it",
    Fault.UNREADABLE: "this is no decision record",
    Fault.CUT: "records are gone: the topic was cut, or made anew",
}


@app.callback()
def decisions() -> None:
    """A group of one command."""


@app.command("verify")
def verify_command(
    config: Annotated[Path, typer.Option(help="The settings file.")],
    partition: Annotated[int | None, typer.Option(min=0, help="Only this partition.")] = None,
    since: Annotated[
        Path | None, typer.Option(help="Go on from the position in this file, and store there how far it came.")
    ] = None,
) -> None:
    """Read the log and check the chain: a changed byte, a missing and a swapped record are found.

    The newest record of a partition is proven by its successor, and what is cut off the end by the position of an
    earlier run: keep the file of --since where those who can write the topic cannot.

    Exit status 1 if the chain is broken at any place; the position then stays where it was.

    For example: slt decisions verify --since audit.json --config build/demo/settings.toml
    """
    heads = read_heads(since) if since else {}
    with Archive(Settings.load(config)) as archive:
        spans = archive.spans(DECISIONS)
        if partition is not None:
            if partition not in spans:
                raise ArchiveError(f"no partition {partition}: there are 0 to {len(spans) - 1}")
            spans = {partition: spans[partition]}
        errors = Console(stderr=True)
        with Progress(console=errors, disable=not errors.is_terminal) as progress:
            begun = {number: heads[number].offset if number in heads else span.first for number, span in spans.items()}
            bar = progress.add_task("verified", total=sum(span.end - begun[n] for n, span in spans.items()))
            found = verify(archive, spans, heads, progress=lambda by: progress.advance(bar, by))
    if since and not found.findings:
        write_heads(since, {**heads, **found.heads})
    _conclude(found)


def _conclude(found: Verified) -> None:
    console = Console(soft_wrap=True)
    for finding in found.findings:
        console.print(_line(finding), style="red", highlight=False)
    ends = ", ".join(f"{number} to offset {head.offset}" for number, head in sorted(found.heads.items()))
    if found.findings:
        console.print(f"{len(found.findings)} faults in {found.records} records", style="red")
        console.print("Keep the broker's log files as they are, and compare with what the ledger and the outlets hold.")
        raise typer.Exit(1)
    console.print(
        f"{found.records} records verified, the chain holds (partition {ends})", style="green", highlight=False
    )


def _line(finding: Finding) -> str:
    before = f", after offset {finding.after}" if finding.after >= 0 else ""
    return f"partition {finding.partition}, offset {finding.offset}{before}: {_WORDS[finding.fault]} ({finding.fault})"
