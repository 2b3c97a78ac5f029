"""Distribute's task on its ledger: what it owes, what it remembers, and what a restart finds."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from services.core.decide import GATES
from services.core.deliveries import items
from services.core.envelope import parse
from services.core.ids import Ids
from services.core.policy import Policy
from services.core.reason import Reason
from services.core.stage import Moment, Outcome, Record, Result, Source
from services.distribute.index import Index
from services.distribute.processor import Distribute, Tools
from services.runtime.codec import Codec
from services.runtime.store import Store
from tests.registry import NOW, grant, officer, partner, policy, report

CODEC = Codec()
TOOLS = Tools(Ids(b"a master key for tests, 32 bytes."), CODEC.encode, timedelta(days=30))
BASE = tuple(record for org in ("alder", "birch", "cedar") for record in (partner(org), officer(org)))
GRANTED = policy(*BASE, grant("alder", recipients=["birch"]))
WITHDRAWN = policy(*BASE, grant("alder", recipients=["birch"]), grant("alder", version=2, state="WITHDRAWN"))


class Slot:
    """A task with the store that outlives it; `crash` makes a new one from what is stored."""

    def __init__(self) -> None:
        self.store = Store(CODEC)
        self.owed: list[dict[str, Any]] = []
        self.decisions: list[bytes] = []
        self.progress: list[tuple[int, int]] = []
        self.crash()

    def crash(self) -> None:
        self.task = Distribute(0, TOOLS, self.store)

    def moment(self, made: Policy, *, fresh: bool = True) -> Moment:
        return Moment(NOW, fresh, made, made.epoch)

    def handle(self, made: Policy, value: dict[str, Any], relation: str = "NEW") -> Outcome | None:
        change = {"relation": relation, "report": value, "series_id": value["series_id"],
                  "joined": [f"{value['series_id']}~1"], "left": [], "merged": [], "links": []}  # fmt: skip
        record = Record(Source("slt.incidents", 0, 0), NOW, "", "incident_change", change)
        return self.take(self.task.handle(record, self.moment(made))).outcome

    def work(self, made: Policy, limit: int = 100, *, fresh: bool = True) -> int:
        """How many incidents were looked at again."""
        results = [self.take(result) for result in self.task.work(self.moment(made, fresh=fresh), limit)]
        return sum(bool(result.changes) for result in results)

    def take(self, result: Result) -> Result:
        for key, kind, value in result.changes:
            self.store.put(key, None if value is None else CODEC.encode(kind, value))
        self.store.settle()
        self.task.applied(result)
        for output in result.outputs:
            if output.topic == "slt.decisions":
                assert isinstance(output.value, bytes)
                self.decisions.append(output.value)
            elif output.topic == "slt.progress":
                assert not isinstance(output.value, bytes)
                self.progress.append((output.value["epoch"], output.value["recalls_due"]))
            else:
                assert not isinstance(output.value, bytes)
                self.owed += items(output.value)
        return result

    def types(self) -> list[tuple[str, str]]:
        return [(item["topic"], parse(item["header"]).type.value) for item in self.owed]


def test_outcomes_of_reports() -> None:
    slot = Slot()
    assert slot.handle(GRANTED, report("alder/s")) is Outcome.DELIVERED
    assert slot.handle(GRANTED, report("birch/s")) is Outcome.WITHHELD
    assert slot.handle(GRANTED, report("alder/old", expires=NOW)) is Outcome.EXPIRED
    assert slot.handle(GRANTED, report("alder/s"), "DUPLICATE") is Outcome.DUPLICATE
    assert slot.handle(GRANTED, report("alder/s", version=2), "REVISION") is Outcome.DELIVERED
    assert slot.types() == [("slt.out.birch", "ALERT"), ("slt.out.birch", "UPDATE")]


def test_an_exercise_goes_to_the_exercise_topic() -> None:
    slot = Slot()
    slot.handle(GRANTED, report("cedar/drill", status="Exercise", initial_audience=["birch"]))
    assert slot.types() == [("slt.exercise.birch", "ALERT")]


def test_a_restart_in_the_middle_of_a_bulk_recall_finishes_it_exactly() -> None:
    slot = Slot()
    for number in range(5):
        slot.handle(GRANTED, report(f"alder/s{number}"))
    slot.owed.clear()
    assert slot.work(WITHDRAWN, limit=2) == 2
    slot.crash()
    while slot.work(WITHDRAWN, limit=2):
        pass
    recalled = sorted(item["key"] for item in slot.owed)
    assert len(recalled) == len(set(recalled)) == 5
    assert {kind for _, kind in slot.types()} == {"RECALL"}


def test_progress_says_when_a_policy_change_has_reached_everything() -> None:
    slot = Slot()
    for number in range(3):
        slot.handle(GRANTED, report(f"alder/s{number}"))
    for _ in range(3):
        slot.work(WITHDRAWN, limit=2)
    assert slot.progress == [(GRANTED.epoch, 1), (WITHDRAWN.epoch, 0)]


def test_a_change_is_not_settled_while_the_moment_may_be_stale() -> None:
    slot = Slot()
    slot.handle(GRANTED, report("alder/s"))
    slot.work(WITHDRAWN, fresh=False)
    assert slot.progress == []
    slot.work(WITHDRAWN)
    assert slot.progress == [(WITHDRAWN.epoch, 0)]


def test_recalls_go_on_while_the_state_may_be_stale() -> None:
    slot = Slot()
    slot.handle(GRANTED, report("alder/s"))
    assert slot.work(WITHDRAWN, fresh=False) == 1
    assert slot.types()[-1] == ("slt.out.birch", "RECALL")


def test_what_was_held_back_while_stale_is_released_when_it_is_fresh_again() -> None:
    slot = Slot()
    change = {"relation": "NEW", "report": report("alder/s"), "series_id": "alder/s", "joined": ["alder/s~1"],
              "left": [], "merged": [], "links": []}  # fmt: skip
    record = Record(Source("slt.incidents", 0, 0), NOW, "", "incident_change", change)
    slot.take(slot.task.handle(record, slot.moment(GRANTED, fresh=False)))
    assert slot.types() == []
    slot.crash()
    assert slot.work(GRANTED) == 1
    assert slot.types() == [("slt.out.birch", "ALERT")]


def test_a_suspended_recipient_is_told_of_a_recall_in_its_notices_too() -> None:
    slot = Slot()
    slot.handle(GRANTED, report("alder/s"))
    suspended = policy(
        *BASE, grant("alder", recipients=["birch"]), partner("birch", version=2, status="SUSPENDED"),
        grant("alder", version=2, state="WITHDRAWN"),
    )  # fmt: skip
    slot.work(suspended)
    assert slot.types()[1:] == [("slt.out.birch", "RECALL"), ("slt.notices.birch", "RECALL")]


def test_imminent_risk_is_looked_at_first_and_exercises_last() -> None:
    slot = Slot()
    drill = report("alder/drill", status="Exercise", initial_audience=["birch"])
    for one in (drill, report("alder/usual"), report("alder/urgent", urgency="Immediate")):
        slot.handle(GRANTED, one)
    slot.decisions.clear()
    slot.work(policy(*BASE, grant("alder", recipients=["birch"]), partner("cedar", version=2)))
    assert [CODEC.decode(data)[1]["incident"] for data in slot.decisions] == [
        "alder/urgent~1", "alder/usual~1", "alder/drill~1",
    ]  # fmt: skip


def test_decisions_form_one_chain_over_restarts_and_duplicates() -> None:
    slot = Slot()
    slot.handle(GRANTED, report("alder/s"))
    slot.handle(GRANTED, report("alder/s"), "DUPLICATE")
    slot.crash()
    slot.handle(GRANTED, report("alder/t"))
    previous = [CODEC.decode(data)[1]["previous_hash"] for data in slot.decisions]
    assert previous == [b"", *(sha256(data).digest() for data in slot.decisions[:-1])]


def test_two_recipients_cannot_join_what_they_hold() -> None:
    slot = Slot()
    wide = policy(*BASE, grant("alder", recipients=["birch", "cedar"]))
    slot.handle(wide, report("alder/s"))
    keys = {item["key"] for item in slot.owed}
    ids = {parse(item["header"]).message_id for item in slot.owed}
    assert (len(keys), len(ids)) == (2, 2)
    assert not any("alder" in str((item["key"], item["header"])) for item in slot.owed)


def test_a_series_that_moved_leaves_a_pointer_and_its_new_home_begins_another_key() -> None:
    slot = Slot()
    provisional = report("alder/s", home=0)
    slot.handle(GRANTED, provisional)
    change = {"relation": "MOVED", "report": None, "series_id": "alder/s", "joined": [], "left": ["alder/s~1"],
              "merged": [], "links": []}  # fmt: skip
    record = Record(Source("slt.incidents", 0, 1), NOW, "", "incident_change", change)
    assert slot.take(slot.task.handle(record, slot.moment(GRANTED))).outcome is Outcome.RELINKED
    elsewhere = Slot()
    elsewhere.handle(GRANTED, report("alder/s", version=2, home=1))
    assert slot.types() == [("slt.out.birch", "ALERT"), ("slt.out.birch", "UPDATE")]
    assert {item["key"] for item in slot.owed}.isdisjoint({item["key"] for item in elsewhere.owed})


def test_a_forgotten_incident_is_found_by_nothing_any_more() -> None:
    slot = Slot()
    for series in ("alder/gone", "alder/stays"):
        slot.handle(GRANTED, report(series))
    index = Index(slot.store)
    index.forget("alder/gone~1")
    index.follow(GRANTED)
    index.follow(WITHDRAWN)
    assert index.take(NOW, 10) == ["alder/stays~1"]
    assert (index.backlog, list(index.series)) == (1, ["alder/stays~1"])


def test_a_gate_that_fails_is_counted_and_logged_and_what_it_held_back_is_looked_at_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def _broken(_: object) -> None:
        raise ArithmeticError

    slot, change = Slot(), {"relation": "NEW", "report": report("alder/s"), "series_id": "alder/s",
                            "joined": ["alder/s~1"], "left": [], "merged": [], "links": []}  # fmt: skip
    record = Record(Source("slt.incidents", 0, 0), NOW, "", "incident_change", change)
    granted = policy(*BASE, grant("alder", recipients=["birch"]))  # its own: a policy remembers what it has decided
    monkeypatch.setattr("services.core.judge.GATES", (*GATES, _broken))
    found = slot.take(slot.task.handle(record, slot.moment(granted)))
    assert (found.outcome, found.note, found.fault) == (Outcome.WITHHELD, Reason.BUG_GATE, "broken:ArithmeticError")
    monkeypatch.undo()
    mended = policy(*BASE, grant("alder", recipients=["birch"]))
    minute = Moment(NOW + timedelta(minutes=1), True, mended, mended.epoch)
    again = [slot.take(one) for one in slot.task.work(minute, 9)]
    assert [one.note for one in again if one.changes] == [None]
    assert len(slot.owed) == 1
