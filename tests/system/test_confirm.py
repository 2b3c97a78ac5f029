"""An originator is told that its consent has ended when nothing is delivered under it any more, and not before."""

from __future__ import annotations

import os
import signal
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, NamedTuple

import orjson
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from services.runtime import kafka
from services.runtime.local import LocalStack
from services.runtime.processor import Stage
from services.runtime.supervisor import Supervisor
from tests.support import World, drain, submission, until

pytestmark = pytest.mark.kafka

ORGS = ("alder", "birch", "cedar", "dogwood", "rowan")
"""Invented organisations."""
PROMISED = timedelta(seconds=5)
RATE = 50.0
ROUNDS = 3


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("confirm")
    counts: dict[str, int] = {**dict.fromkeys(Stage, 1), Stage.DISTRIBUTE: 2, "confirm": 1}
    with LocalStack.start(folder, orgs=ORGS) as stack, Supervisor(stack.settings_file, folder, counts) as supervisor:
        world = World(stack, ORGS)
        world.supervisor = supervisor
        world.found()
        yield world
        world.close()


class Dated(NamedTuple):
    """One record with the broker's append time."""

    at: datetime
    kind: str
    value: dict[str, Any]
    key: str
    offset: int


def records(world: World, topic: str) -> list[Dated]:
    found = []
    for message in drain(world._consumer, topic):
        kind, value = world.codec.decode(message.value())
        at = datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC)
        found.append(Dated(at, kind, value, message.key().decode(), message.offset()))
    return found


def entered(world: World, key: str, version: int) -> Dated:
    """The control record of this version, once it is in slt.control."""

    def found() -> list[Dated]:
        return [each for each in records(world, "slt.control") if (each.key, each.value["version"]) == (key, version)]

    (record,) = until(found, f"{key} version {version} in slt.control")
    return record  # type: ignore[no-any-return]


def told(world: World, org: str, epoch: int) -> dict[str, Dated]:
    """The first confirmation of each status that the organisation has of this end."""
    statuses = [each for each in records(world, f"slt.notices.{org}") if each.kind == "consent_status"]
    return {each.value["status"]: each for each in reversed(statuses) if each.value["epoch"] == epoch}


def confirmation(world: World, org: str, epoch: int, status: str) -> Dated:
    found: Dated = until(lambda: told(world, org, epoch).get(status), f"{status} of {epoch} at {org}")
    return found


def views(world: World, recipient: str, originator: str) -> list[Dated]:
    """What shows the recipient a report of the originator."""
    return [
        each for each in records(world, f"slt.out.{recipient}")
        if each.kind == "view" and any(one["series_id"].startswith(f"{originator}/") for one in each.value["accounts"])
    ]  # fmt: skip


def shown(world: World, recipient: str, originator: str) -> list[datetime]:
    """When the recipient's topic got it."""
    return [each.at for each in views(world, recipient, originator)]


def keys(world: World, recipient: str, originator: str) -> set[str]:
    """Under which keys it lies there."""
    return {each.key for each in views(world, recipient, originator)}


def alerted(world: World, since: datetime) -> None:
    """Wait until birch is shown reports under the grant that was given then."""
    until(lambda: any(at > since for at in shown(world, "birch", "alder")), "alerts at birch")


def two_seconds_more(sent: Callable[[], int]) -> None:
    goal = sent() + 2 * RATE
    until(lambda: sent() > goal, "two more seconds of load")


def consent(world: World, org: str, version: int, **fields: Any) -> Dated:
    """A version of the organisation's one grant to birch and cedar, as entered."""
    world.consent(org, grant="g", version=version, kinds=["*"], areas=["*"], recipients=["birch", "cedar"], **fields)
    return entered(world, f"grant/{org}/g", version)


@contextmanager
def load(world: World, org: str) -> Iterator[Callable[[], int]]:
    """RATE reports a second until the context is left; yields how many were sent so far."""
    producer = Producer({**kafka.COMMON, **world.stack.admin_config(), **kafka.PRODUCER})
    stop, sent = threading.Event(), [0]

    def send() -> None:
        began = time.monotonic()
        while not stop.wait(max(0.0, began + sent[0] / RATE - time.monotonic())):
            report = submission(f"s{sent[0]}", headline=f"Invented incident {sent[0]}")
            producer.produce(f"slt.in.{org}", orjson.dumps(report))
            producer.poll(0)
            sent[0] += 1

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield lambda: sent[0]
    finally:
        stop.set()
        thread.join()
        assert producer.flush(30) == 0


