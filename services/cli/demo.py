"""`slt demo`: the whole relay on this machine, a bundled scenario, and an account of every record."""

from __future__ import annotations

import shutil
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from services.cli.chapters import scenario
from services.cli.ended import audit_of, confirmed, recalls, unlike
from services.cli.explain import explained
from services.cli.live import Canary, Latency, Screen
from services.cli.play import Player
from services.cli.reader import Reader
from services.cli.scenario import Scenario
from services.cli.up import (
    LOCK,
    REGISTRY,
    SLOTS,
    FolderError,
    Running,
    addresses,
    claimed,
    interrupt_on_sigterm,
    running,
    terminal,
    wait_for_interrupt,
)
from services.cli.verdict import Difference, Verdict, judge
from services.core.audit import Audited
from services.runtime.kafka import partner_security
from services.runtime.read_model import FINAL
from services.runtime.registry import Registry
from services.runtime.secrets import write_private
from services.runtime.settings import Settings

_QUIET = 1.5
"""Seconds without a delivery after which nothing more is thought to come; decided work comes far sooner."""
_SHOWN = "demo-ironwood"
"""The partner whose topic the closing words teach to read."""
_MOST = 20
"""Differences that are shown."""
_CANARY = "canary: the relay's own test reports; refused until it is registered"
_MARK = "demo"
"""A file that says that the folder is a demo's own."""


class Show(NamedTuple):
    """Where and how long the story is shown."""

    screen: Screen
    canary: Canary
    seconds: float


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="End after the scenario: exit status 0 if all is as it should be.")
    ] = False,
    folder: Annotated[Path, typer.Option(help="Everything is written here; an earlier demo in it is removed.")] = Path(
        "build/demo"
    ),
    seconds: Annotated[float, typer.Option(min=1, help="How long the scenario takes, waiting times apart.")] = 60.0,
) -> None:
    """Start everything, play a bundled scenario of invented organisations, and account for every record.

    Twenty partners submit about three hundred reports: revisions, corrections, duplicates, records that are wrong;
    consents come late, run out, are withdrawn with recall, and the recalls are answered; reports are shown in part, an
    originator is asked because somebody may be hurt; two partners are suspended; there is an exercise. Then the
    accounts are read from the topics: in = delivered + withheld + duplicate + expired + refused.

    Without --once everything stays up afterwards, until Ctrl-C.
    """
    console = terminal()
    interrupt_on_sigterm()
    registry = Registry.load(REGISTRY)
    with claimed(folder):
        _clear(folder)
        screen = Screen(console)
        with screen:
            screen.say(f"Kafka, Redis and {sum(SLOTS.values())} processes are starting (Kafka is downloaded once).")
            with running(folder, registry.orgs) as system:
                canary = Canary(system.supervisor.slot("canary").metrics)
                verdict, explanation = _run(system, registry, Show(screen, canary, seconds))
                screen.end()
                _consents(console, system, verdict, explanation)
                _report(console, system, verdict, canary.latency())
                if not once:
                    wait_for_interrupt(console)
    if once and not verdict.good:
        raise typer.Exit(1)


def _clear(folder: Path) -> None:
    """Remove an earlier demo; FolderError if the folder is something else."""
    entries = [entry for entry in folder.iterdir() if entry.name != LOCK]
    if entries and not (folder / _MARK).is_file():
        raise FolderError(f"{folder} is not empty and holds no earlier demo: give another --folder")
    for entry in entries:
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    (folder / _MARK).write_text("Written by slt demo, which removes this folder at its next start.\n", encoding="utf-8")


def _run(system: Running, registry: Registry, show: Show) -> tuple[Verdict, Audited | None]:
    """Play, wait until everything has an end and nothing more comes, and judge; with one report's explanation."""
    screen, canary, seconds = show
    reader = Reader(system.stack.admin_config())
    player = Player(system.stack, reader, screen)
    try:
        screen.say(f"{len(registry.orgs)} invented partners and their representatives are entered, with signatures.")
        entered = player.found(registry)
        canary.begin()
        screen.attach(system.stack.settings, canary)
        story = scenario(datetime.now(UTC), registry)  # noqa: TID251  when the invented events happened, for nobody's rule
        played = entered and player.play(story, seconds)
        screen.say("All is sent: the accounts are read from the topics." if played else "It did not come to its end.")
        verdict, explanation = _judged(player, reader), audit_of(system.stack.settings, story)
        return verdict._replace(differences=(*verdict.differences, *unlike(explanation, story))), explanation
    finally:
        reader.close()


