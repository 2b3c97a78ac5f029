"""What was sent, what came back, what is missing: sent = received + missing + under way, for every lane."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

from services.canary.probe import Arrival, Lane

PATIENCE = timedelta(seconds=10)


class Counts(Protocol):
    """What the watch reports; by lane number."""

    def sent(self, lane: int) -> None:
        """One test report was submitted."""

    def received(self, lane: int, seconds: float) -> None:
        """One came back in time, after so long."""

    def missing(self, lane: int) -> None:
        """One did not."""


class Watch:
    """The reports under way. Moments are seconds of a monotonic clock that the caller reads."""

    def __init__(self, lanes: tuple[Lane, ...], counts: Counts) -> None:
        """`lanes`: as the probe made them."""
        self._counts = counts
        self._lanes = {lane.series: lane.number for lane in lanes}
        self._under_way: dict[str, dict[int, float]] = {lane.series: {} for lane in lanes}

    def sent(self, series: str, version: int, moment: float) -> None:
        """A report was handed to the client."""
        self._under_way[series][version] = moment
        self._counts.sent(self._lanes[series])

    def arrived(self, arrival: Arrival) -> None:
        """A report came back, and with it every older version of its series: an outlet that catches up sends the newest
        alone, and a reader of it is right. What the watch does not know (an earlier process's, a repeat) is left out.
        """
        under_way = self._under_way.get(arrival.series, {})
        moment = under_way.get(arrival.version)
        if moment is None:
            return
        for version in [known for known in under_way if known <= arrival.version]:
            waited = arrival.seconds + moment - under_way.pop(version)
            self._counts.received(self._lanes[arrival.series], waited)

    def overdue(self, moment: float) -> None:
        """Give up what was sent longer than PATIENCE ago."""
        latest = moment - PATIENCE.total_seconds()
        for series, under_way in self._under_way.items():
            for version in [known for known, sent in under_way.items() if sent < latest]:
                del under_way[version]
                self._counts.missing(self._lanes[series])
