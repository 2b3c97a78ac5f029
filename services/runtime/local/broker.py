"""Apache Kafka in KRaft mode: one node of the local cluster, formatted, started and stopped."""

from __future__ import annotations

import base64
import os
import string
import subprocess
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from services.runtime.local import prerequisites, process
from services.runtime.local.process import StackError
from services.runtime.secrets import write_private

_GRACE = timedelta(seconds=15)
_JVM = ("-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35", "-Djava.awt.headless=true")
_SHORT_JVM = ("-Xmx128m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")


@dataclass(frozen=True)
class Node:
    """Where one broker listens: the names that partners and stages reach it by, and three ports."""

    number: int
    outside: str
    inside: str
    partners: int
    stages: int
    controller: int

    def advertised(self) -> str:
        """`advertised.listeners` of this node."""
        return f"PARTNERS://{self.outside}:{self.partners},STAGES://{self.inside}:{self.stages}"

    def listeners(self, bind: str) -> str:
        """`listeners` of this node on one address."""
        ports = {"PARTNERS": self.partners, "STAGES": self.stages, "CONTROLLER": self.controller}
        return ",".join(f"{name}://{bind}:{port}" for name, port in ports.items())


@dataclass(frozen=True)
class Cluster:
    """What all nodes of one cluster have in common."""

    nodes: tuple[Node, ...]
    password: str
    certificates: str
    inside: str = "SASL_PLAINTEXT"
    """Protocol of the stages' and controllers' listeners; anything but loopback wants SASL_SSL."""
    bind: str = "127.0.0.1"

    def properties(self, node: Node, data: str) -> str:
        """server.properties of one node: the template of deploy/kafka, filled in. It holds the password."""
        template = string.Template((prerequisites.DEPLOY / "server.properties").read_text(encoding="utf-8"))
        size = len(self.nodes)
        return template.substitute(
            node=node.number,
            voters=",".join(f"{each.number}@{each.inside}:{each.controller}" for each in self.nodes),
            data=data,
            listeners=node.listeners(self.bind),
            advertised=node.advertised(),
            inside=self.inside,
            password=self.password,
            certificates=self.certificates,
            replication=min(3, size),
            insync=2 if size >= 3 else 1,
        )


def format_arguments(cluster_id: str, config: str, password: str) -> str:
    """An @file for `kafka-storage format`, which creates the first user: a password is in no one's argv."""
    user = f"SCRAM-SHA-512=[name=admin,iterations=8192,password={password}]"
    return "\n".join(["--cluster-id", cluster_id, "--config", config, "--add-scram", user, ""])


def new_cluster_id() -> str:
    """A random cluster id in Kafka's own form; a first hyphen would be read as an option by its tools."""
    while True:
        found = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        if not found.startswith("-"):
            return found


class Broker:
    """One broker process with its folder: `server.properties` and `data` in it, its log in `logs`."""

    def __init__(self, folder: Path, logs: Path, heap_mb: int) -> None:
        """Remember where the node lives; nothing is started."""
        self._folder = folder
        self._log = logs / f"{folder.name}.log"
        self._heap = heap_mb
        self._dump = prerequisites.LIBS / f"classes.{os.getpid()}.{folder.name}.jsa"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id; StackError when it is not running."""
        if self._process is None:
            raise StackError(f"{self._folder.name} is not running")
        return self._process.pid

    def prepare(self, properties: str, cluster_id: str, password: str) -> None:
        """Write the configuration; format the data folder unless it has been formatted before."""
        write_private(self._folder / "server.properties", properties)
        if (self._folder / "data" / "meta.properties").exists():
            return
        arguments = self._folder / "format.args"
        write_private(arguments, format_arguments(cluster_id, str(self._folder / "server.properties"), password))
        command = tool("kafka.tools.StorageTool", ["format", f"@{arguments}"])
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # our own command
        arguments.unlink()
        if done.returncode != 0:
            raise StackError(f"formatting {self._folder.name} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")

    def start(self) -> None:
        """Start the process; it is ready when the admin client gets an answer."""
        options = [f"-Xms{self._heap}m", f"-Xmx{self._heap}m", *_JVM]
        options.append(f"-Dlog4j2.configurationFile={prerequisites.DEPLOY / 'log4j2.xml'}")
        options += [f"-Dslt.access={self._log.with_suffix('')}", f"-Dslt.access.folder={self._log.parent}"]
        if not _archive().exists():  # the first broker ever: see `_archive`
            options.append(f"-XX:ArchiveClassesAtExit={self._dump}")
        command = [*_java(options), "kafka.Kafka", str(self._folder / "server.properties")]
        self._process = process.spawn(command, self._log)

    def check(self) -> None:
        """StackError with the end of its log if the process has ended."""
        if self._process is None or self._process.poll() is not None:
            raise StackError(f"{self._folder.name} has ended:\n{process.tail(self._log)}")

    def stop(self) -> None:
        """A clean stop: the log is closed, so the next start recovers nothing."""
        if self._process is not None:
            graceful = process.stop(self._process, _GRACE)
            self._process = None
            if graceful and self._dump.exists():
                self._dump.replace(_archive())

    def kill(self) -> None:
        """kill -9, as a fault."""
        if self._process is not None:
            process.kill(self._process)
            self._process = None


def tool(program: str, arguments: Sequence[str]) -> list[str]:
    """The command line of one of the broker's own tools; StackError if Java or the jars are missing."""
    return [*_java(_SHORT_JVM), program, *arguments]


def _archive() -> Path:
    """Classes that an earlier broker left behind, ready to use: a start with them takes 40 % less CPU time."""
    return prerequisites.jars() / "classes.jsa"


def _java(options: Sequence[str]) -> list[str]:
    shared = [f"-XX:SharedArchiveFile={_archive()}"] if _archive().exists() else []
    return [prerequisites.java(), *shared, *options, "-cp", f"{prerequisites.jars()}/*"]
