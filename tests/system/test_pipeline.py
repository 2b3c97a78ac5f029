"""A report goes in on one partner's topic and the right partners have it, on real Kafka, from end to end."""

from __future__ import annotations

import pytest

from services.core.envelope import DeliveryType
from tests.support import World, until

pytestmark = pytest.mark.kafka


def _types(world: World, org: str, key: str | None = None) -> list[DeliveryType]:
    return [r.envelope.type for r in world.out(org) if r.envelope and key in {None, r.key}]


def _held(world: World, org: str, series: str) -> list[str]:
    """Keys whose newest record shows the series."""
    newest = {read.key: read for read in world.out(org)}
    return [
        key for key, read in newest.items()
        if read.kind == "view" and any(account["series_id"] == series for account in read.value["accounts"])
    ]  # fmt: skip


def test_the_addressed_have_it_and_nobody_else(world: World) -> None:
    world.report("alder", "addressed", initial_audience=["birch"])
    until(lambda: _held(world, "birch", "alder/addressed"), "the alert at birch")
    assert not _held(world, "cedar", "alder/addressed")
    assert not _held(world, "alder", "alder/addressed")


def test_a_grant_a_revision_and_a_withdrawal_with_recall(world: World) -> None:
    world.consent("birch", grant="standing", kinds=["*"], areas=["KEN"], recipients=["cedar"])
    until(lambda: any(r.key == "grant/birch/standing" for r in world.read("slt.control")), "the grant")
    world.report("birch", "granted")
    (key,) = until(lambda: _held(world, "cedar", "birch/granted"), "the alert at cedar")
    world.report("birch", "granted", version=2, message="CORRECT", headline="Corrected, and still invented")
    until(lambda: len(_types(world, "cedar", key)) == 2, "the correction")
    world.consent("birch", version=2, grant="standing", state="WITHDRAWN", mode="RECALL", kinds=["*"], areas=["KEN"],
                  recipients=["cedar"])  # fmt: skip
    until(lambda: len(_types(world, "cedar", key)) == 3, "the recall")
    assert _types(world, "cedar", key) == [DeliveryType.ALERT, DeliveryType.CORRECT, DeliveryType.RECALL]
    recall = [read for read in world.out("cedar") if read.key == key][-1]
    assert recall.envelope is not None
    assert (recall.kind, recall.envelope.delete_to, recall.envelope.sequence) == ("recall", 2, 3)


def test_an_exercise_is_never_on_an_actual_topic(world: World) -> None:
    world.report("cedar", "drill", status="Exercise", initial_audience=["dogwood"])
    until(lambda: world.out("dogwood", "exercise"), "the exercise at dogwood")
    assert all(read.value["status"] == "Actual" for read in world.out("dogwood") if read.kind == "view")


def test_the_same_report_again_changes_nothing(world: World) -> None:
    world.report("dogwood", "twice", initial_audience=["alder"])
    until(lambda: _held(world, "alder", "dogwood/twice"), "the alert at alder")
    before = len(world.out("alder"))
    world.report("dogwood", "twice", initial_audience=["alder"])
    world.report("dogwood", "after", initial_audience=["alder"], headline="Another invented incident")
    until(lambda: _held(world, "alder", "dogwood/after"), "the next alert")
    assert len(world.out("alder")) == before + 1


def test_a_refused_record_has_one_dead_letter_and_one_receipt(world: World) -> None:
    world.send("slt.in.alder", [b"\xff not a record"])
    dead = until(lambda: [r for r in world.read("slt.dead") if r.key.startswith("slt.in.alder/")], "the dead letter")
    assert [record.value["reason"] for record in dead] == ["BAD_ENCODING"]
    refused = until(
        lambda: [r for r in world.out("alder", "notices") if r.value.get("result") == "REFUSED"], "the receipt"
    )
    assert [(r.value["reason"], bool(r.value["advice"])) for r in refused] == [("BAD_ENCODING", True)]
