"""`slt held`, `slt ack`: what you hold, what was taken back, and your answer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.table import Table

from services.cli.partner_options import HOME, AsJson, Config
from services.client import Access, ClientError, Family, Problem, Subscription
from services.client.store import Held, Recalled
from services.core.report import Answer

_ACTUAL_AND_EXERCISE = tuple(Family)


def held(
    as_json: AsJson = False,
    exercise: Annotated[bool, typer.Option(help="Exercises and tests as well.")] = False,
    config: Config = HOME,
) -> None:
    """Show what you hold and what was recalled, after reading what has come. Recalls are obeyed, not answered.

    For example: slt held
    """
    with _current(config) as subscription:
        holding = [each for each in subscription.store.held() if exercise or each.family is Family.OUT]
        recalls = subscription.store.recalls()
    if as_json:
        for each in holding:
            typer.echo(orjson.dumps({"held": {k: v for k, v in each._asdict().items() if k != "body"}}))
        for recall in recalls:
            typer.echo(orjson.dumps({"recalled": recall._asdict()}))
        return
    console = Console()
    console.print(_held(holding))
    console.print(_recalled(recalls))


def ack(
    which: Annotated[str, typer.Argument(help="Beginning of the recall's message id or key, as `slt held` shows it.")],
    answer: Annotated[Answer, typer.Argument(help="What you did.")] = Answer.DONE,
    note: Annotated[str, typer.Option(help="At most 1,000 characters; the originator may read it.")] = "",
    config: Config = HOME,
) -> None:
    """Answer a recall: DONE, PARTIAL, CANNOT or ALREADY_ACTED_ON. The newest answer counts.

    For example: slt ack 3f9a DONE
    """
    with _current(config) as subscription:
        store = subscription.store
        found = [each for each in store.recalls() if each.key.startswith(which) or each.message_id.startswith(which)]
        if len(found) != 1:
            count = "no recall" if not found else f"{len(found)} recalls"
            raise ClientError(Problem.REFUSED, f"{count} with {which}: `slt held` lists them; write more of the id.")
        if not found[0].key:
            text = "This recall came while you may not read your topic; it can be answered once its key has come there."
            raise ClientError(Problem.REFUSED, text)
        store.answer(found[0].message_id, answer, note)
        for _ in subscription:  # ends at once; the answer is sent first
            pass
        after = store.recall(found[0].message_id)
        if after is None or not after.sent:
            raise ClientError(
                Problem.UNREACHABLE, subscription.trouble or "The answer is kept, and sent with the next command."
            )
    typer.echo(f"answered {answer}")


def _current(config: Path) -> Subscription:
    """Everything read that is there."""
    subscription = Subscription(Access.load(config), families=_ACTUAL_AND_EXERCISE, live=False, acknowledge=False)
    for _ in subscription:
        pass
    return subscription


def _held(holding: list[Held]) -> Table:
    table = Table("key", "sequence", "type", "status", "since (UTC)", "state", title=f"{len(holding)} held")
    for one in holding:
        table.add_row(one.key[:8], str(one.sequence), one.type, one.status, f"{one.at:%m-%d %H:%M}", one.state)
    return table


def _recalled(recalls: list[Recalled]) -> Table:
    table = Table("id", "key", "class", "taken out", "answer by (UTC)", "answer", title=f"{len(recalls)} recalled")
    for one in recalls:
        answer = f"{one.answer}{'' if one.sent else ' (not sent yet)'}" if one.answer else "none yet: slt ack"
        until = f"{one.deadline:%m-%d %H:%M}" if one.deadline else ""
        table.add_row(one.message_id[:8], one.key[:8], one.reason_class, str(one.removed), until, answer)
    return table
