"""A partner's day with `slt`, over TLS, with nothing but what `slt login` has written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from services.runtime.inbound import from_base64
from services.runtime.secrets import write_private
from tests.support import World, submission, until

pytestmark = pytest.mark.kafka

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "160"}
SLT = (sys.executable, "-m", "services.cli.entry")
Slt = Callable[..., str]


@pytest.fixture(scope="module")
def home(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each of two partners' configurations, logged in."""
    folder = tmp_path_factory.mktemp("partners")
    for org in ("rowan", "spindle"):
        key = folder / f"{org}.key"
        write_private(key, world.keys[org].private_bytes_raw().hex())
        login(world, org, config(folder, org), "--signer", "officer", "--signing-key", str(key))
    return folder


def config(folder: Path, org: str) -> Path:
    return folder / org / "partner.toml"


def login(world: World, org: str, path: Path, *more: str, password: str = "") -> subprocess.CompletedProcess[str]:
    settings = world.stack.settings
    given = ["--bootstrap", settings.partner_bootstrap, "--org", org, "--ca", str(settings.ca), *more]
    password = password or settings.secret(f"{org}.password").decode()
    command = [*SLT, "login", *given, "--password-file", "-", "--config", str(path)]
    return subprocess.run(command, input=password, env=ENVIRONMENT, text=True, capture_output=True, check=False)


