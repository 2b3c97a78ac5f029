"""How the reports of an incident are related to others, as far as the SIOC sees all of them by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, cast

import orjson
import redis

from services.core.grouping import CERTAIN, NEVER
from services.core.matching.evidence import in_words
from services.core.matching.score import score
from services.core.matching.sketch import sketch
from services.core.matching.weights import Weights
from services.core.report import Relation
from services.runtime.read_model import LINKED, LINKS, SHOWN_IN, VIEWS

_MOMENTS = ("occurred_from", "occurred_to", "reported_at")
Json = dict[str, Any]


class Relations:
    """Answers from the read model; the evidence is what speaks for and against in the accounts that the SIOC sees."""

    def __init__(self, client: redis.Redis, weights: Weights) -> None:
        """`weights`: the shipped ones of matching."""
        self._redis, self._weights = client, weights

    def of(self, series: Iterable[str]) -> list[Json]:
        """Every relation of these reports, the surest first; one of which the other end is hidden is not among them."""
        mine = set(series)
        pairs = {tuple(sorted((one, other))) for one in mine for other in self._others(one)}
        found = [relation for one, other in sorted(pairs) if (relation := self._relation(one, other, mine))]
        return sorted(found, key=lambda relation: -relation["score"])

    def _others(self, series: str) -> set[str]:
        said = cast("set[str]", self._redis.smembers(LINKED + series))
        return {*self._said(series)["links"], *said}

    def _said(self, series: str) -> Json:
        stored = cast("str | None", self._redis.get(LINKS + series))
        return orjson.loads(stored) if stored else {"at": "", "links": {}}

    def _relation(self, one: str, other: str, mine: set[str]) -> Json | None:
        accounts = [self._account(series) for series in (one, other)]
        if None in accounts:
            return None
        ends = sorted(((self._said(one), other), (self._said(other), one)), key=lambda end: str(end[0]["at"]))
        newest, named = ends[-1]  # each version tells all that is known of a report, so the newer of the two is right
        relation, probability = newest["links"].get(named, (None, 0.0))
        if relation is None:
            return None
        return {
            "id": f"{one}~{other}", "relation": relation, "left": one, "right": other, "score": probability,
            "evidence": list(self._evidence(*accounts)), "state": _state(relation, probability, {one, other} <= mine),
        }  # fmt: skip

    def _evidence(self, one: Any, other: Any) -> Iterator[Json]:
        match = score(sketch(_as_report(one)), sketch(_as_report(other)), self._weights)
        for words in in_words(match.evidence):
            side, feature, value = words.split(": ", 2)
            yield {"name": f"{side}: {feature}", "value": value}

    def _account(self, series: str) -> Json | None:
        key = cast("str | None", self._redis.hget(SHOWN_IN, series))
        stored = cast("str | None", self._redis.hget(VIEWS, key)) if key else None
        accounts = orjson.loads(stored)["accounts"] if stored else ()
        return next((each for each in accounts if each["series_id"] == series), None)


def _state(relation: str, probability: float, together: bool) -> str:
    """An operator has said so, the rules have linked them, or somebody should say."""
    if probability in {NEVER, CERTAIN} and relation != Relation.ECHO:
        return "confirmed" if probability == CERTAIN else "rejected"
    return "linked" if together else "proposed"


def _as_report(account: Json) -> Json:
    """An account as matching compares reports: what is not shown is not said."""
    moments = {name: datetime.fromisoformat(account[name]) if account[name] else None for name in _MOMENTS}
    area = {"country": account["country"], "admin1": ""}
    return {**account, **moments, "originator": account["originator"] or "", "status": "", "area": area}
