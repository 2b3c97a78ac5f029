"""`slt admin apply`: a whole registry from one file; the plan first, and nothing the second time."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from services.cli.admin.clerk import Clerk, clerk
from services.core.declared import Move, Step, plan
from services.runtime.declared import load_declared
from services.runtime.drift import Drift
from services.runtime.office import OfficeError


def apply(
    context: typer.Context,
    registry: Annotated[Path, typer.Argument(help="The registry (YAML, docs/administering.md).")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and do nothing.")] = False,
) -> None:
    """Make slt.control, and then the broker, what the file says. What it does not name stays as it is.

    The plan is printed first. If an entry would be refused, nothing is entered. Exit status 1 with --dry-run if there
    is anything to do.
    """
    one = clerk(context)
    steps = plan(load_declared(registry), one.view().policy)
    moves = [step for step in steps if step.move is not Move.KEEP]
    _show(one, steps)
    if any(step.move is Move.REFUSED for step in steps):
        raise OfficeError(f"{registry.name}: nothing was entered: mend what would be refused")
    if dry_run:
        raise typer.Exit(1 if moves else 0)
    if moves:
        one.enter(*({name: value for name, value in step.payload.items() if name != "version"} for step in moves))
    drift = Drift(one.settings, one.view())
    one.tell(drift.mend(drift.everything()))


def _show(one: Clerk, steps: tuple[Step, ...]) -> None:
    for step in steps:
        if step.move is not Move.KEEP:
            one.say(f"{step.move} {step.key}" + "".join(f"\n    {change}" for change in step.changes))
    kept = sum(step.move is Move.KEEP for step in steps)
    one.say(f"{len(steps) - kept} to enter, {kept} are so already")
