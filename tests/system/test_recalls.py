"""Recalls and their answers on real Kafka: settled, reminded, counted, and never forged (consent.md §5)."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Iterator
from functools import partial
from typing import Any

import orjson
import pytest

from services.core.ids import Ids
from services.runtime.local import LocalStack
from services.runtime.supervisor import Supervisor
from tests.support import Read, World, until

pytestmark = pytest.mark.kafka

ORGS = ("alder", "birch", "cedar")
STAGES = {"intake": 1, "enrich": 1, "correlate": 1, "distribute": 1, "deliver": 1, "projector": 1}
LIMITS = "\n[limits]\nrecall_hours = 0.005\nremind_hours = 0.0005\n"
"""18 s for an answer, 1.8 s between reminders."""
KNOWN = {"message_id", "deadline", "times", "key", "sequence"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A relay of its own, whose recipients have seconds instead of days."""
    folder = tmp_path_factory.mktemp("recalls")
    with LocalStack.start(folder, orgs=ORGS) as stack:
        with stack.settings_file.open("a", encoding="utf-8") as file:
            file.write(LIMITS)
        with Supervisor(stack.settings_file, folder, STAGES) as supervisor:
            made = World(stack, ORGS)
            made.supervisor = supervisor
            made.found()
            yield made
            made.close()


def shared(world: World, series: str, *recipients: str) -> None:
    """A report of alder that these recipients hold, under a grant of its own."""
    world.consent("alder", grant=series, series=[f"alder/{series}"], recipients=list(recipients))
    until(lambda: f"grant/alder/{series}" in {read.key for read in world.read("slt.control")}, "the grant")
    world.report("alder", series, headline=series)
    for org in recipients:
        until(partial(views, world, org, series), f"the alert at {org}")


def views(world: World, org: str, series: str) -> list[Read]:
    return [read for read in world.out(org) if read.kind == "view" and series in str(read.value)]


def withdraw(world: World, series: str, *recipients: str) -> None:
    world.consent("alder", grant=series, version=2, series=[f"alder/{series}"], recipients=list(recipients),
                  state="WITHDRAWN", mode="RECALL")  # fmt: skip


def key_of(world: World, org: str, series: str) -> str:
    return views(world, org, series)[0].key


def recall_of(world: World, org: str, series: str) -> Read:
    """The recall of a series at a recipient; waits for it."""
    key = key_of(world, org, series)
    found: list[Read] = until(
        lambda: [read for read in world.out(org) if read.kind == "recall" and read.key == key], f"a recall at {org}"
    )
    return found[0]


def acknowledge(world: World, org: str, recall: Read, answer: str) -> int:
    """Offset of the acknowledgement, as a partner makes it from what it has read."""
    assert recall.envelope is not None
    said = {"message_id": recall.envelope.message_id, "key": recall.key, "sequence": recall.envelope.sequence,
            "answer": answer}  # fmt: skip
    return world.send(f"slt.in.{org}", [orjson.dumps(said)])[0]


def standings(world: World, series: str) -> dict[str, str]:
    """What the ledger says of the newest recalls of a series, by recipient."""
    parts = [read for read in world.read("slt.ledger") if read.key.startswith("a|") and series in read.key]
    recalls: list[dict[str, Any]] = parts[-1].value["recalls"] if parts else []
    return {one: entry["answer"] for recall in recalls for entry in recall["standings"] for one in entry["recipients"]}


def reminders(world: World, org: str, recall: Read) -> list[Read]:
    found = [read for read in world.out(org, "notices") if read.kind == "reminder"]
    return [read for read in found if read.value["key"] == recall.key]


def answers(world: World) -> dict[str, float]:
    """slt_recall_answers over all partitions, as the projector exports it."""
    assert world.supervisor is not None
    with urllib.request.urlopen(f"http://{world.supervisor.slot('projector').metrics}/metrics", timeout=5) as page:
        text = page.read().decode()
    total: dict[str, float] = {}
    for answer, value in re.findall(r'slt_recall_answers{answer="(\w+)"[^}]*} (\S+)', text):
        total[answer] = total.get(answer, 0.0) + float(value)
    return total


