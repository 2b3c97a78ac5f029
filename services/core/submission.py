"""Is this a report, and if not, what should its sender change? (SLT-50; reliability.md P10)

One table of fields: a name, a check that returns the normalised value, and a default. The same checks take JSON values
and decoded Avro, so that both doors lead to the same report.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

from services.core.checks import (
    REQUIRED,
    Refused,
    Table,
    attributes,
    degrees,
    each,
    moment,
    one_of,
    optional,
    or_empty,
    pattern,
    record,
    text,
    whole,
)
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
from services.core.terms import TERMS, check_terms

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
CLOCK_SKEW = timedelta(hours=1)
DAY_AHEAD = timedelta(days=1)  # a date without a zone may lie a day ahead of UTC
YEARS_AHEAD = timedelta(days=3660)
MOST_VERSIONS = 2**31 - 1
_ID = re.compile(r"[^\s,<>&/\x00-\x1f|]{1,120}")
_ORG = re.compile(r"[a-z][a-z0-9-]{1,30}")


_NO_PLACE = {
    "latitude": None, "longitude": None, "precision": "UNKNOWN", "country": "", "admin1": "", "admin2": "", "name": "",
}  # fmt: skip
_NO_HARM = {"scheme": "", "killed": None, "injured": None, "kidnapped": None, "detained": None}
_NAME = text(300)
_COUNT = optional(whole(0, 10_000_000))
_PLACE: Table = {
    "latitude": (degrees(90), None), "longitude": (degrees(180), None),
    "precision": (one_of(PlacePrecision), "UNKNOWN"), "country": (_NAME, ""), "admin1": (_NAME, ""),
    "admin2": (_NAME, ""), "name": (_NAME, ""),
}  # fmt: skip
_HARM: Table = {
    "scheme": (_NAME, ""), "killed": (_COUNT, None), "injured": (_COUNT, None), "kidnapped": (_COUNT, None),
    "detained": (_COUNT, None),
}  # fmt: skip
BODY: Table = {
    "kind": (one_of(InfoKind), REQUIRED),
    "event": (_NAME, ""),
    "event_scheme": (_NAME, ""),
    "urgency": (one_of(Urgency), "Unknown"),
    "severity": (one_of(Severity), "Unknown"),
    "certainty": (one_of(Certainty), "Unknown"),
    "headline": (_NAME, ""),
    "description": (text(20000), ""),
    "advice": (text(5000), ""),
    "occurred_from": (moment, None),
    "occurred_to": (moment, None),
    "time_precision": (one_of(TimePrecision), "UNKNOWN"),
    "reported_at": (moment, None),
    "expires": (moment, None),
    "place": (record(_PLACE, "place."), _NO_PLACE),
    "harm": (record(_HARM, "harm."), _NO_HARM),
    "victims": (each(_NAME, 64), []),
    "actor": (_NAME, ""),
    "means": (_NAME, ""),
    "attributes": (attributes, {}),
}
"""What an originator says, without its ids, but for the terms: those are never in a view by default."""
_OWN_ID = pattern(_ID, "use 1 to 120 characters without spaces, commas, /, |, <, > or &")
_submission = record(
    {
        "series_id": (_OWN_ID, REQUIRED),
        "version": (whole(1, MOST_VERSIONS), 1),
        "message": (one_of(Message), "ALERT"),
        "status": (one_of(Status), REQUIRED),
        "originator": (text(300), ""),
        "initial_audience": (each(pattern(_ORG, "name organisations by their ids, in lower case"), 2000), []),
        **BODY,
        "supersedes": (or_empty(_OWN_ID), ""),
        **TERMS,
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
        check_terms(found)
        if found["supersedes"] == found["series_id"]:
            raise Refused(
                Reason.BAD_VOCABULARY, "a new version replaces the one before it: leave this out", "supersedes"
            )
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
    """16 bytes over what the originator says and to whom, without ids: equal for the same report under another id.

    Terms that were left out add nothing: a report that has none keeps the hash that it had before there were any.
    """
    parts = [str(found[name]) for name in ("status", "message", "initial_audience")]
    parts += [str(found[name]) for name in BODY]
    parts += [f"{name}={found[name]}" for name, (_, default) in TERMS.items() if found[name] != default]
    return blake2b("\x1f".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).digest()
