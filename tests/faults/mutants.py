"""Three wrong slots, each with one promise broken. The proof must tell them from the right one (reliability.md §8).

`python -m tests.faults.mutants MUTANT STAGE --config FILE --slot N` runs a stage of the relay as a mutant; tests of the
runner use the classes themselves. Nothing in the product knows of them.
"""

from __future__ import annotations

import importlib
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from confluent_kafka import Producer

from services.runtime.kafka import writer
from services.runtime.kafka_broker import KafkaBroker
from services.runtime.ports import Aborted
from services.runtime.processor import Assignment, Stage
from services.runtime.settings import Settings
from services.runtime.slot import Connect, main

ABORT_EVERY = 5
STATES = ("slt.series", "slt.correlation", "slt.ledger")


class Right(KafkaBroker):
    """The control: aborts every now and then, as a busy broker makes it, and is right."""

    commits = 0

    def commit(self, offsets: Mapping[Assignment, int]) -> None:
        self.commits += 1
        if self.commits % ABORT_EVERY == 0:
            raise Aborted("a test")
        super().commit(offsets)


class NoRewind(Right):
    """After an abort it goes on from where it was: the aborted inputs are lost."""

    def rewind(self) -> None:
        """Nothing, which is the fault."""


class Slow(KafkaBroker):
    """Right, and takes its time before a commit, so that a kill hits the middle of a transaction."""

    pause = 0.0

    def commit(self, offsets: Mapping[Assignment, int]) -> None:
        time.sleep(self.pause)
        super().commit(offsets)


class RandomId(Slow):
    """A transactional id of its own for every process: readers stand still behind a dead one until its time-out."""

    @staticmethod
    def transactional_id(stage: Stage, slot: int) -> str:
        return f"{stage}.{slot}.{uuid.uuid4().hex}"


class RememberFirst(Slow):
    """Writes its state before and outside the transaction: after a crash the record is "known", and lost."""

    def __init__(self, settings: Settings, stage: Stage, slot: int, rebuilt: Callable[[], None]) -> None:
        super().__init__(settings, stage, slot, rebuilt)
        self._plain = Producer(writer(settings, stage))

    def send(self, topic: str, key: bytes, value: bytes | None, partition: int | None = None) -> None:
        if topic in STATES or topic.endswith(".state"):
            self._plain.produce(topic, value, key, -1 if partition is None else partition)
            self._plain.flush()
        else:
            super().send(topic, key, value, partition)


MUTANTS: Mapping[str, Connect] = {
    "right": Right, "slow": Slow, "no-rewind": NoRewind, "random-id": RandomId, "remember-first": RememberFirst,
}  # fmt: skip


def run(argv: Sequence[str]) -> int:
    """The exit code of the mutant's slot."""
    mutant, stage, *rest = argv
    Slow.pause = 0.5
    build: Any = importlib.import_module(f"services.{stage}.processor").build
    return main(build, rest, MUTANTS[mutant])


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
