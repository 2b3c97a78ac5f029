"""What a slot of DELIVER tells whoever watches it; `services.runtime.metrics.DeliverMetrics` is the real one."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class OutletObserver(Protocol):
    """Counts of one slot; called per batch or per event, never per record."""

    def inputs(self, topic: str, partition: int, n: int) -> None:
        """`n` records of the delivery log were taken up."""

    def delivered(self, org: str, n: int) -> None:
        """The broker confirmed `n` records on the organisation's topics."""

    def skipped(self, n: int) -> None:
        """`n` deliveries were in their topic already, or a newer one of their key made them needless."""

    def undeliverable(self, n: int) -> None:
        """`n` deliveries are refused by the broker for good, or are in a record that cannot be read."""

    def parked(self, topic: str) -> None:
        """The outlet was parked."""

    def reopened(self, topic: str) -> None:
        """It is open (again)."""

    def pulse(self, org: str, at: datetime) -> None:
        """The broker confirmed a pulse on the organisation's outlet."""

    def progress_written(self) -> None:
        """A resume point is durable."""

    def catch_up(self, seconds: float) -> None:
        """Time from taking partitions over to being past everything that had to be matched."""

    def lag(self, topic: str, partition: int, seconds: float) -> None:
        """Age of the newest input taken up while more wait; 0 when none waits."""

    def forget(self, topic: str, partition: int) -> None:
        """The slot gave the partition up."""


class Unwatched:
    """Nobody watches."""

    def inputs(self, topic: str, partition: int, n: int) -> None:
        """Not counted."""

    def delivered(self, org: str, n: int) -> None:
        """Not counted."""

    def skipped(self, n: int) -> None:
        """Not counted."""

    def undeliverable(self, n: int) -> None:
        """Not counted."""

    def parked(self, topic: str) -> None:
        """Not shown."""

    def reopened(self, topic: str) -> None:
        """Not shown."""

    def pulse(self, org: str, at: datetime) -> None:
        """Not shown."""

    def progress_written(self) -> None:
        """Not counted."""

    def catch_up(self, seconds: float) -> None:
        """Not measured."""

    def lag(self, topic: str, partition: int, seconds: float) -> None:
        """Not shown."""

    def forget(self, topic: str, partition: int) -> None:
        """Nothing to forget."""
