"""The registers of a folder as located reports: mapped, checked and located by the functions of the pipeline itself.

Each data set is taken for the desk of its own originator. Of several exports of AWSD the newest by its name counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from services.core.draft import drafted
from services.core.matching.sketch import Sketch, sketch
from services.core.place import Tables, locate
from services.core.stage import Fields, Refusal
from services.core.submission import EARLIEST
from services.runtime.feeds.files import read
from services.runtime.feeds.items import NotAFeed
from services.runtime.feeds.plan import plan
from services.runtime.gazetteer import load_tables
from services.runtime.local.process import ROOT

LAYOUT = "expected the folders awsd, sind and dedup_gold in it, as ../shared/data has them"
SHARED_GEO = ROOT.parent / "shared" / "data" / "geo"
RECEIVED = datetime(2100, 1, 1, tzinfo=UTC)
"""No report of a register lies ahead of it."""


class EvaluateError(Exception):
    """The folder cannot be evaluated; the text says what is missing."""


class Feeds(NamedTuple):
    """What the pipeline makes of a folder."""

    reports: tuple[Fields, ...]
    """Located, in the order of the days on which the incidents happened."""
    sketches: dict[str, Sketch]
    """By series, in the same order."""
    refused: int
    """Records that intake or enrich refuses."""


def read_feeds(folder: Path, geo: Path | None = None) -> Feeds:
    """Every report of the registers in a folder; EvaluateError if there is none."""
    if not folder.is_dir():
        raise EvaluateError(f"{folder}: no such folder: {LAYOUT}")
    tables, refused = load_tables(geo or _geo(folder)), 0
    found: dict[str, Fields] = {}
    for path in _files(folder):
        for report in _reports(path, tables):
            if isinstance(report, Refusal):
                refused += 1
            else:
                found[report["series_id"]] = report | {"received_at": report["occurred_from"] or EARLIEST}
    if not found:
        raise EvaluateError(f"{folder}: no register in it can be read: {LAYOUT}")
    reports = tuple(sorted(found.values(), key=lambda one: (one["received_at"], one["series_id"])))
    return Feeds(reports, {one["series_id"]: sketch(one) for one in reports}, refused)


def _geo(folder: Path) -> Path | None:
    return next((geo for geo in (folder / "geo", SHARED_GEO) if geo.is_dir()), None)


def _files(folder: Path) -> Iterator[Path]:
    yield from sorted((folder / "awsd").glob("awsd*.csv"))[-1:]
    yield from sorted(one for one in (folder / "sind").glob("*") if one.suffix in {".csv", ".json"})


def _reports(path: Path, tables: Tables) -> Iterator[dict[str, Any] | Refusal]:
    """The located reports of a file; nothing if no table knows its columns (metadata beside the registers)."""
    try:
        sendings = plan(read(path).items)
    except NotAFeed:
        return
    for sending in sendings:
        if sending.submission is not None and sending.feed is not None:
            yield drafted(sending.submission, sending.feed.name, RECEIVED, 0, lambda place: locate(place, tables))
