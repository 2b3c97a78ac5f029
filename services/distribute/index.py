"""What one partition of distribute derives from its ledger: which incidents a change concerns, and when one is due."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from heapq import heappop, heappush
from itertools import islice
from typing import Any

from services.core.policy import Policy
from services.core.stage import State
from services.distribute.entries import CHAIN, HOLDINGS, REPORT, Chain


class Index:
    """Made from the state at assignment, kept current by each result."""

    def __init__(self, state: State) -> None:
        """Reads every key, and the holdings' part of every incident."""
        self.series: dict[str, tuple[str, ...]] = {}
        self.chain = Chain()
        self._by_originator: dict[str, set[str]] = defaultdict(set)
        self._epochs: dict[str, int] = {}
        self._due: list[tuple[datetime, str]] = []
        self._due_at: dict[str, datetime] = {}
        self._dirty: tuple[dict[str, None], ...] = ({}, {}, {})
        self._priority: dict[str, int] = {}
        self._epoch: int | None = None
        for key in state.keys():  # noqa: SIM118  a State is no mapping
            part, _, rest = key.partition("|")
            if part == REPORT:
                incident, _, series = rest.partition("|")
                self.add_series(incident, series)
            elif part == HOLDINGS:
                self.settled(rest, state.get(key) or {})
        head = state.get(CHAIN)
        if head:
            self.chain = max(self.chain, Chain(head["offset"], head["last_hash"]))

    def add_series(self, incident: str, series: str) -> None:
        """A report belongs to the incident."""
        known = self.series.get(incident, ())
        if series not in known:
            self.series[incident] = (*known, series)
        self._by_originator[series.split("/", 1)[0]].add(incident)

    def remove_series(self, incident: str, series: str) -> None:
        """A report has left the incident."""
        self.series[incident] = tuple(one for one in self.series.get(incident, ()) if one != series)

    def settled(self, incident: str, held: Mapping[str, Any]) -> None:
        """The incident is settled at an epoch, and due again by time; `held` is its part with the holdings."""
        self.chain = max(self.chain, Chain(held["decision_number"], held["decision_hash"]))
        self._epochs[incident] = held["epoch"]
        self._priority[incident] = held["priority"]
        due = held["next_change_at"]
        if due is None:
            self._due_at.pop(incident, None)
        elif self._due_at.get(incident) != due:
            self._due_at[incident] = due
            heappush(self._due, (due, incident))
        for queue in self._dirty:
            queue.pop(incident, None)

    def follow(self, policy: Policy) -> None:
        """Mark as dirty what control changes concern; at first, what changed since each incident was settled."""
        if self._epoch == policy.epoch:
            return
        since = min(self._epochs.values(), default=policy.epoch) if self._epoch is None else self._epoch
        for offset, touch in policy.touched(since):
            concerned: Iterable[str]
            concerned = self._epochs if touch.originator is None else self._by_originator[touch.originator]
            for incident in concerned:
                if self._epochs.get(incident, offset + 1) <= offset:
                    self._mark(incident)
        self._epoch = policy.epoch

    def _mark(self, incident: str) -> None:
        self._dirty[self._priority.get(incident, 1)][incident] = None

    def take(self, now: datetime | None, limit: int) -> list[str]:
        """Incidents to look at again, imminent risk first, exercises last; by time only where `now` may be trusted."""
        while now is not None and self._due and self._due[0][0] <= now:
            due, incident = heappop(self._due)
            if self._due_at.get(incident) == due:
                del self._due_at[incident]
                self._mark(incident)
        every = (incident for queue in self._dirty for incident in queue)
        return list(islice(every, limit))

    @property
    def backlog(self) -> int:
        """Incidents that a change concerns and that are still to be looked at."""
        return sum(map(len, self._dirty))
