"""docker-compose.yml is held to what the code has: it is run where no test of ours runs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509

from services.runtime.local import compose
from services.runtime.local.broker import Cluster, Node
from services.runtime.local.process import ROOT
from services.runtime.settings import Settings
from services.runtime.topics import Catalogue

FILE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
MODULES = sorted(path.parent.name for path in (ROOT / "services").glob("*/main.py") if path.parent.name != "cli")
WHERE = {
    "node.id", "controller.quorum.voters", "log.dirs", "listeners", "advertised.listeners", "ssl.keystore.location",
    "ssl.truststore.location", "listener.security.protocol.map", "listener.name.controller.plain.sasl.jaas.config",
    "listener.name.stages.scram-sha-512.sasl.jaas.config",
}  # fmt: skip
"""Broker settings that say where things are, or secrets: the only ones that may differ from the local stack's."""


def properties(text: str) -> dict[str, str]:
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def local() -> dict[str, str]:
    node = Node(1, "localhost", "127.0.0.1", 1, 2, 3)
    return properties(Cluster((node,), "x", "/secrets").properties(node, "/data"))


def test_every_stage_of_the_code_has_a_service() -> None:
    assert MODULES
    run = {name for name, service in SERVICES.items() if f"services.{name}.main" in service.get("command", [])}
    assert run == set(MODULES)


@pytest.mark.parametrize("stage", MODULES)
def test_a_stage_is_started_with_options_that_it_has(stage: str) -> None:
    command = SERVICES[stage]["command"]
    assert command[:2] == ["python", "-m"]
    said = subprocess.run(
        [sys.executable, *command[1:3], "--help"], capture_output=True, text=True, cwd=ROOT, check=True
    )
    options = [word for word in command[3:] if word.startswith("--")]
    assert options
    assert [option for option in options if option not in said.stdout] == []


def test_the_environment_sets_fields_of_the_settings_only() -> None:
    fields = {f"SLT_{name.upper()}" for name in Settings.model_fields}
    for name in [*MODULES, "provision"]:
        assert set(SERVICES[name]["environment"]) <= fields


def test_settings_of_the_environment_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compose.render(tmp_path, 3)
    given = dict(line.split("=", 1) for line in (tmp_path / ".env").read_text().splitlines())
    for key, value in SERVICES["intake"]["environment"].items():
        named = re.fullmatch(r"\$\{(\w+):\?.*\}", value)
        monkeypatch.setenv(key, given[named[1]] if named else value)
    settings = Settings.load(tmp_path / "settings.toml")
    assert settings.security == "SASL_SSL"
    assert settings.replication == 3
    assert settings.bootstrap == "kafka-1:9093,kafka-2:9093,kafka-3:9093"
    assert len(bytes.fromhex(settings.administrator_public_key)) == 32


@pytest.mark.parametrize("brokers", [1, 3])
def test_the_brokers_have_the_settings_of_the_local_one(tmp_path: Path, brokers: int) -> None:
    compose.render(tmp_path, brokers)
    for number in range(brokers):
        found = properties((tmp_path / f"kafka-{number + 1}" / "server.properties").read_text())
        differing = {key for key, value in local().items() if found.get(key) != value}
        copies = {key for key in differing if key.endswith(("replication.factor", "min.isr", "insync.replicas"))}
        assert differing - copies <= WHERE
        assert set(found) == set(local())
        assert bool(copies) == (brokers == 3)
        assert found["listener.security.protocol.map"] == "PARTNERS:SASL_SSL,STAGES:SASL_SSL,CONTROLLER:SASL_SSL"


def test_nothing_is_allowed_without_an_acl() -> None:
    assert local()["authorizer.class.name"] == "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
    assert local()["allow.everyone.if.no.acl.found"] == "false"
    assert local()["super.users"] == "User:admin"
    assert local()["auto.create.topics.enable"] == "false"
    assert "PARTNERS:SASL_SSL" in local()["listener.security.protocol.map"]


def test_three_brokers_are_a_profile_and_their_names_are_in_the_certificate(tmp_path: Path) -> None:
    brokers = {name for name, service in SERVICES.items() if str(service.get("image")).startswith("apache/kafka")}
    assert {name for name in brokers if SERVICES[name].get("profiles") == ["three-brokers"]} == {"kafka-2", "kafka-3"}
    compose.render(tmp_path, 3)
    pem = (tmp_path / "secrets" / "broker.pem").read_bytes()
    certificate = x509.load_pem_x509_certificate(pem[pem.index(b"-----BEGIN CERTIFICATE") :])
    named = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert brokers <= set(named.get_values_for_type(x509.DNSName))


def test_the_kafka_version_is_that_of_the_local_stack_and_every_image_is_pinned() -> None:
    pom = (ROOT / "deploy" / "kafka" / "pom.xml").read_text(encoding="utf-8")
    version = re.search(r"<kafka.version>(.+)</kafka.version>", pom)
    assert version is not None
    assert SERVICES["kafka-1"]["image"] == f"apache/kafka:{version[1]}"
    images = [service["image"] for service in SERVICES.values()]
    images += re.findall(r"^FROM (\S+)", (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert [image for image in images if not re.search(r":v?\d+\.\d+\.\d+", image)] == []


def test_a_container_gets_the_secrets_that_it_needs_and_no_other(tmp_path: Path) -> None:
    compose.render(tmp_path, 1)
    for name, entry in FILE["secrets"].items():
        assert entry["file"] == f"./build/compose/secrets/{name}"
        assert (tmp_path / "secrets" / name).is_file()
    more = {"intake": {"master.key"}, "distribute": {"master.key"}, "projector": {"redis.password"},
            "console": {"redis.password", "console.pem", "sioc.password", "sioc.officer.key"}}  # fmt: skip
    for stage in MODULES:
        assert set(SERVICES[stage]["secrets"]) == {"ca.pem", f"{stage}.password"} | more.get(stage, set())
    assert set(Catalogue.load().stages) | {"canary"} == set(MODULES)


def test_prometheus_scrapes_every_stage_where_it_listens() -> None:
    listed = json.loads((ROOT / "deploy" / "prometheus" / "targets.compose.json").read_text(encoding="utf-8"))
    ports = {SERVICES[stage]["command"][-1]: stage for stage in MODULES}
    assert {entry["targets"][0].rpartition(":")[2]: entry["labels"]["stage"] for entry in listed} == ports
    assert {SERVICES[stage]["network_mode"] for stage in MODULES} == {"service:prometheus"}


def test_every_mounted_file_of_the_project_exists() -> None:
    mounts = [volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])]
    own = [mount for mount in mounts if not mount.startswith("./build/")]
    assert own
    assert [mount for mount in own if not (ROOT / mount).exists()] == []
