"""The broker's clock: the append time of the newest heartbeat (ARCHITECTURE §5 rule 9, docs/adr/0014).

Every slot follows slt.heartbeat with a reader of its own, at the end and not behind its backlog, and every slot beats:
only when no newer beat was seen for a second and a little more, so that about one a second is written however many
slots run. The wall clock is never read; intervals are measured by the monotonic one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from services.runtime.ports import Tail

HEARTBEAT = "slt.heartbeat"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BEAT_SECONDS = 1.0
_WAIT_SECONDS = 0.05


class Clock:
    """`now` never goes back; `fresh` is False when no beat came for `stale` seconds."""

    def __init__(
        self,
        tail: Tail,
        beat: Callable[[], None],
        stale: float,
        stagger: float = 0.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`beat` writes a heartbeat; `stagger`: seconds by which this slot waits longer than the others."""
        self._tail = tail
        self._beat = beat
        self._stale = stale
        self._pause = _BEAT_SECONDS + stagger
        self._monotonic = monotonic
        self._now = _EPOCH
        self._gate: int | None = None
        self._ticked = self._seen = self._beaten = float("-inf")

    @property
    def now(self) -> datetime:
        """Append time of the newest beat that was seen, aware UTC; 1970 before the first."""
        return self._now

    @property
    def fresh(self) -> bool:
        """Whether a beat appended after the slot's start (or last standstill) came within the limit."""
        return self._passed and self._monotonic() - self._seen <= self._stale

    @property
    def _passed(self) -> bool:
        return self._gate is not None and self._tail.position > self._gate

    def tick(self, seconds: float = 0.0) -> None:
        """Take in new beats, waiting `seconds` for one, and beat if it is time."""
        started = self._monotonic()
        if self._gate is None or started - self._ticked > self._stale:
            # After a standstill the beats in the local queue are old: only one appended from here on tells the time.
            self._gate = self._tail.end(_BEAT_SECONDS)
        beats = self._tail.take(seconds)
        self._ticked = self._monotonic()
        if beats:
            newest = _EPOCH + timedelta(milliseconds=max(beat.appended for beat in beats))
            self._now = max(self._now, newest)
            if self._passed:
                self._seen = self._ticked
        if self._ticked - max(self._seen, self._beaten) >= self._pause:
            self._beat()
            self._beaten = self._ticked

    def wait(self, stopped: Callable[[], bool]) -> None:
        """Until the first fresh beat, or until `stopped`."""
        while not self.fresh and not stopped():
            self.tick(_WAIT_SECONDS)
