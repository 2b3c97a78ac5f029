"""`slt grant`, `withdraw`, `consents`, `answer`: what your representative signs."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

from services.cli.partner_options import HOME, Config, now, span
from services.client import Access, ClientError, Problem, Subscription
from services.client.consents import Book, Scope, ended, replied, taken_back
from services.client.consents import grant as first_version
from services.client.send import Desk, settled
from services.core.report import Status
from services.runtime.codec import Codec

_ASKED = ("consent_request", "onward_asked")


class Mode(StrEnum):
    """How far a withdrawal goes."""

    RECALL = "RECALL"
    PROSPECTIVE = "PROSPECTIVE"


class Word(StrEnum):
    """An answer to a request."""

    YES = "yes"
    NO = "no"


def grant(
    name: Annotated[str, typer.Argument(help="Your own name for this consent.")],
    to: Annotated[list[str], typer.Option(help="Who: an organisation, category:INGO, group:…, present, *.")],
    series: Annotated[list[str] | None, typer.Option(help="A single report: originator/id.")] = None,
    kind: Annotated[list[str] | None, typer.Option(help="A kind of report; with --area.")] = None,
    area: Annotated[list[str] | None, typer.Option(help="A country (ISO 3166 alpha-3), or *.")] = None,
    days: Annotated[int, typer.Option(min=1, max=366, help="How long.")] = 90,
    status: Annotated[Status, typer.Option(help="Each needs a consent of its own.")] = Status.ACTUAL,
    covers_earlier: Annotated[bool, typer.Option(help="Reports sent before it too.")] = False,
    projection: Annotated[str, typer.Option(help="How much of a report: FULL, NO_PERSONAL, COARSE_GEO …")] = "",
    config: Config = HOME,
) -> None:
    """Give consent: a standing rule by kind and area, or single reports. What it means: docs/consent.md.

    For example: slt grant kenya --to category:INGO --kind INCIDENT_REPORT --area KEN --days 30
    """
    access = Access.load(config)
    scope = Scope(tuple(to), tuple(series or ()), tuple(kind or ()), tuple(area or ()), status)
    payload = first_version(access.org, name, scope, now(), days)
    extra = {"covers_earlier": True} if covers_earlier else {}
    _send(access, {**payload, **extra, **({"projection": projection} if projection else {})})


def withdraw(
    what: Annotated[str, typer.Argument(help="The name of a grant, or a report of yours as originator/id.")],
    mode: Annotated[Mode, typer.Option(help="RECALL takes back what was delivered, PROSPECTIVE stops what is new.")],
    config: Config = HOME,
) -> None:
    """Withdraw a grant, or one report from everybody, for good.

    For example: slt withdraw kenya --mode RECALL
    """
    access = Access.load(config)
    if what.startswith(f"{access.org}/"):
        _send(access, taken_back(access.org, what, mode))
    else:
        _send(access, ended(_book(access).newest(what), mode))


def consents(config: Config = HOME) -> None:
    """List the consents that were sent from here, the newest version of each."""
    table = Table("name", "version", "state", "for", "of", "until", "the relay said")
    for name, one in _book(Access.load(config)).entries.items():
        of = one.get("series") or [*one.get("kinds", []), *one.get("areas", [])]
        table.add_row(
            name, str(one["version"]), one.get("state", one["type"]), ", ".join(one.get("recipients", ["everybody"])),
            of if isinstance(of, str) else ", ".join(of), one.get("valid_to", "")[:10], one["result"],
        )  # fmt: skip
    Console().print(table)


def answer(
    word: Annotated[Word | None, typer.Argument(help="Without it, the open requests are listed.")] = None,
    which: Annotated[str, typer.Argument(help="The request's id, or the report; the newest unless given.")] = "",
    to: Annotated[
        list[str] | None, typer.Option(help="Who gets it: a request at imminent risk goes to `present`.")
    ] = None,
    days: Annotated[str, typer.Option(help="Requests of the last so many days.")] = "2d",
    config: Config = HOME,
) -> None:
    """Answer a request for your consent in one line. Silence is no.

    For example: slt answer yes
    """
    access = Access.load(config)
    asked = [each for each in _requests(access) if each["at"] > now() - span(days)]
    if word is None:
        _list(asked)
        return
    matching = [each for each in asked if which in {"", each["series_id"]} or (which and each["id"].startswith(which))]
    if not matching:
        raise ClientError(Problem.REFUSED, "No such request has come: `slt answer` lists those that have.")
    one = matching[-1]
    third = one.get("third_party")
    scope = Scope(tuple(to or ([third] if third else ["present"])), status=one["status"])
    _send(access, replied(access.org, one, scope, now(), yes=word is Word.YES))


def _requests(access: Access) -> list[dict[str, Any]]:
    """Everything that was asked of us, the oldest first."""
    codec = Codec()
    with Subscription(access, live=False) as subscription:
        for _ in subscription:
            pass
        found = subscription.store.notices(_ASKED)
    return [{**codec.decode(body)[1], "id": id_, "at": at, "status": status} for id_, at, status, body in found]


def _list(asked: list[dict[str, Any]]) -> None:
    table = Table("id", "report", "answer by (UTC)", "asked for")
    for one in asked:
        whom = one.get("third_party") or f"{one.get('waiting', '')} at imminent risk"
        table.add_row(one["id"][:8], one["series_id"], f"{one['deadline']:%m-%d %H:%M}", whom)
    Console().print(table)


def _send(access: Access, payload: Mapping[str, Any]) -> None:
    with Desk(access) as desk:
        receipt = settled(desk.receipt("consent", desk.consent(payload)))
    _book(access).enter(payload, receipt["result"])
    name = payload.get("grant") or payload["series"]
    typer.echo(
        f"{receipt['result']}  {payload['type']} {name} version {payload['version']}  {receipt['advice']}".rstrip()
    )
    if receipt["reason"]:
        typer.echo(orjson.dumps(receipt["reason"]))


def _book(access: Access) -> Book:
    return Book(access.path.parent / f"{access.org}.consents.json")
