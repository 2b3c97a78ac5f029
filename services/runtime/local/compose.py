"""Writes what docker-compose.yml mounts: `python -m services.runtime.local.compose [--brokers 3]`.

Secrets, certificates, settings and the brokers' configuration of one installation, in build/compose; the same template
and the same secrets as the local stack. What exists is kept, so a second call changes no password.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from services.core.sioc import SIOC
from services.runtime.local.broker import Cluster, Node, format_arguments, new_cluster_id
from services.runtime.local.certificates import certificates
from services.runtime.local.process import ROOT
from services.runtime.local.redis import configuration
from services.runtime.registry import OFFICER
from services.runtime.secrets import administrator_key, private_folder, secret, write_private
from services.runtime.topics import ADMIN, CANARY, Catalogue

FOLDER = ROOT / "build" / "compose"
_INSIDE = "/slt"
"""Where a container finds its own folder."""


def main(argv: Sequence[str]) -> int:
    """Write the folder and say what to do next."""
    parser = argparse.ArgumentParser(description="Write secrets and configuration for docker compose.")
    parser.add_argument("--brokers", type=int, choices=(1, 3), default=1, help="size of the Kafka cluster")
    brokers = parser.parse_args(argv).brokers
    render(FOLDER, brokers)
    profile = "--profile three-brokers " if brokers == 3 else ""
    sys.stdout.write(f"docker compose --env-file {FOLDER.relative_to(ROOT)}/.env {profile}up --build\n")
    return 0


def render(folder: Path, brokers: int) -> None:
    """Write everything for a cluster of this size into `folder`."""
    secrets = private_folder(folder / "secrets")
    names = tuple(f"kafka-{number + 1}" for number in range(brokers))
    certificates(secrets, ("kafka-1", "kafka-2", "kafka-3", "localhost"), ("localhost", "127.0.0.1"))
    private_folder(folder / "accounts")
    for principal in (ADMIN, CANARY, SIOC, *Catalogue.load().stages):
        secret(secrets / f"{principal}.password")
    secret(secrets / "master.key")
    administrator_key(secrets / f"{SIOC}.{OFFICER}.key")  # of the representative that the administrators enter for it
    administrator = administrator_key(secrets / "administrator.key")
    redis = configuration("/tmp", "0.0.0.0", 6379, secret(secrets / "redis.password"))  # noqa: S104, S108  # in a container
    write_private(secrets / "redis.conf", redis)
    (folder / "settings.toml").write_text(f'administrator_public_key = "{administrator}"\n', encoding="utf-8")
    _render_brokers(folder, names)
    _render_environment(folder, names)


def _render_brokers(folder: Path, names: Sequence[str]) -> None:
    nodes = tuple(Node(number + 1, name, name, 9094, 9093, 9095) for number, name in enumerate(names))
    password = secret(folder / "secrets" / "admin.password")
    cluster = Cluster(nodes, password, "/run/secrets", inside="SASL_SSL", bind="0.0.0.0")  # noqa: S104  # in a container
    cluster_id = secret(folder / "cluster.id", new_cluster_id)
    for node in nodes:
        own = private_folder(folder / node.inside)
        private_folder(own / "data")
        write_private(own / "server.properties", cluster.properties(node, f"{_INSIDE}/data"))
        write_private(own / "format.args", format_arguments(cluster_id, f"{_INSIDE}/server.properties", password))


def _render_environment(folder: Path, names: Sequence[str]) -> None:
    values = {
        "SLT_USER": f"{os.getuid()}:{os.getgid()}",
        "SLT_BOOTSTRAP": ",".join(f"{name}:9093" for name in names),
        "SLT_PARTNER_BOOTSTRAP": ",".join(f"{name}:9094" for name in names),
        "SLT_HEAP": "-Xms1024m -Xmx1024m" if len(names) == 1 else "-Xms512m -Xmx512m",
        "SLT_REPLICATION": str(min(3, len(names))),
    }
    lines = [f"{key}={value}\n" for key, value in values.items()]
    (folder / ".env").write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
