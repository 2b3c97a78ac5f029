"""`slt preview`: who would get a draft, before it is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console

from services.cli.outcomes import outcomes, spoken
from services.runtime.archive import Archive
from services.runtime.policies import NOW, load_past, policy_of
from services.runtime.preview import Preview, locator, preview
from services.runtime.settings import Settings


def preview_command(
    file: Annotated[Path, typer.Argument(help="The draft: a submission as JSON (schemas/submission).", exists=True)],
    org: Annotated[str, typer.Option("--as", help="The organisation that would send it.")],
    config: Annotated[Path, typer.Option(help="The settings file.")],
    as_json: Annotated[bool, typer.Option("--json", help="For programs: one JSON object.")] = False,
) -> None:
    """Show who would get a draft if it were sent now, how much of it, and why the others would not. Nothing is sent.

    Every check runs as it would for the report itself, under the consents in force at this moment; only what depends on
    other reports of the same incident cannot be known yet.

    Exit status 1 if the draft would be refused; then it says what to change.

    For example: slt preview draft.json --as demo-alder --config build/demo/settings.toml
    """
    try:
        fields = orjson.loads(file.read_bytes())
    except orjson.JSONDecodeError as error:
        raise typer.BadParameter(f"{file.name} is not JSON: {error}") from error
    settings = Settings.load(config)
    with Archive(settings) as archive:
        past = load_past(settings, archive)
    found = preview(fields, org, policy_of(past, NOW), past.now, locator(settings))
    if as_json:
        typer.echo(orjson.dumps(_spoken(found), option=orjson.OPT_INDENT_2))
    else:
        _show(found, org)
    raise typer.Exit(1 if found.refusal else 0)


def _show(found: Preview, org: str) -> None:
    console = Console()
    if found.refusal:
        reason, advice, field = found.refusal
        where = f" in `{field}`" if field else ""
        console.print(f"It would be refused: {reason}{where}: {advice}", style="red", markup=False, highlight=False)
        return
    shown = sum(len(told["recipients"]) for told in found.rows if told["target"] == "SHOW")
    country = found.country or "no country that is known"
    console.print(
        f"{shown} would get it, sent by {org} now, about {country}, at policy epoch {found.epoch}", highlight=False
    )
    console.print(outcomes(found.rows))


def _spoken(found: Preview) -> dict[str, object]:
    refusal = found.refusal._asdict() if found.refusal else None
    return {**found._asdict(), "refusal": refusal, "rows": [spoken(told) for told in found.rows]}
