"""Distribute and the answers to its recalls: what the recall says, what the ledger keeps, what progress tells."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.core.answers import Answers
from services.core.deliveries import items
from services.core.envelope import parse
from services.core.stage import Moment, Output, Result
from services.distribute.recalls import recalls_key
from tests.registry import NOW, grant, officer, partner, policy, report
from tests.unit.test_distribute import BASE, CODEC, GRANTED, WITHDRAWN, Slot

DAY = timedelta(days=1)
KEY = recalls_key("alder/s~1")
ENDED = {"type": "end", "version": 1, "grantor": "alder", "grant": "g", "state": "REVOKED"}
REASONS = {
    "withdrawn": (WITHDRAWN, "RCL_WITHDRAWN"),
    "revoked": (policy(*BASE, grant("alder", recipients=["birch"]), ENDED), "RCL_REVOKED"),
    "left": (
        policy(*BASE, grant("alder", recipients=["birch"]), partner("birch", version=2, status="TERMINATED")),
        "RCL_PARTNER_LEFT",
    ),
    "narrowed": (
        policy(*BASE, grant("alder", recipients=["birch"]),
               grant("alder", version=2, recipients=["birch"], projection="COARSE_GEO", actions=["READ"])),
        "RCL_AUDIENCE_SHRUNK",
    ),
}  # fmt: skip


def recalled(slot: Slot, made: Any = WITHDRAWN) -> list[dict[str, Any]]:
    """The recalls' deliveries after a report under a grant that ends."""
    slot.handle(GRANTED, report("alder/s", initial_audience=[]))
    slot.owed.clear()
    slot.work(made)
    return [item for item in slot.owed if parse(item["header"]).type == "RECALL"]


def look(slot: Slot, answers: Answers, days: int = 0) -> list[Result]:
    moment = Moment(NOW + days * DAY, True, WITHDRAWN, WITHDRAWN.epoch, answers)
    return [slot.take(result) for result in slot.task.work(moment, 100)]


def outputs(results: list[Result], topic: str) -> list[Output]:
    return [output for result in results for output in result.outputs if output.topic == topic]


@pytest.mark.parametrize("name", REASONS)
def test_a_recall_names_its_class_and_its_deadline(name: str) -> None:
    made, expected = REASONS[name]
    slot = Slot()
    slot.handle(GRANTED, report("alder/s"))
    sent: list[Any] = []
    for result in slot.task.work(Moment(NOW, True, made, made.epoch), 100):
        sent += [output.value for output in slot.take(result).outputs if output.topic == "slt.deliveries"]
    bodies = [CODEC.decode(record["bodies"][item["body"]]) for record in sent for item in items(record)]
    recall = next(fields for kind, fields in bodies if kind == "recall")
    assert recall == {"reason_class": expected, "action": "DELETE", "deadline": NOW + DAY}
    part = slot.store.get(KEY)
    assert part is not None
    assert [one["reason_class"] for one in part["recalls"]] == [expected]


def test_the_ledger_keeps_what_was_sent_and_an_answer_settles_it() -> None:
    slot = Slot()
    (item,) = recalled(slot)
    answers = Answers()
    answers.enter({"recipient": "birch", "message_id": parse(item["header"]).message_id, "answer": "DONE",
                   "received_at": NOW})  # fmt: skip
    slot.crash()
    results = look(slot, answers)
    part = slot.store.get(KEY)
    assert part is not None
    assert part["recalls"][0]["standings"] == [{"answer": "DONE", "recipients": ["birch"]}]
    (told,) = outputs(results, "slt.progress")
    assert not isinstance(told.value, bytes)
    assert {one: n for one, n in told.value["answers"].items() if n} == {"DONE": 1}
    assert look(slot, answers, 5) == []


def test_a_reminder_repeats_what_an_acknowledgement_needs() -> None:
    slot = Slot()
    (item,) = recalled(slot)
    (output,) = outputs(look(slot, Answers(), 1), "slt.receipts")
    assert not isinstance(output.value, bytes)
    (told,) = items(output.value)
    assert (told["topic"], parse(told["header"]).type) == ("slt.notices.birch", "NOTICE")
    assert CODEC.decode(output.value["bodies"][0])[1] == {
        "message_id": parse(item["header"]).message_id, "deadline": NOW + DAY, "times": 1, "key": item["key"],
        "sequence": item["sequence"],
    }  # fmt: skip


def test_nobody_is_reminded_while_the_clock_may_be_stale() -> None:
    slot = Slot()
    recalled(slot)
    stale = Moment(NOW + DAY, False, WITHDRAWN, WITHDRAWN.epoch)
    assert outputs([slot.take(result) for result in slot.task.work(stale, 100)], "slt.receipts") == []
    assert len(outputs(look(slot, Answers(), 1), "slt.receipts")) == 1


def test_a_recall_of_another_key_for_somebody_else_waits_for_itself() -> None:
    slot = Slot()
    wide = policy(*BASE, partner("dogwood"), officer("dogwood"), grant("alder", recipients=["birch", "dogwood"]))
    slot.handle(wide, report("alder/s"))
    without = policy(*BASE, partner("dogwood"), officer("dogwood"), grant("alder", recipients=["birch", "dogwood"]),
                     partner("dogwood", version=2, status="TERMINATED"))  # fmt: skip
    slot.work(without)
    slot.work(
        policy(
            *BASE,
            partner("dogwood"),
            officer("dogwood"),
            grant("alder", recipients=["birch", "dogwood"]),
            partner("dogwood", version=2, status="TERMINATED"),
            grant("alder", version=2, recipients=["birch", "dogwood"], state="WITHDRAWN", mode="RECALL"),
        )
    )
    part = slot.store.get(KEY)
    assert part is not None
    found = [(one["reason_class"], one["standings"][0]["recipients"]) for one in part["recalls"]]
    assert found == [("RCL_PARTNER_LEFT", ["dogwood"]), ("RCL_WITHDRAWN", ["birch"])]
