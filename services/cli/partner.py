"""The partners' commands of `slt`. They install and run without the relay's own side (extra `server`)."""

from __future__ import annotations

import sys

import typer
from confluent_kafka import KafkaException
from rich.console import Console

from services.cli.partner_conform import conform
from services.cli.partner_consent import answer, consents, grant, withdraw
from services.cli.partner_login import login, topics
from services.cli.partner_recall import ack, held
from services.cli.partner_status import status
from services.cli.partner_submit import submit
from services.cli.partner_tail import tail
from services.cli.partner_watch import watch
from services.client import ClientError
from services.runtime.codec import CodecError

PANEL = "For partners"
EXPECTED = (ClientError, KafkaException, CodecError)
"""Errors whose text is for people."""
MISUSED = 2
COMMANDS = (login, topics, tail, submit, grant, withdraw, consents, answer, held, ack, watch, status, conform)


def register(app: typer.Typer) -> None:
    """Add the partners' commands to `slt`."""
    for command in COMMANDS:
        app.command(rich_help_panel=PANEL)(command)


def say(error: Exception) -> None:
    """One sentence on standard error."""
    text = error.args[0].str() if isinstance(error, KafkaException) else str(error)
    Console(stderr=True).print(text, style="red", markup=False, highlight=False, soft_wrap=True)


def main() -> None:
    """`slt` where only the partners' side is installed."""
    app = typer.Typer(
        no_args_is_help=True,
        rich_markup_mode="rich",
        pretty_exceptions_show_locals=False,  # they may hold a secret
        help="""What a partner does with SLT Relay: read its alerts, report, consent, answer.

        Begin with [bold]slt login[/], then [bold]slt tail[/]. The relay's own commands come with the extra `server`.
        """,
    )
    register(app)
    try:
        app()
    except EXPECTED as error:
        say(error)
        sys.exit(MISUSED)
