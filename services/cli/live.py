"""The live view of a running installation: what outlets hold, what was just delivered, accounts, latency.

It shows the read model, which holds no content, and the canary's own measurements.
"""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, NamedTuple, Self, cast

import orjson
import redis
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from services.runtime.read_model import ACCOUNTS, FEED, FINAL, OUTLETS, connect, gap
from services.runtime.settings import Settings

_COLOURS = {"ALERT": "green", "UPDATE": "cyan", "CORRECT": "yellow", "CANCEL": "magenta", "RECALL": "red"}
_REFRESH = 2.0
"""Pictures per second."""
_FEED_LINES = 14


class Outlet(NamedTuple):
    """One topic as the read model has it."""

    name: str
    held: int
    types: Mapping[str, int]


class Snapshot(NamedTuple):
    """Everything on one picture."""

    outlets: tuple[Outlet, ...] = ()
    feed: tuple[Mapping[str, Any], ...] = ()
    accounts: Mapping[str, int] = {}


def snapshot(client: redis.Redis) -> Snapshot:
    """What the read model says now; nothing while Redis does not answer."""
    try:
        names = sorted(cast("set[str]", client.smembers(OUTLETS)))
        pipe = client.pipeline(transaction=False)
        for name in names:
            pipe.hlen(f"{OUTLETS}:{name}:held")
            pipe.hgetall(f"{OUTLETS}:{name}:types")
        pipe.lrange(FEED, 0, _FEED_LINES - 1)
        pipe.hgetall(ACCOUNTS)
        *found, feed, accounts = pipe.execute()
    except redis.RedisError:
        return Snapshot()
    outlets = (Outlet(name, found[2 * at], _numbers(found[2 * at + 1])) for at, name in enumerate(names))
    return Snapshot(tuple(outlets), tuple(_line(text) for text in feed), _numbers(accounts))


def _line(text: str) -> Mapping[str, Any]:
    at, org, kind, status, key, sources = orjson.loads(text)
    return {"at": at, "org": org, "type": kind, "status": status, "key": key, "sources": sources}


def _numbers(found: Mapping[str, str]) -> dict[str, int]:
    return {name: int(number) for name, number in found.items()}


class Latency(NamedTuple):
    """What the canary has measured, in seconds; None before its first report came back."""

    p50: float | None = None
    p99: float | None = None
    reports: int = 0


Buckets = Mapping[float, float]
"""Upper bound in seconds -> how many reports took no longer."""


class Canary:
    """The canary's exporter at host:port; what it measured before `begin` is left out (the start of everything)."""

    def __init__(self, address: str) -> None:
        """Nothing is asked yet."""
        self._url = f"http://{address}/metrics"
        self._before: Buckets = {}

    def begin(self) -> None:
        """From now on it counts."""
        self._before = self._read()

    def latency(self) -> Latency:
        """No figures while it does not answer."""
        found = {bound: count - self._before.get(bound, 0.0) for bound, count in self._read().items()}
        total = found.get(float("inf"), 0.0)
        return Latency(quantile(found, 0.5), quantile(found, 0.99), int(total)) if total > 0 else Latency()

    def _read(self) -> Buckets:
        try:
            with urllib.request.urlopen(self._url, timeout=1) as answer:  # noqa: S310  our own exporter
                return buckets(answer.read().decode())
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            return {}


