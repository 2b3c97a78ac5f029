"""The whole local stack: Kafka and Redis with their secrets, provisioned, in one folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from services.runtime import provision
from services.runtime.local.broker import Broker, Cluster, Node, new_cluster_id
from services.runtime.local.certificates import certificates
from services.runtime.local.process import StackError, free_ports, listening
from services.runtime.local.redis import RedisServer
from services.runtime.secrets import administrator_key, private_folder, secret
from services.runtime.settings import Settings
from services.runtime.topics import Catalogue

_NAME, _ADDRESS = "localhost", "127.0.0.1"
_START_SECONDS = 180.0


@dataclass(frozen=True)
class Size:
    """How large a local stack is."""

    lanes: int = 4
    brokers: int = 1
    heap_mb: int = 1024


class LocalStack:
    """Kafka and Redis on loopback; leave the context, or let the launcher die, and nothing is left running.

    Start it in a thread that lives as long as the stack: the processes are killed when that thread ends.
    """

    def __init__(self, folder: Path, size: Size) -> None:
        """Lay out folder, secrets and configuration. A folder of an earlier stack is taken over with its data."""
        self.folder = private_folder(folder.resolve())
        self._size = size
        self._secrets = private_folder(self.folder / "secrets")
        self._password = secret(self._secrets / "admin.password")
        self._cluster_id = secret(self.folder / "cluster.id", new_cluster_id)
        certificates(self._secrets, (_NAME, _ADDRESS))
        ports = iter(free_ports(3 * size.brokers + 2))
        self.nodes = tuple(
            Node(number + 1, _NAME, _ADDRESS, next(ports), next(ports), next(ports)) for number in range(size.brokers)
        )
        self._redis_port, self._console_port = next(ports), next(ports)
        self.settings_file = self.folder / "settings.toml"
        self._write_settings()
        self.settings = Settings.load(self.settings_file)
        self.logs = self.folder / "logs"
        self._redis = RedisServer(self._secrets, self.logs, self._redis_port, secret(self._secrets / "redis.password"))
        self.brokers = tuple(self._broker(node) for node in self.nodes)

    @classmethod
    @contextmanager
    def start(
        cls, folder: Path, *, orgs: Sequence[str] = (), lanes: int = 4, brokers: int = 1, heap_mb: int = 0
    ) -> Iterator[LocalStack]:
        """A running, provisioned stack (`heap_mb` 0: 1,024 for one broker, else 512 each)."""
        stack = cls(folder, Size(lanes, brokers, heap_mb or (1024 if brokers == 1 else 512)))
        try:
            stack.up()
            stack.provision(orgs)
            yield stack
        finally:
            stack.down()

    def up(self) -> None:
        """Start everything and wait until the brokers answer."""
        self._redis.start()
        with ThreadPoolExecutor(len(self.nodes)) as pool:
            list(pool.map(self._prepare, self.nodes, self.brokers))
        for broker in self.brokers:
            broker.start()
        self._wait()

    def down(self) -> None:
        """Stop everything, the brokers together (a last one alone would wait for a quorum)."""
        with ThreadPoolExecutor(len(self.brokers)) as pool:
            list(pool.map(Broker.stop, self.brokers))
        self._redis.stop()

    def provision(self, orgs: Sequence[str]) -> provision.Provisioned:
        """Topics, users and ACLs of the catalogue for these organisations; what exists stays."""
        return provision.provision(self.settings, self.admin_config(), Catalogue.load(), orgs)

    def admin_config(self) -> dict[str, Any]:
        """Client configuration of the broker's administrator."""
        return provision.admin_config(self.settings)

    def pids(self) -> tuple[int, ...]:
        """The brokers' and Redis's process ids."""
        return (*(broker.pid for broker in self.brokers), self._redis.pid)

    def kill_broker(self, number: int = 1) -> None:
        """kill -9 of one broker; `restart_broker` brings it back."""
        self.brokers[number - 1].kill()

    def restart_broker(self, number: int = 1) -> None:
        """Stop one broker cleanly (if it runs), start it again and wait until all answer."""
        self.brokers[number - 1].stop()
        self.brokers[number - 1].start()
        self._wait()

    def redis_flush(self) -> None:
        """FLUSHALL: losing Redis must lose nothing."""
        password = self.settings.secret("redis.password").decode()
        with redis.Redis.from_url(self.settings.redis, password=password) as client:
            client.flushall()

    def _broker(self, node: Node) -> Broker:
        folder = private_folder(self.folder / f"kafka-{node.number}")
        return Broker(folder, self.logs, self._size.heap_mb)

    def _prepare(self, node: Node, broker: Broker) -> None:
        cluster = Cluster(self.nodes, self._password, str(self._secrets))
        properties = cluster.properties(node, str(self.folder / f"kafka-{node.number}" / "data"))
        broker.prepare(properties, self._cluster_id, self._password)

    def _write_settings(self) -> None:
        secret(self._secrets / "master.key")
        values = {
            "bootstrap": ",".join(f"{_ADDRESS}:{node.stages}" for node in self.nodes),
            "partner_bootstrap": ",".join(f"{_NAME}:{node.partners}" for node in self.nodes),
            "ca": "secrets/ca.pem",
            "secrets": "secrets",
            "access_log": "logs",
            "administrator_public_key": administrator_key(self._secrets / "administrator.key"),
            "redis": f"redis://{_ADDRESS}:{self._redis_port}/0",
            "console": f"{_ADDRESS}:{self._console_port}",
            "metrics_targets": "targets.json",
        }
        lines = [f'{key} = "{value}"' for key, value in values.items()]
        lines += [f"lanes = {self._size.lanes}", f"replication = {min(3, self._size.brokers)}"]
        self.settings_file.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _wait(self) -> None:
        """Until every broker is in the metadata; StackError when one ends or none answers in time."""
        ports = [self._redis_port, *(node.stages for node in self.nodes)]
        self._until(lambda: all(map(listening, ports)))
        admin = AdminClient(self.admin_config())
        self._until(lambda: _brokers(admin) == len(self.nodes))

    def _until(self, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not ready():
            for broker in self.brokers:
                broker.check()
            if time.monotonic() > deadline:
                raise StackError(f"no answer from Kafka or Redis within {_START_SECONDS:.0f} s; logs: {self.logs}")
            time.sleep(0.05)


def _brokers(admin: AdminClient) -> int:
    try:
        return len(admin.list_topics(timeout=1).brokers)
    except KafkaException:
        return 0
