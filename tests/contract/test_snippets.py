"""Every example of docs/partners.md, as it stands there, against the real broker over TLS."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.runtime.local import LocalStack, prerequisites
from tests.partner import RECALL, access, delivery, envelope, write

pytestmark = pytest.mark.kafka

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "partners.md"
WORDS = ("k1 1 ALERT", "k1 2 UPDATE", "k2 1 ALERT", "k2 2 RECALL")
ORG = "dogwood"
Command = Callable[[Path], list[str]]
"""Makes the command line that runs the file `reader` of a folder."""
Run = Callable[[str, Command, int], list[str]]


def snippet(name: str) -> str:
    found = re.search(rf"<!-- snippet: {name} -->\n```\w+\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found, f"docs/partners.md has no snippet {name}"
    return found[1]


@pytest.fixture(scope="module")
def folder(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the page says lies beside the examples; two incidents, one of them written twice."""
    made = tmp_path_factory.mktemp("snippets")
    partner = access(stack, ORG, made)
    partner.path.rename(made / "partner.toml")
    (made / "password.txt").write_text(partner.password)
    shutil.copy(stack.settings.secrets / "ca.pem", made / "relay-ca.pem")
    first = delivery("k1", envelope("ALERT", 1))
    recall = delivery("k2", envelope("RECALL", 2, delete_to=1), "recall", RECALL)
    newer = delivery("k1", envelope("UPDATE", 2, replace_to=1))
    pulse = delivery("pulse", None, "pulse", {"at": first.at})
    write(stack, [pulse, first, first, newer, first, delivery("k2", envelope("ALERT", 1)), recall], ORG)
    return made


def python(folder: Path) -> list[str]:
    return [sys.executable, str(folder / "reader")]


def kcat(folder: Path) -> list[str]:
    if shutil.which("kcat") is None:
        pytest.skip("kcat is not installed: apt-get install kcat")
    told = subprocess.run(["kcat", "-V"], capture_output=True, text=True, check=False)
    known = re.search(r"librdkafka (\d+)\.(\d+)", told.stdout + told.stderr)
    if known is None or tuple(map(int, known.groups())) < (2, 6):
        pytest.skip("this kcat's librdkafka is older than 2.6: it cannot log in to Kafka 4 with SCRAM")
    return ["sh", str(folder / "reader")]


def java(folder: Path) -> list[str]:
    source = (folder / "reader").rename(folder / "Partner.java")
    return ["java", "-cp", f"{prerequisites.LIBS}/*", str(source)]


def node(folder: Path) -> list[str]:
    modules = ROOT / "build" / "kafkajs"
    if not (modules / "node_modules" / "kafkajs").is_dir():
        if shutil.which("npm") is None:
            pytest.skip("npm is not installed")
        modules.mkdir(parents=True, exist_ok=True)
        install = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(modules), "kafkajs@2.2.4"]
        done = subprocess.run(install, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode:
            pytest.skip(f"kafkajs cannot be installed here: {done.stderr[-200:]}")
    if not (folder / "node_modules").exists():
        (folder / "node_modules").symlink_to(modules / "node_modules")
    return ["node", str((folder / "reader").rename(folder / "reader.cjs"))]


@pytest.fixture
def run(stack: LocalStack, folder: Path) -> Iterator[Run]:
    """Runs an example until it has said as many lines as it should, and ends it."""
    running: list[subprocess.Popen[str]] = []

    def start(name: str, command: Command, count: int) -> list[str]:
        text = snippet(name).replace("relay.example.org:9093", stack.settings.partner_bootstrap)
        (folder / "reader").write_text(text.replace("demo-alder", ORG))
        process = subprocess.Popen(
            command(folder), cwd=folder, stdout=subprocess.PIPE, text=True, env=environment()
        )  # fmt: skip
        running.append(process)
        assert process.stdout
        return [process.stdout.readline().strip() for _ in range(count)]

    yield start
    for process in running:
        process.kill()
        process.communicate(timeout=10)


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "NODE_NO_WARNINGS": "1", "KAFKAJS_NO_PARTITIONER_WARNING": "1"}


@pytest.mark.parametrize(
    ("name", "command"),
    [("subscription", python), ("confluent-kafka", python), ("aiokafka", python), ("kafkajs", node), ("java", java)],
)
@pytest.mark.timeout(90)
def test_an_example_prints_each_delivery_once(run: Run, name: str, command: Command) -> None:
    assert run(name, command, len(WORDS)) == list(WORDS)


@pytest.mark.timeout(90)
def test_kcat_shows_every_record(run: Run) -> None:
    lines = [line for line in run("kcat", kcat, 7) if "slt=" in line]
    shown = [(line.split()[0], *re.findall(r"type=(\w+);id=\w+;seq=(\d+)", line)[0]) for line in lines]
    assert [" ".join((key, sequence, kind)) for key, kind, sequence in shown] == [
        "k1 1 ALERT", "k1 1 ALERT", "k1 2 UPDATE", "k1 1 ALERT", "k2 1 ALERT", "k2 2 RECALL",
    ]  # fmt: skip
