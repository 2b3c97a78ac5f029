"""Files of rows: CSV with a header, and JSON lists of objects."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from services.core.feeds.registry import recognise
from services.core.feeds.table import Row
from services.runtime.feeds.items import Item, NotAFeed

_MORE_CELLS = "cells beyond the header"


def read_csv(path: Path) -> list[Item]:
    """One item for each row, without the row of HXL tags; NotAFeed if its columns are those of no table."""
    reader = csv.DictReader(io.StringIO(_text(path), newline=""), restkey=_MORE_CELLS, restval="")
    try:
        rows = [_row(cells) for cells in reader if not _is_hxl(cells)]
        names = [name.strip() for name in reader.fieldnames or ()]
    except csv.Error as error:
        raise NotAFeed(f"{path.name}: not CSV: {error}") from error
    return _items(path, names, rows)


def read_json(path: Path) -> list[Item]:
    """One item for each object of a list; a file that is anything else is one record that cannot be read."""
    data = path.read_bytes()
    try:
        entries = orjson.loads(data)
    except orjson.JSONDecodeError:
        entries = None
    if not isinstance(entries, list) or not entries or not isinstance(entries[0], dict):
        return [Item(None, {}, data)]
    names = [name.strip() for name in entries[0]]
    return [
        _items(path, names, [_row(entry)])[0] if isinstance(entry, dict) else Item(None, {}, orjson.dumps(entry))
        for entry in entries
    ]


def _items(path: Path, names: list[str], rows: list[Row]) -> list[Item]:
    feed = recognise(names)
    if feed is None:
        raise NotAFeed(f"{path.name}: its columns are those of no feed in docs/mappings.md")
    return [Item(feed, row, None) for row in rows]


def _text(path: Path) -> str:
    """UTF-8, or else Windows-1252 as the AWSD export of 2016."""
    data = path.read_bytes()
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise NotAFeed(f"{path.name}: neither UTF-8 nor Windows-1252: convert it to UTF-8")


def _is_hxl(cells: Mapping[str, Any]) -> bool:
    filled = [value for value in cells.values() if value]
    return bool(filled) and all(isinstance(value, str) and value.startswith("#") for value in filled)


def _row(cells: Mapping[str, Any]) -> Row:
    return dict(_cells(cells))


def _cells(cells: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in cells.items():
        if value is None:
            text = ""
        elif isinstance(value, list | dict):
            text = orjson.dumps(value).decode()
        else:
            text = str(value)
        yield name.strip(), text
