"""Makes a cluster what schemas/topics.yaml says: topics, users and ACLs, all generated; what exists is left alone.

An organisation that joins later is the same call. First offsets are committed for groups that nobody is in; the broker
refuses that for a group at work, so a slot takes a partition without a committed offset from its first record
(`auto.offset.reset=error` stays: it then means that a committed offset has been lost to retention).
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
)

from services.runtime import kafka
from services.runtime.brokerside import SECONDS, acls, done, put_users, result, users
from services.runtime.processor import Stage
from services.runtime.rights import acl_bindings
from services.runtime.secrets import secret
from services.runtime.settings import Settings, SettingsError
from services.runtime.topics import ADMIN, CANARY, Catalogue, Topic

_ORG = re.compile(r"[a-z][a-z0-9-]{1,30}")
_ON_ITS_WAY = {
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._WAIT_COORD,
}
_T = TypeVar("_T")


class ProvisionError(Exception):
    """The cluster cannot be made what it should be; the text says why."""


@dataclass(frozen=True)
class Provisioned:
    """How much one call had to do; all zero when everything was there."""

    topics: int
    users: int
    acls: int
    offsets: int


def admin_config(settings: Settings) -> dict[str, Any]:
    """Client configuration of the broker's administrator."""
    patience = {"socket.timeout.ms": int(SECONDS * 1000)}  # hundreds of topics at once take a broker a while
    return {**kafka.COMMON, **kafka.security(settings, ADMIN), **patience}


def check_orgs(catalogue: Catalogue, orgs: Iterable[str]) -> None:
    """ProvisionError for the first id that is malformed or reserved for the relay itself."""
    reserved = {ADMIN, "partner", "everyone", *catalogue.stages}
    for org in orgs:
        if not _ORG.fullmatch(org):
            raise ProvisionError(f"organisation id {org!r}: use 2 to 31 of a-z, 0-9 and -, beginning with a letter")
        if org in reserved:
            raise ProvisionError(f"organisation id {org!r} is reserved: choose another")


def provision(
    settings: Settings,
    admin: Mapping[str, Any],
    catalogue: Catalogue,
    orgs: Sequence[str],
    passwords: Path | None = None,
) -> Provisioned:
    """Create what is missing for these organisations; passwords that are missing are made in the folder `passwords`.

    `passwords` defaults to the settings' secrets. ProvisionError if an id is not allowed or the broker refuses.
    """
    check_orgs(catalogue, orgs)
    everyone = tuple(dict.fromkeys((CANARY, *orgs)))
    client = AdminClient(dict(admin))
    expected = catalogue.expected(everyone)
    topics = create_topics(client, settings, expected)
    users = _create_users(client, (*catalogue.stages, *everyone), passwords or settings.secrets)
    acls = _create_acls(client, acl_bindings(catalogue, everyone))
    return Provisioned(topics, users, acls, _commit_first_offsets(admin, catalogue, expected, settings.lanes))


def main(argv: Sequence[str]) -> int:
    """`python -m services.runtime.provision --config FILE [ORG...]`: for containers; exit code 1 with the reason."""
    parser = argparse.ArgumentParser(description="Make topics, users and ACLs; what exists stays as it is.")
    parser.add_argument("--config", type=Path, required=True, help="settings file (TOML)")
    parser.add_argument("orgs", nargs="*", metavar="ORG", help="organisations, beside those that exist")
    given = parser.parse_args(argv)
    try:
        settings = Settings.load(given.config)
        done = provision(settings, admin_config(settings), Catalogue.load(), given.orgs)
    except (KafkaException, ProvisionError, SettingsError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{done}\n")
    return 0


def create_topics(client: AdminClient, settings: Settings, expected: Mapping[str, Topic]) -> int:
    """Make what is missing of these topics, and their settings what they should be; how many that were."""
    existing = client.list_topics(timeout=SECONDS).topics
    missing = []
    for name, topic in expected.items():
        partitions = topic.partitions or settings.lanes
        if name not in existing:
            missing.append(NewTopic(name, partitions, settings.replication, config=topic.settings()))
        elif len(existing[name].partitions) != partitions:
            raise ProvisionError(f"{name} has {len(existing[name].partitions)} partitions: set `lanes` to what it was")
    done(client.create_topics(missing, operation_timeout=SECONDS) if missing else {})
    return len(missing) + _repair_configs(client, {name: expected[name] for name in expected if name in existing})


def _repair_configs(client: AdminClient, present: Mapping[str, Topic]) -> int:
    differing = [_altered(name, present[name].settings()) for name in misconfigured(client, present)]
    done(client.incremental_alter_configs(differing) if differing else {})
    return len(differing)


def misconfigured(client: AdminClient, present: Mapping[str, Topic]) -> list[str]:
    """Those of these topics whose settings at the broker differ."""
    resources = [ConfigResource(ConfigResource.Type.TOPIC, name) for name in present]
    found = client.describe_configs(resources) if resources else {}
    return [resource.name for resource, future in found.items() if _differs(result(future), present[resource.name])]


def _differs(actual: Mapping[str, ConfigEntry], topic: Topic) -> bool:
    return any(actual[key].value != value for key, value in topic.settings().items())


def _altered(name: str, settings: Mapping[str, str]) -> ConfigResource:
    entries = [ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET) for key, value in settings.items()]
    return ConfigResource(ConfigResource.Type.TOPIC, name, incremental_configs=entries)


def _create_users(client: AdminClient, names: Sequence[str], passwords: Path) -> int:
    known = users(client)
    missing = [name for name in names if name not in known or not (passwords / f"{name}.password").exists()]
    put_users(client, {name: secret(passwords / f"{name}.password") for name in missing})
    return len(missing)


def _create_acls(client: AdminClient, wanted: Iterable[AclBinding]) -> int:
    existing = acls(client)
    missing = [binding for binding in wanted if binding not in existing]
    done(client.create_acls(missing) if missing else {})
    return len(missing)


def _commit_first_offsets(
    admin: Mapping[str, Any], catalogue: Catalogue, expected: Mapping[str, Topic], lanes: int
) -> int:
    committed = 0
    for stage in Stage:
        inputs = catalogue.inputs(stage)
        partitions = [
            TopicPartition(name, number, 0)
            for name, topic in expected.items()
            if topic in inputs
            for number in range(topic.partitions or lanes)
        ]
        committed += _commit_missing({**admin, "group.id": f"{stage}.slots"}, partitions)
    return committed


def _commit_missing(group: Mapping[str, Any], partitions: list[TopicPartition]) -> int:
    # A consumer that never joins, not the admin client: that one waits for ever for a coordinator still to come.
    consumer = Consumer({**group, "enable.auto.commit": False})
    try:
        found = _patiently(lambda: consumer.committed(partitions, timeout=SECONDS))
        first = [TopicPartition(each.topic, each.partition, 0) for each in found if each.offset < 0]
        if first:
            _patiently(lambda: consumer.commit(offsets=first, asynchronous=False))
    except KafkaException as error:
        if error.args[0].code() != KafkaError.UNKNOWN_MEMBER_ID:  # the group is at work: see the module's text
            raise
        return 0
    finally:
        consumer.close()
    return len(first)


def _patiently(call: Callable[[], _T]) -> _T:
    """Repeat while the group's coordinator is on its way; KafkaException when it takes longer than `SECONDS`."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            return call()
        except KafkaException as error:
            if error.args[0].code() not in _ON_ITS_WAY or time.monotonic() > deadline:
                raise
        time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
