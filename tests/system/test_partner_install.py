"""From an empty virtual environment to the first heartbeat: three commands, at most 60 s (field.md G1)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path

import pytest

from tests.support import World

pytestmark = pytest.mark.kafka

ROOT = Path(__file__).resolve().parents[2]
SERVER_SIDE = ("redis", "structlog", "pydantic_settings", "shapely", "prometheus_client")


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """The package as a partner gets it, built from this tree."""
    tree = tmp_path / "tree"
    for folder in ("services", "schemas"):
        shutil.copytree(ROOT / folder, tree / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, tree)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", str(tree)]
    subprocess.run([*command, "--wheel-dir", str(tmp_path / "wheels")], check=True, capture_output=True, timeout=120)
    return next((tmp_path / "wheels").glob("slt_relay-*.whl"))


@pytest.mark.timeout(240)
def test_the_first_heartbeat_comes_within_a_minute(world: World, wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    bin_, settings = tmp_path / "venv" / "bin", world.stack.settings
    home = {**os.environ, "SLT_PARTNER": str(tmp_path / "partner.toml")}
    home.pop("PYTHONPATH", None)
    began = time.monotonic()
    install = [str(bin_ / "pip"), "install", "--quiet", str(wheel)]
    installed = subprocess.run(
        install, capture_output=True, text=True, env=home, cwd=tmp_path, check=False, timeout=120
    )
    if installed.returncode and "No matching distribution" in installed.stderr:
        pytest.skip("no package index can be reached from here")
    assert installed.returncode == 0, installed.stderr
    login = [
        "--bootstrap",
        settings.partner_bootstrap,
        "--org",
        "alder",
        "--ca",
        str(settings.ca),
        "--password-file",
        "-",
    ]
    password = settings.secret("alder.password")
    subprocess.run([bin_ / "slt", "login", *login], input=password, check=True, env=home, cwd=tmp_path)
    with subprocess.Popen([bin_ / "slt", "tail"], stdout=subprocess.PIPE, text=True, env=home, cwd=tmp_path) as tail:
        assert tail.stdout
        lines = iter(tail.stdout)
        assert any("heartbeat at" in line for line in lines)
        took = time.monotonic() - began
        tail.terminate()
    assert took < 60
    there = [name for name in SERVER_SIDE if _importable(bin_ / "python", name, tmp_path)]
    assert there == []


def _importable(python: Path, name: str, folder: Path) -> bool:
    return (
        subprocess.run([python, "-c", f"import {name}"], cwd=folder, check=False, capture_output=True).returncode == 0
    )
