"""`slt console`: who may use the console, and as what."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from services.console.accounts import AccountError, Accounts, Role, invitation_link
from services.console.guard import now
from services.console.main import url
from services.runtime.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="""Who may use the console, and as what. Run it where the console's accounts folder is.

    Nobody has a password before he or she chose one: an invitation is a link that works once, for a day.

    - [bold]slt console invite "Noor Invented" --role operator --role approver[/]

    - [bold]slt console accounts[/]: everybody with roles

    - [bold]slt console end "Noor Invented"[/]: the account is over; its open pages close within seconds
    """,
)
Config = Annotated[Path, typer.Option(help="The settings file.")]
Name = Annotated[str, typer.Argument(help="A person's name, as others will read it beside what he or she does.")]


@app.command()
def invite(
    name: Name,
    config: Config,
    role: Annotated[list[Role], typer.Option(help="What the person may do; may be given several times.")],
) -> None:
    """Print the link by which a person makes an account, or chooses a new password and has these roles from now on."""
    settings = Settings.load(config)
    secret = Accounts(settings.accounts_folder).invite(name, tuple(role), now())
    typer.echo(invitation_link(url(settings), secret))
    typer.echo("The link works once, until tomorrow. Send it to this person alone.", err=True)


@app.command()
def end(name: Name, config: Config) -> None:
    """End an account with its sessions and tokens, at once. What it did stays in the audit topic."""
    try:
        Accounts(Settings.load(config).accounts_folder).end(name)
    except AccountError as error:
        typer.echo(f"{error}: `slt console accounts` names everybody", err=True)
        raise typer.Exit(1) from error


@app.command()
def accounts(config: Config) -> None:
    """Everybody who may use the console."""
    table = Table("name", "roles")
    for name, roles in sorted(Accounts(Settings.load(config).accounts_folder).names().items()):
        table.add_row(name, ", ".join(roles))
    Console().print(table)
