"""Reads typed fields off a decoded JSON object, each refused with what to send instead (docs/rules.md §3)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from typing import Any, TypeVar

from services.core.checks import Refused
from services.core.control import ANY, PRESENT, Category
from services.core.projection import Attribution, Fact, Place, Point, Projection, Time
from services.core.reason import Reason
from services.core.report import InfoKind

_ORG = re.compile(r"[a-z][a-z0-9-]{1,30}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_LABEL = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")
_SERIES = re.compile(r"[a-z][a-z0-9-]{1,30}/[^\s,<>&/|\x00-\x1f\ud800-\udfff]{1,120}")
_AREA = re.compile(r"[A-Z]{3}")
_MOST_TEXT = 300
Word = TypeVar("Word", bound=StrEnum)
Rank = TypeVar("Rank", bound=IntEnum)
Entry = TypeVar("Entry")


class Fields:
    """One object's fields; each is taken once, and `done` notices those that nobody asked for."""

    def __init__(self, payload: Any, prefix: str = "") -> None:
        """`prefix` names the object that this one lies in. Every method raises Refused."""
        if not isinstance(payload, Mapping):
            raise Refused(Reason.BAD_FIELD_TYPE, "send a JSON object", prefix.removesuffix("."))
        self._left = dict(payload)
        self._prefix = prefix

    def take(self, name: str, of_type: type, default: Any = None) -> Any:
        """The value of a JSON type; without a default the field is required."""
        if name not in self._left:
            if default is None:
                raise self.refused(Reason.BAD_FIELD_MISSING, "send this field", name)
            return default
        value = self._left.pop(name)
        if not isinstance(value, of_type) or (of_type is int and isinstance(value, bool)):
            raise self.refused(Reason.BAD_FIELD_TYPE, f"send a value of JSON type {of_type.__name__}", name)
        return value

    def refused(self, reason: Reason, advice: str, name: str) -> Refused:
        """To raise about one field."""
        return Refused(reason, advice, self._prefix + name)

    def word(self, name: str, words: type[Word], default: Word | None = None) -> Word:
        """One word of an enumeration."""
        value = self.take(name, str, default)
        try:
            return words(value)
        except ValueError:
            raise self._no_word(name, words) from None

    def rank(self, name: str, ranks: type[Rank], default: Rank | None = None) -> Rank:
        """One step of a scale, by its name."""
        value = self.take(name, str, default.name if default is not None else None)
        if value not in ranks.__members__:
            raise self._no_word(name, ranks.__members__)
        return ranks[value]

    def set_of(self, name: str, words: type[Word], default: frozenset[Word]) -> frozenset[Word]:
        """Some words of an enumeration."""
        values = self.take(name, list, sorted(default))
        try:
            return frozenset(words(value) for value in values)
        except ValueError:
            raise self._no_word(name, words) from None

    def _no_word(self, name: str, words: Any) -> Refused:
        return self.refused(Reason.BAD_VOCABULARY, f"use one of {', '.join(filter(None, map(str, words)))}", name)

    def whole(self, name: str) -> int:
        """A number from 1."""
        value: int = self.take(name, int)
        if not 1 <= value < 2**31:
            raise self.refused(Reason.BAD_FIELD_TYPE, "send a number from 1", name)
        return value

    def text(self, name: str, advice: str) -> str:
        """A short text that says something; `advice` is what to say."""
        value: str = self.take(name, str, "")
        if not value.strip():
            raise self.refused(Reason.BAD_FIELD_MISSING, advice, name)
        if len(value) > _MOST_TEXT:
            raise self.refused(Reason.BAD_FIELD_LENGTH, f"send at most {_MOST_TEXT} characters", name)
        return value

    def org(self, name: str) -> str:
        """An organisation's id."""
        return self._matching(name, _ORG, "use lower-case letters, digits and hyphens")

    def name(self, name: str, default: str | None = None) -> str:
        """An id that an organisation chose; the default is given back unchecked."""
        if default is not None and self._left.get(name, default) == default:
            self._left.pop(name, None)
            return default
        return self._matching(name, _NAME, "use letters, digits and . _ -")

    def label(self, name: str) -> str:
        """A credential's name: without a dot, which ends it in the names of consumer groups."""
        return self._matching(name, _LABEL, "use 1 to 31 lower-case letters, digits and hyphens")

    def series(self, name: str) -> str:
        """The id of a series: originator/id."""
        return self._matching(name, _SERIES, "use originator/id as on the receipt")

    def area(self, name: str, *, anywhere: bool = False) -> str:
        """An ISO 3166-1 alpha-3 code, or `*` where that is meant."""
        value: str = self.take(name, str)
        if value == ANY and anywhere:
            return value
        if not _AREA.fullmatch(value):
            raise self.refused(Reason.BAD_VOCABULARY, "use an ISO 3166-1 alpha-3 code, for example KEN", name)
        return value

    def _matching(self, name: str, pattern: re.Pattern[str], advice: str) -> str:
        value: str = self.take(name, str)
        if not pattern.fullmatch(value):
            raise self.refused(Reason.BAD_VOCABULARY, advice, name)
        return value

    def moment(self, name: str) -> datetime:
        """An aware moment in UTC."""
        try:
            value = datetime.fromisoformat(self.take(name, str))
            if value.tzinfo is None:
                raise self.refused(Reason.BAD_TIME, "add the offset from UTC, for example +00:00", name)
            return value.astimezone(UTC)
        except (ValueError, OverflowError):
            raise self.refused(Reason.BAD_TIME, "send ISO 8601 with an offset", name) from None

    def moment_or_none(self, name: str) -> datetime | None:
        """As `moment`; null, or nothing at all, is None."""
        return None if self._is_null(name) else self.moment(name)

    def _is_null(self, name: str) -> bool:
        if self._left.get(name) is not None:
            return False
        self._left.pop(name, None)
        return True

    def words(self, name: str, allowed: Callable[[str], bool], default: list[str] | None = None) -> frozenset[str]:
        """Texts that are all `allowed`."""
        values = self.take(name, list, default)
        if not all(isinstance(value, str) and allowed(value) for value in values):
            raise self.refused(Reason.BAD_VOCABULARY, "use `*` or known words", name)
        return frozenset(values)

    def each(self, name: str, read: Callable[[Fields], Entry]) -> tuple[Entry, ...]:
        """A list of objects; a left-out one is empty."""
        found = []
        for entry in self.take(name, list, []):
            inner = Fields(entry, f"{self._prefix}{name}.")
            found.append(read(inner))
            inner.done()
        return tuple(found)

    def projection(self, name: str) -> Projection | Point:
        """A point's name, or an object of facts, place, time and attribution; a left-out one is FULL."""
        value = self._left.pop(name, Point.FULL)
        if isinstance(value, Mapping):
            return _projection(Fields(value, f"{self._prefix}{name}."))
        if isinstance(value, str) and value in Point.__members__:
            return Point(value)
        advice = f"use one of {', '.join(Point)}, or an object of facts, place, time and attribution"
        raise self.refused(Reason.BAD_VOCABULARY, advice, name)

    def projection_or_none(self, name: str) -> Projection | Point | None:
        """As `projection`; null, or nothing at all, is None."""
        return None if self._is_null(name) else self.projection(name)

    def done(self) -> None:
        """Refuse what nobody asked for."""
        if self._left:
            raise self.refused(Reason.BAD_FIELD_UNKNOWN, "remove it", min(map(str, self._left))[:40])


def _projection(fields: Fields) -> Projection:
    facts = fields.words("facts", Fact.__members__.__contains__)
    found = Projection(
        sum(Fact[fact] for fact in facts),
        fields.rank("place", Place).value,
        fields.rank("time", Time).value,
        fields.rank("attribution", Attribution).value,
    )
    fields.done()
    return found


def is_org(value: str) -> bool:
    """An organisation's id."""
    return _ORG.fullmatch(value) is not None


def is_area(value: str) -> bool:
    """An ISO 3166-1 alpha-3 code, or `*`."""
    return value == ANY or _AREA.fullmatch(value) is not None


def is_kind(value: str) -> bool:
    """A kind of report, or `*`."""
    return value == ANY or value in InfoKind.__members__


def is_series(value: str) -> bool:
    """The id of a series: originator/id."""
    return _SERIES.fullmatch(value) is not None


def is_recipient(value: str) -> bool:
    """A word of docs/rules.md §3 for recipients."""
    form, colon, name = value.partition(":")
    if not colon:
        return value in {ANY, PRESENT} or is_org(value)
    if form == "category":
        return name in Category.__members__
    if form == "group":
        return _NAME.fullmatch(name) is not None
    return form == "platform" and is_org(name.removesuffix("/members"))
