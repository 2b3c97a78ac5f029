"""Is this news, and what is it to other reports? Exact duplicates, revisions, echoes; and pairs that matching compares.

Linking links: no report is dropped or overwritten here. A duplicate is named as one, and distribute counts it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

from services.core.grouping import CERTAIN, NEVER, Link
from services.core.matching.cluster import CONTRADICTION, TWICE
from services.core.matching.score import probable
from services.core.matching.sketch import Sketch
from services.core.matching.weights import Weights
from services.core.report import InfoKind, Relation
from services.core.stage import State

EVENTS = frozenset({InfoKind.INCIDENT_REPORT, InfoKind.SITUATION_REPORT, InfoKind.SECURITY_ALERT})
"""Kinds that tell of something that happened somewhere; the others are matched with nothing."""
_LEAST = 1e-6
"""A score is no certainty: that is for an operator, and for the same narrative."""
_ECHOING = 0.9
"""Share of the words that two texts have in common, from which on the later may be taken from the earlier."""
_WORDS = 8
"""Fewer words are alike by chance."""


class Found(NamedTuple):
    """What a report is to what was known."""

    relation: Relation
    incidents: tuple[str, ...]
    """The incidents that the report belongs to after this."""
    other: str = ""
    """The series that it is linked with: one that it replaces, or whose words it repeats."""


def series_key(series_id: str) -> str:
    """Where the state keeps a series."""
    return f"s|{series_id}"


def content_key(report: Mapping[str, Any]) -> str:
    """Where the state keeps an originator's content."""
    return f"c|{report['originator']}|{report['content_hash'].hex()}"


SHORTEST_ECHO = 60
"""Characters; shorter texts are alike by chance."""


def echo_key(report: Mapping[str, Any]) -> str | None:
    """Where the state keeps a narrative, whoever tells it; None where there is too little of it to know it again."""
    return _narrative_key(report["status"], report["description"])


@lru_cache(maxsize=16)
def _narrative_key(status: str, description: str) -> str | None:
    """Asked for twice of each report."""
    words = " ".join(description.casefold().split())
    if len(words) < SHORTEST_ECHO:
        return None
    return f"e|{status}|{blake2b(words.encode('utf-8', 'surrogatepass'), digest_size=16).hexdigest()}"


def incident_id(report: Mapping[str, Any]) -> str:
    """The internal id of the incident that a first report founds; recipients never see it."""
    return f"{report['series_id']}~{report['home']}"


def correlate(report: Mapping[str, Any], state: State) -> Found:
    """The relation and incidents of a report (same originator and series and version, or originator and content)."""
    known = state.get(series_key(report["series_id"]))
    if known is not None:
        incidents = tuple(known["incidents"])
        if report["version"] <= known["version"]:
            return Found(Relation.DUPLICATE, incidents)
        # A series that was only ever a copy of another becomes news with its first content of its own.
        return Found(Relation.REVISION, incidents) if incidents else Found(Relation.NEW, (incident_id(report),))
    if _is_said_already(report, state):
        return Found(Relation.DUPLICATE, ())
    return _linked(report, state) or Found(Relation.NEW, (incident_id(report),))


def _linked(report: Mapping[str, Any], state: State) -> Found | None:
    """A report that replaces another of its originator, or repeats the words of somebody else's: an echo candidate."""
    replaced = state.get(series_key(report["supersedes"])) if report["supersedes"] else None
    if replaced and replaced["incidents"] and report["supersedes"].startswith(f"{report['originator']}/"):
        return Found(Relation.RELATED, tuple(replaced["incidents"]), report["supersedes"])
    key = echo_key(report)
    told = state.get(key) if key else None
    if told is None or told["series_id"].startswith(f"{report['originator']}/"):
        return None
    original = state.get(series_key(told["series_id"]))
    if original is None or not original["incidents"]:
        return None
    return Found(Relation.ECHO, tuple(original["incidents"]), told["series_id"])


def _is_said_already(report: Mapping[str, Any], state: State) -> bool:
    """Another series of this originator says the same now. One that was revised or cancelled since does not."""
    said = state.get(content_key(report))
    series = state.get(series_key(said["series_id"])) if said else None
    return series is not None and bool(series["content_hash"] == report["content_hash"])


def compared(mine: Sketch, other: Sketch, weights: Weights) -> Link | None:
    """What matching says of a pair; None if it contradicts itself, so that the two can never be in one group.

    A series' relation to an earlier one: SAME or ECHO from the threshold of automatic links on, else RELATED.
    """
    score = probable(mine, other, weights, TWICE if mine.originator == other.originator else CONTRADICTION)
    if score == NEVER:
        return None
    relation = Relation.RELATED if score < weights.automatic else _joining(mine, other)
    return Link(mine.series_id, other.series_id, relation, min(max(score, NEVER + _LEAST), CERTAIN - _LEAST))


def _joining(mine: Sketch, other: Sketch) -> Relation:
    shared, said = (mine.words & other.words).bit_count(), (mine.words | other.words).bit_count()
    repeats = mine.originator != other.originator and said >= _WORDS and shared >= _ECHOING * said
    return Relation.ECHO if repeats else Relation.SAME


def spoken(one: str, other: str, *, same: bool) -> Link:
    """An operator's word on a pair."""
    return Link(one, other, Relation.SAME, CERTAIN) if same else Link(one, other, Relation.RELATED, NEVER)