def _judged(player: Player, reader: Reader) -> Verdict:
    """The accounts of everything that was submitted until now, the canary's test reports included."""
    _until_quiet(reader)
    among = reader.books.submitted()
    player.wait(lambda: all(reader.books.ends(at) for at in among), "an outcome of every report")
    found = judge(Scenario(tuple(player.played)), player.confirmed, among, reader.books)
    problems = tuple(Difference(problem, "", "") for problem in player.problems)
    return found._replace(differences=(*problems, *found.differences))


def _until_quiet(reader: Reader) -> None:
    """Until no partner has got anything for a while."""
    before, since = -1, time.monotonic()
    while time.monotonic() - since < _QUIET:
        reader.poll(_QUIET / 10)
        if (now := reader.books.deliveries.total()) != before:
            before, since = now, time.monotonic()


def _consents(console: Console, system: Running, verdict: Verdict, explanation: Audited | None) -> None:
    """What became of consents, and who has one report and why."""
    console.print(confirmed(verdict.told))
    console.print(recalls(verdict.standings))
    if explanation:
        console.print(f"\nslt explain {explanation['series_id']} --config {system.stack.settings_file}",
                      markup=False, highlight=False, soft_wrap=True)  # fmt: skip
        console.print(explained(explanation))


def _report(console: Console, system: Running, verdict: Verdict, timed: Latency) -> None:
    """Accounts, what differs, and where to look further."""
    console.print(_accounts(verdict))
    console.print(_controls(verdict))
    if timed.p50 is not None and timed.p99 is not None:
        console.print(f"From one partner's submission to another's topic ({timed.reports} test reports of the canary): "
                      f"p50 {timed.p50 * 1000:.0f} ms, p99 {timed.p99 * 1000:.0f} ms\n", soft_wrap=True)  # fmt: skip
    console.print(addresses(system))
    _teach(console, system)
    if verdict.good:
        console.print(
            "\n[green]The accounts balance, and every partner holds exactly what it should.[/]", soft_wrap=True
        )
    else:
        console.print(_differences(verdict))


def _accounts(verdict: Verdict) -> Table:
    table = Table("originator", box=SIMPLE, show_footer=True, title="Reports: in = " + " + ".join(FINAL),
                  caption=_CANARY, title_justify="left", caption_justify="left")  # fmt: skip
    total = {name: sum(account.outcomes[name] for account in verdict.accounts) for name in FINAL}
    table.columns[0].footer = "all"
    for name, number in (
        ("in", sum(account.records for account in verdict.accounts)),
        *total.items(),
        ("open", sum(account.open for account in verdict.accounts)),
    ):
        table.add_column(name, str(number), justify="right")
    for account in verdict.accounts:
        numbers = (account.records, *account.outcomes.values(), account.open)
        table.add_row(account.org, *map(str, numbers))
    return table


def _controls(verdict: Verdict) -> Table:
    table = Table("also sent", box=SIMPLE, title="in = entered + repeated + refused", title_justify="left")
    for name in ("in", "entered", "repeated", "refused", "open"):
        table.add_column(name, justify="right")
    for sent in verdict.controls:
        numbers = (sent.records, sent.entered, sent.repeated, sent.refused, sent.open)
        table.add_row(sent.what, *map(str, numbers))
    return table


def _differences(verdict: Verdict) -> Table:
    table = Table(
        "what", "expected", "found", box=SIMPLE, title="[red]Not as the scenario says[/]", title_justify="left"
    )
    for difference in verdict.differences[:_MOST]:
        table.add_row(*map(escape, difference))
    if (more := len(verdict.differences) - _MOST) > 0:
        table.add_row(f"… and {more} more", "", "")
    return table


def _teach(console: Console, system: Running) -> None:
    """How a person reads one partner's topic, as that partner and over TLS."""
    stack = system.stack
    client = client_file(stack.settings, stack.folder, _SHOWN)
    console.print(f"\nWhat {_SHOWN} reads, with its own credentials and over TLS, while this runs:")
    for command in (
        f"slt read {_SHOWN} --config {stack.settings_file}",
        f"kcat -F {client} -C -t slt.out.{_SHOWN} -o beginning -e -q -f '%k %h\\n'",
    ):
        console.print(f"  {command}", markup=False, highlight=False, soft_wrap=True)
    console.print("(kcat: with librdkafka 2.6.1 or later, see kcat -V; Kafka 4 refuses the SCRAM login of older ones)")


def client_file(settings: Settings, folder: Path, org: str) -> Path:
    """A librdkafka client configuration for one partner, readable by its owner alone: no password in any argv."""
    path = folder / f"{org}.conf"
    lines = {key: value for key, value in partner_security(settings, org).items() if key != "client.id"}
    write_private(path, "".join(f"{key}={value}\n" for key, value in lines.items()))
    return path
