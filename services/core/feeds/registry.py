"""Every feed that can be replayed."""

from __future__ import annotations

from collections.abc import Collection

from services.core.feeds.awsd import AWSD
from services.core.feeds.cap import CAP
from services.core.feeds.gdacs import GDACS
from services.core.feeds.sind import SIND
from services.core.feeds.table import Feed

FEEDS: tuple[Feed, ...] = (AWSD, *SIND, GDACS, CAP)


def recognise(columns: Collection[str]) -> Feed | None:
    """The feed whose marks are all among the columns of a file of rows."""
    return next((feed for feed in FEEDS if feed.marks and feed.marks <= set(columns)), None)
