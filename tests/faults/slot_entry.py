"""A slot process for the fault tests: `python -m tests.faults.slot_entry MUTANT TOPICS --config FILE --slot N`."""

from __future__ import annotations

import sys
from typing import Any

from services.runtime import kafka, kafka_broker, slot
from services.runtime.observer import Unwatched
from tests.contract.rules import processor
from tests.faults.mutants import MUTANTS, Slow

if __name__ == "__main__":
    mutant, topics, *rest = sys.argv[1:]

    def member(settings: Any, stage: str, number: int, **extra: Any) -> dict[str, Any]:
        """Every test has a group of its own: no member of another test is waited for."""
        return kafka.member(settings, stage, number, **extra) | {"group.id": f"{stage}.{topics}"}

    kafka_broker.member = member
    Slow.pause = 1.0
    slot.StageMetrics = lambda *_: Unwatched()  # type: ignore[assignment, misc]  # its labels are the relay's own topics
    sys.exit(slot.main(processor(topics), rest, MUTANTS[mutant] if mutant != "product" else kafka_broker.KafkaBroker))
