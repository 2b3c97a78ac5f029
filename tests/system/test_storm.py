"""Grants come and go twenty times a second while stages are killed: nothing leaks, and recalls are exact (P4, P5)."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.runtime.processor import Stage
from tests.oracle.recalls import recalls_due, recalls_made
from tests.oracle.storm import make_storm
from tests.system.rig import STAGES, Load, Rig, killing, running

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(400)]

WORDS = 20
"""Changes of consent a second, with as many reports among them."""
KILLED = (Stage.DISTRIBUTE, Stage.DELIVER, Stage.INTAKE)
COUNTS = {**dict.fromkeys(STAGES, 1), "confirm": 1}


def test_nothing_leaks_and_recalls_are_exact_in_a_storm_of_consents(tmp_path: Path) -> None:
    _prove(tmp_path, seconds=20, rounds=3)


@pytest.mark.full
def test_a_minute_of_storm(tmp_path: Path) -> None:
    _prove(tmp_path, seconds=60, rounds=6)


def _prove(folder: Path, seconds: int, rounds: int) -> None:
    load = Load(reports=WORDS * seconds, rate=2.0 * WORDS)
    with running(folder, load, COUNTS, make_storm) as rig:
        rig.load(load.rate, [killing(stage) for _ in range(rounds) for stage in KILLED])
        findings = rig.settled()
        assert not findings, f"{findings.table()}\n{rig.refused()}"
        assert rig.submitter.failed.total() == 0
        assert rig.kills == dict.fromkeys(KILLED, rounds)
        assert findings.totals["submissions"] == rig.plan.submissions
        assert findings.totals["refused"] == 0
        assert findings.totals["controlled"] + load.reports == rig.plan.submissions
        _prove_recalls(rig)


def _prove_recalls(rig: Rig) -> None:
    """Every delivery of what was taken back is recalled once, nothing else is; and the ends were confirmed."""
    world = rig.world()
    due, made = recalls_due(world), recalls_made(world)
    assert made == due
    assert due.total() > 100
    statuses = [entry for entry in world.under(("slt.notices.",)) if entry.kind == "consent_status"]
    assert len(statuses) > 100
    print(f"\n{due.total()} recalls, {len(statuses)} confirmations")  # noqa: T201  a measurement
