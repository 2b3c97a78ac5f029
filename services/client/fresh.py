"""Tells repeats from news, in memory: for readers that keep nothing."""

from __future__ import annotations

from services.client.record import Delivery


class Fresh:
    """One reader's view; it grows with the keys that were seen."""

    def __init__(self) -> None:
        """Nothing was seen yet."""
        self._last: dict[tuple[str, str], int] = {}

    def is_new(self, delivery: Delivery) -> bool:
        """False for a repeat, and for what a higher sequence of its key has overtaken. A pulse is always new."""
        if delivery.envelope is None:
            return True
        where = (delivery.family.value, delivery.key)
        if delivery.envelope.sequence <= self._last.get(where, 0):
            return False
        self._last[where] = delivery.envelope.sequence
        return True
