"""Correlate and distribute together: what a set of reports comes to, in whatever order, with whatever else.

Whether matching links two of them is its own affair; nothing here depends on which it does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.core.grouping import grouped
from services.core.policy import Policy
from services.core.reconcile import links_of
from services.core.stage import Moment, Outcome, Record, Result, Source
from services.distribute.entries import load_incident
from tests.events import event
from tests.property.partition import Owed, Partition
from tests.registry import NOW, grant, officer, partner, policy
from tests.unit.test_correlation import HERE, Memory, correlate_task

ORGS = ("alder", "birch", "cedar", "dogwood")
BASE = tuple(record for org in (*ORGS, "elm") for record in (partner(org), officer(org)))
GRANTS = tuple(grant(org, recipients=["elm"]) for org in ("alder", "birch", "cedar"))
"""What dogwood reports, nobody sees."""
MADE = policy(*BASE, *GRANTS)
Reports = list[dict[str, Any]]
events = st.builds(
    event,
    st.builds("{}/{}".format, st.sampled_from(ORGS), st.integers(1, 2)),
    day=st.sampled_from((0, 0, 1, 5)),
    at=st.sampled_from(((0.2, 37.0), (0.2, 37.0), (0.3, 37.1), (3.0, 39.0))),
    status=st.sampled_from(("Actual", "Actual", "Exercise")),
)
sets = st.lists(events, min_size=2, max_size=6, unique_by=lambda one: one["series_id"])


class Stream(Partition):
    """The two stages of one partition, one after the other."""

    def __init__(self) -> None:
        self.now: datetime = NOW
        self.memory = Memory()
        super().__init__()

    def crash(self) -> None:
        super().crash()
        self.correlate = correlate_task(HERE, self.memory)

    def moment(self, made: Policy, *, fresh: bool = True) -> Moment:
        return Moment(self.now, fresh, made, made.epoch)

    def feed(self, value: dict[str, Any], made: Policy = MADE) -> Outcome | None:
        record = Record(Source("slt.located", 0, 0), NOW, "", "report", value)
        return self.passed(self.correlate.handle(record, self.moment(made)), made)

    def passed(self, result: Result, made: Policy) -> Outcome | None:
        """From correlate on to distribute."""
        self.memory.take(self.correlate, result)
        outcome = None
        for output in result.outputs:
            if output.topic == "slt.incidents":
                record = Record(Source("slt.incidents", 0, 0), NOW, "", "incident_change", output.value)
                outcome = self.take(self.task.handle(record, self.moment(made))).outcome
        return outcome

    def settle(self, made: Policy = MADE) -> None:
        for result in self.correlate.work(self.moment(made), 1000):
            self.passed(result, made)
        while self.work(made, 100):
            pass

    def groups(self) -> set[tuple[str, ...]]:
        """What somebody who may see everything would see as one incident."""
        found: set[tuple[str, ...]] = set()
        for key in self.store.keys():  # noqa: SIM118  a State is no mapping
            if key.startswith("h|"):
                incident = load_incident(key[2:], self.members(key[2:]), self.store)
                assert incident is not None
                found |= set(grouped(set(incident.entries), links_of(incident)))
        return found

    def members(self, incident: str) -> Sequence[str]:
        head = f"r|{incident}|"
        return [key.removeprefix(head) for key in self.store.keys() if key.startswith(head)]  # noqa: SIM118

    def seen(self, recipient: str) -> list[Owed]:
        return [owed for owed in self.log if owed.recipient == recipient]


def played(reports: Iterable[dict[str, Any]], made: Policy = MADE) -> Stream:
    stream = Stream()
    for one in reports:
        stream.feed(one, made)
    stream.settle(made)
    return stream


@st.composite
def revised(draw: st.DrawFn) -> Reports:
    """Reports, some of which come in a second version that tells something else."""
    reports = draw(sets)
    again = draw(st.sets(st.sampled_from(range(len(reports)))))
    later = [
        event(one["series_id"], version=2, status=one["status"], day=draw(st.sampled_from((0, 1, 5)))) for one in
        (reports[number] for number in sorted(again))
    ]  # fmt: skip
    return [*reports, *later]


@settings(max_examples=60, deadline=None)
@given(reports=revised(), data=st.data())
def test_the_order_of_reports_does_not_matter(reports: Reports, data: st.DataObject) -> None:
    other = data.draw(st.permutations(reports))
    assert played(reports).groups() == played(other).groups()


@settings(max_examples=40, deadline=None)
@given(reports=revised())
def test_what_comes_twice_changes_nothing(reports: Reports) -> None:
    stream = played(reports)
    groups, owed = stream.groups(), len(stream.log)
    assert {stream.feed(one) for one in reports} == {Outcome.DUPLICATE}
    stream.settle()
    assert (stream.groups(), len(stream.log)) == (groups, owed)


@settings(max_examples=40, deadline=None)
@given(reports=sets)
def test_exercise_and_actual_are_never_one(reports: Reports) -> None:
    status = {one["series_id"]: one["status"] for one in reports}
    assert all(len({status[series] for series in group}) == 1 for group in played(reports).groups())


@settings(max_examples=40, deadline=None)
@given(reports=revised(), crashes=st.sets(st.integers(0, 12)))
def test_a_restart_at_any_point_goes_on_exactly(reports: Reports, crashes: set[int]) -> None:
    stream = Stream()
    for number, one in enumerate(reports):
        if number in crashes:
            stream.crash()
        stream.feed(one)
    stream.settle()
    whole = played(reports)
    assert stream.groups() == whole.groups()
    assert [(one.key, one.envelope, one.body) for one in stream.log] == [
        (one.key, one.envelope, one.body) for one in whole.log
    ]


@settings(max_examples=120, deadline=None)
@given(reports=revised(), late=st.booleans(), hours=st.lists(st.integers(0, 2), min_size=12, max_size=12))
def test_a_report_that_a_recipient_may_not_see_changes_nothing_for_it(
    reports: Reports, late: bool, hours: list[int]
) -> None:
    """Elm is shown what alder, birch and cedar report; birch, with `late`, only after all have come.

    Compared is what comes under each key, in its order. In which order one policy change reaches several incidents is
    that of a set of texts: another one in every process, whatever lies in the incidents.
    """
    first = policy(*BASE, *(one for one in GRANTS if one["grantor"] != "birch")) if late else MADE
    last = policy(*BASE, *(one for one in GRANTS if one["grantor"] != "birch"), grant(
        "birch", recipients=["elm"], covers_earlier=True)) if late else MADE  # fmt: skip
    both = []
    for hidden in (True, False):
        stream = Stream()
        for one, wait in zip(reports, hours, strict=False):
            stream.now += timedelta(hours=wait, seconds=1)
            if hidden or not one["series_id"].startswith("dogwood/"):
                stream.feed(one, first)
                stream.settle(first)
        stream.settle(last)
        told = [(owed.topic, owed.key, owed.envelope, owed.body) for owed in stream.seen("elm")]
        both.append(sorted(told, key=lambda one: one[:2]))
    assert both[0] == both[1]


@settings(max_examples=40, deadline=None)
@given(reports=sets, number=st.integers(0, 20))
def test_a_split_and_then_a_merge_return_to_what_was(reports: Reports, number: int) -> None:
    stream = played(reports)
    before = stream.groups()
    pairs = [group for group in sorted(before) if len(group) > 1]
    if not pairs:
        return
    group = pairs[number % len(pairs)]
    sides = {"one": [group[0]], "other": list(group[1:])}
    split = {"type": "link", "version": 1, "link": "w", "word": "SPLIT", **sides}
    stream.settle(policy(*BASE, *GRANTS, split))
    assert not any(group[0] in one and set(one) & set(group[1:]) for one in stream.groups())
    stream.settle(policy(*BASE, *GRANTS, split, {**split, "version": 2, "word": "MERGE"}))
    after = stream.groups()
    assert all(any(set(one) <= set(other) for other in after) for one in before)
    assert not any(owed.envelope.type == "RECALL" for owed in stream.log)