def test_nothing_is_delivered_after_the_confirmation_while_the_grantor_keeps_sending(relay: World) -> None:
    spans, took = [], []
    with load(relay, "alder") as sent:
        for number in range(ROUNDS):
            given = consent(relay, "alder", 2 * number + 1)
            alerted(relay, given.at)
            ended = consent(relay, "alder", 2 * number + 2, state="WITHDRAWN", mode="RECALL")
            revoked = confirmation(relay, "alder", ended.offset, "REVOKED_CONFIRMED")
            recalled = confirmation(relay, "alder", ended.offset, "RECALLED_CONFIRMED")
            assert revoked.value["grant"] == "alder/g"
            assert revoked.value["decided_at"] == ended.at
            assert revoked.value["at"] <= revoked.at
            took.append((revoked.at - ended.at, recalled.at - ended.at))
            spans.append((given.at, ended.at, revoked.value["at"], recalled))
            two_seconds_more(sent)
        relay.report("birch", "after", initial_audience=["alder"], headline="After the load")
    until(lambda: shown(relay, "alder", "birch"), "a later delivery")
    times = shown(relay, "birch", "alder")
    for number, (given_at, ended_at, confirmed_at, recalled) in enumerate(spans):
        until_next = spans[number + 1][0] if number + 1 < ROUNDS else datetime.max.replace(tzinfo=UTC)
        assert [at for at in times if given_at < at < ended_at]
        assert [at for at in times if confirmed_at < at < until_next] == []
        recalls = [
            each for org in ("birch", "cedar") for each in records(relay, f"slt.out.{org}")
            if each.kind == "recall" and ended_at < each.at < until_next
        ]  # fmt: skip
        assert recalled.value["recalls_owed"] == len(recalls) > 0
        assert all(each.at <= recalled.value["at"] for each in recalls)
    told_after = ", ".join(f"{one.total_seconds():.2f} s / {other.total_seconds():.2f} s" for one, other in took)
    print(f"\nfrom withdrawal to notice, revoked / recalled, {RATE:.0f} reports/s: {told_after}")  # noqa: T201  a measurement
    assert max(one for one, _ in took) <= PROMISED


def test_a_parked_outlet_holds_up_what_was_recalled_and_not_what_was_revoked(relay: World) -> None:
    admin = AdminClient(relay.stack.admin_config())
    topic = "slt.out.cedar"
    consent(relay, "dogwood", 1)
    relay.report("dogwood", "before")
    until(lambda: shown(relay, "cedar", "dogwood"), "the alert at cedar")
    denial = (ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, "User:deliver", "*", AclOperation.WRITE,
              AclPermissionType.DENY)  # fmt: skip
    for created in admin.create_acls([AclBinding(*denial)]).values():
        created.result(30)
    numbers = count()
    until(lambda: parked_after(relay, topic, next(numbers)), "the parked outlet in slt.progress")
    ended = consent(relay, "dogwood", 2, state="WITHDRAWN", mode="RECALL")
    revoked = confirmation(relay, "dogwood", ended.offset, "REVOKED_CONFIRMED")
    print(f"\nwith a parked outlet: {(revoked.at - ended.at).total_seconds():.2f} s")  # noqa: T201  a measurement
    assert revoked.at - ended.at <= PROMISED
    assert "RECALLED_CONFIRMED" not in told(relay, "dogwood", ended.offset)
    for deleted in admin.delete_acls([AclBindingFilter(*denial)]).values():
        deleted.result(30)
    recalled = confirmation(relay, "dogwood", ended.offset, "RECALLED_CONFIRMED")
    assert [at for at in shown(relay, "cedar", "dogwood") if at > revoked.value["at"]] == []
    recalls = [each for each in records(relay, topic) if each.kind == "recall" and each.at > ended.at]
    assert {each.key for each in recalls} == keys(relay, "cedar", "dogwood")  # what never got there is not recalled
    assert all(each.at <= recalled.value["at"] for each in recalls)


def parked_after(world: World, topic: str, number: int) -> bool:
    """Whether it is parked after one report more: until the broker's authoriser knows the denial, that gets there."""
    world.report("dogwood", f"meanwhile-{number}", headline=f"Another invented incident {number}")
    return parked(world, topic)


def parked(world: World, topic: str) -> bool:
    """Whether any resume point's newest record lists the outlet."""
    newest = {each.key: each.value for each in records(world, "slt.progress") if each.key.startswith("deliver/")}
    return any(each["topic"] == topic for value in newest.values() for each in value["parked"])


def test_while_distribute_stands_still_nothing_is_confirmed(relay: World) -> None:
    assert relay.supervisor is not None
    consent(relay, "rowan", 1)
    pids = [slot.pid for slot in relay.supervisor.slots if slot.stage == Stage.DISTRIBUTE and slot.pid]
    assert len(pids) == 2
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        ended = consent(relay, "rowan", 2, state="WITHDRAWN", mode="PROSPECTIVE")
        until(lambda: oldest(relay) == ended.at.timestamp(), "the end among those that wait")
        receipts = len(records(relay, "slt.notices.rowan"))
        relay.report("rowan", "later")
        until(lambda: len(records(relay, "slt.notices.rowan")) > receipts, "a later notice")
        assert told(relay, "rowan", ended.offset) == {}
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    confirmation(relay, "rowan", ended.offset, "REVOKED_CONFIRMED")
    until(lambda: oldest(relay) == 0, "nothing that waits")
    assert set(told(relay, "rowan", ended.offset)) == {"REVOKED_CONFIRMED"}  # nothing is taken back


def oldest(world: World) -> float:
    assert world.supervisor is not None
    with urllib.request.urlopen(f"http://{world.supervisor.slot('confirm').metrics}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    name = 'slt_unconfirmed_timestamp_seconds{status="REVOKED_CONFIRMED"}'
    return next(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


def test_a_restart_goes_on_after_what_was_confirmed(relay: World) -> None:
    assert relay.supervisor is not None
    consent(relay, "birch", 1)
    relay.supervisor.kill("confirm")
    ended = consent(relay, "birch", 2, state="WITHDRAWN", mode="PROSPECTIVE")
    confirmation(relay, "birch", ended.offset, "REVOKED_CONFIRMED")
    every = [each.key for org in ORGS for each in records(relay, f"slt.notices.{org}") if each.kind == "consent_status"]
    assert len(every) == len(set(every))
