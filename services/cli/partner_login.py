"""`slt login`, `slt topics`: connect once, and see what is yours."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from services.cli.partner_options import HOME, Config
from services.client import Access, Family
from services.client.feed import Feed

_MEANING = {
    "slt.out.": "what you hold of actual incidents",
    "slt.exercise.": "the same for exercises and tests",
    "slt.notices.": "receipts, requests for your consent, reminders",
    "slt.in.": "reports and answers to recalls, from you",
    "slt.consent.": "grants and withdrawals, signed by your representative",
}


def login(
    bootstrap: Annotated[str, typer.Option(prompt="Address of the relay (host:port)", help="host:port[,host:port]")],
    org: Annotated[str, typer.Option(prompt="Your organisation's id", help="The id that the relay knows you by.")],
    username: Annotated[str, typer.Option(help="Name of the credential; your organisation's id unless given.")] = "",
    ca: Annotated[Path | None, typer.Option(help="The relay's certificate authority (PEM).", exists=True)] = None,
    password_file: Annotated[
        Path | None, typer.Option(help="Read the password from a file, `-`: from standard input. Else it is asked for.")
    ] = None,
    signer: Annotated[str, typer.Option(help="The representative who signs consents from here.")] = "",
    signing_key: Annotated[
        Path | None, typer.Option(help="That person's Ed25519 private key: 64 hexadecimal digits.", exists=True)
    ] = None,
    config: Config = HOME,
) -> None:
    """Connect to the relay, and keep address and credential in a file that you alone can read.

    For example: slt login --bootstrap relay.example.org:9093 --org demo-alder --ca relay-ca.pem
    """
    made = Access(
        bootstrap, org, username or org, _password(password_file), ca and ca.resolve(), signer,
        signing_key and signing_key.resolve(), path=config,
    )  # fmt: skip
    config.parent.mkdir(parents=True, exist_ok=True)
    trial = made.save(config.with_name(config.name + ".trial"))
    try:
        with Feed(trial) as feed:
            seen = feed.topics()
        saved = made.save(config)
        saved.accepted()
    finally:
        trial.path.unlink()
        trial.path.with_name(trial.path.name + ".accepted").unlink(missing_ok=True)
    typer.echo(f"Logged in as {saved.username}; {len(seen)} topics are yours. Kept in {config}. Next: slt tail")


def _password(file: Path | None) -> str:
    if file is None:
        return str(typer.prompt("Password", hide_input=True))
    return (sys.stdin.readline() if str(file) == "-" else file.read_text(encoding="utf-8")).strip()


def topics(config: Config = HOME) -> None:
    """List the topics that you may use, and how much lies in those that you read."""
    access = Access.load(config)
    table = Table("topic", "meaning", "records", "you")
    with Feed(access) as feed:
        for name in feed.topics():
            family = name.removeprefix("slt.").removesuffix(f".{access.org}")
            reads = family in tuple(Family)
            bounds = feed.bounds(Family(family)) if reads else None
            count = f"at most {bounds.high - bounds.low:,}" if bounds else ""
            meaning = _MEANING.get(name.removesuffix(access.org), "")
            table.add_row(name, meaning, count, "read" if reads else "write")
    Console().print(table)
