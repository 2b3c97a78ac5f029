"""The proof of the proof: a relay with one wrong slot is found out, by the finding that fits (reliability §8, R13)."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import IsolationLevel
from confluent_kafka.admin import AdminClient

from services.runtime import supervisor
from services.runtime.processor import Stage
from tests.oracle.findings import Kind
from tests.oracle.read import hanging
from tests.oracle.scenario import Send
from tests.system.quiet import ends_of, unread
from tests.system.rig import STAGES, Load, Rig, running, until

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]
REPORTS = 300
KILLS = 3
BURST = 60
WRONG = Stage.CORRELATE
"""The stage with state in the middle of the chain, whose faults no other stage can hide."""
OUTPUT = "slt.incidents/"


# What has no fault is judged by test_proof every time, and with the mutants at full size.
RIGHT = pytest.param("right", set(), marks=pytest.mark.full)
SLOW = pytest.param("slow", False, marks=pytest.mark.full)


@contextmanager
def relay(folder: Path, mutant: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    """The whole relay, with one stage run by a mutant."""
    right = supervisor.command

    def command(slot: supervisor.Slot, settings_file: Path) -> list[str]:
        found = right(slot, settings_file)
        if slot.stage != WRONG:
            return found
        options = found[found.index("--config") :]
        return [sys.executable, "-m", "tests.faults.mutants", mutant, WRONG, *options]

    monkeypatch.setattr(supervisor, "command", command)
    with running(folder, Load(REPORTS, 0.0), dict.fromkeys(STAGES, 1)) as rig:
        yield rig


@pytest.mark.parametrize(("mutant", "found"), [("no-rewind", {Kind.LOST, Kind.BALANCE}), RIGHT])
def test_without_a_rewind_reports_are_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mutant: str, found: set[Kind]
) -> None:
    with relay(tmp_path, mutant, monkeypatch) as rig:
        rig.load(30.0, [_kill, _kill])
        findings = rig.settled(0.0 if found else 120.0)

    assert findings.kinds() >= found, findings.table()
    assert bool(findings) is bool(found), findings.table()


def test_state_that_is_remembered_before_the_send_loses_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with relay(tmp_path, "remember-first", monkeypatch) as rig:
        for burst in _bursts(rig):
            rig.submitter.send(burst)
            until(lambda: bool(_open(rig)), "no transaction was open")
            rig.kill(WRONG)
        findings = rig.settled(0.0)

    lost = [finding.what for finding in findings.found if finding.kind is Kind.LOST]
    assert "called a duplicate, and there is no original" in lost, findings.table()


@pytest.mark.parametrize(("mutant", "stays"), [("random-id", True), SLOW])
def test_a_random_transactional_id_keeps_readers_behind_an_open_transaction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mutant: str, stays: bool
) -> None:
    with relay(tmp_path, mutant, monkeypatch) as rig:
        found = any(_hangs_after_a_kill(rig, burst) for burst in _bursts(rig))

    assert found is stays


def _kill(rig: Rig) -> None:
    rig.kill(WRONG)


def _bursts(rig: Rig) -> Iterator[Sequence[Send]]:
    """After the set-up, pieces of the load that take more than one moment to work through."""
    *setup, load = rig.plan.phases
    for phase in setup:
        rig.submitter.send(phase)
        rig.quiet()
    yield from (load[start : start + BURST] for start in range(0, BURST * KILLS, BURST))


def _hangs_after_a_kill(rig: Rig, burst: Sequence[Send]) -> bool:
    """Killed inside a transaction; its successor has passed the whole input, and what was left open still is."""
    rig.submitter.send(burst)
    until(lambda: bool(_open(rig)), "no transaction was open")
    rig.kill(WRONG)
    until(lambda: _all_passed(rig), "the successor made no progress", 90.0)
    return any(finding.kind is Kind.HANGING and finding.where.startswith(OUTPUT) for finding in rig.judge().found)


def _open(rig: Rig) -> list[str]:
    return [where for where in hanging(rig.stack.admin_config()) if where.startswith(OUTPUT)]


def _all_passed(rig: Rig) -> bool:
    config = rig.stack.admin_config()
    return not unread(config, WRONG, ends_of(AdminClient(config), IsolationLevel.READ_COMMITTED))
