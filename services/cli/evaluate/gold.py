"""What is known of which records describe one incident: the files of `dedup_gold`, each of which may be missing."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from services.cli.evaluate.folder import EvaluateError

AWSD, AID = "awsd", "sind-aidworker"
PAIRS, CROSS, WITHIN = "awsd_sind_pairs.csv", "sind_cross_feed_same_event_id.csv", "sind_within_feed_duplicates.csv"
_FEEDS = {
    "aidWorkerKIKA": AID, "education": "sind-education", "protection": "sind-protection",
    "foodSecurity": "sind-food", "foodSecurity-backfill": "sind-food", "health_care_2016-2023": "sind-health",
    "health_care_map_2016-2023": "sind-healthmap",
}  # fmt: skip


class Labelled(NamedTuple):
    """A judged pair."""

    one: str
    other: str
    match: bool
    country: str
    days: int | None
    km: float | None
    similarity: float | None


class Gold(NamedTuple):
    """All that is known."""

    pairs: tuple[Labelled, ...]
    """AWSD and Insecurity Insight, judged to match or not."""
    unsure: frozenset[tuple[str, str]]
    cross: tuple[tuple[str, str], ...]
    """Two feeds of Insecurity Insight under one event id, different series."""
    within: tuple[tuple[str, str], ...]
    """Two records of one feed."""


def read_gold(folder: Path) -> Gold:
    """The gold of a folder; EvaluateError if a file lacks a column, or if there is no file of pairs."""
    root = folder / "dedup_gold"
    if not (root / PAIRS).is_file():
        raise EvaluateError(f"{root / PAIRS} is missing: without it there is nothing to score against")
    rows = list(_rows(root / PAIRS, ("sind_event_id", "awsd_incident_id", "label")))
    unsure = frozenset(_ids(row) for row in rows if row["label"] == "unsure")
    pairs = tuple(_labelled(row) for row in rows if row["label"] in {"match", "nonmatch"})
    cross = _rows(root / CROSS, ("sind_event_id", "feed_1", "feed_2"))
    within = _rows(root / WITHIN, ("sind_event_id_1", "sind_event_id_2"))
    return Gold(
        pairs, unsure,
        tuple(pair for row in cross if (pair := _cross(row)) is not None),
        tuple(_ordered(_sind(AID, row["sind_event_id_1"]), _sind(AID, row["sind_event_id_2"])) for row in within),
    )  # fmt: skip


def _rows(path: Path, columns: Collection[str]) -> Iterator[dict[str, str]]:
    if not path.is_file():
        return
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, restval="")
        missing = sorted(set(columns) - set(reader.fieldnames or ()))
        if missing:
            raise EvaluateError(f"{path.name}: column {', '.join(missing)} is missing")
        yield from reader


def _ordered(one: str, other: str) -> tuple[str, str]:
    return (one, other) if one <= other else (other, one)


def _sind(feed: str, number: str) -> str:
    return f"{feed}/{feed}-{number.strip()}"


def _ids(row: dict[str, str]) -> tuple[str, str]:
    return _ordered(f"{AWSD}/{AWSD}-{row['awsd_incident_id'].strip()}", _sind(AID, row["sind_event_id"]))


def _labelled(row: dict[str, str]) -> Labelled:
    one, other = _ids(row)
    days = _number(row, "day_diff_awsd_minus_sind")
    return Labelled(
        one, other, row["label"] == "match", row.get("country_iso3", "").strip(), None if days is None else int(days),
        _number(row, "km"), _number(row, "text_tfidf_cosine"),
    )  # fmt: skip


def _number(row: dict[str, str], name: str) -> float | None:
    try:
        return float(row.get(name, ""))
    except ValueError:
        return None


def _cross(row: dict[str, str]) -> tuple[str, str] | None:
    first, second = (_FEEDS.get(row[name].strip(), "") for name in ("feed_1", "feed_2"))
    if not first or not second or first == second:  # two files of one feed: the same series, told twice
        return None
    return _ordered(_sind(first, row["sind_event_id"]), _sind(second, row["sind_event_id"]))
