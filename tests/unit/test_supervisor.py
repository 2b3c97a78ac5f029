"""The supervisor starts a slot again whatever ended it, backs off when it keeps ending, and leaves none behind."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from services.runtime import supervisor
from services.runtime.supervisor import Slot, Supervisor

PATIENCE = 20.0
WAITS = "import signal; print('up', flush=True); signal.pause()"
DEAF = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True)\nwhile True: signal.pause()"
)


def eventually(met: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not met():
        assert time.monotonic() < deadline, "did not come about in time"
        time.sleep(0.01)


def runs(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    def command(slot: Slot, settings_file: Path) -> list[str]:
        return [sys.executable, "-c", program]

    monkeypatch.setattr(supervisor, "command", command)


def ups(slot: Slot) -> int:
    return slot.log.read_text(encoding="utf-8").count("up") if slot.log.exists() else 0


def test_a_killed_slot_is_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs(monkeypatch, WAITS)
    with Supervisor(tmp_path / "settings.toml", tmp_path, {"intake": 1, "deliver": 2}) as running:
        eventually(lambda: all(ups(slot) == 1 for slot in running.slots))
        before = running.slot("deliver", 1).pid
        running.kill("deliver", 1)
        eventually(lambda: ups(running.slot("deliver", 1)) == 2)
        assert running.slot("deliver", 1).pid not in {None, before}
        assert [slot.restarts for slot in running.slots] == [0, 0, 1]


def test_a_slot_that_keeps_ending_is_started_ever_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs(monkeypatch, "import time; print('up', time.monotonic(), flush=True)")
    with Supervisor(tmp_path / "settings.toml", tmp_path, {"intake": 1}) as running:
        eventually(lambda: ups(running.slots[0]) == 4)
    starts = [float(line.split()[1]) for line in running.slots[0].log.read_text(encoding="utf-8").splitlines()]
    # 0.2, 0.4 and 0.8 s at least, whatever the processes themselves take.
    assert all(
        later - earlier >= pause for earlier, later, pause in zip(starts, starts[1:], (0.2, 0.4, 0.8), strict=False)
    )


def test_a_stop_is_graceful_and_ends_the_deaf_after_two_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs(monkeypatch, DEAF)
    with Supervisor(tmp_path / "settings.toml", tmp_path, {"intake": 2}) as running:
        eventually(lambda: all(ups(slot) == 1 for slot in running.slots))
        began = time.monotonic()
    assert 2.0 <= time.monotonic() - began < PATIENCE
    assert [slot.pid for slot in running.slots] == [None, None]


def test_the_targets_name_every_exporter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs(monkeypatch, WAITS)
    with Supervisor(tmp_path / "settings.toml", tmp_path, {"enrich": 2}) as running:
        listed = json.loads((tmp_path / "targets.json").read_text(encoding="utf-8"))
        assert [entry["targets"] for entry in listed] == [[slot.metrics] for slot in running.slots]
        assert [entry["labels"] for entry in listed] == [
            {"stage": "enrich", "slot": "0"},
            {"stage": "enrich", "slot": "1"},
        ]


def test_ctrl_c_in_the_terminal_reaches_the_launcher_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs(monkeypatch, WAITS)
    with Supervisor(tmp_path / "settings.toml", tmp_path, {"intake": 1}) as running:
        eventually(lambda: ups(running.slots[0]) == 1)
        pid = running.slots[0].pid
        assert pid is not None
        assert os.getpgid(pid) != os.getpgid(0)


def test_the_command_is_what_every_stage_understands(tmp_path: Path) -> None:
    slot = Slot("enrich", 3, 9101, tmp_path)
    expected = [
        "-m",
        "services.enrich.main",
        "--config",
        str(tmp_path / "s.toml"),
        "--slot",
        "3",
        "--metrics-port",
        "9101",
    ]
    assert supervisor.command(slot, tmp_path / "s.toml")[1:] == expected
