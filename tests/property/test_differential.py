"""The engine against the naive reference with a seed of the day; a failure names it (`make differential` does more)."""

from __future__ import annotations

from datetime import timedelta
from random import SystemRandom

import pytest

from tests.reference import main as differential
from tests.reference.cases import RECIPIENTS
from tests.reference.histories import STEPS

SEED = SystemRandom().randrange(10**9)
DECISIONS, HELD = 20_000, 9_000


@pytest.mark.parametrize("batch", [*differential.batches(DECISIONS, SEED)], ids=lambda batch: str(batch.first))
def test_every_decision_is_that_of_the_reference(batch: differential.Batch) -> None:
    count, differences, texts = differential.compare(batch)
    assert (count, differences) == (batch.cases, 0), f"seed {SEED}\n" + "\n".join(texts)


@pytest.mark.parametrize(
    "batch", [*differential.batches(HELD, SEED, STEPS * len(RECIPIENTS))], ids=lambda batch: str(batch.first)
)
def test_after_any_history_everybody_holds_what_the_reference_says(batch: differential.Batch) -> None:
    count, differences, texts = differential.compare_histories(batch)
    assert (count, differences) == (batch.cases, 0), f"seed {SEED}\n" + "\n".join(texts)


def test_a_difference_in_what_is_held_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.core.reconcile.BACKFILL", timedelta(0))
    _, differences, texts = differential.compare_histories(differential.Batch(1, 0, 1_000))
    assert differences > 0
    assert "! decisions" in texts[0]
