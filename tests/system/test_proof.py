"""The proof: nothing lost, doubled, invented or leaked, recalls exact, while everything is killed (P1-P5, P9)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.oracle.main import main
from tests.system.rig import STAGES, Load, Rig, running, storm

ROUNDS = 3


@pytest.mark.kafka
@pytest.mark.timeout(240)
def test_promises_hold_while_everything_is_killed(tmp_path: Path) -> None:
    with running(tmp_path, Load(reports=1200, rate=40.0), dict.fromkeys(STAGES, 1)) as rig:
        _prove(rig, rate=40.0)
        _prove_by_program(rig, tmp_path / "oracle.json")


@pytest.mark.kafka
@pytest.mark.full
@pytest.mark.timeout(1200)
def test_promises_hold_at_full_size(tmp_path: Path) -> None:
    with running(tmp_path, Load(reports=20000, rate=200.0), dict.fromkeys(STAGES, 2)) as rig:
        _prove(rig, rate=200.0)


def _prove(rig: Rig, rate: float) -> None:
    rig.load(rate, storm(ROUNDS))

    findings = rig.settled()

    assert rig.submitter.failed.total() == 0
    assert not findings, findings.table()
    assert rig.kills == dict.fromkeys(STAGES, ROUNDS)
    assert findings.totals["submissions"] == rig.plan.submissions
    assert all(findings.totals[outcome] for outcome in ("delivered", "withheld", "duplicate", "refused", "controlled"))


def _prove_by_program(rig: Rig, config: Path) -> None:
    """The same verdict from the command line."""
    config.touch(mode=0o600)
    fields = {"kafka": rig.stack.admin_config(), "canaries": rig.plan.canaries, "catch_up": True}
    config.write_text(json.dumps(fields), encoding="utf-8")

    assert main(["--config", str(config)]) == 0
