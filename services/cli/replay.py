"""`slt replay`: submits files of public registers and alert feeds as an organisation's reports."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from services.core.feeds.document import render
from services.core.feeds.table import ATTRIBUTES, Feed
from services.runtime.feeds.files import read
from services.runtime.feeds.items import NotAFeed
from services.runtime.feeds.plan import Format, Sending, encode, plan
from services.runtime.settings import Settings, SettingsError
from services.runtime.submit import SubmitReport, Submitter

_UNREADABLE = "sent as it is"


class Pace(NamedTuple):
    """How fast records are sent; neither: as fast as possible."""

    rate: float | None = None
    """Records per second."""
    speed: float | None = None
    """Seconds of history per second, by the date of the incidents."""


def replay(  # noqa: PLR0913, PLR0917  one argument for each option of the command
    file: Annotated[Path, typer.Argument(help="A file, or a folder of files.")],
    org: Annotated[str, typer.Option("--as", help="The organisation that submits.")],
    config: Annotated[Path, typer.Option(help="The settings file.")] = Path("slt.toml"),
    rate: Annotated[float | None, typer.Option(min=0.001, help="Records per second.")] = None,
    speed: Annotated[
        float | None, typer.Option(min=0.001, help="By date, so many seconds of history per second.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many records.")] = None,
    form: Annotated[Format, typer.Option("--format", help="What submissions are encoded as.")] = "json",
    version: Annotated[int, typer.Option(min=1, help="Version of the reports: 2 for a register's next export.")] = 1,
    dry_run: Annotated[bool, typer.Option(help="Show what would be sent, and send nothing.")] = False,
) -> None:
    """Submit the records of AWSD, Insecurity Insight, GDACS and CAP files to slt.in.ORG, each exactly once.

    docs/mappings.md says what becomes of each field. Exit status 1 if a record was not confirmed by the broker.
    """
    console = Console()
    if rate and speed:
        raise typer.BadParameter("give --rate or --speed, not both")
    try:
        contents = read(file)
        sendings = plan(contents.items, version, by_date=speed is not None)[:limit]
        _skipped(console, contents.skipped)
        if dry_run:
            _preview(console, sendings)
            return
        report = _submit(Submitter(Settings.load(config), org), sendings, form, Pace(rate, speed))
    except (NotAFeed, SettingsError) as error:
        console.print(str(error), style="red", markup=False)
        raise typer.Exit(2) from error
    _conclude(console, report)


def mappings() -> None:
    """Print docs/mappings.md: what replay makes of each source field."""
    typer.echo(render(), nl=False)


def _submit(submitter: Submitter, sendings: list[Sending], form: Format, pace: Pace) -> SubmitReport:
    errors = Console(stderr=True)
    with Progress(console=errors, disable=not errors.is_terminal) as progress:
        bar = progress.add_task("submitted", total=len(sendings))
        for sending in _paced(sendings, pace, submitter.wait):
            submitter.send(encode(sending, form))
            progress.advance(bar)
        return submitter.finish()


def _paced(sendings: Iterable[Sending], pace: Pace, wait: Callable[[float], None]) -> Iterator[Sending]:
    """Each record when it is due; `wait` is called with the seconds until then."""
    began = time.monotonic()
    first: datetime | None = None
    for count, sending in enumerate(sendings):
        due = 0.0
        if pace.rate:
            due = count / pace.rate
        elif pace.speed and sending.when:
            first = first or sending.when
            due = (sending.when - first).total_seconds() / pace.speed
        ahead = began + due - time.monotonic()
        if due and ahead > 0:
            wait(ahead)
        yield sending


def _skipped(console: Console, files: list[str]) -> None:
    for finding in files:
        console.print(f"skipped {finding}", style="yellow", markup=False)


def _conclude(console: Console, report: SubmitReport) -> None:
    style = "green" if report.complete else "red"
    console.print(f"submitted {report.submitted}, confirmed {report.confirmed}", style=style)
    if not report.complete:
        for failure in report.failures:
            console.print(failure, style="red", markup=False)
        console.print("Not confirmed: replay again; a record that comes twice is counted as a duplicate.")
        raise typer.Exit(1)


def _preview(console: Console, sendings: list[Sending]) -> None:
    table = Table("feed", "records", "submissions", _UNREADABLE, "from", "to", title="Would be sent")
    feeds = Counter(sending.feed for sending in sendings)
    for feed, count in feeds.items():
        own = [sending for sending in sendings if sending.feed is feed]
        mapped = [sending for sending in own if sending.submission is not None]
        days = sorted(sending.when.date().isoformat() for sending in mapped if sending.when)
        ends = (days[0], days[-1]) if days else ("", "")
        table.add_row(feed.name if feed else "none", str(count), str(len(mapped)), str(count - len(mapped)), *ends)
    console.print(table)
    for feed in feeds:
        if feed is not None:
            console.print(_fields(feed, [sending for sending in sendings if sending.feed is feed]))


def _fields(feed: Feed, sendings: list[Sending]) -> Table:
    filled = Counter(name for sending in sendings for name, value in sending.row.items() if value.strip())
    table = Table("source field", "filled", "becomes", title=f"{feed.title}: {len(sendings)} records")
    for name, count in filled.items():
        rule = feed.rule(name)
        if rule is None:
            table.add_row(name, str(count), f"{ATTRIBUTES} (in no table)", style="yellow")
        elif rule.targets:
            table.add_row(name, str(count), ", ".join(rule.targets), style="green")
        else:
            table.add_row(name, str(count), f"not passed on: {rule.note}", style="dim")
    return table
