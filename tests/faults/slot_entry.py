"""A slot process for the fault tests: `python -m tests.faults.slot_entry (MUTANT|product) TOPICS --config FILE`."""

from __future__ import annotations

import sys
from typing import Any
from unittest.mock import patch

from services.runtime import kafka, kafka_broker, slot
from services.runtime.observer import Unwatched
from tests.contract.rules import processor
from tests.faults.mutants import MUTANTS, Slow

if __name__ == "__main__":
    mutant, topics, *rest = sys.argv[1:]

    def member(settings: Any, stage: str, slot: int, **extra: Any) -> dict[str, Any]:
        """Every test has a group of its own: no member of another test is waited for."""
        return kafka.member(settings, stage, slot, **extra) | {"group.id": f"{stage}.{topics}"}

    patch.object(kafka_broker, "member", member).start()
    patch.object(slot, "StageMetrics", lambda *_: Unwatched()).start()  # its labels are the relay's own topics
    Slow.pause = 1.0
    sys.exit(slot.main(processor(topics), rest, MUTANTS.get(mutant, kafka_broker.KafkaBroker)))
