"""Which reports are worth comparing: those that share a key with a report (blocking).

Keys are hashes of what reports of one incident tend to share: country and day with the first-level area, with the grid
cell, or with the harm done; and country and week with a name or a word of the text. A key that many reports share says
little, and is passed over: so the cost of a report stays the same however many there are.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from zlib import crc32

from h3.api import basic_int as h3

from services.core.matching.sketch import Sketch

MOST = 48
"""Reports under one key before it is passed over."""
NEAREST = 12
"""Reports that one is compared with."""
RESOLUTION = 3
"""H3: cells of about 12,000 km²."""
NAMES, WORDS = 2, 2
WEEK, MONTH = 7, 30
_LONG = 1
"""Days; longer periods are kept by month."""


class Candidates:
    """The live reports by their keys. Which candidates a report has does not depend on the order of adding."""

    def __init__(self) -> None:
        """Empty."""
        self._sketches: dict[int, Sketch] = {}
        self._keys: dict[int, array[int]] = {}

    def __len__(self) -> int:
        """Live reports."""
        return len(self._sketches)

    def add(self, sketch: Sketch) -> None:
        """Keep a report, in place of an earlier version of its series."""
        series = _identity(sketch.series_id)
        self._discard(series)
        self._sketches[series] = sketch
        for key in own_keys(sketch):
            known = self._keys.get(key)
            if known is None:
                self._keys[key] = array("Q", (series,))
            else:
                known.append(series)

    def discard(self, series_id: str) -> None:
        """Forget a series; nothing happens if it is not there."""
        self._discard(_identity(series_id))

    def _discard(self, series: int) -> None:
        known = self._sketches.pop(series, None)
        for key in own_keys(known) if known else ():
            kept = self._keys[key]
            kept.remove(series)
            if not kept:
                del self._keys[key]

    def get(self, series_id: str) -> Sketch | None:
        """The sketch of a live series."""
        return self._sketches.get(_identity(series_id))

    def near(self, sketch: Sketch) -> list[Sketch]:
        """The reports to compare with, in an order that is always the same; its own series is not among them.

        Of more than NEAREST, those that share two keys or more; of more than NEAREST of these, those that share most.
        """
        found = array("Q")
        for key in asked_keys(sketch):
            series = self._keys.get(key)
            if series is not None and len(series) <= MOST:
                found += series
        shares = Counter(found)
        shares.pop(_identity(sketch.series_id), None)
        return [self._sketches[series] for series in _most(shares)]


def _identity(series_id: str) -> int:
    """What stands for a series in the index: counted and put in order without looking at the string."""
    return int.from_bytes(blake2b(series_id.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def _most(shares: Counter[int]) -> Iterable[int]:
    if len(shares) <= NEAREST:
        return sorted(shares)
    several = sorted([(-count, series) for series, count in shares.items() if count > 1])
    return [series for _, series in several[:NEAREST]]


def own_keys(sketch: Sketch) -> list[int]:
    """Under which a report is kept."""
    step = _step(sketch)
    day, week = _head(sketch, step, 0), _head(sketch, WEEK, 0)
    keys = [hash((day, one)) for one in (*_of_day(sketch), *_cell(sketch), *_harm(sketch))]
    return keys + [hash((week, one)) for one in _texts(sketch)]


def asked_keys(sketch: Sketch) -> list[int]:
    """Under which reports of the same incident may be kept: the days, the weeks and the cells around as well."""
    step, cell, texts = _step(sketch), _cell(sketch), _texts(sketch)
    of_day, around = (*_of_day(sketch), *cell), _around(cell[0]) if cell else ()
    before, day, after = (_head(sketch, step, part) for part in (-1, 0, 1))
    keys = [hash((day, one)) for one in (*of_day, *around, *_harm(sketch))]
    keys += [hash((head, one)) for head in (before, after) for one in of_day]
    for part in (-1, 0, 1):
        week = _head(sketch, WEEK, part)
        keys += [hash((week, one)) for one in texts]
    return keys


def _step(sketch: Sketch) -> int:
    return MONTH if sketch.last - sketch.first > _LONG else 1


def _head(sketch: Sketch, step: int, part: int) -> int:
    """Of a day, week or month, `part` later. Hashes are of tuples of integers, which are the same in every process."""
    return hash((_number(sketch.status), _number(sketch.country), step, sketch.first // step + part))


def _of_day(sketch: Sketch) -> tuple[int, ...]:
    return (_number(sketch.admin1),)


@lru_cache(maxsize=16384)
def _number(text: str) -> int:
    return crc32(text.encode("utf-8", "surrogatepass"))


def _cell(sketch: Sketch) -> tuple[int, ...]:
    if sketch.latitude is None or sketch.longitude is None:
        return ()
    return (h3.latlng_to_cell(sketch.latitude, sketch.longitude, RESOLUTION),)


@lru_cache(maxsize=32768)
def _around(cell: int) -> tuple[int, ...]:
    return tuple(sorted(set(h3.grid_disk(cell, 1)) - {cell}))


def _harm(sketch: Sketch) -> tuple[int, ...]:
    return (hash(sketch.harm),) if max(sketch.harm) > 0 else ()


def _texts(sketch: Sketch) -> list[int]:
    """A few names and words of the text, the same of two texts that share most: those with the lowest bits."""
    found = []
    for mask, most, kind in ((sketch.names, NAMES, 0), (sketch.words, WORDS, 1)):
        rest = mask
        for _ in range(most):
            lowest = rest & -rest
            if lowest:
                found.append(2 * lowest.bit_length() + kind)
            rest ^= lowest
    return found
