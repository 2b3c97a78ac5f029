"""Is this a report, and if not, what should its sender change? (SLT-50; reliability.md P10)

One table of fields: a name, a check that returns the normalised value, and a default. The same checks take JSON values
and decoded Avro, so that both doors lead to the same report.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import blake2b
from typing import Any

from services.core.reason import Reason
from services.core.report import (
    PAST_KINDS,
    Certainty,
    InfoKind,
    Message,
    PlacePrecision,
    Severity,
    Status,
    TimePrecision,
    Urgency,
)
from services.core.stage import Refusal

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
CLOCK_SKEW = timedelta(hours=1)
DAY_AHEAD = timedelta(days=1)  # a date without a zone may lie a day ahead of UTC
YEARS_AHEAD = timedelta(days=3660)
MOST_VERSIONS = 2**31 - 1
_ID = re.compile(r"[^\s,<>&/\x00-\x1f|]{1,120}")
_ORG = re.compile(r"[a-z][a-z0-9-]{1,30}")
_SIGN_OF_OFFSET = re.compile(r".*(Z|[+-]\d\d:?\d\d)$", re.IGNORECASE)


class Refused(Exception):  # noqa: N818  it is an answer to the sender, not an error of ours
    """Carries the refusal out of a nested check; never leaves this module's callers in core."""

    def __init__(self, reason: Reason, advice: str, field: str = "") -> None:
        """Reason code, what to change, and the field's name."""
        super().__init__(reason.value)
        self.refusal = Refusal(reason, advice, field)


Check = Callable[[str, Any], Any]


def _text(limit: int) -> Check:
    def check(field: str, value: Any) -> str:
        if not isinstance(value, str):
            raise Refused(Reason.BAD_FIELD_TYPE, "send a string", field)
        if len(value) > limit:
            raise Refused(Reason.BAD_FIELD_LENGTH, f"send at most {limit} characters", field)
        return value

    return check


def _one_of(words: type[StrEnum]) -> Check:
    known = {word.value: word.value for word in words}

    def check(field: str, value: Any) -> str:
        found = known.get(value) if isinstance(value, str) else None
        if found is None:
            raise Refused(Reason.BAD_VOCABULARY, f"use one of {', '.join(known)}", field)
        return found

    return check


def _moment(field: str, value: Any) -> datetime | None:
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


