"""The read model in Redis: a batch and its offsets in one MULTI, so that a restart goes on exactly."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import reduce
from typing import Any, cast

import orjson
import redis

from services.core.audit import Audited, after
from services.projector.fold import ACCOUNTS, AUDIT, FEED, FEED_LENGTH, OUTLETS, Fold

OFFSETS = "slt:offsets"
LIFE = "slt:life"
"""Random per rebuild: gone or another one means that Redis was emptied, or another projector began anew."""


AUDIT_KEPT = timedelta(days=35)
"""Longer than an incident stays open without a change (ARCHITECTURE §5 rule 3); slt.decisions keeps what is older."""


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
                pipe.delete(key)
            pipe.set(LIFE, self._life)
            pipe.execute()

    def apply(self, fold: Fold, offsets: Mapping[str, int]) -> None:
        """Store a batch; Flushed if the model is not the one that its offsets belong to."""
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.watch(LIFE)  # type: ignore[no-untyped-call]
            if pipe.get(LIFE) != self._life:
                raise Flushed
            audits = _audits(pipe, fold)
            pipe.multi()
            self._write(pipe, fold)
            for news in audits:
                pipe.set(AUDIT + news["series_id"], orjson.dumps(news), exat=_until(news))
            if offsets:
                pipe.hset(OFFSETS, mapping=_fields(offsets))
            try:
                pipe.execute()
            except redis.WatchError as error:
                raise Flushed from error

    def accounts(self) -> dict[str, int]:
        """Reports accepted, and reports by what became of them."""
        stored = cast("Mapping[str, str]", self._redis.hgetall(ACCOUNTS))
        return {name: int(count) for name, count in stored.items()}

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


def audit(client: redis.Redis, series: str) -> Audited | None:
    """What the read model knows of a report (originator/id): one read of one key."""
    stored = cast("str | None", client.get(AUDIT + series))
    return orjson.loads(stored) if stored else None


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
