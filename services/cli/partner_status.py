"""`slt status`: how you stand with the relay. It shows no content."""

from __future__ import annotations

from collections import Counter
from typing import Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

from services.cli.partner_options import HOME, AsJson, Config, now
from services.client import Access, Family, Subscription
from services.client.feed import Feed
from services.client.store import Store
from services.runtime.codec import Codec


def status(as_json: AsJson = False, config: Config = HOME) -> None:
    """Show your credential, lag, last delivery, what became of your reports and consents, and overdue recalls.

    It is computed from your own topics: nothing of yours is measured by the relay for it.
    """
    found = _found(Access.load(config))
    if as_json:
        typer.echo(orjson.dumps(found))
        return
    table = Table(show_header=False)
    for name, value in found.items():
        table.add_row(name.replace("_", " "), _spoken(value))
    Console().print(table)


def _found(access: Access) -> dict[str, Any]:
    idle = access.idle_days()
    store = Store(access.store())
    with Feed(access) as feed:
        lag = {family.value: feed.bounds(family).high - (store.position(family) or 0) for family in Family}
    store.close()
    with Subscription(access, families=tuple(Family), live=False, acknowledge=False) as subscription:
        for _ in subscription:
            pass
        store, moment = subscription.store, now()
        held, recalls = store.held(), store.recalls()
        receipts = _results(store)
        grants = _confirmed(store)
        heartbeat = subscription.heartbeat
    overdue = [each for each in recalls if not each.answer and each.deadline and each.deadline < moment]
    return {
        "organisation": access.org, "credential": access.username,
        "used_before_this": f"{idle:.1f} days ago" if idle is not None else "never from here",
        "unread_before_this": lag, "last_heartbeat": heartbeat,
        "last_delivery": max((each.at for each in held), default=None), "held": len(held),
        "recalls": len(recalls), "recalls_without_answer": sum(not each.answer for each in recalls),
        "recalls_overdue": len(overdue), "your_records": receipts, "your_consents": grants,
    }  # fmt: skip


def _results(store: Store) -> dict[str, int]:
    codec = Codec()
    told = (codec.decode(body)[1] for *_, body in store.notices(["receipt"]))
    return dict(Counter(each["result"] for each in told))


def _confirmed(store: Store) -> dict[str, int]:
    codec = Codec()
    told = [codec.decode(body)[1] for *_, body in store.notices(["consent_status"])]
    found = Counter(each["status"] for each in told)
    return {
        **found, "recalls_owed": sum(each["recalls_owed"] for each in told),
        "recalls_acknowledged": sum(each["recalls_acknowledged"] for each in told),
    }  # fmt: skip


def _spoken(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {count}" for name, count in value.items()) or "none"
    return "none" if value is None else str(value)