def run(home: Path, org: str, *arguments: str, code: int = 0) -> str:
    done = subprocess.run(
        [*SLT, *arguments, "--config", str(config(home, org))], env=ENVIRONMENT, text=True, capture_output=True,
        check=False, timeout=90,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def tailing(home: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts `slt tail`; what still runs at the end is ended."""
    running: list[subprocess.Popen[str]] = []

    def start(org: str, *arguments: str) -> subprocess.Popen[str]:
        command = [*SLT, "tail", *arguments, "--config", str(config(home, org))]
        running.append(subprocess.Popen(command, env=ENVIRONMENT, text=True, stdout=subprocess.PIPE))
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.communicate(timeout=10)


def held(home: Path, org: str, what: str) -> list[dict[str, Any]]:
    rows = [orjson.loads(line) for line in run(home, org, "held", "--json").splitlines()]
    return [row[what] for row in rows if what in row]


def recalled(home: Path, before: set[str]) -> list[dict[str, Any]]:
    """What was recalled from spindle, without these messages."""
    return [row for row in held(home, "spindle", "recalled") if row["message_id"] not in before]


def test_a_report_is_granted_delivered_recalled_and_answered(world: World, home: Path, tmp_path: Path) -> None:
    """rowan reports and consents, spindle reads; then rowan takes it back, and spindle answers."""
    before = {row["message_id"] for row in held(home, "spindle", "recalled")}
    run(home, "rowan", "grant", "day", "--to", "spindle", "--series", "rowan/day-1", "--days", "30")
    world.entered("grant/rowan/day")
    report = tmp_path / "report.json"
    report.write_bytes(orjson.dumps(submission("day-1", headline="Invented: a bridge is closed")))
    assert "ACCEPTED  rowan/day-1" in run(home, "rowan", "submit", str(report))
    until(lambda: world.shown("spindle", "a bridge is closed"), "the alert at spindle")
    assert len(held(home, "spindle", "held")) == 1

    assert "version 2" in run(home, "rowan", "withdraw", "day", "--mode", "RECALL")
    (recall,) = until(lambda: recalled(home, before), "the recall at spindle")
    assert held(home, "spindle", "held") == []
    assert (recall["reason_class"], recall["removed"], recall["answer"]) == ("RCL_WITHDRAWN", 1, "")
    assert "answered DONE" in run(home, "spindle", "ack", recall["message_id"][:12])
    until(
        lambda: [read for read in world.read("slt.acks") if read.key == f"spindle/{recall['message_id']}"],
        "the answer in slt.acks",
    )
    assert recalled(home, before)[0]["sent"]
    assert "WITHDRAWN" in run(home, "rowan", "consents")
    status = orjson.loads(run(home, "spindle", "status", "--json"))
    assert (status["recalls"] - len(before), status["held"]) == (1, 0)
    assert "bridge" not in str(status)


def test_what_intake_would_refuse_is_not_sent(home: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    report.write_bytes(orjson.dumps(submission("bad-1", kind="RUMOUR")))
    assert "kind" in run(home, "rowan", "submit", str(report), code=2)


def test_tail_goes_on_at_its_cursor_and_ends_at_ctrl_c(
    world: World, home: Path, tailing: Callable[..., subprocess.Popen[str]]
) -> None:
    world.report("rowan", "tail-1", headline="Invented: tail one", initial_audience=["spindle"])
    first = tailing("spindle", "--since", "1h", "--json")
    line = _line_with(first, "tail one")
    world.report("rowan", "tail-2", headline="Invented: tail two", initial_audience=["spindle"])
    assert _line_with(first, "tail two")
    second = tailing("spindle", "--from", line["cursor"], "--json")
    assert "tail one" not in str(_line_with(second, "tail two"))
    began = time.monotonic()
    first.send_signal(signal.SIGINT)
    assert first.wait(5) == 0
    assert time.monotonic() - began < 1.0


def _line_with(process: subprocess.Popen[str], text: str) -> Any:
    assert process.stdout
    for line in process.stdout:
        if text in line:
            return orjson.loads(line)
    raise AssertionError(f"tail ended before it said {text!r}")


def test_an_empty_topic_waits_and_says_that_the_relay_lives(tailing: Callable[..., subprocess.Popen[str]]) -> None:
    quiet = tailing("spindle", "--topic", "exercise")
    with pytest.raises(subprocess.TimeoutExpired):
        quiet.wait(2)
    alive = tailing("rowan", "--last", "0")
    assert alive.stdout
    assert "heartbeat at" in alive.stdout.readline()


def test_alarms_run_a_command_with_no_content_in_it(world: World, home: Path, tmp_path: Path) -> None:
    word = "Quillfeather"
    world.report("rowan", "soon-1", kind="SECURITY_ALERT", urgency="Immediate", severity="Extreme",
                 certainty="Observed", headline=word, initial_audience=["spindle"])  # fmt: skip
    until(lambda: world.shown("spindle", word), "the alert at spindle")
    out = tmp_path / "alarms"
    command = tmp_path / "call"
    command.write_text(f"#!/bin/sh\ncat >> {out}\necho >> {out}\n")
    command.chmod(0o700)
    run(home, "spindle", "watch", "--once", "--exec", str(command))
    alarms = [orjson.loads(line) for line in out.read_bytes().splitlines() if line]
    assert [each["why"] for each in alarms] == ["IMMINENT_RISK"]
    assert word not in out.read_text()
    run(home, "spindle", "watch", "--once", "--exec", str(command))
    again = [line for line in out.read_bytes().splitlines() if line]
    assert len(again) == len(alarms)


def test_the_self_test_passes_and_its_report_is_signed(world: World, home: Path, tmp_path: Path) -> None:
    path = tmp_path / "conform.json"
    said = run(home, "spindle", "conform", "--report", str(path))
    report = orjson.loads(path.read_bytes())
    payload = report["payload"].encode()
    public: Ed25519PublicKey = world.keys["spindle"].public_key()
    public.verify(from_base64(report["signature"]), payload)
    names = {check["name"] for check in orjson.loads(payload)["checks"]}
    assert {"foreign_topic", "foreign_group", "clock", "recall", "exercise"} <= names
    assert orjson.loads(payload)["passed"]
    assert "FAILED" not in said


@pytest.mark.parametrize(
    ("org", "password", "says"), [("rowan", "wrong", "does not take this password"), ("nobody", "x", "does not take")]
)
def test_a_wrong_login_says_so_and_leaves_nothing(
    world: World, tmp_path: Path, org: str, password: str, says: str
) -> None:
    path = tmp_path / "partner.toml"
    done = login(world, org, path, password=password)
    assert (done.returncode, says in done.stderr) == (2, True), done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_topic_lists_what_is_ones_own(home: Path) -> None:
    said = run(home, "rowan", "topics")
    assert all(f"slt.{family}.rowan" in said for family in ("out", "exercise", "notices", "in", "consent"))
    assert "spindle" not in said
