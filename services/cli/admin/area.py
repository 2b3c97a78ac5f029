"""`slt admin area`: the level of cooperation of a country (SLT-11, SLT-18)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from services.cli.admin.clerk import clerk
from services.core.control import Level, SrmLevel

app = typer.Typer(no_args_is_help=True, help="Levels of cooperation.")


@app.command()
def set_level(  # noqa: PLR0913, PLR0917  # one option for each field of the record
    context: typer.Context,
    area: Annotated[str, typer.Argument(help="ISO 3166-1 alpha-3.")],
    level: Annotated[Level, typer.Argument(help="REGULAR or ENHANCED.")],
    approver: Annotated[str, typer.Option(help="Who approved it.")],
    srm: Annotated[SrmLevel, typer.Option(help="Security risk level of the area.")] = SrmLevel.UNKNOWN,
    since: Annotated[datetime | None, typer.Option(help="From when on (UTC); now, if left out.")] = None,
) -> None:
    """Enter a level. Every earlier one stays in the history: a report is judged by the level of its day."""
    one = clerk(context)
    view = one.view()
    from_ = since.replace(tzinfo=view.past.now.tzinfo) if since else view.past.now.replace(microsecond=0)
    new = {"type": "area", "area": area, "level": level.value, "approver": approver, "srm_level": srm.value}
    before = one.payload(view, f"area/{area}", "") if view.policy.version(f"area/{area}") else {}
    is_same = since is None and new.items() <= before.items()
    one.enter(before if is_same else {**new, "valid_from": from_.isoformat()})
