"""What one partition of distribute derives from its ledger: which incidents a change concerns, and when one is due."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from heapq import heappop, heappush
from itertools import islice
from typing import Any, NamedTuple

from services.core.ledger import originator_of
from services.core.policy import Policy
from services.core.stage import State
from services.core.tables import Touch
from services.distribute.entries import CHAIN, HOLDINGS, REPORT, Chain


class _Listed(NamedTuple):
    parties: frozenset[str]
    areas: frozenset[str]


class Index:
    """Made from the state at assignment, kept current by each result."""

    def __init__(self, state: State) -> None:
        """Reads every key, and the holdings' part of every incident."""
        self.series: dict[str, tuple[str, ...]] = {}
        self.chain = Chain()
        self._by_party: dict[str, set[str]] = defaultdict(set)
        self._by_area: dict[str, set[str]] = defaultdict(set)
        self._listed: dict[str, _Listed] = {}
        """Under which parties and areas an incident is found, ever since it is here; equal ones are one object."""
        self._shared: dict[_Listed, _Listed] = {}
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
        self._by_party[originator_of(series)].add(incident)

    def remove_series(self, incident: str, series: str) -> None:
        """A report has left the incident."""
        self.series[incident] = tuple(one for one in self.series.get(incident, ()) if one != series)

    def settled(self, incident: str, held: Mapping[str, Any]) -> None:
        """The incident is settled at an epoch, and due again by time; `held` is its part with the holdings."""
        self.chain = max(self.chain, Chain(held["decision_number"], held["decision_hash"]))
        self._epochs[incident] = held["epoch"]
        self._list(incident, held["parties"], held["areas"])
        self._priority[incident] = held["priority"]
        due = held["next_change_at"]
        if due is None:
            self._due_at.pop(incident, None)
        elif self._due_at.get(incident) != due:
            self._due_at[incident] = due
            heappush(self._due, (due, incident))
        for queue in self._dirty:
            queue.pop(incident, None)

    def _list(self, incident: str, parties: Iterable[str], areas: Iterable[str]) -> None:
        before = self._listed.get(incident, _Listed(frozenset(), frozenset()))
        listed = _Listed(before.parties.union(parties), before.areas.union(areas))
        if listed == before:
            return
        for party in listed.parties - before.parties:
            self._by_party[party].add(incident)
        for area in listed.areas - before.areas:
            self._by_area[area].add(incident)
        self._listed[incident] = self._shared.setdefault(listed, listed)

    def follow(self, policy: Policy) -> None:
        """Mark as dirty what control changes concern; at first, what changed since each incident was settled."""
        if self._epoch == policy.epoch:
            return
        since = min(self._epochs.values(), default=policy.epoch) if self._epoch is None else self._epoch
        for offset, touch in policy.touched(since):
            for incident in self._concerned(touch):
                if self._epochs.get(incident, offset + 1) <= offset:
                    self._mark(incident)
        self._epoch = policy.epoch

    def _concerned(self, touch: Touch) -> Iterable[str]:
        if touch.originator is not None:
            return self._by_party[touch.originator]
        return self._epochs if touch.area is None else self._by_area[touch.area]

    def forget(self, incident: str) -> None:
        """The incident is no longer in the ledger."""
        for series in self.series.pop(incident, ()):
            self._by_party[originator_of(series)].discard(incident)
        for known in (self._epochs, self._priority, self._due_at, *self._dirty):
            known.pop(incident, None)  # type: ignore[attr-defined]
        listed = self._listed.pop(incident, _Listed(frozenset(), frozenset()))
        for party in listed.parties:
            self._by_party[party].discard(incident)
        for area in listed.areas:
            self._by_area[area].discard(incident)

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

    @property
    def settled_to(self) -> int:
        """Control changes below it have reached every incident that they concern."""
        waiting = (self._epochs[incident] for queue in self._dirty for incident in queue)
        return min(waiting, default=-1 if self._epoch is None else self._epoch)
