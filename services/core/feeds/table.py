"""A feed's table says of every source field where it goes; this module carries the table out.

A row is flat: native field name -> text. Each field goes to one or more fields of `schemas/submission`, into
`attributes` under its native name, or nowhere, and then the table says why. A field that no table names is kept as an
attribute too: nothing that a source says is lost in silence (consent.md F7: native code and scheme are kept).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

Row = Mapping[str, str]
Submission = dict[str, Any]

ATTRIBUTES = "attributes"
ATTRIBUTE_LENGTH = 1000
"""Longest attribute value that intake takes; a longer text goes on under `name.2`, `name.3` …"""
_TICK = timedelta(milliseconds=1)
_COUNTS = frozenset({"harm.killed", "harm.injured", "harm.kidnapped", "harm.detained"})
_DEGREES = frozenset({"place.latitude", "place.longitude"})
_TEXTS = frozenset(
    {
        "event", "headline", "description", "advice", "place.country", "place.admin1", "place.admin2", "place.name",
        "actor", "means", "urgency", "severity", "certainty",
    }
)  # fmt: skip
_LONG = frozenset({"description", "advice"})
"""Texts whose line breaks mean something; in the others, white space is one blank."""


class Rule(NamedTuple):
    """Where one source field goes."""

    source: str
    """Native name; one that ends in `/*` stands for every field below."""
    targets: tuple[str, ...]
    """Submission fields, dotted, or `attributes`; none: unmapped, and `note` says why."""
    note: str = ""


def to(source: str, *targets: str, note: str = "") -> Rule:
    """The field is mapped to these submission fields."""
    return Rule(source, targets, note)


def keep(*sources: str) -> tuple[Rule, ...]:
    """The fields are kept as attributes under their native names."""
    return tuple(Rule(source, (ATTRIBUTES,)) for source in sources)


def drop(source: str, reason: str) -> Rule:
    """The field is not passed on."""
    return Rule(source, (), reason)


@dataclass(frozen=True, eq=False)
class Feed:
    """One kind of source: how it is recognised, its table, and what is derived from several fields at once."""

    name: str
    title: str
    scheme: str
    kind: str
    marks: frozenset[str]
    """Columns that together recognise a file of rows; empty for XML, which is recognised by its elements."""
    rules: tuple[Rule, ...]
    """In order of precedence: of two fields with one target, the first that is filled counts (counts are added up)."""
    series: Callable[[Row], str]
    """The stable series id; empty when the row has none."""
    derive: Callable[[Row, Submission], None]
    """Completes the submission in place: times, precision, headline."""
    protected: tuple[str, ...] = ()
    """Fields blanked for places whose publisher blanks them (`is_protected`)."""
    by_name: Mapping[str, Rule] = field(init=False)

    def __post_init__(self) -> None:
        """Index the table."""
        object.__setattr__(self, "by_name", {rule.source: rule for rule in self.rules})

    def rule(self, name: str) -> Rule | None:
        """The rule that names a source field, or None."""
        found = self.by_name.get(name)
        if found is None and "/" in name:
            found = self.by_name.get(name.split("/", 1)[0] + "/*")
        return found


def submission(feed: Feed, row: Row) -> Submission | None:
    """The report that a row is; None if it has no series id. Never raises, whatever the texts are."""
    series = feed.series(row)
    if not series:
        return None
    row = protect(feed, row)
    found: Submission = {
        "series_id": series, "version": 1, "message": "ALERT", "status": "Actual", "kind": feed.kind,
        "event_scheme": feed.scheme, "place": {}, "harm": {}, "victims": [], ATTRIBUTES: {},
    }  # fmt: skip
    for rule in feed.rules:
        text = row.get(rule.source, "").strip()
        if text:
            for target in rule.targets:
                _put(found, rule.source, target, text)
    for name, value in row.items():
        if value.strip() and feed.rule(name) is None:
            add_attribute(found, name, value.strip())
    if found["harm"]:
        found["harm"]["scheme"] = feed.scheme
    feed.derive(row, found)
    return found


def protect(feed: Feed, row: Row) -> Row:
    """The row without the fields that the publisher blanks for protection reasons (Palestine, HDX)."""
    if not feed.protected or not is_protected(row):
        return row
    return {name: "" if name in feed.protected else value for name, value in row.items()}


def is_protected(row: Row) -> bool:
    """True for a row about Palestine, by code or by the names that the registers use."""
    codes = {row.get(name, "").strip().upper() for name in ("Country Code", "Country ISO", "ISO3 codes", "Country")}
    return not codes.isdisjoint({"PS", "PSE", "OPT"}) or any("PALESTIN" in code for code in codes)


def _put(found: Submission, source: str, target: str, text: str) -> None:
    if target == ATTRIBUTES:
        add_attribute(found, source, text)
    elif target in _TEXTS:
        _set_first(found, target, text if target in _LONG else " ".join(text.split()))
    elif target in _COUNTS:
        _count(found, source, target, text)
    elif target in _DEGREES:
        _degrees(found, source, target, text)
    elif target == "victims":
        _victims(found, source, text)
    # every other target needs several fields at once: the feed's `derive` sets it


def _set_first(found: Submission, target: str, value: Any) -> None:
    holder, _, name = target.rpartition(".")
    (found[holder] if holder else found).setdefault(name, value)


def _count(found: Submission, source: str, target: str, text: str) -> None:
    if not (text.isascii() and text.isdigit() and len(text) < 9):
        add_attribute(found, source, text)  # not a count: "-2", "several"
        return
    name = target.rpartition(".")[2]
    found["harm"][name] = found["harm"].get(name, 0) + int(text)


def _degrees(found: Submission, source: str, target: str, text: str) -> None:
    value = number(text)
    if value is None:
        add_attribute(found, source, text)
    else:
        _set_first(found, target, value)


def _victims(found: Submission, source: str, text: str) -> None:
    if not text.isdigit():
        found["victims"].append(text)
    elif text.strip("0"):
        found["victims"].append(source)


def number(text: str) -> float | None:
    """A finite number, or None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def add_attribute(found: Submission, name: str, text: str) -> None:
    """Keep a text under its native name; one over 1,000 characters goes on under `name.2` and so on."""
    for index, start in enumerate(range(0, len(text), ATTRIBUTE_LENGTH)):
        found[ATTRIBUTES][name if index == 0 else f"{name}.{index + 1}"] = text[start : start + ATTRIBUTE_LENGTH]


