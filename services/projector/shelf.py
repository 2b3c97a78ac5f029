"""The console's part of a batch, written: the picture and, in the same MULTI, the stream of its changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple, cast

import orjson
import redis

from services.core.picture import Gone
from services.projector.shown import Shown, dumps
from services.runtime.read_model import (
    ACKNOWLEDGED,
    ANSWERS,
    CHANGES,
    CLOCK,
    DEAD,
    FRESH,
    INCIDENTS,
    KEYS,
    LATENCIES,
    LINKED,
    LINKS,
    MATRIX,
    RATE,
    RECALLS,
    VIEWS,
    Cursor,
)

KEPT = timedelta(days=35)
"""As long as anything that the outlets keep (28 days), and the answers to recalls."""
_CHANGES_KEPT = 20_000
"""Batches with changes that a client may be behind; one that is further takes a snapshot."""
_LATENCIES_KEPT = 1000
_RATES_KEPT = timedelta(minutes=15)
_FRESH_MS = 5000
_PRUNED = 1000
"""Old entries that one batch removes at most, of each shelf."""
_SHELVES = (INCIDENTS, RECALLS, DEAD)


class Before(NamedTuple):
    """What had to be read before the MULTI; nobody else writes these keys."""

    acknowledged: Mapping[str, Mapping[str, Any]]
    """Of the batch's keys, who had acknowledged them."""
    rows: Mapping[str, dict[str, Any]]
    """Lines of the feed that are acknowledged by this batch and not otherwise changed by it."""
    links: Mapping[str, dict[str, Any]]
    """What was known of reports of which the batch says something more."""
    old: Mapping[str, list[str]]
    """Per shelf what is too old to be kept."""

    @classmethod
    def read(cls, pipe: redis.client.Pipeline, shown: Shown) -> Before:
        """With commands that are executed at once (the pipeline watches)."""
        acknowledged = _known(pipe, ACKNOWLEDGED, [*shown.rows, *shown.acknowledged])
        rows = _known(pipe, INCIDENTS, [key for key in shown.acknowledged if key not in shown.rows])
        return cls(acknowledged, rows, _links(pipe, shown), _old(pipe, shown.newest))


def write_shown(pipe: redis.client.Pipeline, shown: Shown, before: Before, cursor: Cursor) -> None:
    """Queue everything; `cursor`: where a reader is who has seen this batch."""
    for name, keys in before.old.items():
        if keys:
            _drop(pipe, name, keys)
    changes = _incidents(pipe, shown, before)
    if changes:
        entry: Any = {"cursor": cursor.text(), "changes": dumps(changes)}
        pipe.xadd(CHANGES, entry, id=cursor.entry, maxlen=_CHANGES_KEPT, approximate=True)
    _names(pipe, shown, before)
    for name, shelf in ((RECALLS, shown.recalls), (DEAD, shown.dead)):
        for key, (at, value) in shelf.items():
            _put(pipe, name, key, (at, value))
    _states(pipe, shown)


def _names(pipe: redis.client.Pipeline, shown: Shown, before: Before) -> None:
    """What is known by the names of reports and incidents."""
    for series, matrix in shown.matrices.items():
        pipe.set(MATRIX + series, matrix, ex=KEPT) if matrix else pipe.delete(MATRIX + series)
    for series, known in _linked(shown, before).items():
        pipe.set(LINKS + series, dumps(known), ex=KEPT)
        for other in known["links"]:
            pipe.sadd(LINKED + other, series)
            pipe.expire(LINKED + other, KEPT)
    for incident, keys_of in shown.keys.items():
        pipe.hset(KEYS + incident, mapping=cast("Any", keys_of))
        pipe.expire(KEYS + incident, KEPT)


