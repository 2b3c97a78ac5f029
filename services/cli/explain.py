"""`slt explain`: who has what of a report and why, who has not and why not, from the read model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, NoReturn

import orjson
import redis
import typer
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from services.cli.outcomes import moment, outcomes, spoken
from services.core.audit import Audited, Change, Row
from services.core.words import OUTCOMES, projection_words
from services.runtime.read_model import AUDIT_KEPT, audit, connect
from services.runtime.settings import Settings


def explain(
    report: Annotated[str, typer.Argument(help="The report's series, as originator/id.")],
    config: Annotated[Path, typer.Option(help="The settings file.")],
    recipient: Annotated[str, typer.Option(metavar="ORG", help="Only this organisation, with what changed.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="For programs: one JSON object.")] = False,
) -> None:
    """Say who got what of a report and why, who did not and why not, and what is held now.

    For the role auditor: it names every recipient. It shows the newest decision, the policy epoch at which it was taken
    and the consents that it used; with --recipient also how it came to that.

    Exit status 1 if nothing is known about the report or the recipient.

    For example: slt explain demo-alder/convoy-7 --recipient demo-ironwood --config build/demo/settings.toml
    """
    found = _find(Settings.load(config), report)
    if recipient:
        found = _only(found, recipient)
    if as_json:
        typer.echo(orjson.dumps(_spoken(found), option=orjson.OPT_INDENT_2))
        return
    console = Console()
    console.print(explained(found))
    if recipient:
        console.print(_history(found))


def explained(found: Audited) -> Group:
    """The newest decision about a report, as people read it."""
    held = {org: holding for holding in found["held"] for org in holding["recipients"]}
    return Group(Text(_head(found)), outcomes(found["rows"], held))


def _find(settings: Settings, report: str) -> Audited:
    try:
        with connect(settings) as client:
            found = audit(client, report)
    except redis.RedisError as error:
        _stop(f"Redis does not answer ({type(error).__name__}): start it, or mend `redis` in the settings", 2)
    if found is None:
        asked = "" if "/" in report else " Name it as originator/id."
        _stop(
            f"nothing is known about {report}.{asked} Was it sent to slt.in.<originator>, and accepted (slt read "
            "<originator> --topic notices shows its receipt)? A second copy of a report is counted and not decided "
            f"about. The read model keeps a report for {AUDIT_KEPT.days} days after its last decision, and is behind "
            "while the projector is down.",
            1,
        )
    return found


def _only(found: Audited, recipient: str) -> Audited:
    """What concerns one recipient."""
    mine = [told for told in found["rows"] if recipient in told["recipients"]]
    changes = [told for told in found["history"] if recipient in told["recipients"]]
    if not mine and not changes:
        known = ", ".join(sorted(org for told in found["rows"] for org in told["recipients"]))
        _stop(f"no decision names {recipient}: it is not in the registry. Those decided about: {known}", 1)
    rows: list[Row] = [{**told, "recipients": [recipient]} for told in mine]
    history: list[Change] = [{**told, "recipients": [recipient]} for told in changes]
    held = [holding for holding in found["held"] if recipient in holding["recipients"]]
    return {**found, "rows": rows, "history": history, "held": [{**one, "recipients": [recipient]} for one in held]}


def _stop(text: str, status: int) -> NoReturn:
    Console(stderr=True).print(text, style="red", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(status)


def _head(found: Audited) -> str:
    return (
        f"{found['series_id']}, version {found['version']}, in incident {found['incident']}\n"
        f"decided {moment(found['as_of'])} UTC at policy epoch {found['epoch']}"
    )


def _history(found: Audited) -> Table:
    table = Table("when (UTC)", "epoch", "version", "outcome", "is shown", "reason", title="What changed, newest first")
    for told in found["history"]:
        table.add_row(
            moment(told["as_of"]), str(told["epoch"]), str(told["version"]), OUTCOMES[told["target"]],
            projection_words(told["projection"]) or "-", told["primary"],
        )  # fmt: skip
    return table


def _spoken(found: Audited) -> dict[str, Any]:
    return {**found, "rows": [spoken(told) for told in found["rows"]]}