def set_period(found: Submission, year: str, month: str = "", day: str = "") -> bool:
    """The UTC range of a day, month or year, as precise as the parts given; False if they are no date."""
    try:
        began, precision = _began(int(year), month.strip(), day.strip())
        ended = _NEXT[precision](began)
    except (ValueError, OverflowError):
        return False
    found.update(occurred_from=began, occurred_to=ended - _TICK, time_precision=precision)
    return True


def _began(year: int, month: str, day: str) -> tuple[datetime, str]:
    if month and day:
        return datetime(year, int(month), int(day), tzinfo=UTC), "DAY"
    if month:
        return datetime(year, int(month), 1, tzinfo=UTC), "MONTH"
    return datetime(year, 1, 1, tzinfo=UTC), "YEAR"


_NEXT: Mapping[str, Callable[[datetime], datetime]] = {
    "DAY": lambda began: began + timedelta(days=1),
    "MONTH": lambda began: (began + timedelta(days=32)).replace(day=1),
    "YEAR": lambda began: began.replace(year=began.year + 1),
}


def set_headline(found: Submission, *parts: str) -> None:
    """What, where and when in at most 200 characters; the description says the rest."""
    began = found.get("occurred_from")
    shown = {"YEAR": 4, "MONTH": 7}.get(found.get("time_precision", ""), 10)
    when = began.date().isoformat()[:shown] if isinstance(began, datetime) else ""
    found.setdefault("headline", ", ".join(part for part in (*parts, when) if part)[:200])
