"""What a slot tells whoever watches it: per batch and per commit, never per record."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from services.core.reason import Reason
from services.core.stage import Outcome


class Observer(Protocol):
    """Counts of one slot; `services.runtime.metrics.StageMetrics` is the real one."""

    def inputs(self, topic: str, partition: int, n: int) -> None:
        """`n` records were read for the first time."""

    def outcome(self, topic: str, partition: int, outcome: Outcome, n: int) -> None:
        """A committed transaction gave `n` records this outcome."""

    def refused(self, reason: Reason) -> None:
        """One record went to slt.dead."""

    def committed(self, seconds: float, records: int) -> None:
        """A transaction with `records` inputs was committed within `seconds`."""

    def aborted(self) -> None:
        """A transaction was aborted."""

    def rebuilt(self) -> None:
        """The producer was made anew after an outcome in doubt."""

    def barrier_failed(self) -> None:
        """slt.control was not applied to its end in time."""

    def position_lag(self, topic: str, partition: int, seconds: float) -> None:
        """Age of the newest record handled while more wait; 0 when none waits."""

    def state_keys(self, partition: int, n: int) -> None:
        """Size of a partition's state."""

    def now(self, now: datetime) -> None:
        """The broker's clock was read."""

    def stale(self, stale: bool) -> None:
        """Whether clock or policy may be behind: nothing is released."""

    def forget(self, topic: str, partition: int) -> None:
        """The partition is another slot's now."""


class Unwatched:
    """Nobody watches."""

    def inputs(self, topic: str, partition: int, n: int) -> None:
        """Not counted."""

    def outcome(self, topic: str, partition: int, outcome: Outcome, n: int) -> None:
        """Not counted."""

    def refused(self, reason: Reason) -> None:
        """Not counted."""

    def committed(self, seconds: float, records: int) -> None:
        """Not counted."""

    def aborted(self) -> None:
        """Not counted."""

    def rebuilt(self) -> None:
        """Not counted."""

    def barrier_failed(self) -> None:
        """Not counted."""

    def position_lag(self, topic: str, partition: int, seconds: float) -> None:
        """Not shown."""

    def state_keys(self, partition: int, n: int) -> None:
        """Not shown."""

    def now(self, now: datetime) -> None:
        """Not shown."""

    def stale(self, stale: bool) -> None:
        """Not shown."""

    def forget(self, topic: str, partition: int) -> None:
        """Nothing to forget."""
