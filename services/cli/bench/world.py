"""The installation that is measured: a fresh local stack, 50 recipients, four originators with standing grants."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from services.cli.bench import payload
from services.cli.bench.targets import RECIPIENTS
from services.core.control import ADMIN, Category
from services.runtime import kafka
from services.runtime.local import LocalStack
from services.runtime.local.process import ROOT, tail
from services.runtime.registry import Entry, Registry, Signers, control_key, founding
from services.runtime.submit import Submitter
from services.runtime.supervisor import Supervisor

ORIGINATORS = tuple(f"origin-{number}" for number in range(1, 5))
PARTNERS = tuple(f"partner-{number:02}" for number in range(1, RECIPIENTS + 1))
"""The recipients: all of one category, which the originators are not in."""
OUTLETS = tuple(f"slt.out.{org}" for org in PARTNERS)
NOTICES = tuple(f"slt.notices.{org}" for org in ORIGINATORS)
_ANSWER = 30.0
_PATIENCE = 60.0
_BREATH = 0.25
_AT_ONCE = 5000
Parts = Mapping[tuple[str, int], int]
"""(topic, partition) -> offset."""


class MeasureError(Exception):
    """Something that has to hold before a figure means anything does not; the text says what, and where to look."""


class World:
    """A provisioned stack with its partners registered, no stage running."""

    def __init__(self, stack: LocalStack) -> None:
        """Wrap a stack that runs."""
        self.stack = stack
        self.settings = stack.settings
        self.client = {**kafka.COMMON, **stack.admin_config()}
        self.admin = AdminClient(self.client)
        self._submitters = {org: Submitter(self.settings, org) for org in ORIGINATORS}
        self.submit_as(*ORIGINATORS)
        self._reports = payload.reports(self.settings.lanes)

    @classmethod
    @contextmanager
    def start(cls) -> Iterator[World]:
        """A stack in a folder of its own under build, which is deleted in the end."""
        (ROOT / "build").mkdir(exist_ok=True)
        with ExitStack() as opened:
            folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="bench-", dir=ROOT / "build")))
            world = cls(opened.enter_context(LocalStack.start(folder, orgs=(*ORIGINATORS, *PARTNERS))))
            opened.callback(world.close)
            world.register()
            yield world

    def close(self) -> None:
        """Let go of every client before the broker goes: they would complain until the process ends."""
        for submitter in self._submitters.values():
            submitter.close()
        del self.admin

    def register(self) -> None:
        """Enter partners and standing grants the way everybody does: signed, through intake."""
        entries = [Entry(org=org, category=Category.UNSMS) for org in ORIGINATORS]
        entries += [Entry(org=org, category=Category.INGO) for org in PARTNERS]
        signers = Signers(self.settings.secrets)
        founded = list(founding(Registry(partners=tuple(entries)), signers))
        grants = [_grant(org) for org in ORIGINATORS]
        with self.running("intake") as slots, self.reading({("slt.control", 0): 0}) as control:
            entered: set[str] = set()

            def known(payloads: Sequence[Mapping[str, Any]]) -> bool:
                messages = control.consume(_AT_ONCE, 0)
                entered.update((message.key() or b"").decode() for message in messages if message.error() is None)
                return entered >= {control_key(each) for each in payloads}

            self._consent([(ADMIN, signers.signed(ADMIN, each)) for each in founded])
            self.wait(lambda: known(founded), slots, "the registry in slt.control")
            self._consent([(each["grantor"], signers.signed(each["grantor"], each)) for each in grants])
            self.wait(lambda: known(grants), slots, "the grants in slt.control")

    @contextmanager
    def running(self, *stages: str) -> Iterator[Supervisor]:
        """One slot of each of these stages."""
        folder = self.stack.folder
        with Supervisor(self.stack.settings_file, folder, dict.fromkeys(stages, 1)) as slots:
            yield slots

    def wait(self, ready: Callable[[], bool], slots: Supervisor, what: str, patience: float = _PATIENCE) -> None:
        """Until `ready`; MeasureError if a slot ends or patience does."""
        deadline = time.monotonic() + patience
        while not ready():
            for slot in slots.slots:
                if slot.restarts:
                    raise MeasureError(f"{what}: {slot.name} ended:\n{tail(slot.log)}")
            if time.monotonic() > deadline:
                raise MeasureError(f"{what}: not within {patience:.0f} s; the slots are {_names(slots)}")
            time.sleep(_BREATH)

    # -- what goes in

    def take(self, count: int) -> list[bytes]:
        """The next reports: none is ever taken twice."""
        return list(islice(self._reports, count))

    def submit_as(self, *orgs: str) -> None:
        """From now on, reports come from these originators in turn."""
        self._turn = cycle([self._submitters[org] for org in orgs])

    def submit(self, report: bytes) -> None:
        """Hand one report to the next originator's client."""
        next(self._turn).send(report)

    def submitted(self) -> None:
        """Wait until the broker has all of them; MeasureError if it does not."""
        if not all(submitter.finish().complete for submitter in self._submitters.values()):
            raise MeasureError("the broker did not take every report")

    def withdraw(self, org: str) -> int:
        """The originator ends its standing grant and wants back what was delivered; append time in milliseconds."""
        ended = {**_grant(org), "version": 2, "state": "WITHDRAWN", "mode": "RECALL"}
        (appended,) = self._consent([(org, Signers(self.settings.secrets).signed(org, ended))])
        return appended

    # -- what is there

    def partitions(self, topics: Iterable[str]) -> list[tuple[str, int]]:
        """Every partition of these topics."""
        known = self.admin.list_topics(timeout=_ANSWER).topics
        return [(topic, number) for topic in topics for number in known[topic].partitions]

    def ends(self, topics: Iterable[str]) -> dict[tuple[str, int], int]:
        """Their end offsets."""
        wanted: dict[Any, Any] = {
            TopicPartition(*part): OffsetSpec.latest()  # type: ignore[no-untyped-call]
            for part in self.partitions(topics)
        }
        found = self.admin.list_offsets(wanted, request_timeout=_ANSWER)
        return {(part.topic, part.partition): each.result(_ANSWER).offset for part, each in found.items()}

    @contextmanager
    def reading(self, start: Parts) -> Iterator[Consumer]:
        """A reader of committed records from these offsets on."""
        settings = {**self.client, **kafka.CONSUMER, "group.id": "bench.reader", "enable.partition.eof": True}
        consumer = Consumer(settings)
        try:
            consumer.assign([TopicPartition(topic, number, at) for (topic, number), at in start.items()])
            yield consumer
        finally:
            consumer.close()

    def records(self, start: Parts) -> Iterator[Any]:
        """The committed records from these offsets to the ends, as the client has them."""
        deadline = time.monotonic() + _PATIENCE
        with self.reading(start) as consumer:
            left = len(start)
            while left:
                if time.monotonic() > deadline:
                    raise MeasureError(f"the end of {left} partitions was not reached within {_PATIENCE:.0f} s")
                for message in consumer.consume(_AT_ONCE, 0.1):
                    if message.error() is None:
                        yield message
                    else:
                        left -= 1

    def _consent(self, records: Iterable[tuple[str, bytes]]) -> list[int]:
        """Append times, milliseconds since 1970."""
        producer = Producer({**self.client, **kafka.PRODUCER})
        appended: list[int] = []
        for author, value in records:
            producer.produce(
                f"slt.consent.{author}", value, on_delivery=lambda _, message: appended.append(message.timestamp()[1])
            )
        if producer.flush(_ANSWER):
            raise MeasureError("the broker did not take every consent record")
        return appended


def _grant(org: str) -> dict[str, Any]:
    now = datetime.fromtimestamp(time.time(), UTC)
    return {
        "type": "grant", "version": 1, "grantor": org, "grant": "everything", "effect": "PERMIT", "status": "Actual",
        "kinds": ["*"], "areas": ["*"], "recipients": [f"category:{Category.INGO}"],
        "valid_from": (now - timedelta(hours=1)).isoformat(), "valid_to": (now + timedelta(days=30)).isoformat(),
    }  # fmt: skip


def _names(slots: Supervisor) -> str:
    return ", ".join(slot.name for slot in slots.slots)
