"""`slt`: the command line. What can be expected to go wrong is said in one sentence, with exit status 2."""

from __future__ import annotations

import sys

import typer

from services.cli import admin, cap, console, decisions, incident, metrics, partner, policy, schemas
from services.cli.bench import bench
from services.cli.demo import demo
from services.cli.evaluate.command import app as evaluate
from services.cli.evaluate.folder import EvaluateError
from services.cli.explain import explain
from services.cli.preview import preview_command
from services.cli.read import read
from services.cli.replay import mappings, replay
from services.cli.up import FolderError, up
from services.core.matching.weights import WeightsError
from services.runtime.archive import ArchiveError
from services.runtime.local import StackError
from services.runtime.office import OfficeError
from services.runtime.provision import ProvisionError
from services.runtime.quotas import QuotaError
from services.runtime.registry import RegistryError
from services.runtime.settings import SettingsError

EXPECTED = (
    SettingsError, StackError, ProvisionError, RegistryError, FolderError, ArchiveError, OfficeError, QuotaError,
    EvaluateError, WeightsError, *partner.EXPECTED,
)  # fmt: skip
"""Errors whose text is for people."""


app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,  # they may hold a secret
    help="""SLT Relay distributes security reports between organisations, each under its originator's consent.

    Begin with one of these:

    - [bold]slt demo[/]: everything on this machine with an invented story, in two minutes

    - [bold]slt up[/]: the same without the story; it writes build/up/settings.toml

    - [bold]slt replay FILE --as demo-alder --config build/up/settings.toml[/]: submit a register or an alert feed

    - [bold]slt read demo-ironwood --config build/up/settings.toml[/]: what a partner has received

    - [bold]slt explain demo-alder/ID --config build/up/settings.toml[/]: who got a report, who did not, and why

    - [bold]slt incident list --config build/up/settings.toml[/]: which reports tell of one incident

    - [bold]slt console invite NAME --role operator --config build/up/settings.toml[/]: a person for the console

    - [bold]slt schemas topics[/]: every topic with its meaning

    - [bold]slt login[/], then [bold]slt tail[/]: as a partner, from anywhere (docs/partners.md)
    """,
)
app.command()(demo)
app.command()(up)
app.command()(replay)
app.command()(read)
app.command()(explain)
app.command("preview")(preview_command)
app.command()(mappings)
app.command()(bench)
app.add_typer(admin.app, name="admin")
app.add_typer(console.app, name="console")
app.add_typer(incident.app, name="incident")
app.add_typer(policy.app, name="policy")
app.add_typer(cap.app, name="cap")
app.add_typer(decisions.app, name="decisions")
app.add_typer(schemas.app, name="schemas")
app.add_typer(metrics.app, name="metrics")
partner.register(app)
app.add_typer(evaluate, name="evaluate")


def main() -> None:
    """Entry of the `slt` command."""
    try:
        app()
    except EXPECTED as error:
        partner.say(error)
        sys.exit(partner.MISUSED)
