"""The live stream: every change of the picture, once, to every page (Server-Sent Events).

One task per process reads the read model's stream; each batch is rendered once, whoever listens. A page that does not
keep up is cut, not waited for: it comes back with its cursor and goes on there, without gap or repeat.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple

import orjson
import redis.asyncio
from fastapi.concurrency import run_in_threadpool
from redis import RedisError

from services.runtime.picture import Picture
from services.runtime.read_model import CHANGES, LIFE

BEAT_SECONDS = 2.0
BEHIND = 200
"""Batches that a page may be behind before it is cut."""
_BLOCK_MS = 1000


class Batch(NamedTuple):
    """One entry of the stream, ready to be sent."""

    number: int
    event: bytes


class Stream:
    """Fans the changes out; `run` in a task as long as the process lives."""

    def __init__(self, client: redis.asyncio.Redis, picture: Picture) -> None:
        """`client`: of its own, because it blocks."""
        self._redis, self._picture = client, picture
        self._listeners: set[asyncio.Queue[bytes | None]] = set()
        self._beat = {"clock": None, "stale_since": None, "rebuilding": None}
        self._life: Any = None

    async def run(self) -> None:
        """Until cancelled; while Redis does not answer, everybody is told that the picture is old."""
        last = ""
        while True:
            try:
                if await self._is_another_life() or not last:
                    last = await self._end()
                last = await self._read(last)
            except RedisError:
                await asyncio.sleep(0.5)

    async def beat(self) -> None:
        """Until cancelled: how fresh everything is, every few seconds."""
        while True:
            self._send(await self._fresh())
            await asyncio.sleep(BEAT_SECONDS)

    async def follow(self, entry: str, ended: Callable[[], str]) -> AsyncIterator[bytes]:
        """Everything after an entry's id, until the client leaves, lags too far, or `ended` says why it has to stop."""
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(BEHIND)
        self._listeners.add(queue)
        try:
            yield await self._fresh()
            seen = int(entry.partition("-")[0])
            for batch in await self._since(entry):
                seen = batch.number
                yield batch.event
            async for event in self._live(queue, seen, ended):
                yield event
        finally:
            self._listeners.discard(queue)

    async def _live(self, queue: asyncio.Queue[Any], seen: int, ended: Callable[[], str]) -> AsyncIterator[bytes]:
        while (told := await queue.get()) is not None:
            if isinstance(told, Batch):
                if told.number > seen:
                    yield told.event
                continue
            yield told
            if why := await run_in_threadpool(_asked, ended):
                yield _event("end", {"reason": why})
                return

    async def _is_another_life(self) -> bool:
        """The read model was rebuilt: nobody's cursor is worth anything, and everybody takes a new snapshot."""
        life = await self._redis.get(LIFE)
        changed = self._life is not None and life != self._life
        self._life = life
        if changed:
            for queue in tuple(self._listeners):
                self._cut(queue)
        return changed

    async def _end(self) -> str:
        """The newest entry's id; not `$`, which would miss what comes between two questions."""
        newest: Any = await self._redis.xrevrange(CHANGES, count=1)
        return str(newest[0][0]) if newest else "0-0"

    async def _read(self, last: str) -> str:
        found: Any = await self._redis.xread({CHANGES: last}, block=_BLOCK_MS)
        for key, fields in found[0][1] if found else ():
            self._send(_batch(key, fields))
            last = key
        return last

    async def _since(self, entry: str) -> list[Batch]:
        found: Any = await self._redis.xrange(CHANGES, f"({entry}")
        return [_batch(key, fields) for key, fields in found]

    async def _fresh(self) -> bytes:
        try:
            self._beat = await run_in_threadpool(self._picture.beat)
        except RedisError:
            self._beat = {**self._beat, "stale_since": self._beat["clock"]}
        return _event("beat", self._beat)

    def _send(self, told: Any) -> None:
        for queue in tuple(self._listeners):
            try:
                queue.put_nowait(told)
            except asyncio.QueueFull:
                self._cut(queue)

    def _cut(self, queue: asyncio.Queue[Any]) -> None:
        """End a stream at once: what waits is thrown away, and its client resumes at its cursor."""
        self._listeners.discard(queue)
        while not queue.empty():
            queue.get_nowait()
        queue.put_nowait(None)


def _asked(ended: Callable[[], str]) -> str:
    """While Redis does not answer nobody is thrown out: what is shown says that it is old."""
    try:
        return ended()
    except RedisError:
        return ""


def _batch(key: str, fields: dict[str, str]) -> Batch:
    event = f"event: changes\nid: {fields['cursor']}\ndata: {fields['changes']}\n\n".encode()
    return Batch(int(key.partition("-")[0]), event)


def _event(name: str, value: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), orjson.dumps(value))
