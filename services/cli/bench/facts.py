"""The machine: what a figure is worth depends on it."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import confluent_kafka

from services.runtime.local import prerequisites


def facts() -> Mapping[str, str]:
    """Cores, model, versions, load and date, as lines to print."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    said = subprocess.run([prerequisites.java(), "-version"], capture_output=True, text=True, check=True)  # noqa: S603
    pom = (prerequisites.DEPLOY / "pom.xml").read_text(encoding="utf-8")
    kafka = re.search(r"<kafka.version>(.*)</kafka.version>", pom)
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "cores": f"{len(os.sched_getaffinity(0))}, {model[1] if model else platform.machine()}",
        "load before": f"{os.getloadavg()[0]:.1f}",
        "python": platform.python_version(),
        "client": f"confluent-kafka {confluent_kafka.__version__}, librdkafka {confluent_kafka.libversion()[0]}",
        "broker": f"Apache Kafka {kafka[1] if kafka else 'unknown'}, {said.stderr.splitlines()[0]}",
    }
