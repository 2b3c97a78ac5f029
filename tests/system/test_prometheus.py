"""The rules and dashboards as Prometheus itself reads them, and an exporter as it scrapes it."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from services.core.stage import Outcome
from services.runtime.dashboards import DASHBOARDS
from services.runtime.metrics import StageMetrics, start_exporter
from services.runtime.processor import Stage

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "prometheus"
SECONDS = 30


def tool(name: str) -> str:
    path = shutil.which(name)
    assert path, f"{name} is missing: apt-get install prometheus"
    return path


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([tool("promtool"), *arguments], capture_output=True, text=True, check=False, timeout=120)


def test_the_configuration_and_the_rules_are_valid() -> None:
    done = promtool("check", "config", str(FOLDER / "prometheus.yml"))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("cases", ["rules_test.yaml", "rules_latency_test.yaml"])
def test_every_alert_fires_when_it_should_and_only_then(cases: str) -> None:
    done = promtool("test", "rules", str(FOLDER / cases))
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_failing_case_is_seen_failing(tmp_path: Path) -> None:
    rules = (FOLDER / "rules.yaml").read_text().replace("slt_conservation_gap) != 0", "slt_conservation_gap) > 5")
    (tmp_path / "rules.yaml").write_text(rules)
    shutil.copy(FOLDER / "rules_test.yaml", tmp_path)
    assert promtool("test", "rules", str(tmp_path / "rules_test.yaml")).returncode == 1


def test_every_expression_of_a_dashboard_parses(tmp_path: Path) -> None:
    expressions = [panel.expression for dashboard in DASHBOARDS for panel in dashboard.panels]
    rules = [{"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(expressions)]
    (tmp_path / "panels.yaml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    done = promtool("check", "rules", str(tmp_path / "panels.yaml"))
    assert done.returncode == 0, done.stderr


@pytest.fixture
def stage() -> Iterator[tuple[StageMetrics, int]]:
    registry = CollectorRegistry()
    metrics = StageMetrics(Stage.ENRICH, 0, registry)
    server, thread = start_exporter(0, registry)
    yield metrics, server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def prometheus(tmp_path: Path, stage: tuple[StageMetrics, int]) -> Iterator[str]:
    """A Prometheus on the project's own configuration, scraping the exporter of `stage` every second."""
    settings = (FOLDER / "prometheus.yml").read_text().replace("interval: 5s", "interval: 1s")
    (tmp_path / "prometheus.yml").write_text(settings)
    shutil.copy(FOLDER / "rules.yaml", tmp_path)
    target = {"targets": [f"127.0.0.1:{stage[1]}"], "labels": {"stage": "enrich", "slot": "0"}}
    (tmp_path / "targets.json").write_text(json.dumps([target]))
    (tmp_path / "alertmanagers.json").write_text("[]")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [
        tool("prometheus"), f"--config.file={tmp_path / 'prometheus.yml'}", f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address={address}",
    ]  # fmt: skip
    with (tmp_path / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        yield f"http://{address}"
        process.terminate()
        process.wait(10)


def ask(url: str, expression: str) -> list[dict[str, Any]]:
    """The samples of an expression as soon as there are any."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/api/v1/query?query={urllib.parse.quote(expression)}") as answer:
                found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        except urllib.error.URLError:
            found = []
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"nothing for {expression} within {SECONDS} s")


def test_prometheus_scrapes_a_stage_under_the_labels_of_the_catalogue(
    prometheus: str, stage: tuple[StageMetrics, int]
) -> None:
    metrics, port = stage
    metrics.inputs("slt.reports", 3, 10)
    metrics.outcome("slt.reports", 3, Outcome.LOCATED, 8)
    metrics.committed(0.01, 8)
    (gap,) = ask(prometheus, "slt_conservation_gap == 2")
    assert {name: value for name, value in gap["metric"].items() if name != "__name__"} == {
        "stage": "enrich", "topic": "slt.reports", "partition": "3", "instance": f"127.0.0.1:{port}", "job": "slt",
        "slot": "0",
    }  # fmt: skip
    (alert,) = ask(prometheus, 'ALERTS{alertname="SltConservationGap",alertstate="pending"}')
    assert alert["metric"]["partition"] == "3"
