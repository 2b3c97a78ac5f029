"""What reading a file yields."""

from __future__ import annotations

from typing import NamedTuple

from services.core.feeds.table import Feed, Row


class Item(NamedTuple):
    """One record of a file."""

    feed: Feed | None
    """Whose table names the fields; None: the record cannot be read, and only `raw` is known."""
    row: Row
    raw: bytes | None
    """The record as it came; None for rows, which are written as JSON where they must be sent as they are."""


class NotAFeed(Exception):  # noqa: N818  it is a finding about a file, not an error of ours
    """The file holds no records that a table knows; the text says what to do."""
