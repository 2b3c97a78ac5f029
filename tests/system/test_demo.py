"""`slt demo --once` as a person starts it: the accounts balance, everybody holds what it should, nothing is left."""

from __future__ import annotations

import re
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from confluent_kafka import Producer
from typer.testing import CliRunner

from services.cli.main import app
from services.core.envelope import HEADER
from services.runtime.codec import Codec
from services.runtime.kafka import PRODUCER
from services.runtime.local import LocalStack

RUNNER = CliRunner()
DEADLINE = datetime(2026, 3, 2, tzinfo=UTC)
COMMAND = (sys.executable, "-c", "from services.cli.main import main; main()", "demo")


@pytest.mark.kafka
@pytest.mark.timeout(300)
def test_the_demo_balances_and_ends(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    told = subprocess.run(
        [*COMMAND, "--once", "--folder", str(folder), "--seconds", "15"],
        capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip

    assert told.returncode == 0, told.stdout[-6000:] + told.stderr[-2000:]
    assert "The accounts balance, and every partner holds exactly what it should." in told.stdout
    row = re.search(r"^\s*all((?:\s+\d+){7})", told.stdout, re.MULTILINE)
    assert row is not None
    records, *outcomes, left = map(int, row[1].split())
    assert records == sum(outcomes)
    assert left == 0
    assert re.search(r"demo-fir/shared +after \d+\.\d\d s +after \d+\.\d\d s", told.stdout)  # REVOKED, RECALLED
    assert re.search(
        r"^ +23 +16 +0 +6 +0 +0 +1 *$", told.stdout, re.MULTILINE
    )  # recalls: open, overdue, DONE … ACTED_ON
    assert "slt explain demo-juniper/r112" in told.stdout
    assert {"IMR_TEARLINE", "demo-juniper/answer", "DEN_PARTNER_CATEGORY"} <= set(re.split(r"[\s│]+", told.stdout))
    assert "kcat -F" in told.stdout
    client = folder / "demo-ironwood.conf"
    assert client.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO) == 0
    password = (folder / "secrets" / "demo-ironwood.password").read_text(encoding="utf-8").strip()
    assert password not in told.stdout + told.stderr
    assert "Traceback" not in told.stderr


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine", encoding="utf-8")
    told = subprocess.run(
        [*COMMAND, "--folder", str(tmp_path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert told.returncode == 2
    assert told.stderr.strip().count("\n") == 0
    assert "give another --folder" in told.stderr
    assert (tmp_path / "precious").read_text(encoding="utf-8") == "mine"


@pytest.mark.kafka
def test_a_partner_reads_its_own_topic_and_no_other(stack: LocalStack) -> None:
    recall = Codec().encode("recall", {"reason_class": "CONSENT", "action": "DELETE", "deadline": DEADLINE})
    producer = Producer({**stack.admin_config(), **PRODUCER})
    producer.produce("slt.notices.elm", recall, key="k", headers={HEADER: b"type=RECALL;id=m"})
    assert producer.flush(30) == 0

    told = RUNNER.invoke(app, ["read", "elm", "--topic", "notices", "--config", str(stack.settings_file)])

    assert told.exit_code == 0, told.output
    found = [orjson.loads(line) for line in told.stdout.splitlines()]
    assert [(line["key"], line["slt"], line["record"]) for line in found if line["key"] == "k"] == [
        ("k", "type=RECALL;id=m", "recall")
    ]
