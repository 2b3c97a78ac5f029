"""Recalls: the class of reason that is told, and what becomes of one without an answer (docs/rules.md §9)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.core.acknowledgement import Acknowledgement, read_acknowledgement
from services.core.answers import Answers
from services.core.gates import Code
from services.core.ids import Ids
from services.core.reason import Reason
from services.core.recall import (
    Recall,
    RecallClass,
    Standing,
    Terms,
    answered,
    passed,
    recall_class,
    recall_from_fields,
    recall_to_fields,
)
from services.core.report import Answer
from services.core.stage import Refusal
from tests.registry import NOW

DAY = timedelta(days=1)
TERMS = Terms(DAY, DAY)

CLASSES = {
    "RCL_PARTNER_LEFT": [Code.DEN_PARTNER_UNKNOWN, Code.DEN_PARTNER_NOT_ACTIVE],
    "RCL_ERROR": [
        Code.DEN_INTEGRITY_SCHEMA, Code.DEN_INTEGRITY_UNKNOWN_SENDER, Code.DEN_INTEGRITY_TIME, Code.DEN_CONSENT_INVALID,
    ],
    "RCL_WITHDRAWN": [
        Code.DEN_RECALLED, Code.DEN_UPDATE_OF_RECALLED, Code.DEN_CONSENT_WITHDRAWN, Code.DEN_CONSENT_REFUSED,
    ],
    "RCL_REVOKED": [Code.DEN_CONSENT_REVOKED],
    "RCL_AUDIENCE_SHRUNK": [
        Code.DEN_NO_CONSENT, Code.DEN_UPSTREAM_NO_CONSENT, Code.DEN_PROHIBIT_ORIGINATOR, Code.DEN_PROHIBIT_UPSTREAM,
        Code.DEN_ECHO_OF_RECEIVED, Code.DEN_LEVEL, Code.DEN_SENSITIVITY_CEILING, Code.RED_GEO_COARSENED,
    ],
}  # fmt: skip


@pytest.mark.parametrize(("name", "code"), [(name, code) for name, codes in CLASSES.items() for code in codes])
def test_each_code_gives_its_class(name: str, code: Code) -> None:
    assert recall_class([code]) == RecallClass(name)


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ([], "RCL_AUDIENCE_SHRUNK"),
        ([Code.DEN_CONSENT_REVOKED, Code.DEN_RECALLED], "RCL_WITHDRAWN"),
        ([Code.DEN_INTEGRITY_TIME, Code.DEN_PARTNER_NOT_ACTIVE], "RCL_PARTNER_LEFT"),
        ([Code.RED_PERSONAL, Code.DEN_CONSENT_REVOKED], "RCL_REVOKED"),
        ([Code.DEN_NO_CONSENT, Code.DEN_CONSENT_WITHDRAWN], "RCL_WITHDRAWN"),
    ],
)
def test_several_codes_give_the_first_class(codes: list[Code], expected: str) -> None:
    assert recall_class(codes) == recall_class(reversed(codes)) == expected


@pytest.mark.parametrize("code", [Code.DEN_PRIVACY, Code.RED_PERSONAL])
def test_only_who_held_personal_data_is_told_of_privacy(code: Code) -> None:
    assert recall_class([code], personal=True) is RecallClass.RCL_PRIVACY
    assert recall_class([code]) is RecallClass.RCL_AUDIENCE_SHRUNK


def test_the_codes_about_others_cannot_be_told_apart() -> None:
    others = [Code.DEN_UPSTREAM_NO_CONSENT, Code.DEN_UPSTREAM_UNKNOWN, Code.DEN_PROHIBIT_UPSTREAM, Code.DEN_NO_CONSENT,
              Code.DEN_ECHO_OF_RECEIVED, Code.DEN_PROHIBIT_AREA]  # fmt: skip
    assert len({recall_class([code]) for code in others}) == 1


def recall(*recipients: str) -> Recall:
    standings = dict.fromkeys(recipients, Standing.OPEN)
    return Recall("alder/s|0.0", 2, "RCL_REVOKED", NOW, NOW + DAY, 0, NOW + DAY, standings)


def test_silence_is_reminded_three_times_and_then_overdue() -> None:
    one: Recall | None = recall("birch", "cedar")
    told = []
    for day in range(1, 36):
        assert one is not None
        one, late = passed(one, NOW + day * DAY, TERMS)
        told += [(day, name) for name in late]
        if day == 2 and one is not None:
            one = answered(one, {"cedar": Answer.DONE})
    assert told == [(1, "birch"), (1, "cedar"), (2, "birch"), (2, "cedar"), (3, "birch")]
    assert one is not None
    assert one.standings == {"birch": Standing.OVERDUE, "cedar": Standing.DONE}
    assert passed(one, NOW + 36 * DAY, TERMS) == (None, ())


def test_nothing_is_due_before_the_deadline() -> None:
    one = recall("birch")
    assert passed(one, NOW + DAY - timedelta(seconds=1), TERMS) == (one, ())


def test_after_a_standstill_there_is_one_reminder_and_the_pause_begins() -> None:
    one, late = passed(recall("birch"), NOW + 9 * DAY, TERMS)
    assert late == ("birch",)
    assert one is not None
    assert passed(one, NOW + 10 * DAY - timedelta(seconds=1), TERMS) == (one, ())


def test_the_newest_answer_counts_even_a_late_one() -> None:
    overdue = recall("birch")._replace(standings={"birch": Standing.OVERDUE})
    partial = answered(overdue, {"birch": Answer.PARTIAL})
    assert answered(partial, {"birch": Answer.DONE}).standings == {"birch": Standing.DONE}


def test_an_answer_of_somebody_else_changes_nothing() -> None:
    assert answered(recall("birch"), {"cedar": Answer.DONE}) == recall("birch")


def test_a_recall_comes_back_from_its_record() -> None:
    one = answered(recall("birch", "cedar", "dogwood"), {"cedar": Answer.CANNOT})
    assert recall_from_fields(recall_to_fields(one)) == one


IDS = Ids(b"a master key for tests, 32 bytes.")
GOOD = {"message_id": "m", "key": "k", "sequence": 2, "answer": "DONE"}


def test_an_acknowledgement_is_read() -> None:
    assert read_acknowledgement(GOOD) == Acknowledgement("m", "k", 2, Answer.DONE, "")


@pytest.mark.parametrize(
    ("change", "reason", "field"),
    [
        ({"answer": "LATER"}, Reason.BAD_VOCABULARY, "answer"),
        ({"answer": None}, Reason.BAD_VOCABULARY, "answer"),
        ({"note": 7}, Reason.BAD_FIELD_TYPE, "note"),
        ({"note": "x" * 1001}, Reason.BAD_FIELD_LENGTH, "note"),
        ({"message_id": ""}, Reason.BAD_ACK, ""),
        ({"message_id": "x" * 65}, Reason.BAD_ACK, ""),
        ({"key": None}, Reason.BAD_ACK, ""),
        ({"sequence": "2"}, Reason.BAD_ACK, ""),
        ({"sequence": True}, Reason.BAD_ACK, ""),
        ({"when": "now"}, Reason.BAD_ACK, ""),
    ],
)
def test_a_bad_acknowledgement_is_refused(change: dict[str, object], reason: Reason, field: str) -> None:
    found = read_acknowledgement({**GOOD, **change})
    assert isinstance(found, Refusal)
    assert (found.reason, found.field, bool(found.advice)) == (reason, field, True)


def test_an_id_is_one_recipients_for_one_key_and_sequence() -> None:
    message = IDS.message("birch", "k", 2)
    assert IDS.is_message(message, "birch", "k", 2)
    others = [("cedar", "k", 2), ("birch", "l", 2), ("birch", "k", 3)]
    assert not any(IDS.is_message(message, *other) for other in others)
    assert not IDS.is_message("é", "birch", "k", 2)


def ack(message: str, answer: str = "DONE", days: int = 0) -> dict[str, object]:
    return {"recipient": "birch", "message_id": message, "answer": answer, "received_at": NOW + days * DAY, "note": ""}


def test_answers_keep_the_newest_of_each_message_and_say_what_is_new() -> None:
    answers = Answers()
    for fields in (ack("one", "PARTIAL"), ack("two"), ack("one")):
        answers.enter(fields)
    assert [list(answers.since(number)) for number in range(4)] == [["one", "two"], ["one", "two"], ["one"], []]
    found = answers.get("one")
    assert found is not None
    assert (found.recipient, found.answer) == ("birch", Answer.DONE)


def test_answers_that_no_recall_can_wait_for_are_dropped() -> None:
    answers = Answers()
    for fields in (ack("old"), ack("younger", days=1), ack("new", days=41)):
        answers.enter(fields)
    assert [answers.get(one) is None for one in ("old", "younger", "new")] == [True, False, False]
