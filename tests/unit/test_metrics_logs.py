"""A log line has the listed fields and nothing else: whatever a report says cannot get into it."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.core.reason import Reason
from services.runtime.logs import FIELDS, only_known

CANARY = "Checkpoint Zimtstern, two wounded"


def passed(**fields: Any) -> dict[str, Any]:
    return dict(only_known(None, "info", {"event": "record refused", **fields}))


@pytest.mark.parametrize(
    ("field", "value", "logged"),
    [
        ("offset", 12, 12),
        ("seconds", timedelta(milliseconds=1500), 1.5),
        ("reason", Reason.BAD_TIME, "BAD_TIME"),
        ("error", ValueError(CANARY), "ValueError"),
        ("code", "_FENCED", "_FENCED"),
        ("topic", "slt.in.meridian-aid", "slt.in.meridian-aid"),
        ("now", datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)),
        ("epoch", None, None),
    ],
)
def test_what_a_field_becomes(field: str, value: object, logged: object) -> None:
    assert passed(**{field: value})[field] == logged


@pytest.mark.parametrize("field", ["headline", "description", "place", "payload", "password", "exc_info", "message"])
def test_an_unknown_field_is_withheld_by_name(field: str) -> None:
    assert passed(**{field: "Zimtstern"}) == {"event": "record refused", "withheld": [field]}


@pytest.mark.parametrize("value", [CANARY, CANARY.encode(), [CANARY], {"text": CANARY}, "tab\tseparated", "a" * 250])
@pytest.mark.parametrize("field", sorted(FIELDS))
def test_no_listed_field_carries_a_text(field: str, value: object) -> None:
    assert passed(**{field: value}) == {"event": "record refused", "withheld": [field]}


@pytest.mark.parametrize("event", ["", f"refused: {CANARY}", "Größe", "x" * 121])
def test_an_event_is_a_fixed_phrase(event: str) -> None:
    assert only_known(None, "info", {"event": event}) == {"withheld": ["event"]}


@settings(deadline=None)  # the machine may be busy: time is not the promise
@given(st.dictionaries(st.text(max_size=12), st.text(max_size=40), min_size=1, max_size=3))
def test_whatever_is_logged_was_listed_and_is_a_token(fields: dict[str, str]) -> None:
    line = only_known(None, "info", {**fields, "event": "probe"})
    logged = set(line) - {"event", "level", "at", "withheld"}
    assert logged <= FIELDS
    assert logged | set(line.get("withheld", ())) >= set(fields) - {"event", "level", "at", "withheld"}
    assert all(" " not in str(line[name]) for name in logged)


def test_a_process_writes_json_lines_to_standard_error() -> None:
    program = (
        "from services.runtime.logs import configure\n"
        "log = configure('enrich', 1)\n"
        "log.debug('too fine')\n"
        "log.info('partition restored', topic='slt.series', partition=3, count=20)\n"
        "log.error('slot stops', error=ValueError('Zimtstern'))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, timeout=60)
    first, second = (orjson.loads(line) for line in done.stderr.splitlines())
    assert done.stdout == b""
    assert datetime.fromisoformat(first.pop("at")).tzinfo is not None
    assert first == {
        "event": "partition restored", "level": "info", "stage": "enrich", "slot": 1, "topic": "slt.series",
        "partition": 3, "count": 20,
    }  # fmt: skip
    assert (second["error"], second["level"]) == ("ValueError", "error")
    assert b"Zimtstern" not in done.stderr
