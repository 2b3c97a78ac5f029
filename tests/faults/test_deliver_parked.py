"""Broken outlets: the others do not notice, and a mended one gets by key what it is owed (ARCHITECTURE §5 rule 11)."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from typing import Any

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)

from services.core.envelope import DeliveryType
from services.runtime.local import LocalStack
from tests.faults.deliver_kit import Log, Outlets, Sent, Slot, complete, disorder, mine, newest, orgs, repeats, wait

pytestmark = pytest.mark.kafka
ORGS = orgs("park")
NAMES = tuple(f"slt.out.{org}" for org in ORGS)
DENIED, DELETED, SMALL = NAMES[:3]
SOUND = NAMES[3:]
LARGE, LIMIT = 3000, 2000


@pytest.fixture
def slot(own_stack: LocalStack) -> Iterator[Slot]:
    slot = Slot(own_stack)
    slot.start()
    yield slot
    slot.kill()


class Faults:
    """What an administrator can do wrong with an outlet, and mend."""

    def __init__(self, stack: LocalStack) -> None:
        self._admin = AdminClient(stack.admin_config())

    def deny(self, topic: str) -> None:
        self._done(self._admin.create_acls([_denial(topic)]))

    def allow(self, topic: str) -> None:
        self._done(self._admin.delete_acls([_filter(topic)]))

    def delete(self, topic: str) -> None:
        self._done(self._admin.delete_topics([topic]))

    def create(self, topic: str) -> None:
        self._done(self._admin.create_topics([NewTopic(topic, 1, 1)]))

    def limit(self, topic: str, size: int) -> None:
        entry = ConfigEntry("max.message.bytes", str(size), incremental_operation=AlterConfigOpType.SET)
        change = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[entry])
        self._done(self._admin.incremental_alter_configs([change]))

    def _done(self, futures: Mapping[Any, Future[Any]]) -> None:
        for future in futures.values():
            future.result(30)


def _denial(topic: str) -> AclBinding:
    return AclBinding(
        ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, "User:deliver", "*", AclOperation.WRITE,
        AclPermissionType.DENY,
    )  # fmt: skip


def _filter(topic: str) -> AclBindingFilter:
    return AclBindingFilter(
        ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, "User:deliver", "*", AclOperation.WRITE,
        AclPermissionType.DENY,
    )  # fmt: skip


@pytest.mark.parametrize("written", [True, False], ids=["listed", "at once"])
def test_broken_outlets_park_and_catch_up_while_the_others_get_everything(
    own_stack: LocalStack, slot: Slot, outlets: Outlets, written: bool
) -> None:
    """Killed when the resume point lists them, or as soon as they are parked."""
    log, faults = Log(own_stack, NAMES, f"fault-{written}"), Faults(own_stack)
    parked = slot.said("outlet parked")
    log.write(60)
    wait(lambda: complete(outlets, log, NAMES), "the first deliveries")
    writer = threading.Thread(target=log.write_for, args=(8.0, 60))
    writer.start()
    faults.deny(DENIED)
    faults.delete(DELETED)
    wait(lambda: slot.said("outlet parked") >= parked + 2, "both outlets parked")
    if written:
        wait(lambda: {DENIED, DELETED} <= known_as_parked(outlets), "a resume point that lists both")
    slot.kill()  # a restart while they are parked
    slot.start()
    log_of_others = {name: len(outlets.held(name)) for name in SOUND}
    wait(lambda: all(len(outlets.held(name)) > count + 50 for name, count in log_of_others.items()), "the others go on")
    faults.allow(DENIED)
    faults.create(DELETED)
    writer.join()
    log.write(30)
    log.close()
    wait(lambda: complete(outlets, log, SOUND), "everything in the sound outlets")
    wait(lambda: complete(outlets, log, [DENIED]), "the newest of each key in the denied outlet")
    wait(lambda: log.owed[DELETED][-1] in sents(outlets, log, DELETED), "the newest in the new topic")
    for name, held in mine(outlets, log).items():
        assert repeats(held) == 0, name
        assert disorder(held) == 0, name
        assert {each.sent for each in held} <= set(log.owed[name])
        if name in SOUND and not slot.parked(name):
            assert len(held) == len(log.owed[name])


def known_as_parked(outlets: Outlets) -> set[str]:
    """The outlets that the newest resume points list."""
    newest_points = dict(outlets.resume_points())
    return {each["topic"] for point in newest_points.values() for each in point["parked"]}


def sents(outlets: Outlets, log: Log, name: str) -> set[Sent]:
    return {each.sent for each in outlets.all_held([name], f"{log.tag}-")[name]}


def test_a_recall_of_what_never_got_there_is_not_sent(own_stack: LocalStack, slot: Slot, outlets: Outlets) -> None:
    log, faults = Log(own_stack, (DENIED, SOUND[0]), "recall"), Faults(own_stack)
    log.write_one("known", 1, DeliveryType.ALERT)
    wait(lambda: complete(outlets, log, log.outlets), "the first alert")
    known = slot.said("outlet parked")
    faults.deny(DENIED)
    log.write_one("probe", 1, DeliveryType.ALERT)
    sequence = 1
    while slot.said("outlet parked") == known:
        sequence += 1
        log.write_one("probe", sequence, DeliveryType.UPDATE)
        time.sleep(0.1)
    log.write_one("known", 2, DeliveryType.UPDATE)
    log.write_one("unknown", 1, DeliveryType.ALERT)
    log.write_one("known", 3, DeliveryType.RECALL)
    log.write_one("unknown", 2, DeliveryType.RECALL)
    log.write_one("fresh", 1, DeliveryType.ALERT)
    wait(lambda: complete(outlets, log, [SOUND[0]]), "everything in the sound outlet")
    faults.allow(DENIED)
    log.write_one("later", 1, DeliveryType.ALERT)
    wait(lambda: any(each.key == f"{log.tag}-later-0" for each in sents(outlets, log, DENIED)), "the newest alert")
    got = [(each.sent.key, each.sent.sequence) for each in mine(outlets, log)[DENIED]]
    known_key, probe = f"{log.tag}-known-0", f"{log.tag}-probe-0"
    expected = [(known_key, 1), (known_key, 3), (f"{log.tag}-fresh-0", 1), (f"{log.tag}-later-0", 1)]
    assert sorted(each for each in got if each[0] != probe) == sorted(expected)
    assert (probe, sequence) in got


def test_one_record_too_large_is_refused_alone(own_stack: LocalStack, slot: Slot, outlets: Outlets) -> None:
    log, faults = Log(own_stack, (SMALL, SOUND[0]), "large"), Faults(own_stack)
    before = len(refused(outlets))
    faults.limit(SMALL, LIMIT)
    for number in range(5):
        log.write(20, size=300)  # together more than the limit, each less
        log.write_one(f"big{number}", 1, DeliveryType.ALERT, b"x" * LARGE)
    log.write(20)
    log.close()
    fitting = {each for each in log.owed[SMALL] if len(each.body) < LIMIT}
    wait(lambda: complete(outlets, log, [SOUND[0]]), "everything in the sound outlet")
    # A refused record whose key was passed by a later batch is needless; the newest of each key is there.
    wait(lambda: newest(sents(outlets, log, SMALL)) == newest(fitting), "the newest that fits of each key")
    held = mine(outlets, log)[SMALL]
    assert {each.sent for each in held} <= fitting
    assert repeats(held) == 0
    assert disorder(held) == 0
    assert sents(outlets, log, SOUND[0]) == set(log.owed[SOUND[0]])
    wait(lambda: len(refused(outlets)) == before + 5, "five in slt.dead")
    faults.limit(SMALL, 1_000_000)


def refused(outlets: Outlets) -> list[Any]:
    return [each for each in outlets.dead() if each["topic"] == SMALL and each["reason"] == "BAD_SIZE"]
