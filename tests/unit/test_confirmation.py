"""When an end of consent is confirmed (ARCHITECTURE §8): a table of records, and every order of what is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from services.confirm.log import recalls_in
from services.core.confirmation import Confirmations, ConsentStatus, End, end_of, is_past, notice
from services.core.control_read import read_control
from services.core.deliveries import items
from services.core.envelope import parse
from services.core.notice import notice_output
from services.core.outlet import Progress, Unconfirmed
from services.core.stage import Refusal
from services.runtime.codec import Codec
from services.runtime.metrics import ConfirmMetrics
from tests.registry import NOW, fold, grant, officer, partner, record

REVOKED, RECALLED = ConsentStatus.REVOKED, ConsentStatus.RECALLED
BASE = (partner("alder"), officer("alder"), partner("birch"), partner("cedar", status="SUSPENDED"), grant("alder"))
AHEAD = "2026-11-01T00:00:00+00:00"


def end(epoch: int, *, recalls: bool = True) -> End:
    return End(epoch, "alder", "alder/g", NOW, recalls)


def owed(number: int) -> Unconfirmed:
    return Unconfirmed("slt.out.birch", "k", 1, number)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (grant("alder", version=2, state="WITHDRAWN", mode="RECALL"), ("alder", "alder/g", True, "Actual")),
        (grant("alder", version=2, state="WITHDRAWN", mode="PROSPECTIVE"), ("alder", "alder/g", False, "Actual")),
        (grant("alder", version=2, state="WITHDRAWN", status="Exercise"), ("alder", "alder/g", True, "Exercise")),
        (grant("alder", grant="p", effect="PROHIBIT"), ("alder", "alder/p", True, "Actual")),
        (grant("alder", grant="p", effect="PROHIBIT", valid_from=AHEAD), None),
        (grant("alder", grant="p", effect="PROHIBIT", state="WITHDRAWN"), None),
        (grant("alder", version=2), None),
        (grant("alder", version=2, state="REFUSED"), None),
        ({"type": "end", "version": 1, "grantor": "alder", "grant": "g", "state": "REVOKED"},
         ("alder", "alder/g", True, "Actual")),
        ({"type": "end", "version": 1, "grantor": "alder", "grant": "g", "state": "INVALIDATED"},
         ("alder", "alder/g", True, "Actual")),
        ({"type": "withdrawal", "version": 1, "originator": "alder", "series": "alder/s", "mode": "RECALL"},
         ("alder", "alder/s", True, "Actual")),
        ({"type": "withdrawal", "version": 1, "originator": "alder", "series": "alder/s", "mode": "PROSPECTIVE"},
         ("alder", "alder/s", False, "Actual")),
        (partner("birch", version=2, status="SUSPENDED"), ("admin", "birch", False, "Actual")),
        (partner("birch", version=2, status="WITHDRAWN"), ("admin", "birch", True, "Actual")),
        (partner("birch", version=2, status="TERMINATED"), ("admin", "birch", True, "Actual")),
        (partner("birch", version=2, areas=["KEN"]), None),
        (partner("cedar", version=2, status="SUSPENDED"), None),
        (partner("cedar", version=2), None),
        (partner("dogwood", status="APPLIED"), None),
        (officer("alder", version=2), None),
    ],
)  # fmt: skip
def test_what_ends_a_consent_who_is_told_and_whether_it_takes_back(payload: dict[str, Any], expected: Any) -> None:
    found = read_control(payload)
    assert not isinstance(found, Refusal), found
    ended = end_of(found[2], record(payload, 7), fold(*BASE).compiled)
    assert (ended and (ended.org, ended.grant, ended.recalls, ended.status)) == expected
    assert ended is None or (ended.epoch, ended.decided_at) == (7, NOW)


@pytest.mark.parametrize(
    ("progress", "revoked", "recalled"),
    [
        (Progress(10), True, True),
        (Progress(11), True, True),
        (Progress(9), False, False),
        (Progress(10, parked=(owed(9),)), True, False),
        (Progress(10, parked=(owed(10),)), True, True),
        (Progress(10, parked=(owed(9),), writing=("slt.out.birch",)), False, False),
        (Progress(10, parked=(owed(10),), writing=("slt.out.birch",)), True, True),
        (Progress(9, parked=(owed(9),)), False, False),
    ],
)
def test_a_partition_of_deliver_against_the_mark_10(progress: Progress, revoked: bool, recalled: bool) -> None:
    assert (is_past(progress, 10, parked=False), is_past(progress, 10, parked=True)) == (revoked, recalled)


def test_both_are_due_at_once_unless_a_parked_outlet_is_owed_something() -> None:
    rule = Confirmations(1)
    rule.ended(end(5))
    rule.distributed(0, 5)
    at_it = rule.unmarked
    rule.distributed(0, 6)
    assert (at_it, rule.unmarked) == (False, True)  # settled is what lies below
    rule.marked({0: 10})
    rule.delivered(0, Progress(10, parked=(owed(3),)))
    assert [(each.end.epoch, each.status) for each in rule.due()] == [(5, REVOKED)]
    assert (rule.revoked_to, rule.done_to, rule.oldest(REVOKED), rule.oldest(RECALLED)) == (6, 5, None, NOW)
    rule.delivered(0, Progress(12))
    assert [(each.end.epoch, each.status) for each in rule.due()] == [(5, RECALLED)]
    assert (rule.revoked_to, rule.done_to, rule.oldest(RECALLED)) == (6, 6, None)
    assert rule.due() == []


def test_an_end_that_takes_nothing_back_is_done_when_it_is_revoked() -> None:
    rule = Confirmations(1)
    rule.ended(end(5, recalls=False))
    rule.distributed(0, 6)
    rule.marked({0: 0})
    assert [each.status for each in rule.due()] == [REVOKED]
    assert rule.done_to == 6


def test_after_a_restart_only_what_was_not_told_is_told() -> None:
    rule = Confirmations(1)
    rule.revoked_to = 6
    rule.ended(end(5), revoked=True)
    rule.distributed(0, 6)
    rule.marked({0: 0})
    assert [each.status for each in rule.due()] == [RECALLED]


LANES = 3
EPOCHS = (3, 7, 8)
TOLD = st.tuples(st.sampled_from(("distribute", "deliver")), st.integers(0, LANES - 1), st.integers(0, 12))


@given(st.lists(TOLD, max_size=40), st.lists(st.integers(0, 12), min_size=LANES, max_size=LANES))
def test_never_before_every_partition_has_passed_and_always_after(
    told: list[tuple[str, int, int]], marks: list[int]
) -> None:
    """Whatever the order in which progress is told; `marks`: where the log ends, whenever it is asked."""
    rule = Confirmations(LANES)
    for epoch in EPOCHS:
        rule.ended(end(epoch))
    settled, passed, found = [-1] * LANES, [0] * LANES, []
    everybody = [(stage, lane, 12) for stage in ("distribute", "deliver") for lane in range(LANES)]
    for stage, lane, value in (*told, *everybody):
        if stage == "distribute":
            rule.distributed(lane, value)
            settled[lane] = max(settled[lane], value)
        else:
            rule.delivered(lane, Progress(value))
            passed[lane] = value
        if rule.unmarked:
            rule.marked(dict(enumerate(marks)))
        for each in rule.due():
            assert min(settled) > each.end.epoch
            assert all(at >= mark for at, mark in zip(passed, marks, strict=True))
            found.append((each.end.epoch, each.status))
        assert all((epoch, each) in found for epoch in EPOCHS if epoch < rule.done_to for each in ConsentStatus)
        assert all((epoch, REVOKED) in found for epoch in EPOCHS if epoch < rule.revoked_to)
    assert found == sorted(found, key=lambda one: one[0])
    assert sorted(found) == sorted((epoch, status) for epoch in EPOCHS for status in ConsentStatus)


def test_the_same_end_has_the_same_message_id_however_often_it_is_told() -> None:
    codec, rule = Codec(), Confirmations(1)
    rule.ended(end(5))
    rule.distributed(0, 6)
    rule.marked({0: 0})
    keys = []
    for confirmed in rule.due():
        for later in (NOW, NOW + timedelta(seconds=9)):
            output = notice_output(notice(confirmed, later, 3), codec.encode)
            assert not isinstance(output.value, bytes)
            (item,) = items(output.value)
            assert (item["topic"], parse(item["header"]).status) == ("slt.notices.alder", "Actual")
            body = codec.decode(output.value["bodies"][0])[1]
            assert (body["grant"], body["epoch"], body["at"], body["recalls_owed"]) == ("alder/g", 5, later, 3)
            keys.append(item["key"])
    assert keys[0] == keys[1] != keys[2] == keys[3]


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ({}, 2),
        ({"epoch": 5}, 0),
        ({"incident": "alderney/s~1"}, 0),
        ({"incident": "birch/s~1"}, 0),
    ],
)
def test_recalls_are_counted_that_the_grantor_may_know_of(changes: dict[str, Any], count: int) -> None:
    recall = {"prefix": "slt.out.", "before": b"type=RECALL;id=", "recipients": ["birch", "cedar"]}
    copy, update = {**recall, "prefix": "slt.notices."}, {**recall, "before": b"type=UPDATE;id="}
    owes = {"incident": "alder/s~1", "epoch": 6, "groups": [recall, copy, update], **changes}
    assert recalls_in(owes, end(5)) == count


def test_a_partner_that_leaves_is_counted_alone() -> None:
    recall = {"prefix": "slt.out.", "before": b"type=RECALL;id=", "recipients": ["birch", "cedar"]}
    leaves = End(5, "admin", "birch", NOW, recalls=True)
    assert recalls_in({"incident": "alder/s~1", "epoch": 6, "groups": [recall]}, leaves) == 1


def test_what_it_exports() -> None:
    registry = CollectorRegistry()
    metrics = ConfirmMetrics(registry)
    label = {"status": REVOKED.value}
    assert registry.get_sample_value("slt_confirmation_seconds_count", label) == 0
    metrics.confirmed(REVOKED, timedelta(seconds=0.4))
    metrics.oldest(REVOKED, NOW)
    assert registry.get_sample_value("slt_confirmation_seconds_sum", label) == 0.4
    assert registry.get_sample_value("slt_unconfirmed_timestamp_seconds", label) == NOW.timestamp()
    metrics.oldest(REVOKED, None)
    assert registry.get_sample_value("slt_unconfirmed_timestamp_seconds", label) == 0