def buckets(text: str) -> Buckets:
    """slt_end_to_end_seconds over all lanes, from an exporter's text."""
    found: dict[float, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == "slt_end_to_end_seconds_bucket":
                bound = float(sample.labels["le"])
                found[bound] = found.get(bound, 0.0) + sample.value
    return found


def quantile(found: Buckets, share: float) -> float:
    """Linear within a bucket of a cumulative histogram, as Prometheus does; the last finite bound above it."""
    rank = share * found[float("inf")]
    lower = below = 0.0
    for bound, count in sorted(found.items()):
        if count >= rank:
            if bound == float("inf"):
                return lower
            return lower + (bound - lower) * (rank - below) / (count - below or 1.0)
        lower, below = bound, count
    return lower


class Screen:
    """What is happening: a picture in a terminal, plain lines elsewhere. Leave the context to end the picture."""

    def __init__(self, console: Console) -> None:
        """Nothing is shown before the context is entered."""
        self._console = console
        self._began = time.monotonic()
        self._saying, self._sent, self._total = "", 0, 0
        self._client: redis.Redis | None = None
        self._canary: Canary | None = None
        self._live: Live | None = None
        if console.is_terminal:
            self._live = Live(console=console, get_renderable=self._picture, refresh_per_second=_REFRESH)

    def __enter__(self) -> Self:
        """Begin to show."""
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the picture."""
        self.end()

    def end(self) -> None:
        """Its last state stays on the terminal; a second call does nothing."""
        if self._live:
            self._live.stop()
        if self._client:
            self._client.close()
            self._client = None

    def attach(self, settings: Settings, canary: Canary) -> None:
        """From now on there is a read model, and a canary."""
        self._client, self._canary = connect(settings), canary

    def say(self, text: str) -> None:
        """What is happening now."""
        self._saying = text
        if not self._live:
            sent = f", {self._sent} of {self._total} sent" if self._total else ""
            self._console.print(
                f"[{self._elapsed():3.0f} s{sent}] {text}", markup=False, highlight=False, soft_wrap=True
            )

    def progress(self, sent: int, total: int) -> None:
        """So many of the scenario's records have been sent."""
        self._sent, self._total = sent, total

    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _picture(self) -> RenderableType:
        head = Table.grid(padding=(0, 2))
        head.add_row(f"{self._elapsed():4.0f} s", ProgressBar(self._total or 1, self._sent, width=40),
                     f"{self._sent} of {self._total} sent" if self._total else "")  # fmt: skip
        parts: list[RenderableType] = [Panel(Group(Text(self._saying), head), title="SLT Relay: the bundled scenario")]
        if self._client and self._canary:
            found = snapshot(self._client)
            columns = Table.grid(padding=(0, 2))
            columns.add_row(_outlets(found.outlets), Group(_feed(found.feed), _figures(found, self._canary.latency())))
            parts.append(columns)
        return Group(*parts)


def _outlets(outlets: Iterable[Outlet]) -> Table:
    table = Table("outlet", title="What partners hold", title_justify="left", box=None)
    for name in ("keys", *_COLOURS):
        table.add_column(name.lower(), justify="right")
    for outlet in outlets:
        table.add_row(outlet.name, str(outlet.held), *(str(outlet.types.get(name, "")) for name in _COLOURS))
    return table


def _feed(lines: Iterable[Mapping[str, Any]]) -> Table:
    table = Table("time", "to", "what", "status", "", title="Newest deliveries", title_justify="left", box=None)
    for line in lines:
        kind = line["type"]
        several = f"{line['sources']} sources" if line["sources"] in {"2", "3+"} else ""
        what = Text(kind, _COLOURS.get(kind, ""))
        table.add_row(str(line["at"])[11:23], line["org"], what, line["status"], several)
    return table


def _figures(found: Snapshot, timed: Latency) -> Table:
    table = Table("accounts", "", "latency", "", title="", box=None)
    times = [("p50", _milliseconds(timed.p50)), ("p99", _milliseconds(timed.p99)), ("measured", str(timed.reports))]
    count = found.accounts.get
    rows = [("accepted", count("accepted", 0)), *((name, count(name, 0)) for name in FINAL),
            ("refused at intake", count("refused_at_intake", 0)), ("under way", gap(found.accounts))]  # fmt: skip
    for at, (name, number) in enumerate(rows):
        table.add_row(name, str(number), *(times[at] if at < len(times) else ("", "")))
    return table


def _milliseconds(seconds: float | None) -> str:
    return "…" if seconds is None else f"{seconds * 1000:.0f} ms"
