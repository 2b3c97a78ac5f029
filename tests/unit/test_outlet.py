"""The rules of DELIVER (ARCHITECTURE §5 rule 11): expected values are the architecture's, not the code's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.envelope import DeliveryType, Envelope, render
from services.core.outlet import Order, Owed, Progress, Unconfirmed, keeper, misfit, organisation, sequence_of, type_of
from services.runtime.codec import Codec
from services.runtime.outlets_lane import Lane
from services.runtime.processor import Assignment

A, U, C, R = DeliveryType.ALERT, DeliveryType.UPDATE, DeliveryType.CANCEL, DeliveryType.RECALL


def header(kind: DeliveryType, sequence: int) -> bytes:
    return render(Envelope(kind, "0f1e", sequence, sequence - 1, 0, 0, 0, "Actual"))


@pytest.mark.parametrize(
    ("topic", "org"),
    [
        ("slt.out.alder", "alder"),
        ("slt.exercise.birch-health", "birch-health"),
        ("slt.notices.cedar", "cedar"),
        ("slt.in.alder", None),
        ("slt.deliveries", None),
        ("slt.out.", None),
        ("outlet", None),
    ],
)
def test_only_partner_topics_are_outlets(topic: str, org: str | None) -> None:
    assert organisation(topic) == org


@given(st.sampled_from(list(DeliveryType)), st.integers(1, 2**40))
def test_sequence_and_type_are_those_of_the_envelope(kind: DeliveryType, sequence: int) -> None:
    assert sequence_of(header(kind, sequence)) == sequence
    assert type_of(header(kind, sequence)) == kind


@pytest.mark.parametrize("found", [b"", b"seq=4", b"type=ALERT;seq=;prev=1", b"type=ALERT;seq=x;prev=1", b"\xff;seq"])
def test_a_header_without_a_sequence_has_none(found: bytes) -> None:
    assert sequence_of(found) == 0


@given(st.text("abcdefgh-", min_size=1), st.integers(1, 64))
def test_an_organisation_has_one_keeper(org: str, lanes: int) -> None:
    assert 0 <= keeper(org, lanes) < lanes


def test_a_resume_point_survives_its_record() -> None:
    parked = (Unconfirmed("slt.out.elm", "k", 3, 41), Unconfirmed("slt.out.elm", "l", 1, 40))
    point = Progress(42, {"slt.out.alder": 7, "slt.out.elm": 0}, parked)
    codec = Codec()
    assert Progress.of(codec.decode(codec.encode("progress", point.fields()))[1]) == point


@pytest.mark.parametrize(
    ("topic", "body", "wrong"),
    [
        ("slt.out.alder", 0, None),
        ("slt.out.alder", 1, "body"),
        ("slt.out.alder", -1, "body"),
        ("slt.control", 0, "topic"),
    ],
)
def test_a_record_that_cannot_be_delivered_says_why(topic: str, body: int, wrong: str | None) -> None:
    item = {"topic": topic, "key": "k", "sequence": 1, "header": b"", "body": body}
    assert misfit({"bodies": [b"one"], "items": [item]}) == wrong


@pytest.mark.parametrize(
    ("there", "log", "sent"),
    [
        ({}, [(A, 1), (U, 2), (U, 3)], [3]),
        ({"k": 2}, [(A, 1), (U, 2), (U, 3)], [3]),
        ({"k": 3}, [(A, 1), (U, 2), (U, 3)], []),
        ({}, [(A, 1), (R, 2)], []),  # it never got there: nothing to recall
        ({"k": 1}, [(A, 1), (R, 2)], [2]),
        ({}, [(U, 2), (R, 3)], [3]),  # the alert got there before the outlet was parked
        ({}, [(R, 2), (A, 3)], [3]),
        ({}, [(R, 2), (A, 3), (R, 4)], [4]),  # 2 recalls what got there before; 4 covers it
        ({}, [(A, 1), (R, 2), (A, 3)], [3]),
        ({}, [(A, 1), (C, 2)], [2]),
    ],
)
def test_catching_up_owes_the_newest_of_a_key(
    there: dict[str, int], log: list[tuple[DeliveryType, int]], sent: list[int]
) -> None:
    owed = Owed(there)
    for kind, sequence in log:
        owed.note("k", sequence, header(kind, sequence))
    assert [sequence for _, sequence in log if owed.wants("k", sequence)] == sent


def test_what_is_newer_than_the_stretch_is_wanted() -> None:
    owed = Owed({})
    owed.note("k", 1, header(A, 1))
    assert owed.wants("k", 2)
    assert owed.wants("other", 1)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 5)), max_size=40))
def test_appending_what_is_misplaced_makes_every_key_end_with_its_highest(records: list[tuple[str, int]]) -> None:
    log = list(records)
    order = Order()
    for offset, (key, sequence) in enumerate(log):
        order.add(key, sequence, offset)
    again = list(order.misplaced())
    log += [log[offset] for offset in again]
    last = {key: sequence for key, sequence in log}
    assert last == {key: max(number for name, number in records if name == key) for key in last}
    assert len({log[offset][0] for offset in again}) == len(again)


def test_a_resume_point_is_written_anew_when_a_parked_outlet_begins_or_ceases_to_be_written() -> None:
    lane = Lane(Assignment("slt.deliveries", 0), Progress(7), {})
    lane.there = None
    quiet = lane.due(1.0, dict)
    lane.note(("slt.out.birch",))
    begun = lane.due(2.0, dict)
    lane.written(7)
    lane.note(())
    ended = lane.due(3.0, dict)
    assert [each and each.writing for each in (quiet, begun, ended)] == [None, ("slt.out.birch",), ()]
