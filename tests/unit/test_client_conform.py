"""The self-test passes for our reader, and finds each of several that are broken on purpose."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import orjson
import pytest

from services.client.conform import Reader, ReaderError, command_reader, judge, own_reader
from services.client.conform_cases import Outcome, checks
from services.client.record import Raw
from services.core.envelope import parse

Broken = Callable[[Sequence[Raw]], Outcome]


def failed(reader: Reader) -> set[str]:
    return {verdict.name for verdict in judge(reader) if not verdict.passed}


def test_our_own_reader_passes() -> None:
    assert failed(own_reader) == set()


def forgets_what_it_has_seen(records: Sequence[Raw]) -> Outcome:
    found = own_reader(records)
    told = [parse(each.header).message_id for each in records if each.header and "out" in each.topic]
    return found._replace(shown=tuple(told))


def keeps_what_was_recalled(records: Sequence[Raw]) -> Outcome:
    return own_reader([each for each in records if not each.header or b"RECALL" not in each.header])


def answers_with_the_id_alone(records: Sequence[Raw]) -> Outcome:
    found = own_reader(records)
    return found._replace(answered=frozenset(each.split("/")[0] + "//0" for each in found.answered))


def takes_an_exercise_for_the_real_thing(records: Sequence[Raw]) -> Outcome:
    return own_reader([
        each._replace(topic="slt.out.you", header=(each.header or b"").replace(b"Exercise", b"Actual") or None)
        for each in records
    ])  # fmt: skip


def stops_at_what_it_cannot_read(records: Sequence[Raw]) -> Outcome:
    if any(each.value.startswith(b"\x00\x7f") for each in records):
        raise ReaderError("ended with 1")
    return own_reader(records)


def adds_up_instead_of_replacing(records: Sequence[Raw]) -> Outcome:
    return own_reader([
        each._replace(header=each.header.replace(b"replace=1", b"replace=0")) if each.header else each
        for each in records
    ])  # fmt: skip


def takes_whatever_came_last(records: Sequence[Raw]) -> Outcome:
    found = own_reader(records)
    newest = {each.key.decode(): parse(each.header).sequence for each in records if each.header}
    return found._replace(held=frozenset(f"{key}/{sequence}" for key, sequence in newest.items()))


@pytest.mark.parametrize(
    ("reader", "found_by"),
    [
        (forgets_what_it_has_seen, {"duplicate", "overtaken", "replay"}),
        (keeps_what_was_recalled, {"recall", "narrowed", "replay"}),
        (answers_with_the_id_alone, {"recall", "narrowed", "replay"}),
        (takes_an_exercise_for_the_real_thing, {"exercise"}),
        (stops_at_what_it_cannot_read, {"schema"}),
        (adds_up_instead_of_replacing, {"replace", "overtaken", "merged", "header"}),
        (takes_whatever_came_last, {"overtaken", "keep", "recall"}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_broken_reader_fails(reader: Broken, found_by: set[str]) -> None:
    assert failed(reader) >= found_by


def test_each_check_is_needed() -> None:
    names = [check.name for check in checks()]
    assert len(names) == len(set(names)) == 13


OWN = """
import base64, sys, json
from datetime import UTC, datetime
from services.client.conform import own_reader
from services.client.record import Raw
rows = [json.loads(line) for line in sys.stdin]
raw = [Raw(row["topic"], row["offset"], datetime(2026, 3, 2, tzinfo=UTC), row["key"].encode(),
           row["header"].encode() if row["header"] else None, base64.b64decode(row["value"])) for row in rows]
held, shown, answered = own_reader(raw)
print(json.dumps({"held": sorted(held), "shown": shown, "answered": sorted(answered)}))
"""


def test_a_reader_of_another_program_is_tested_over_its_input_and_output(tmp_path: Path) -> None:
    program = tmp_path / "reader.py"
    program.write_text(OWN)
    reader = command_reader(f"{sys.executable} {program}")
    by_name = {check.name: check for check in checks()}
    for name in ("recall", "heartbeat"):
        assert reader(by_name[name].records) == by_name[name].right


@pytest.mark.parametrize(
    ("program", "says"),
    [("raise SystemExit(3)", "ended with 3"), ("print('held')", "no JSON object"), ("print('[]')", "no JSON object")],
)
def test_a_reader_that_says_nothing_sensible_fails(tmp_path: Path, program: str, says: str) -> None:
    path = tmp_path / "reader.py"
    path.write_text(program)
    with pytest.raises(ReaderError, match=says):
        command_reader(f"{sys.executable} {path}")(checks()[0].records)


def test_outcomes_are_written_as_the_page_says() -> None:
    found = own_reader({check.name: check for check in checks()}["recall"].records)
    assert orjson.dumps([*found.answered]) == b'["a2/a/2"]'