def test_an_answer_settles_its_recall_and_silence_is_reminded_and_counted(world: World) -> None:
    shared(world, "first", "birch", "cedar")
    withdraw(world, "first", "birch", "cedar")
    told, silent = recall_of(world, "birch", "first"), recall_of(world, "cedar", "first")
    assert {told.value["reason_class"], silent.value["reason_class"]} == {"RCL_WITHDRAWN"}
    acknowledge(world, "birch", told, "DONE")
    until(lambda: standings(world, "first") == {"birch": "DONE", "cedar": "OPEN"}, "birch's answer in the ledger")
    until(lambda: standings(world, "first") == {"birch": "DONE", "cedar": "OVERDUE"}, "the end of cedar's time")
    until(lambda: len(reminders(world, "cedar", silent)) == 3, "the reminders")
    found = reminders(world, "cedar", silent)
    assert silent.envelope is not None
    assert [read.value["times"] for read in found] == [1, 2, 3]
    assert {read.value["message_id"] for read in found} == {silent.envelope.message_id}
    assert all(set(read.value) == KNOWN for read in found)
    assert reminders(world, "birch", told) == []
    until(lambda: (answers(world).get("DONE"), answers(world).get("OVERDUE")) == (1, 1), "the metrics")
    acknowledge(world, "cedar", silent, "CANNOT")
    until(lambda: standings(world, "first")["cedar"] == "CANNOT", "the late answer in the ledger")
    until(lambda: answers(world)["OVERDUE"] == 0, "the metrics after the late answer")


def test_a_forged_acknowledgement_is_refused_and_changes_nothing(world: World) -> None:
    shared(world, "second", "birch", "cedar")
    withdraw(world, "second", "birch", "cedar")
    mine, other = recall_of(world, "birch", "second"), recall_of(world, "cedar", "second")
    offset = acknowledge(world, "cedar", mine, "DONE")
    receipts = until(partial(_receipts, world, "cedar", offset), "the receipt")
    assert [(read.value["result"], read.value["reason"]) for read in receipts] == [("REFUSED", "BAD_ACK")]
    assert f"slt.in.cedar/0/{offset}" in {read.key for read in world.read("slt.dead")}
    acknowledge(world, "cedar", other, "PARTIAL")
    until(lambda: standings(world, "second")["cedar"] == "PARTIAL", "cedar's own answer")
    assert standings(world, "second")["birch"] in {"OPEN", "OVERDUE"}


def test_an_answer_that_is_there_before_its_recall_is_not_lost(world: World) -> None:
    """No partner can do that: the test has the master key. Distribute can still be that far behind slt.acks."""
    shared(world, "third", "birch")
    ids, key = Ids(world.stack.settings.secret("master.key")), key_of(world, "birch", "third")
    said = {"message_id": ids.message("birch", key, 2), "key": key, "sequence": 2, "answer": "ALREADY_ACTED_ON"}
    offset = world.send("slt.in.birch", [orjson.dumps(said)])[0]
    until(partial(_receipts, world, "birch", offset), "the receipt")
    withdraw(world, "third", "birch")
    recall = recall_of(world, "birch", "third")
    assert recall.envelope is not None
    assert recall.envelope.message_id == said["message_id"]
    until(lambda: standings(world, "third") == {"birch": "ALREADY_ACTED_ON"}, "the answer in the ledger")


def test_an_answer_while_distribute_is_down_is_found_at_its_start(world: World) -> None:
    assert world.supervisor is not None
    shared(world, "fourth", "birch")
    withdraw(world, "fourth", "birch")
    recall = recall_of(world, "birch", "fourth")
    world.supervisor.slot("distribute").kill()
    acknowledge(world, "birch", recall, "DONE")
    until(lambda: standings(world, "fourth") == {"birch": "DONE"}, "the answer in the ledger")
    assert reminders(world, "birch", recall) == []


def _receipts(world: World, org: str, offset: int) -> list[Read]:
    return [
        read for read in world.out(org, "notices")
        if read.kind == "receipt" and (read.value["topic"], read.value["offset"]) == (f"slt.in.{org}", offset)
    ]  # fmt: skip
