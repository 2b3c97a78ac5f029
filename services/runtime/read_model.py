"""The read model in Redis: its keys, and what several processes ask of it.

The projector alone writes it. Everything under `slt:audit:` is for the role auditor (no content, but every recipient of
every report); all else is what the SIOC was delivered itself, counts and states (ARCHITECTURE §8).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple, cast

import orjson
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from services.core.audit import Audited
from services.core.sioc import SIOC
from services.runtime.settings import Settings

OFFSETS = "slt:offsets"
LIFE = "slt:life"
"""Random per rebuild: gone or another one means that Redis was emptied, or another projector began anew."""
REBUILDING = "slt:rebuilding"
"""Percent that is read again; no such key once all of it was."""
FRESH = "slt:fresh"
"""There while the broker's clock goes on; it expires by itself."""
CLOCK = "slt:clock"
"""The newest heartbeat, ISO 8601."""

ACCOUNTS = "slt:accounts"
REFUSALS = "slt:refusals"
VERDICTS = "slt:verdicts"
OUTLETS = "slt:outlets"
FEED = "slt:feed"
AUDIT = "slt:audit:"
"""The auditor's own keys: no view of the SIOC's staff reads them (ARCHITECTURE §8 "The SIOC is a recipient")."""
AUDIT_KEPT = timedelta(days=35)
"""Longer than an incident stays open without a change (ARCHITECTURE §5 rule 3); slt.decisions keeps what is older."""

LINKS = f"{AUDIT}links:"
"""Per report: what correlate last said of it and others, who may be hidden."""
LINKED = f"{AUDIT}linked:"
"""Per report: those that said something of it."""
INCIDENTS = "slt:incidents"
VIEWS = "slt:views"
SHOWN_IN = "slt:shown_in"
"""Report that the SIOC sees by name -> the SIOC's key of the incident that shows it."""
MATRIX = "slt:matrix:"
"""Per report that the SIOC may see under its originator's name: who has it and why."""
KEYS = f"{AUDIT}keys:"
"""Per incident id of ours, which is a report's name that the SIOC may not know: each recipient's own key of it."""
RECALLS = "slt:recalls"
ANSWERS = "slt:answers"
DEAD = "slt:dead"
PARTNERS = "slt:partners"
OUTLET_STATES = "slt:outlet_states"
SUBMISSIONS = "slt:submissions"
PULSES = "slt:pulses"
LATENCIES = "slt:latencies"
"""Milliseconds from intake's append to the SIOC's topic, the newest first."""
RATE = "slt:rate:"
RATE_SECONDS = 5
CHANGES = "slt:changes"
"""The stream that the page follows."""
ACKNOWLEDGED = "slt:acknowledged"

FINAL = ("delivered", "withheld", "duplicate", "expired", "refused")
"""What can become of a report that was accepted."""
SOURCES = ("slt.console", f"slt.exercise.{SIOC}", f"slt.out.{SIOC}")
"""The topics whose positions make a cursor: acknowledgements and what the SIOC was delivered."""


_MARKS = ",".join(rf"{re.escape(topic)}-0:([0-9]{{1,18}})" for topic in SOURCES)


class CursorGone(Exception):  # noqa: N818  a state to answer, not a fault
    """The stream does not go on from there: take a new snapshot."""


class Cursor(NamedTuple):
    """How far a reader of the changes is: the next offset of each source, in one life of the read model."""

    positions: tuple[int, ...]
    life: str

    def text(self) -> str:
        """`topic-partition:offset,…;life`, as the API has it."""
        marks = (f"{topic}-0:{offset}" for topic, offset in zip(SOURCES, self.positions, strict=True))
        return f"{','.join(marks)};{self.life}"

    @property
    def entry(self) -> str:
        """Id in the stream of changes; offsets only grow, so their sum does."""
        return f"{sum(self.positions)}-0"


def cursor_of(offsets: Mapping[str, int | str], life: str) -> Cursor:
    """From the stored offsets (`topic/partition` to the next one)."""
    return Cursor(tuple(int(offsets.get(f"{topic}/0", 0)) for topic in SOURCES), life)


def parse_cursor(text: str) -> Cursor:
    """The cursor that a client sent; CursorGone if it is none."""
    marks, _, life = text.partition(";")
    found = re.fullmatch(_MARKS, marks)
    if found is None:
        raise CursorGone
    return Cursor(tuple(map(int, found.groups())), life)


def gap(accounts: Mapping[str, int]) -> int:
    """Accepted reports without a final outcome: those under way, and, if it stays, those lost."""
    return accounts.get("accepted", 0) - sum(accounts.get(outcome, 0) for outcome in FINAL)


def connect(settings: Settings) -> redis.Redis:
    """Redis with the password of its secret file.

    Nothing is tried again by the client: a batch whose reply was lost may be stored, and only its offsets can tell.
    """
    password = settings.secret("redis.password").decode()
    once = Retry(NoBackoff(), 0)
    return redis.Redis.from_url(settings.redis, password=password, decode_responses=True, retry=once)


def audit(client: redis.Redis, series: str) -> Audited | None:
    """What the read model knows of a report (originator/id): one read of one key."""
    stored = cast("str | None", client.get(AUDIT + series))
    return orjson.loads(stored) if stored else None
