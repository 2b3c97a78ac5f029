"""A submitter whose input is mostly rubbish is set aside alone; nobody else notices (ARCHITECTURE §8 "Stopping")."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

PAUSE = timedelta(minutes=1)


class Quarantine:
    """The share of bad input among a submitter's newest records."""

    def __init__(self, share: float, window: int) -> None:
        """Set aside when at least `share` of the newest `window` records were bad, for PAUSE of the broker's time."""
        self._share, self._window = share, window
        self._recent: deque[bool] = deque(maxlen=window)
        self._bad = 0
        self._until: datetime | None = None

    def holds(self, at: datetime) -> bool:
        """Whether a record that was appended `at` is refused unread."""
        if self._until is not None and at >= self._until:
            self._until = None
            self._recent.clear()
            self._bad = 0
        return self._until is not None

    def seen(self, at: datetime, *, bad: bool) -> None:
        """Count one record that was read."""
        full = len(self._recent) == self._window
        self._bad += bad - (self._recent[0] if full else False)
        self._recent.append(bad)
        if len(self._recent) == self._window and self._bad >= self._share * self._window:
            self._until = at + PAUSE
