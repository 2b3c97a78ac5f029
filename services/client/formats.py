"""What `slt submit` takes: files in one of several formats, each read into submissions (schemas/submission)."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson
import yaml

from services.client.errors import ClientError, Problem
from services.core.stage import Refusal
from services.core.submission import read_submission

_LISTS = frozenset({"initial_audience", "victims"})
_WHOLE = frozenset({"version", "harm.killed", "harm.injured", "harm.kidnapped", "harm.detained"})
_DECIMAL = frozenset({"place.latitude", "place.longitude"})
_TRUTH = frozenset({"imminent"})
_TIMES = frozenset({"occurred_from", "occurred_to", "reported_at", "expires"})
_YES = frozenset({"true", "yes", "1"})


class Mapped(NamedTuple):
    """A CSV mapping (YAML): which column fills which field, and what is the same in every row."""

    columns: Mapping[str, str]
    """Field, with dots into objects (`place.country`, `attributes.grade`) -> column."""
    constants: Mapping[str, Any]
    time_format: str
    """As in strptime; empty: ISO 8601."""
    zone: str
    """Of times that have none."""


Submission = dict[str, Any]
Read = Callable[[bytes, Mapped | None], Iterator[Submission]]


def read_mapping(data: bytes) -> Mapped:
    """A mapping file; ClientError names what is wrong with it."""
    try:
        found = yaml.safe_load(data)
    except yaml.YAMLError as error:
        raise _bad(f"The mapping is no YAML: {str(error).splitlines()[0]}.") from error
    if not isinstance(found, dict) or not isinstance(found.get("columns"), dict):
        raise _bad("A mapping has `columns` (field: column), and may have `constants`, `time_format` and `zone`.")
    unknown = found.keys() - {"columns", "constants", "time_format", "zone"}
    if unknown:
        raise _bad(f"The mapping has an unknown key `{min(unknown)}`.")
    mapped = Mapped(
        found["columns"], found.get("constants", {}), found.get("time_format", ""), found.get("zone", "UTC")
    )
    _zone(mapped.zone)
    return mapped


def submissions(name: str, data: bytes, mapped: Mapped | None = None) -> list[Submission]:
    """The reports in a file; ClientError names the row and what to change. `name` tells the format by its ending."""
    ending = PurePath(name).suffix.lower() or ".json"
    if ending not in FORMATS:
        raise _bad(f"{name}: use a file that ends in {', '.join(FORMATS)}.")
    return list(FORMATS[ending](data, mapped))


def check(submission: Submission, now: datetime) -> Refusal | None:
    """What the relay's intake would refuse it for, as far as that can be told from here."""
    found = read_submission(submission, now)
    return found if isinstance(found, Refusal) else None


def _json(data: bytes, _mapped: Mapped | None) -> Iterator[Submission]:
    """One object, or a list of them."""
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise _bad(f"This is no JSON: {error}.") from error
    for number, each in enumerate(found if isinstance(found, list) else [found], 1):
        if not isinstance(each, dict):
            raise _bad(f"Entry {number} is no JSON object.")
        yield each


def _lines(data: bytes, mapped: Mapped | None) -> Iterator[Submission]:
    for line in data.splitlines():
        if line.strip():
            yield from _json(line, mapped)


def _csv(data: bytes, mapped: Mapped | None) -> Iterator[Submission]:
    if mapped is None:
        raise _bad("A CSV file needs `--mapping FILE`: which column fills which field (docs/partners.md).")
    try:
        rows = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        missing = set(mapped.columns.values()) - set(rows.fieldnames or ())
        if missing:
            raise _bad(f"The file has no column `{min(missing)}`.")
        for row in rows:
            yield _row(row, mapped, rows.line_num)
    except (csv.Error, UnicodeDecodeError) as error:
        raise _bad(f"This is no CSV in UTF-8: {error}.") from error


FORMATS: dict[str, Read] = {".json": _json, ".jsonl": _lines, ".csv": _csv}
"""Ending -> how it is read."""


def _row(row: Mapping[str, str | None], mapped: Mapped, line: int) -> Submission:
    found: Submission = {}
    for field, value in mapped.constants.items():
        _put(found, field, value)
    for field, column in mapped.columns.items():
        text = (row[column] or "").strip()
        if text:
            try:
                _put(found, field, _value(field, text, mapped))
            except ValueError as error:
                raise _bad(f"Line {line}, column `{column}`: {error}.") from error
    return found


def _put(found: Submission, field: str, value: Any) -> None:
    *outer, last = field.split(".", 1)
    place = found.setdefault(outer[0], {}) if outer else found
    place[last] = value


def _value(field: str, text: str, mapped: Mapped) -> Any:
    if field in _TIMES:
        moment = datetime.strptime(text, mapped.time_format) if mapped.time_format else datetime.fromisoformat(text)  # noqa: DTZ007
        moment = moment if moment.tzinfo else moment.replace(tzinfo=_zone(mapped.zone))
        return moment.astimezone(UTC).isoformat()
    if field in _LISTS:
        return [part.strip() for part in text.split(";") if part.strip()]
    if field in _TRUTH:
        return text.lower() in _YES
    return int(text) if field in _WHOLE else float(text) if field in _DECIMAL else text


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise _bad(f"`{name}` is no time zone: write one like Africa/Nairobi.") from error


def _bad(text: str) -> ClientError:
    return ClientError(Problem.REFUSED, text)
