"""The read model in Redis: a batch and its offsets in one MULTI, so that a restart goes on exactly."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from functools import reduce
from typing import Any, cast

import orjson
import redis

from services.core.audit import Audited, after
from services.projector.fold import FEED_LENGTH, Fold
from services.projector.shelf import Before, write_shown
from services.runtime.read_model import (
    ACCOUNTS,
    AUDIT,
    AUDIT_KEPT,
    FEED,
    LIFE,
    OFFSETS,
    OUTLETS,
    REBUILDING,
    Cursor,
    cursor_of,
)


class Flushed(Exception):  # noqa: N818  a state to answer, not a fault
    """Redis no longer holds what this projector wrote."""


class ReadModel:
    """One projector's hold on Redis."""

    def __init__(self, client: redis.Redis) -> None:
        """Takes over the life that is there, if there is one."""
        self._redis = client
        self._life = cast("str | None", client.get(LIFE))

    def offsets(self) -> dict[str, int]:
        """Next offset per `topic/partition`; empty when everything is to be read again."""
        if self._life is None:
            return {}
        stored = cast("Mapping[str, str]", self._redis.hgetall(OFFSETS))
        return {part: int(offset) for part, offset in stored.items()}

    def begin_anew(self) -> None:
        """Remove what is left of an earlier life."""
        self._life = secrets.token_hex(8)
        with self._redis.pipeline(transaction=True) as pipe:
            for key in self._redis.scan_iter("slt:*", count=1000):
                pipe.unlink(key)
            pipe.set(LIFE, self._life)
            pipe.set(REBUILDING, 0)
            pipe.execute()

    def rebuilt(self, percent: int) -> None:
        """How much of a rebuild is done; 100: all."""
        if percent < 100:
            self._redis.set(REBUILDING, percent)
        else:
            self._redis.delete(REBUILDING)

    @property
    def is_rebuilding(self) -> bool:
        """Whether a rebuild was begun and not ended, by this process or the one before it."""
        return bool(self._redis.exists(REBUILDING))

    def apply(self, fold: Fold, offsets: Mapping[str, int], touched: Mapping[str, int]) -> None:
        """Store a batch; Flushed if the model is not the one that its offsets belong to.

        `offsets`: the next one of every partition; `touched`: of those that the batch has records of.
        """
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.watch(LIFE)  # type: ignore[no-untyped-call]
            if pipe.get(LIFE) != self._life:
                raise Flushed
            audits = _audits(pipe, fold)
            before = Before.read(pipe, fold.shown)
            pipe.multi()
            self._write(pipe, fold)
            write_shown(pipe, fold.shown, before, self._cursor(offsets))
            for news in audits:
                pipe.set(AUDIT + news["series_id"], orjson.dumps(news), exat=_until(news))
            if touched:
                pipe.hset(OFFSETS, mapping=_fields(touched))
            try:
                pipe.execute()
            except redis.WatchError as error:
                raise Flushed from error

    def accounts(self) -> dict[str, int]:
        """Reports accepted, and reports by what became of them."""
        stored = cast("Mapping[str, str]", self._redis.hgetall(ACCOUNTS))
        return {name: int(count) for name, count in stored.items()}

    def _cursor(self, offsets: Mapping[str, int]) -> Cursor:
        return cursor_of(offsets, self._life or "")

    def _write(self, pipe: redis.client.Pipeline, fold: Fold) -> None:
        for counter, counts in fold.counts.items():
            for name, by in counts.items():
                pipe.hincrby(counter, name, by)
        for org, newest in fold.newest.items():
            pipe.hset(f"{OUTLETS}:{org}", mapping=_fields(newest))
            pipe.sadd(OUTLETS, org)
        for org, keys in fold.held.items():
            gone = [key for key, state in keys.items() if state is None]
            kept = {key: state for key, state in keys.items() if state is not None}
            if gone:
                pipe.hdel(f"{OUTLETS}:{org}:held", *gone)
            if kept:
                pipe.hset(f"{OUTLETS}:{org}:held", mapping=_fields(kept))
        if fold.feed:
            pipe.lpush(FEED, *[orjson.dumps(tuple(line)) for line in fold.feed])
            pipe.ltrim(FEED, 0, FEED_LENGTH - 1)


def _audits(pipe: redis.client.Pipeline, fold: Fold) -> list[Audited]:
    """Each report of the batch as it is after it; nobody else writes these keys, so they are read before the MULTI."""
    if not fold.audits:
        return []
    stored = cast("list[str | None]", pipe.mget([AUDIT + series for series in fold.audits]))
    return [
        cast("Audited", reduce(after, decisions, orjson.loads(before) if before else None))
        for before, decisions in zip(stored, fold.audits.values(), strict=True)
    ]


def _until(news: Audited) -> int:
    """Seconds since 1970 at which the key goes: the same whenever the model is rebuilt."""
    return int((datetime.fromisoformat(news["as_of"]) + AUDIT_KEPT).timestamp())


def _fields(values: Mapping[str, Any]) -> dict[Any, Any]:
    """A hash's fields as the client's types want them."""
    return dict(values)
