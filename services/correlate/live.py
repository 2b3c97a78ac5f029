"""What one partition of correlate derives from its state: reports to compare with, incidents' members, what is over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from services.core.correlation import compared, series_key, spoken
from services.core.grouping import Link
from services.core.matching.candidates import Candidates
from services.core.matching.sketch import Sketch, pack, unpack
from services.core.matching.weights import Weights
from services.core.policy import Policy
from services.core.retire import FORGET_AFTER
from services.core.stage import Change, Fields, State

_SERIES = series_key("")


class Tools(NamedTuple):
    """What every partition's task of one process shares."""

    weights: Weights
    window: timedelta
    """A report can be linked until so long after its last version."""


class Live:
    """Made from the state at assignment, kept current by each result."""

    def __init__(self, state: State, tools: Tools) -> None:
        """Reads every value once."""
        self._state, self._tools = state, tools
        self._candidates = Candidates()
        self._members: dict[str, list[str]] = {}
        self._homes: dict[str, str] = {}
        self._due: dict[int, list[str]] = {}
        self._words: dict[str, dict[str, bool]] = {}
        self._said = -1
        self._newest: tuple[bytes, Sketch] | None = None
        for key in state.keys():  # noqa: SIM118  a State is no mapping
            self.learn(key, state.get(key))

    def __len__(self) -> int:
        """Reports that can be linked."""
        return len(self._candidates)

    # -- keeping current

    def learn(self, key: str, value: Fields | None) -> None:
        """A key has this value now."""
        if value is not None and "at" in value:
            self._due.setdefault(self._ends(key, value).toordinal(), []).append(key)
        if not key.startswith(_SERIES):
            return
        series = key.removeprefix(_SERIES)
        self._settle(series, value["incidents"] if value else ())
        found = self._read(value["sketch"]) if value and value["sketch"] else None
        if found is None:
            self._candidates.discard(series)
        else:
            self._candidates.add(found)

    def packed(self, drawn: Sketch) -> bytes:
        """For the state; what comes back from there next need not be read again."""
        self._newest = pack(drawn), drawn
        return self._newest[0]

    def _read(self, data: bytes) -> Sketch | None:
        known = self._newest
        return known[1] if known and known[0] is data else unpack(data)

    def _settle(self, series: str, incidents: Iterable[str]) -> None:
        """Where the series belongs now."""
        home = next(iter(incidents), "")
        before = self._homes.pop(series, "")
        if home:
            self._homes[series] = home
        if before == home:
            return
        if before:
            self._members[before].remove(series)
            if not self._members[before]:
                del self._members[before]
        if home:
            self._members.setdefault(home, []).append(series)

    def follow(self, policy: Policy | None) -> None:
        """Know what operators have said."""
        if policy is None or policy.last_word == self._said:
            return
        self._words, self._said = {}, policy.last_word
        for (one, other), said in policy.words.items():
            self._words.setdefault(one, {})[other] = said.same
            self._words.setdefault(other, {})[one] = said.same

    # -- asking

    def home(self, series: str) -> str:
        """The incident of a series; empty if it has none here."""
        return self._homes.get(series, "")

    def links(self, series: str, sketch: Sketch | None) -> list[Link]:
        """All that is known of a series and of others here: what matching says, and in its place an operator's word."""
        words = self._words.get(series, {})
        found = [spoken(series, other, same=same) for other, same in sorted(words.items()) if other in self._homes]
        if sketch is None:
            return found
        for other in self._candidates.near(sketch):
            link = None if other.series_id in words else compared(sketch, other, self._tools.weights)
            if link:
                found.append(link)
        return found

    def across(self, incidents: Iterable[str]) -> list[Link]:
        """What is known of pairs in different ones of these incidents, which are to be one."""
        found: list[Link] = []
        for incident in incidents:
            for series in self._members.get(incident, ()):
                links = self.links(series, self._candidates.get(series))
                found += [link for link in links if self._homes[link.other] != incident]
        return found

    def members(self, incident: str) -> tuple[str, ...]:
        """Its series, whether they can still be linked or not."""
        return tuple(self._members.get(incident, ()))

    def oldest(self, incidents: Iterable[str]) -> str:
        """The one whose founder has said nothing for longest; one whose founder is gone is older still."""
        return min(incidents, key=lambda incident: (self._founded(incident), incident))

    def _founded(self, incident: str) -> float:
        founder = self._state.get(series_key(incident.rpartition("~")[0]))
        return founder["at"].timestamp() if founder else 0.0

    # -- what is over

    def _ends(self, key: str, value: Fields) -> datetime:
        """A series without a sketch is kept as long as the ledger can owe something for it: a revision finds it."""
        kept = key.startswith(_SERIES) and value["incidents"] and not value["sketch"]
        at: datetime = value["at"]
        return at + (FORGET_AFTER if kept else self._tools.window)

    def over(self, now: datetime, limit: int) -> Iterator[Change]:
        """At most `limit` changes that take out of the state what cannot be linked any more."""
        for day in sorted(day for day in self._due if day < now.toordinal()):
            keys = self._due[day]
            while keys and limit > 0:
                key = keys.pop()
                value = self._state.get(key)
                if value is not None and "at" in value and self._ends(key, value).toordinal() == day:
                    limit -= 1
                    yield Change(key, "correlation", _faded(key, value))
            if keys:
                return
            del self._due[day]


def _faded(key: str, value: Fields) -> Fields | None:
    if key.startswith(_SERIES) and value["sketch"]:
        return {**value, "sketch": b""}
    return None
