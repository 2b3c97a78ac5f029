"""The stage ENRICH: versions, status, the home of a series, receipts (ARCHITECTURE §8 Country, Status)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.core.home import home_partition
from services.core.reason import Reason
from services.core.stage import Fields, Outcome, Output, Result
from services.enrich.processor import FORGET, SWEEP, Enrich, Tools
from services.runtime.codec import Codec
from tests.places import AT, MOMENT, Memory, fields, place, record, report, tables

LANES = 9
CODEC = Codec()
WORLD = tables()
IN_AAA, IN_BBB, NOWHERE = place(2, 2), place(2, 12), place()
HOME_A, HOME_B, PROVISIONAL = (home_partition(country, "alder/1", LANES) for country in ("AAA", "BBB", ""))


class Stage:
    """The task with its state, as the runner applies it; every output must fit its schema."""

    def __init__(self, lanes: int = LANES) -> None:
        self.state = Memory()
        self.task = Enrich(Tools(WORLD, lanes, CODEC.encode), self.state)

    def send(self, sent: Fields) -> Result:
        result = self.task.handle(record(sent), MOMENT)
        for output in result.outputs:
            assert CODEC.decode(CODEC.encode(output.kind, fields(output)))
        for change in result.changes:
            assert change.value is None or CODEC.decode(CODEC.encode(change.kind, change.value))
        self.state.apply(result.changes)
        self.task.applied(result)
        return result


def located(result: Result) -> list[Output]:
    return [output for output in result.outputs if output.topic == "slt.located"]


def receipt(result: Result) -> dict[str, Any]:
    (output,) = (output for output in result.outputs if output.topic == "slt.receipts")
    return CODEC.decode(fields(output)["bodies"][0])[1]


def test_the_three_homes_differ_so_that_the_tests_can_tell_them_apart() -> None:
    assert len({HOME_A, HOME_B, PROVISIONAL}) == 3


def test_a_report_goes_to_its_countrys_partition_with_nothing_else_changed() -> None:
    sent = report(1, IN_AAA)
    result = Stage().send(sent)
    (output,) = located(result)
    area = {"country": "AAA", "found": "COORDINATES"}
    assert result.outcome is Outcome.LOCATED
    assert (output.key, output.kind, output.partition) == ("alder/1", "report", HOME_A)
    assert {**fields(output), "area": None, "home": 0} == {**sent, "area": None, "home": 0}
    assert (fields(output)["home"], {name: fields(output)["area"][name] for name in area}) == (1, area)
    assert [output.topic for output in result.outputs] == ["slt.located"]


def test_without_a_country_a_series_has_a_provisional_home_and_a_reason() -> None:
    (output,) = located(Stage().send(report(1, NOWHERE)))
    assert (output.partition, fields(output)["home"]) == (PROVISIONAL, 0)
    assert (fields(output)["area"]["found"], fields(output)["area"]["note"] != "") == ("NOT_FOUND", True)


def test_the_first_version_with_a_country_moves_the_series_old_partition_first() -> None:
    stage = Stage()
    stage.send(report(1, NOWHERE))
    result = stage.send(report(2, IN_AAA))
    notice, moved = located(result)
    assert result.outcome is Outcome.MOVED
    assert (notice.partition, moved.partition) == (PROVISIONAL, HOME_A)
    assert notice.value == moved.value
    assert fields(moved)["home"] == 1


def test_a_series_moves_once() -> None:
    stage = Stage()
    results = [stage.send(report(n, where)) for n, where in enumerate((NOWHERE, IN_AAA, NOWHERE, IN_BBB), 1)]
    assert [result.outcome for result in results] == [
        Outcome.LOCATED, Outcome.MOVED, Outcome.LOCATED, Outcome.LOCATED
    ]  # fmt: skip
    assert [output.partition for output in located(results[2]) + located(results[3])] == [HOME_A, HOME_A]
    assert [fields(located(result)[0])["area"]["country"] for result in results[1:]] == ["AAA"] * 3


def test_a_move_within_one_partition_is_one_record() -> None:
    stage = Stage(lanes=1)
    stage.send(report(1, NOWHERE))
    result = stage.send(report(2, IN_AAA))
    assert result.outcome is Outcome.MOVED
    assert [(output.partition, fields(output)["home"]) for output in located(result)] == [(0, 1)]


def test_an_exact_repeat_of_the_newest_version_goes_on_unchanged_and_writes_no_state() -> None:
    stage = Stage()
    first, again = stage.send(report(1, IN_AAA)), stage.send(report(1, IN_AAA))
    assert again.outputs == first.outputs
    assert (again.outcome, again.changes) == (Outcome.LOCATED, ())


@pytest.mark.parametrize(
    ("first", "second", "reason", "field", "advice"),
    [
        (
            report(3, IN_AAA),
            report(2, IN_AAA),
            Reason.BAD_VERSION,
            "version",
            "version 3 is known: send it as version 4",
        ),
        (report(1, IN_AAA), report(2, IN_AAA, status="Exercise"), Reason.BAD_STATUS, "status", "status Actual"),
        (report(1, IN_AAA), report(1, IN_AAA, status="Test"), Reason.BAD_STATUS, "status", "status Actual"),
        (report(1, IN_AAA), report(2, place(2, 65, country="AAA")), Reason.BAD_COUNTRY, "place.country", "correct"),
    ],
)
def test_what_may_not_follow_is_refused_and_its_sender_told(
    first: Fields, second: Fields, reason: Reason, field: str, advice: str
) -> None:
    stage = Stage()
    stage.send(first)
    before = dict(stage.state.get("alder/1") or {})
    result = stage.send(second)
    assert result.refusal is not None
    assert (result.outcome, result.refusal.reason, result.refusal.field) == (Outcome.REFUSED, reason, field)
    assert advice in result.refusal.advice
    told = receipt(result)
    assert (told["result"], told["reason"], told["field"]) == ("REFUSED", reason.value, field)
    assert (told["advice"], told["topic"], told["offset"]) == (result.refusal.advice, "slt.in.alder", second["version"])
    assert located(result) == []
    assert stage.state.get("alder/1") == before


def test_a_revision_of_an_unknown_series_is_accepted_and_noted() -> None:
    result = Stage().send(report(4, IN_AAA))
    told = receipt(result)
    assert (result.outcome, result.note, result.refusal) == (Outcome.LOCATED, Reason.NOTE_SERIES_UNKNOWN, None)
    assert (told["result"], told["reason"], told["version"]) == ("NOTED", "NOTE_SERIES_UNKNOWN", 4)
    assert len(located(result)) == 1


def test_a_refused_first_version_leaves_the_series_unknown() -> None:
    stage = Stage()
    assert stage.send(report(1, place(2, 65, country="AAA"))).outcome is Outcome.REFUSED
    assert stage.send(report(1, IN_AAA)).outcome is Outcome.LOCATED


def test_series_are_remembered_by_their_newest_version_and_forgotten_after_the_time() -> None:
    stage = Stage()
    stage.send(report(1, IN_AAA))
    stage.send(report(1, IN_AAA, series_id="alder/2", received_at=AT))
    just = MOMENT._replace(now=AT + FORGET)
    later = MOMENT._replace(now=AT + FORGET + timedelta(seconds=1))
    assert list(stage.task.work(just, 100)) == []
    assert list(stage.task.work(later, 100)) == []  # the sweep is daily
    tomorrow = MOMENT._replace(now=just.now + SWEEP)
    (one,) = stage.task.work(tomorrow, 1)
    stage.state.apply(one.changes)
    (other,) = stage.task.work(tomorrow, 1)
    stage.state.apply(other.changes)
    assert (one.outcome, list(stage.state.keys())) == (None, [])
