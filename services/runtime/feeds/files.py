"""A file, or a folder of them, as items."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from services.runtime.feeds.items import Item, NotAFeed
from services.runtime.feeds.rows import read_csv, read_json
from services.runtime.feeds.xml import read_xml

_READERS: dict[str, Callable[[Path], list[Item]]] = {
    ".csv": read_csv, ".json": read_json,
    ".xml": read_xml, ".cap": read_xml, ".atom": read_xml, ".rss": read_xml, ".edxlde": read_xml,
}  # fmt: skip


class Contents(NamedTuple):
    """All records of a path, and the files of a folder that hold none, each with the reason."""

    items: list[Item]
    skipped: list[str]


def read(path: Path) -> Contents:
    """Read a file, or every file below a folder in the order of their names.

    NotAFeed if nothing can be replayed; in a folder, files of other kinds are named in `skipped`.
    """
    if not path.exists():
        raise NotAFeed(f"{path}: there is no such file or folder")
    if path.is_file():
        return Contents(_read_file(path), [])
    items, skipped = [], []
    for file in sorted(one for one in path.rglob("*") if one.is_file()):
        try:
            items += _read_file(file)
        except NotAFeed as finding:
            skipped.append(str(finding))
    if not items:
        raise NotAFeed(f"{path}: no file in it can be replayed")
    return Contents(items, skipped)


def _read_file(path: Path) -> list[Item]:
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise NotAFeed(f"{path.name}: not a file of {', '.join(_READERS)}")
    return reader(path)
