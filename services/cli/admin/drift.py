"""`slt admin drift`: what the broker has that nobody entered, and the reverse."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from services.cli.admin.clerk import clerk
from services.runtime.drift import SENTENCES, Drift


def drift(
    context: typer.Context,
    fix: Annotated[
        bool, typer.Option("--fix", help="Mend each difference; rights that nobody entered go first.")
    ] = False,
) -> None:
    """Hold slt.control against the broker's topics, rights, logins and quotas. Exit status 1 if they differ.

    A login of a partner that is missing can only be mended with a new password, which is shown once.
    """
    one = clerk(context)
    found = Drift(one.settings, one.view())
    differences = found.everything()
    table = Table("kind", "what", "meaning")
    for each in differences:
        table.add_row(each.kind, each.name, SENTENCES[each.kind])
    Console().print(table if differences else "The broker has what slt.control says.")
    if fix:
        one.tell(found.mend(differences))
        differences = Drift(one.settings, one.view()).everything()
        one.say(f"{len(differences)} differences left")
    raise typer.Exit(1 if differences else 0)
