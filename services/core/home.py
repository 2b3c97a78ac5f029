"""Where a report lives: one partition per country, so that reports of one incident meet (ARCHITECTURE §7)."""

from __future__ import annotations

from zlib import crc32


def home_partition(country: str, series_id: str, lanes: int) -> int:
    """Partition in slt.located of a country (ISO 3166-1 alpha-3); while it is empty, the provisional one of the series.

    The same on every machine and in every release: a country's reports never change partitions.
    """
    return crc32((country or series_id).encode()) % lanes