def _whole(low: int, high: int) -> Check:
    def check(field: str, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise Refused(Reason.BAD_FIELD_TYPE, "send a whole number", field)
        if not low <= value <= high:
            raise Refused(Reason.BAD_FIELD_TYPE, f"send a number from {low} to {high}", field)
        return value

    return check


def _degrees(limit: float) -> Check:
    def check(field: str, value: Any) -> float | None:
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Refused(Reason.BAD_FIELD_TYPE, "send degrees as a number", field)
        if not -limit <= value <= limit:  # also refuses NaN
            raise Refused(Reason.BAD_PLACE, f"send degrees from -{limit:g} to {limit:g}", field)
        return float(value)

    return check


def _optional(check: Check) -> Check:
    return lambda field, value: None if value is None else check(field, value)


def _each(check: Check, most: int) -> Check:
    def checked(field: str, value: Any) -> list[Any]:
        if not isinstance(value, list | tuple):
            raise Refused(Reason.BAD_FIELD_TYPE, "send a list", field)
        if len(value) > most:
            raise Refused(Reason.BAD_FIELD_LENGTH, f"send at most {most} entries", field)
        return [check(field, entry) for entry in value]

    return checked


def _attributes(field: str, value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise Refused(Reason.BAD_FIELD_TYPE, "send an object of strings", field)
    if len(value) > 64:
        raise Refused(Reason.BAD_FIELD_LENGTH, "send at most 64 entries", field)
    name, text = _text(64), _text(1000)
    return {name(field, key): text(field, entry) for key, entry in value.items()}


def _pattern(pattern: re.Pattern[str], advice: str) -> Check:
    def check(field: str, value: Any) -> str:
        if not isinstance(value, str):
            raise Refused(Reason.BAD_FIELD_TYPE, "send a string", field)
        if not pattern.fullmatch(value):
            raise Refused(Reason.BAD_VOCABULARY, advice, field)
        return value

    return check


_Fields = Mapping[str, tuple[Check, Any]]
_REQUIRED = object()


def _record(fields: _Fields, prefix: str = "") -> Check:
    names = frozenset(fields)

    def check(field: str, value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise Refused(Reason.BAD_FIELD_TYPE, "send an object", field)
        unknown = value.keys() - names
        if unknown:
            raise Refused(Reason.BAD_FIELD_UNKNOWN, "remove it, or move it into `attributes`", _shown(unknown, prefix))
        found = {}
        for name, (inner, default) in fields.items():
            given = value.get(name, default)
            if given is _REQUIRED:
                raise Refused(Reason.BAD_FIELD_MISSING, "send this field", prefix + name)
            found[name] = given if given is default else inner(prefix + name, given)
        return found

    return check


def _shown(unknown: Any, prefix: str) -> str:
    """The first unknown name as far as it is a plain word: a field name may be content too."""
    first = min(map(str, unknown))
    return prefix + (first if re.fullmatch(r"[A-Za-z_]{1,40}", first) else "?")


_NO_PLACE = {
    "latitude": None, "longitude": None, "precision": "UNKNOWN", "country": "", "admin1": "", "admin2": "", "name": "",
}  # fmt: skip
_NO_HARM = {"scheme": "", "killed": None, "injured": None, "kidnapped": None, "detained": None}
_NAME = _text(300)
_COUNT = _optional(_whole(0, 10_000_000))
_PLACE: _Fields = {
    "latitude": (_degrees(90), None), "longitude": (_degrees(180), None),
    "precision": (_one_of(PlacePrecision), "UNKNOWN"), "country": (_NAME, ""), "admin1": (_NAME, ""),
    "admin2": (_NAME, ""), "name": (_NAME, ""),
}  # fmt: skip
_HARM: _Fields = {
    "scheme": (_NAME, ""), "killed": (_COUNT, None), "injured": (_COUNT, None), "kidnapped": (_COUNT, None),
    "detained": (_COUNT, None),
}  # fmt: skip
BODY: _Fields = {
    "kind": (_one_of(InfoKind), _REQUIRED),
    "event": (_NAME, ""),
    "event_scheme": (_NAME, ""),
    "urgency": (_one_of(Urgency), "Unknown"),
    "severity": (_one_of(Severity), "Unknown"),
    "certainty": (_one_of(Certainty), "Unknown"),
    "headline": (_NAME, ""),
    "description": (_text(20000), ""),
    "advice": (_text(5000), ""),
    "occurred_from": (_moment, None),
    "occurred_to": (_moment, None),
    "time_precision": (_one_of(TimePrecision), "UNKNOWN"),
    "reported_at": (_moment, None),
    "expires": (_moment, None),
    "place": (_record(_PLACE, "place."), _NO_PLACE),
    "harm": (_record(_HARM, "harm."), _NO_HARM),
    "victims": (_each(_NAME, 64), []),
    "actor": (_NAME, ""),
    "means": (_NAME, ""),
    "attributes": (_attributes, {}),
}
"""What an originator says, without its ids: the fields that a content hash covers."""
_submission = _record(
    {
        "series_id": (_pattern(_ID, "use 1 to 120 characters without spaces, commas, /, |, <, > or &"), _REQUIRED),
        "version": (_whole(1, MOST_VERSIONS), 1),
        "message": (_one_of(Message), "ALERT"),
        "status": (_one_of(Status), _REQUIRED),
        "originator": (_text(300), ""),
        "initial_audience": (_each(_pattern(_ORG, "name organisations by their ids, in lower case"), 2000), []),
        **BODY,
    }
)


def read_submission(value: Any, received: datetime) -> dict[str, Any] | Refusal:
    """The normalised fields of a `submission` (all defaults filled in), or why it is none.

    `value` is decoded JSON or Avro; `received` is the append time of the raw record, against which times are judged.
    """
    try:
        found: dict[str, Any] = _submission("", value)
        _check_times(found, received)
        _check_place(found["place"])
    except Refused as refused:
        return refused.refusal
    return found


def _check_times(found: Mapping[str, Any], received: datetime) -> None:
    ahead = DAY_AHEAD if found["kind"] in PAST_KINDS else YEARS_AHEAD
    latest = {"occurred_from": ahead, "occurred_to": ahead, "reported_at": CLOCK_SKEW, "expires": YEARS_AHEAD}
    for field, allowed in latest.items():
        moment = found[field]
        if moment is None:
            continue
        if moment < EARLIEST:
            raise Refused(Reason.BAD_TIME, "send a time after 1990-01-01", field)
        if moment > received + allowed and not (field == "occurred_to" and _in_period(found, received)):
            raise Refused(Reason.BAD_TIME, "the time lies in the future: check the date and the offset", field)
    _check_order(found)


def _in_period(found: Mapping[str, Any], received: datetime) -> bool:
    """A month or a year that has begun ends in the future: that is precision, not an error."""
    began = found["occurred_from"]
    wide = found["time_precision"] in {TimePrecision.WEEK, TimePrecision.MONTH, TimePrecision.YEAR}
    return wide and began is not None and began <= received + DAY_AHEAD


def _check_order(found: Mapping[str, Any]) -> None:
    began, ended, expires = found["occurred_from"], found["occurred_to"], found["expires"]
    if began and ended and ended < began:
        raise Refused(Reason.BAD_TIME, "occurred_to lies before occurred_from: swap them", "occurred_to")
    if began and expires and expires < began:
        raise Refused(Reason.BAD_TIME, "expires lies before occurred_from", "expires")


def _check_place(place: Mapping[str, Any]) -> None:
    if (place["latitude"] is None) != (place["longitude"] is None):
        raise Refused(Reason.BAD_PLACE, "send both latitude and longitude, or neither", "place")


def content_hash(found: Mapping[str, Any]) -> bytes:
    """16 bytes over what the originator says and to whom, without ids: equal for the same report under another id."""
    parts = [str(found[name]) for name in ("status", "message", "initial_audience")]
    parts += [str(found[name]) for name in BODY]
    return blake2b("\x1f".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).digest()