def _states(pipe: redis.client.Pipeline, shown: Shown) -> None:
    for name, values in shown.hashes.items():
        pipe.hset(name, mapping=cast("Any", values))
    if shown.latencies:
        pipe.lpush(LATENCIES, *shown.latencies)
        pipe.ltrim(LATENCIES, 0, _LATENCIES_KEPT - 1)
    for bucket, counts in shown.rates.items():
        for name, by in counts.items():
            pipe.hincrby(f"{RATE}{bucket}", name, by)
        pipe.expireat(f"{RATE}{bucket}", bucket + int(_RATES_KEPT.total_seconds()))
    if shown.clock:
        pipe.set(CLOCK, shown.clock.isoformat())
        pipe.set(FRESH, 1, px=_FRESH_MS)


def _incidents(pipe: redis.client.Pipeline, shown: Shown, before: Before) -> list[dict[str, Any]]:
    """Write the lines of the feed; returns what changed, in the order of the batch."""
    changes = []
    for key, told in shown.acknowledged.items():
        pipe.hsetnx(ACKNOWLEDGED, key, cast("str", told))
    for key, line in (*shown.rows.items(), *before.rows.items()):
        if isinstance(line, Gone):
            _drop(pipe, INCIDENTS, [key])
            changes.append(_gone(line))
            continue
        new = orjson.loads(shown.acknowledged[key]) if key in shown.acknowledged else _NOBODY
        full = {**line, **(before.acknowledged.get(key) or new)}
        at = line["updated_at"]
        _put(pipe, INCIDENTS, key, (datetime.fromisoformat(at) if isinstance(at, str) else at, dumps(full)))
        if key in shown.views:
            pipe.hset(VIEWS, key, cast("str", shown.views[key]))
        changes.append({"op": "put", "incident": full})
    return changes


_NOBODY = {"acknowledged_by": None, "acknowledged_at": None}


def _gone(ended: Gone) -> dict[str, Any]:
    """A trace without content: that it vanished, and where it goes on."""
    return {
        "op": "gone", "key": ended.key, "reason": ended.reason, "replaced_by": ended.replaced_by or None,
        "at": ended.at, "headline": None,
    }  # fmt: skip


def _put(pipe: redis.client.Pipeline, name: str, key: str, value: tuple[datetime, bytes]) -> None:
    """On a shelf: by key, and by time."""
    pipe.hset(name, key, cast("str", value[1]))
    pipe.zadd(f"{name}:at", {key: value[0].timestamp()})


def _drop(pipe: redis.client.Pipeline, name: str, keys: list[str]) -> None:
    pipe.hdel(name, *keys)
    pipe.zrem(f"{name}:at", *keys)
    if name == RECALLS:
        pipe.hdel(ANSWERS, *keys)
    if name == INCIDENTS:
        pipe.hdel(VIEWS, *keys)
        pipe.hdel(ACKNOWLEDGED, *keys)


def _old(pipe: redis.client.Pipeline, newest: datetime | None) -> Mapping[str, list[str]]:
    if newest is None:
        return {}
    until = (newest - KEPT).timestamp()
    return {
        name: cast("list[str]", pipe.zrangebyscore(f"{name}:at", "-inf", until, start=0, num=_PRUNED))
        for name in _SHELVES
    }


def _links(pipe: redis.client.Pipeline, shown: Shown) -> dict[str, dict[str, Any]]:
    more = list({one.series for one in shown.links if not one.whole})
    stored = cast("list[str | None]", pipe.mget([LINKS + series for series in more])) if more else []
    return {series: orjson.loads(value) for series, value in zip(more, stored, strict=True) if value}


def _linked(shown: Shown, before: Before) -> dict[str, dict[str, Any]]:
    """Each report's relations after the batch."""
    found: dict[str, dict[str, Any]] = {}
    for one in shown.links:
        known = found.get(one.series) or before.links.get(one.series) or {"links": {}}
        links = one.links if one.whole else {**known["links"], **one.links}
        found[one.series] = {"at": one.at, "links": links}
    return found


def _known(pipe: redis.client.Pipeline, name: str, keys: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Values of a hash that are there."""
    asked = list(keys)
    if not asked:
        return {}
    stored = cast("list[str | None]", pipe.hmget(name, asked))
    return {key: orjson.loads(value) for key, value in zip(asked, stored, strict=True) if value}
