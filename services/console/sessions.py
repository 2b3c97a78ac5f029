"""Sessions of the console: in Redis, so that any process knows them and any of them can end one."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import NamedTuple, cast

import orjson
import redis

COOKIE = "slt_session"
IDLE = timedelta(minutes=30)
"""Without a request; an open page asks every few seconds."""
LONGEST = timedelta(hours=14)
"""A watch and its hand-over; then one signs in again."""
TRIES = 5
LOCKED = timedelta(minutes=15)
_SESSION, _FAILED, _USED = "console:session:", "console:failed:", "console:used:"


class Session(NamedTuple):
    """Somebody who is signed in."""

    id: str
    """SHA-256 of the cookie: what the cookie is, nobody can learn from Redis."""
    name: str
    csrf: str


class Sessions:
    """All of them."""

    def __init__(self, client: redis.Redis) -> None:
        """`client`: the read model's Redis; its keys are others."""
        self._redis = client

    def begin(self, name: str, began: float) -> tuple[str, Session]:
        """The cookie and the session; `began`: seconds since 1970."""
        cookie, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(16)
        session = Session(_digest(cookie), name, csrf)
        told = orjson.dumps({"name": name, "csrf": csrf, "until": began + LONGEST.total_seconds()})
        self._redis.set(_SESSION + session.id, told, ex=IDLE)
        return cookie, session

    def find(self, cookie: str, now: float) -> Session | None:
        """The session of a cookie, whose idle time begins anew; None if it is over."""
        session = self.get(_digest(cookie), now)
        if session:
            self._redis.expire(_SESSION + session.id, IDLE)
        return session

    def get(self, key: str, now: float) -> Session | None:
        """The session with this id, as it is."""
        stored = cast("str | None", self._redis.get(_SESSION + key))
        if stored is None:
            return None
        told = orjson.loads(stored)
        return Session(key, told["name"], told["csrf"]) if told["until"] > now else None

    def end(self, session: str) -> None:
        """Sign out."""
        self._redis.delete(_SESSION + session)

    def failed(self, name: str) -> bool:
        """One more failed sign-in; whether the account is locked by it."""
        key = _FAILED + _digest(name)
        pipe = self._redis.pipeline(transaction=True)
        pipe.incr(key)
        pipe.expire(key, LOCKED)
        return int(pipe.execute()[0]) >= TRIES

    def is_locked(self, name: str) -> bool:
        """Whether there were too many failed sign-ins in the last minutes."""
        return int(cast("str | None", self._redis.get(_FAILED + _digest(name))) or 0) >= TRIES

    def used(self, token: str, at: datetime) -> None:
        """A tool has come with its token."""
        self._redis.set(_USED + token, at.isoformat())

    def used_at(self, token: str) -> datetime | None:
        """When it last did, as far as Redis remembers."""
        stored = cast("str | None", self._redis.get(_USED + token))
        return datetime.fromisoformat(stored) if stored else None

    def succeeded(self, name: str) -> None:
        """The count begins anew."""
        self._redis.delete(_FAILED + _digest(name))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
