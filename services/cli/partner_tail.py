"""`slt tail`: what comes, as it comes, in the terminal."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table

from services.cli.partner_options import HOME, AsJson, Config, now, span
from services.client import Access, Delivery, Family
from services.client.feed import Feed
from services.client.fresh import Fresh
from services.client.record import cursors

_ROWS = 20
_WAIT = 0.2
_PULSE = "pulse"


def tail(
    family: Annotated[list[Family] | None, typer.Option("--topic", help="Which of your topics; several times.")] = None,
    since: Annotated[str | None, typer.Option(help="Begin so long ago: 90m, 2h, 3d.")] = None,
    last: Annotated[int | None, typer.Option(min=0, help="Begin with the last N deliveries (20).")] = None,
    cursor: Annotated[str | None, typer.Option("--from", help="Begin at a cursor that --json has shown.")] = None,
    as_json: AsJson = False,
    config: Config = HOME,
) -> None:
    """Show what arrives, live, until Ctrl-C. It waits while nothing comes and reconnects by itself.

    It only looks: it keeps nothing, answers no recall, and moves no other reader's position.

    For example: slt tail --since 2h
    """
    if sum(given is not None for given in (since, last, cursor)) > 1:
        raise typer.BadParameter("give one of --since, --last and --from")
    with Feed(Access.load(config)) as feed:
        families = family or [Family.OUT]
        if cursor is not None:
            try:
                starts = cursors(cursor)
            except ValueError as error:
                raise typer.BadParameter(str(error)) from error
        elif since is not None:
            begin = now() - span(since)
            starts = {each: feed.since(each, begin) for each in families}
        else:
            count = _ROWS if last is None else last
            starts = {each: feed.back(each, count) for each in families}
        feed.start(starts)
        _show(feed, as_json=as_json)


def _show(feed: Feed, *, as_json: bool) -> None:
    try:
        if as_json:
            for batch in _batches(feed):
                sys.stdout.buffer.writelines(line(each) for each in batch)
                sys.stdout.buffer.flush()
        elif sys.stdout.isatty():
            _live(feed)
        else:
            _plain(feed)
    except KeyboardInterrupt:
        return
    except BrokenPipeError:  # whoever read has gone
        sys.stderr.close()


def _batches(feed: Feed) -> Iterator[list[Delivery]]:
    """What is new, at least every 0.2 s, empty if nothing is."""
    fresh = Fresh()
    while True:
        yield [each for each in feed.take(_WAIT) if fresh.is_new(each)]


def _live(feed: Feed) -> None:
    rows, alive = deque[Delivery](maxlen=_ROWS), ""
    with Live(_table(rows, alive, ""), refresh_per_second=8, screen=False) as live:
        for batch in _batches(feed):
            for each in batch:
                if each.kind == _PULSE:
                    alive = f"{each.at:%H:%M:%S}"
                else:
                    rows.append(each)
            live.update(_table(rows, alive, feed.lost))


def _plain(feed: Feed) -> None:
    console = Console(highlight=False, soft_wrap=True)
    lost, alive = "", False
    for batch in _batches(feed):
        if feed.lost != lost:
            lost = feed.lost
            console.print(lost or "connected again", markup=False)
        for each in batch:
            if each.kind != _PULSE:
                console.print("  ".join(cells(each)), markup=False)
            elif not alive:
                alive = True
                console.print(f"heartbeat at {each.at:%H:%M:%S} UTC: the relay is alive", markup=False)


def _table(rows: Iterable[Delivery], alive: str, lost: str) -> Table:
    caption = lost or (f"last heartbeat {alive} UTC" if alive else "waiting for the first heartbeat")
    table = Table("UTC", "type", "status", "key", "what", caption=caption, expand=True)
    for each in rows:
        table.add_row(*(cell.replace("[", "\\[") for cell in cells(each)))
    return table


def cells(delivery: Delivery) -> tuple[str, str, str, str, str]:
    """Time, type, status, key and a line about the content."""
    envelope = delivery.envelope
    kind = envelope.type.value if envelope else delivery.kind
    status = envelope.status if envelope else ""
    return (f"{delivery.at:%m-%d %H:%M:%S}", kind, status, delivery.key[:8], _printable(_what(delivery)))


def _what(delivery: Delivery) -> str:
    told = _SAID.get(delivery.kind)
    return told(delivery.value) if told else delivery.kind.replace("_", " ")


def _asked(value: Mapping[str, Any]) -> str:
    return f"consent asked for {value['series_id']} by {value['deadline']:%m-%d %H:%M}: slt answer"


_SAID: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "view": lambda value: " | ".join(map(_account, value["accounts"])),
    "recall": lambda value: (
        f"{value['reason_class']}: {value['action'].lower()} it, answer by {value['deadline']:%m-%d %H:%M}"
    ),
    "receipt": lambda value: " ".join(
        filter(None, (value["result"], value["series_id"], value["reason"], value["advice"]))
    ),
    "consent_request": _asked,
    "onward_asked": _asked,
    "reminder": lambda value: f"recall {value['key'][:8]} is not answered: slt ack",
    "unreadable": lambda _: "of a newer kind: update slt",
}


def _account(account: Any) -> str:
    where = account["place"]["name"] or account["area"] or account["country"]
    return " ".join(filter(None, (where, account["headline"] or account["event"] or account["tearline"])))


def _printable(text: str) -> str:
    """A report's text cannot move the cursor or change colours."""
    return "".join(each if each.isprintable() else " " for each in text)


def line(delivery: Delivery) -> bytes:
    """One line of JSON."""
    envelope = delivery.envelope
    return orjson.dumps(
        {
            "cursor": delivery.cursor, "topic": delivery.family, "at": delivery.at, "key": delivery.key,
            "record": delivery.kind, "slt": envelope._asdict() if envelope else None, "value": delivery.value,
        },
        option=orjson.OPT_APPEND_NEWLINE,
    )  # fmt: skip
