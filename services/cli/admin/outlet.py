"""`slt admin outlet`: hold a recipient's topic back for a while, and let go of it."""

from __future__ import annotations

from typing import Annotated

import typer

from services.cli.admin.clerk import clerk
from services.core.control import OutletState
from services.runtime.drift import Drift

app = typer.Typer(no_args_is_help=True, help="Park a recipient's topics, and open them again.")
Org = Annotated[str, typer.Argument(help="The recipient.")]


@app.command("open")
def open_(context: typer.Context, org: Org) -> None:
    """Write it again: what it is owed comes first, the newest of each incident."""
    _set(context, org, OutletState.OPEN)


@app.command()
def park(context: typer.Context, org: Org) -> None:
    """Write nothing to it; what is decided meanwhile is kept for it. Nobody else notices."""
    _set(context, org, OutletState.PARKED)


def _set(context: typer.Context, org: str, state: OutletState) -> None:
    one = clerk(context)
    view = one.enter({"type": "outlet", "org": org, "state": state.value})
    drift = Drift(one.settings, view)
    one.tell(drift.mend(drift.rights(lambda name: name == "deliver")))
