"""Checks of single values: each takes a field's name and a value, and returns it normalised or raises Refused.

They take JSON values and decoded Avro alike, so that both doors lead to the same report.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from services.core.reason import Reason
from services.core.stage import Refusal


class Refused(Exception):  # noqa: N818  it is an answer to the sender, not an error of ours
    """Carries the refusal out of a nested check; never leaves core."""

    def __init__(self, reason: Reason, advice: str, field: str = "") -> None:
        """Reason code, what to change, and the field's name."""
        super().__init__(reason.value)
        self.refusal = Refusal(reason, advice, field)


Check = Callable[[str, Any], Any]
"""Field name and value to the normalised value; raises Refused."""


def text(limit: int) -> Check:
    """A text of at most `limit` characters."""

    def check(field: str, value: Any) -> str:
        if not isinstance(value, str):
            raise Refused(Reason.BAD_FIELD_TYPE, "send a string", field)
        if len(value) > limit:
            raise Refused(Reason.BAD_FIELD_LENGTH, f"send at most {limit} characters", field)
        return value

    return check


def one_of(words: Iterable[str]) -> Check:
    """One of these words, for example of a StrEnum."""
    known = {str(word): str(word) for word in words}

    def check(field: str, value: Any) -> str:
        found = known.get(value) if isinstance(value, str) else None
        if found is None:
            raise Refused(Reason.BAD_VOCABULARY, f"use one of {', '.join(known)}", field)
        return found

    return check


def moment(field: str, value: Any) -> datetime | None:
    """A moment in UTC, whole milliseconds; None stays."""
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if not isinstance(value, str):
        raise Refused(Reason.BAD_FIELD_TYPE, "send an ISO 8601 date-time string", field)
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        raise Refused(Reason.BAD_TIME, "send ISO 8601, for example 2026-03-01T06:30:00+00:00", field) from None
    if found.tzinfo is None:
        raise Refused(Reason.BAD_TIME, "add the offset from UTC, for example +00:00", field)
    try:
        return found.astimezone(UTC).replace(microsecond=found.microsecond // 1000 * 1000)
    except OverflowError:
        raise Refused(Reason.BAD_TIME, "send a date between 1990 and ten years ahead", field) from None


def whole(low: int, high: int) -> Check:
    """A whole number within bounds."""

    def check(field: str, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise Refused(Reason.BAD_FIELD_TYPE, "send a whole number", field)
        if not low <= value <= high:
            raise Refused(Reason.BAD_FIELD_TYPE, f"send a number from {low} to {high}", field)
        return value

    return check


def degrees(limit: float) -> Check:
    """Degrees from -limit to limit; None stays."""

    def check(field: str, value: Any) -> float | None:
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Refused(Reason.BAD_FIELD_TYPE, "send degrees as a number", field)
        if not -limit <= value <= limit:  # also refuses NaN
            raise Refused(Reason.BAD_PLACE, f"send degrees from -{limit:g} to {limit:g}", field)
        return float(value)

    return check


def optional(check: Check) -> Check:
    """The check, or None."""
    return lambda field, value: None if value is None else check(field, value)


def each(check: Check, most: int) -> Check:
    """A list of at most `most` entries that all pass."""

    def checked(field: str, value: Any) -> list[Any]:
        if not isinstance(value, list | tuple):
            raise Refused(Reason.BAD_FIELD_TYPE, "send a list", field)
        if len(value) > most:
            raise Refused(Reason.BAD_FIELD_LENGTH, f"send at most {most} entries", field)
        return [check(field, entry) for entry in value]

    return checked


_ENTRY_NAME, _ENTRY = text(64), text(1000)


def attributes(field: str, value: Any) -> dict[str, str]:
    """At most 64 texts by name."""
    if not isinstance(value, Mapping):
        raise Refused(Reason.BAD_FIELD_TYPE, "send an object of strings", field)
    if len(value) > 64:
        raise Refused(Reason.BAD_FIELD_LENGTH, "send at most 64 entries", field)
    return {_ENTRY_NAME(field, key): _ENTRY(field, entry) for key, entry in value.items()}


def flag(field: str, value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise Refused(Reason.BAD_FIELD_TYPE, "send true or false", field)
    return value


def or_empty(check: Check) -> Check:
    """The check, or an empty text."""
    return lambda field, value: "" if value == "" else check(field, value)


def pattern(wanted: re.Pattern[str], advice: str) -> Check:
    """A text that the pattern matches whole; `advice` says what it has to look like."""

    def check(field: str, value: Any) -> str:
        if not isinstance(value, str):
            raise Refused(Reason.BAD_FIELD_TYPE, "send a string", field)
        if not wanted.fullmatch(value):
            raise Refused(Reason.BAD_VOCABULARY, advice, field)
        return value

    return check


Table = Mapping[str, tuple[Check, Any]]
"""Field -> its check, and its default or REQUIRED."""
REQUIRED = object()


def record(fields: Table, prefix: str = "") -> Check:
    """An object with these fields and no others; `prefix` names it in refusals."""

    names = frozenset(fields)
    table = [(name, prefix + name, inner, default) for name, (inner, default) in fields.items()]

    def check(field: str, value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise Refused(Reason.BAD_FIELD_TYPE, "send an object", field)
        unknown = value.keys() - names
        if unknown:
            raise Refused(Reason.BAD_FIELD_UNKNOWN, "remove it, or move it into `attributes`", _shown(unknown, prefix))
        found = {}
        for name, shown, inner, default in table:
            given = value.get(name, default)
            if given is REQUIRED:
                raise Refused(Reason.BAD_FIELD_MISSING, "send this field", shown)
            found[name] = given if given is default else inner(shown, given)
        return found

    return check


def _shown(unknown: Any, prefix: str) -> str:
    """The first unknown name as far as it is a plain word: a field name may be content too."""
    first = min(map(str, unknown))
    return prefix + (first if re.fullmatch(r"[A-Za-z_]{1,40}", first) else "?")
