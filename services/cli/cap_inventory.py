"""The expected verdicts of an INVENTORY.csv."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

_COLUMNS = ("set", "file", "expected")
_ABOUT_SIGNATURE = ("signature check fails", "unsigned")
_REFUSED = ("reject", "invalid", "feed error")
_ACCEPTED = ("accept", "feed ok", "valid cap", "schema ok", "profile")
Row = Mapping[str, str]


class InventoryError(Exception):
    """The file is no inventory; the text says what is missing."""


class Inventory(NamedTuple):
    """Rows of files with the verdict that each should get."""

    path: Path
    rows: Sequence[Row]

    @classmethod
    def load(cls, path: Path) -> Inventory:
        """Read it; InventoryError if a column or the meaning of an expectation is not known."""
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise InventoryError(f"{path.name}: no column {', '.join(missing)}")
            rows = list(reader)
        for row in rows:
            _accepted(row["expected"])
        return cls(path, rows)

    def files(self) -> list[Path]:
        """Every file that a row names and that is there, beside the inventory."""
        places = (path for row in self.rows if (path := self._place(row)) is not None)
        return list(dict.fromkeys(places))

    def _place(self, row: Row) -> Path | None:
        below = self.path.parent
        there = (path for path in (below / row["set"] / row["file"], below / row["file"]) if path.is_file())
        found = next(there, None)
        if found is None and row["expected"].strip():
            raise InventoryError(f"{row['set']}/{row['file']} is not beside {self.path.name}")
        return found

    def wanted(self, path: Path, require_signature: bool) -> bool | None:
        """Whether the file should be accepted; None if nothing is expected of it."""
        row = self._row(path)
        if row is None:
            return None
        if not require_signature:
            return _accepted(row["expected"])
        return _accepted_signed(row)

    def _row(self, path: Path) -> Row | None:
        """By content, else by set and name, else by a name that occurs once."""
        digest = sha256(path.read_bytes()).hexdigest()
        by_name = [row for row in self.rows if Path(row["file"]).name == path.name]
        for found in (
            [row for row in self.rows if row.get("sha256") == digest],
            [row for row in by_name if row["set"] == path.parent.name],
            by_name if len(by_name) == 1 else [],
        ):
            if found:
                return found[0]
        return None


def _accepted(expected: str) -> bool | None:
    words = expected.strip().lower()
    if not words:
        return None
    if any(word in words for word in _REFUSED):
        return False
    if any(word in words for word in (*_ACCEPTED, *_ABOUT_SIGNATURE)):
        return True
    raise InventoryError(f"what does the expectation {expected!r} mean? Known are {', '.join((*_ACCEPTED, *_REFUSED))}")


def _accepted_signed(row: Row) -> bool | None:
    """With a signature required. Of a feed, or a signed file that is accepted, nothing is said about signatures."""
    found = _accepted(row["expected"])
    if "feed ok" in row["expected"].lower():
        return None
    if found and any(word in row["expected"].lower() for word in _ABOUT_SIGNATURE):
        return False
    if found:
        return None if row.get("signed", "").lower() == "true" else False
    return found
