"""What the local stack needs from the machine: Java, the broker's jars (by Maven, once) and redis-server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from services.runtime.local.process import ROOT, StackError

DEPLOY = ROOT / "deploy" / "kafka"
LIBS = ROOT / "build" / "kafka" / "libs"
_PACKAGES = {"java": "default-jre-headless", "mvn": "maven", "redis-server": "redis-server"}
_OLDEST_JAVA = 17


def program(name: str) -> str:
    """The path of a program; installed on Debian as root, else StackError with the command that does it."""
    found = shutil.which(name)
    if found is None and _can_install():
        _say(f"installing {_PACKAGES[name]} (once)")
        _run(["apt-get", "update", "-qq"])
        _run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", _PACKAGES[name]])
        found = shutil.which(name)
    if found is None:
        raise StackError(f"{name} is missing: sudo apt-get install -y {_PACKAGES[name]}")
    return found


@cache
def java() -> str:
    """The path of a Java that is new enough for the broker; StackError names what to install."""
    found = program("java")
    said = subprocess.run([found, "-version"], capture_output=True, text=True, check=True).stderr  # noqa: S603
    version = re.search(r'version "(\d+)', said)
    if version is None or int(version[1]) < _OLDEST_JAVA:
        raise StackError(f"Java {_OLDEST_JAVA} or later is needed: sudo apt-get install -y openjdk-17-jre-headless")
    return found


def jars() -> Path:
    """The folder of the broker's jars; copied by Maven when deploy/kafka/pom.xml is new or has changed."""
    pom = DEPLOY / "pom.xml"
    stamp = LIBS / "pom.xml"
    if stamp.exists() and stamp.read_bytes() == pom.read_bytes():
        return LIBS
    maven = program("mvn")
    _say("fetching Apache Kafka (55 MB, once)")
    fresh = LIBS.with_name(f"libs.{os.getpid()}")
    _run([maven, "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={fresh}"])
    shutil.copy(pom, fresh)
    shutil.rmtree(LIBS, ignore_errors=True)
    fresh.rename(LIBS)
    return LIBS


def _can_install() -> bool:
    return os.geteuid() == 0 and Path("/etc/debian_version").exists()


def _run(command: list[str]) -> None:
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise StackError(f"`{' '.join(command)}` failed:\n{(done.stdout + done.stderr)[-2000:]}")


def _say(text: str) -> None:
    sys.stderr.write(f"slt: {text}\n")
    sys.stderr.flush()
