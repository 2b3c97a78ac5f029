"""Plays a scenario: sends each record with its organisation's own credentials, and waits for what must follow."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple, Protocol

import orjson
from confluent_kafka import KafkaError, Message, Producer

from services.cli.books import Books
from services.cli.reader import QUIET, Reader
from services.cli.scenario import Act, Answer, Item, Scenario, Submission, Word
from services.core.control import ADMIN
from services.core.stage import Source
from services.runtime import kafka
from services.runtime.codec import Codec
from services.runtime.local import LocalStack
from services.runtime.registry import Registry, Signers, control_key, founding

PATIENCE = 60.0
"""Seconds that an act's effects may take, on a machine that has other things to do."""
_STEP = 0.1


class Watcher(Protocol):
    """Whoever is told what happens."""

    def say(self, text: str) -> None:
        """A new act begins."""

    def progress(self, sent: int, total: int) -> None:
        """So many of the scenario's records have been sent."""


class Confirmed(NamedTuple):
    """A record that the broker has taken."""

    item: Item
    at: Source


class Player:
    """One play; `confirmed` and `problems` say afterwards how it went."""

    def __init__(self, stack: LocalStack, reader: Reader, watcher: Watcher) -> None:
        """Nothing is sent yet."""
        self._stack = stack
        self._reader = reader
        self._watcher = watcher
        self._signers = Signers(stack.settings.secrets)
        self._codec = Codec()
        self._producers: dict[str, Producer] = {}
        self._began: dict[str, float] = {}
        self._sent = 0
        self.played: list[Act] = []
        self.confirmed: list[Confirmed] = []
        self.problems: list[str] = []
        """In words: what the broker refused, and effects that did not come."""

    @property
    def books(self) -> Books:
        """What the reader has seen so far."""
        return self._reader.books

    def found(self, registry: Registry) -> bool:
        """Enter every partner and wait for slt.control; False if they do not appear."""
        payloads = list(founding(registry, self._signers))
        for payload in payloads:
            self._send(Word(ADMIN, payload))
        keys = [control_key(payload) for payload in payloads]
        return self.wait(lambda: all(map(self.books.version, keys)), "the partners in slt.control", 2 * PATIENCE)

    def play(self, scenario: Scenario, seconds: float) -> bool:
        """The whole scenario in about `seconds`; False if an act's effects did not come, which ends the play."""
        total = sum(1 for _ in scenario.items)
        due, sent = time.monotonic(), 0
        for act in scenario.acts:
            self._watcher.say(act.say)
            self._await(act)
            self._began[act.name] = time.monotonic()
            self.played.append(act)
            for item in act.items:
                due = max(due + seconds / total, time.monotonic() - 1.0)
                self._idle(due)
                self._send(item)
                sent += 1
                self._watcher.progress(sent, total)
            if not self.wait(partial(self._settled, act), f"everything of the act “{act.name}”"):
                return False
        return True

    def wait(self, ready: Callable[[], bool], what: str, patience: float = PATIENCE) -> bool:
        """Read until it is so; False, and a problem noted, if it is not so in time."""
        deadline = time.monotonic() + patience
        while not ready():
            if time.monotonic() > deadline:
                self.problems.append(f"not within {patience:.0f} s: {what}")
                return False
            self._reader.poll(_STEP)
            for producer in self._producers.values():
                producer.poll(0)
        return True

    def _await(self, act: Act) -> None:
        if act.after:
            self._idle(self._began[act.after.act] + act.after.seconds)

    def _idle(self, until: float) -> None:
        while (left := until - time.monotonic()) > 0:
            self._reader.poll(min(left, _STEP))

    def _settled(self, act: Act) -> bool:
        """Everything that was sent has an end, and everybody holds what the act says."""
        if len(self.confirmed) + len(self.problems) < self._sent or not all(map(self._ended, self.confirmed)):
            return False
        holders = self.books.holders()
        return (
            all(holders.get(series, {}) == holds for series, holds in act.holds.items())
            and all(told in self.books.told for told in act.tells)
            and not answers(self.confirmed) - self.books.standings()
        )

    def _ended(self, confirmed: Confirmed) -> bool:
        item, at = confirmed
        if isinstance(item, Word) and not item.reason:
            version: int = item.payload["version"]
            return self.books.version(control_key(item.payload)) >= version
        return isinstance(item, Answer) or bool(self.books.ends(at))

    # -- sending

    def _send(self, item: Item) -> None:
        producer = self._producers.get(item.org) or self._connect(item.org)
        self._sent += 1

        def delivered(error: KafkaError | None, message: Message) -> None:
            self._delivered(item, error, message)

        producer.produce(item.topic, self._encoded(item), on_delivery=delivered)
        producer.poll(0)

    def _connect(self, org: str) -> Producer:
        settings = self._stack.settings
        client = self._stack.admin_config() if org == ADMIN else kafka.partner_security(settings, org)
        # Their own clients, as partners have them; a busy machine is no reason to give a record up.
        config = {**kafka.COMMON, **client, **kafka.PRODUCER, **QUIET, "message.timeout.ms": int(PATIENCE * 1000)}
        producer = self._producers[org] = Producer(config)
        return producer

    def _encoded(self, item: Item) -> bytes:
        if isinstance(item, Submission):
            return item.encoded(self._codec)
        if isinstance(item, Answer):
            return item.encoded(*self.books.recall(item.org, item.series))
        now = datetime.now(UTC)  # noqa: TID251  a representative's own clock, not a rule's
        signed = self._signers.signed(item.author, item.resolved(now))
        return _forged(signed) if item.forged else signed

    def _delivered(self, item: Item, error: KafkaError | None, message: Message) -> None:
        topic, partition, offset = message.topic(), message.partition(), message.offset()
        if error is not None or topic is None or partition is None or offset is None:
            self.problems.append(f"the broker did not take a record for {item.topic}: {error.name() if error else '?'}")
        else:
            self.confirmed.append(Confirmed(item, Source(topic, partition, offset)))


def answers(confirmed: Iterable[Confirmed]) -> Counter[str]:
    """How many recalls were answered how."""
    return Counter(item.answer for item, _ in confirmed if isinstance(item, Answer))


def _forged(signed: bytes) -> bytes:
    """The same signature under another text."""
    fields = orjson.loads(signed)
    return orjson.dumps({**fields, "payload": fields["payload"] + " "})
