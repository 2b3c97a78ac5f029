"""`slt admin`: partners, their people and logins, outlets, areas; and whether the broker agrees with slt.control."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from services.cli.admin import area, credential, outlet, partner, representative
from services.cli.admin.apply import apply
from services.cli.admin.clerk import Clerk
from services.cli.admin.drift import drift
from services.runtime.office import signer
from services.runtime.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="""Administer an installation (docs/administering.md). Every command may be repeated.

    Each change is a signed record in slt.control, entered by intake and answered with a receipt; topics, rights and
    quotas at the broker follow from the records.

    - [bold]slt admin --config FILE partner apply alder --category INGO --evidence "…"[/]

    - [bold]slt admin --config FILE credential issue alder laptop --scope read[/]

    - [bold]slt admin --config FILE drift[/]: what the broker has that nobody entered, and the reverse
    """,
)
app.add_typer(partner.app, name="partner")
app.add_typer(representative.app, name="representative")
app.add_typer(credential.app, name="credential")
app.add_typer(outlet.app, name="outlet")
app.add_typer(area.app, name="area")
app.command()(drift)
app.command()(apply)


@app.callback()
def admin(
    context: typer.Context,
    config: Annotated[Path, typer.Option(help="The settings file.", envvar="SLT_CONFIG")],
    by: Annotated[str, typer.Option("--as", help="Who signs: a representative of `admin`.")] = "root",
    key: Annotated[Path | None, typer.Option(help="File of the signer's private key (hex).")] = None,
) -> None:
    """Read the settings and the signer's key."""
    settings = Settings.load(config)
    context.obj = one = Clerk(settings, signer(settings, by, key))
    context.call_on_close(one.close)
