"""Every login against every topic, group and transactional id: what the registry says, what the broker does, equal.

The expectation is written down here from the registry alone (obligation SLT-53, reliability.md §10); the actual is
found by trying each operation with the login's own password over TLS. Twelve invented organisations in every standing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from typing import Any, NamedTuple

import orjson
import pytest
from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.core.control import control_id
from services.core.control_read import read_control
from services.core.stage import Refusal
from services.runtime import kafka
from services.runtime.codec import Codec
from services.runtime.drift import Drift
from services.runtime.local import LocalStack
from services.runtime.topics import Catalogue
from services.runtime.wanted import load_view
from tests.support import partner_record

pytestmark = pytest.mark.kafka

STANDINGS = {
    **dict.fromkeys(("alder", "alder-two", "birch", "cedar", "dogwood", "elm"), "ACTIVE"),
    "fir": "SUSPENDED", "ginkgo": "WITHDRAWN", "hazel": "TERMINATED", "ivy": "OC_AGREED", "juniper": "APPLIED",
    "kauri": "ACTIVE",
}  # fmt: skip
SCOPES = ("read", "submit", "consent")
SUSPENDED_LOGIN, REVOKED_LOGIN = "kauri.read", "kauri.submit"
WITH_TOPICS = tuple(org for org, status in STANDINGS.items() if status != "APPLIED")
STAGES = ("intake", "distribute", "deliver")
"""Of our own stages the three that write the most; partners may use none of their names."""
FAMILIES = {
    "out": {"read": {"READ"}},
    "exercise": {"read": {"READ"}},
    "notices": {"read": {"READ"}, "submit": {"READ"}, "consent": {"READ"}},
    "in": {"submit": {"WRITE"}},
    "consent": {"consent": {"WRITE"}},
}
SECONDS = 30.0
QUIET = {"log_level": 0}
DENIED = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED,
}  # fmt: skip
Grid = set[tuple[str, str, str]]
"""Login, thing, operation: what is allowed."""


class Logins(NamedTuple):
    """One stack with the passwords of every partner's login."""

    stack: LocalStack
    passwords: Mapping[str, str]

    def config(self, login: str) -> dict[str, Any]:
        base = kafka.partner_security(self.stack.settings, "canary")
        secret = {"sasl.username": login, "sasl.password": self.passwords[login], "client.id": login}
        return {**base, **secret, **QUIET, "error_cb": _unheard}


def _unheard(_error: KafkaError) -> None:
    """What a client is refused is found in its answers."""


def credential(org: str, scope: str) -> dict[str, Any]:
    name = f"{org}.{scope}"
    state = {SUSPENDED_LOGIN: "SUSPENDED", REVOKED_LOGIN: "REVOKED"}.get(name, "ISSUED")
    return {
        "type": "credential",
        "version": 1,
        "org": org,
        "name": scope,
        "scopes": [scope],
        "state": state,
        "issue": 1,
    }


@pytest.fixture(scope="module")
def logins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Logins]:
    """The registry as control records, and the broker made to agree; no stage runs."""
    with LocalStack.start(tmp_path_factory.mktemp("matrix")) as stack:
        partners = [partner_record(org, status=status) for org, status in STANDINGS.items()]
        enter(stack, [*partners, *(credential(org, scope) for org in STANDINGS for scope in SCOPES)])
        drift = Drift(stack.settings, load_view(stack.settings))
        mended = drift.mend([*drift.rights(), *drift.topics()])
        assert Drift(stack.settings, load_view(stack.settings)).rights() == []
        yield Logins(stack, mended.passwords)


def enter(stack: LocalStack, payloads: Iterable[Mapping[str, Any]]) -> None:
    """As intake would write it, and a heartbeat, which is the clock."""
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(stack.settings.secret("administrator.key").decode()))
    codec = Codec()
    with closing(Producer({**stack.admin_config(), **kafka.PRODUCER})) as producer:
        for payload in payloads:
            found = read_control(payload)
            assert not isinstance(found, Refusal), found
            text = orjson.dumps(payload)
            value = {
                "type": found[0].value, "id": control_id(found[2]), "version": 1, "author": "admin", "signer": "root",
                "payload": text.decode(), "signature": key.sign(text), "covers_from": -1,
            }  # fmt: skip
            producer.produce("slt.control", codec.encode("control", value), f"{found[0]}/{control_id(found[2])}")
        producer.produce("slt.heartbeat", codec.encode("beat", {"by": "test"}))
        assert producer.flush(SECONDS) == 0


# -- what the registry says -------------------------------------------------------------------------------------------


def people() -> list[str]:
    """Every login that exists: not those of an organisation that was turned out, nor a revoked one."""
    every = [f"{org}.{scope}" for org, status in STANDINGS.items() if status != "TERMINATED" for scope in SCOPES]
    return [login for login in every if login != REVOKED_LOGIN]


def things() -> tuple[list[str], list[str], list[str]]:
    """Topics, groups and transactional ids."""
    families = [f"slt.{family}.{org}" for org in WITH_TOPICS for family in FAMILIES]
    ours = [name for name in Catalogue.load().expected(()) if not name.endswith(".canary")]
    groups = [
        *(f"{login}.group" for login in people()),
        *(f"{org}.group" for org in STANDINGS),
        "intake.slots",
        "alder",
    ]
    ids = [*(f"{org}.work" for org in STANDINGS), *(f"{stage}.0" for stage in STAGES)]
    return [*families, *ours], groups, ids


def expected_topics() -> Grid:
    found: Grid = set()
    for login in people():
        org, _, scope = login.partition(".")
        if STANDINGS[org] not in {"ACTIVE", "SUSPENDED", "WITHDRAWN"} or login == SUSPENDED_LOGIN:
            continue
        for family, by_scope in FAMILIES.items():
            if STANDINGS[org] == "ACTIVE" or family not in {"out", "exercise"}:
                found |= {(login, f"slt.{family}.{org}", operation) for operation in by_scope.get(scope, ())}
    return found


def expected_groups() -> Grid:
    connected = {login for login, _, _ in expected_topics()}
    connected |= {login for login in people() if STANDINGS[login.split(".")[0]] in {"ACTIVE", "SUSPENDED", "WITHDRAWN"}}
    connected -= {SUSPENDED_LOGIN}
    return {(login, f"{login}.group", operation) for login in connected for operation in ("READ", "DESCRIBE")}


# -- what the broker does ---------------------------------------------------------------------------------------------


def describes(config: dict[str, Any], topics: list[str]) -> list[str]:
    """Topics that the broker tells the login of; who may not know of one can neither read nor write it."""
    told = AdminClient(config).list_topics(timeout=SECONDS).topics
    return [topic for topic in topics if topic in told]


def reads_and_writes(config: dict[str, Any], login: str, topics: list[str]) -> Grid:
    """Topics whose records, or whose end, the login reaches, and topics that take a record of it."""
    known = describes(config, topics)
    return {*reads(config, login, known), *writes(config, login, known)}


def reads(config: dict[str, Any], login: str, topics: list[str]) -> Grid:
    """Topics whose records, or whose end, the login reaches."""
    left, found = set(topics), set()
    with closing(Consumer({**config, "group.id": f"{login}.group", "enable.partition.eof": True})) as reader:
        reader.assign([TopicPartition(topic, 0, 0) for topic in sorted(left)])
        while left:
            message = reader.poll(SECONDS)
            assert message is not None, f"{login}: no answer about {left}"
            error, topic = message.error(), message.topic() or ""
            if error is None or error.code() == KafkaError._PARTITION_EOF:
                found.add((login, topic, "READ"))
            else:
                assert error.code() in DENIED, (login, topic, error)
            left.discard(topic)
    return found


def writes(config: dict[str, Any], login: str, topics: list[str]) -> Grid:
    """Topics that take a record of the login's."""
    found, answered = set(), []

    def told(error: KafkaError | None, message: Message) -> None:
        answered.append(message.topic() or "")
        if error is None:
            found.add((login, message.topic() or "", "WRITE"))
        else:
            assert error.code() in DENIED, (login, message.topic(), error)

    with closing(Producer({**config, "message.timeout.ms": int(SECONDS * 1000)})) as producer:
        for topic in topics:
            producer.produce(topic, b"tried", b"key", partition=0, on_delivery=told)
        assert producer.flush(SECONDS) == 0
    assert sorted(answered) == sorted(topics)
    return found


def administers(config: dict[str, Any], login: str, topics: list[str]) -> Grid:
    """What needs more than reading and writing: each is asked of every topic at once."""
    client = AdminClient(config)
    resources = [ConfigResource(ConfigResource.Type.TOPIC, topic) for topic in topics]
    asked: dict[str, Mapping[Any, Future[Any]]] = {
        "DESCRIBE_CONFIGS": client.describe_configs(resources),
        "ALTER": client.create_partitions([NewPartitions(topic, 50) for topic in topics], validate_only=True),
        "DELETE": client.delete_topics(topics),
    }
    return {
        (login, str(getattr(name, "name", name)), operation)
        for operation, futures in asked.items()
        for name, future in futures.items()
        if allowed(future)
    }


def groups_used(config: dict[str, Any], login: str, groups: Iterable[str]) -> Grid:
    """Groups whose offsets the login may see, or set for a topic that exists, or delete."""
    client, found = AdminClient(config), set()
    org = login.partition(".")[0]
    topic = f"slt.notices.{org if org in WITH_TOPICS else 'alder'}"
    names = list(groups)
    seen = {
        name: client.list_consumer_group_offsets([_offsets(name, TopicPartition(topic, 0))])[name] for name in names
    }
    put = {
        name: client.alter_consumer_group_offsets([_offsets(name, TopicPartition(topic, 0, 0))])[name] for name in names
    }
    gone = client.delete_consumer_groups(names)
    for operation, futures in (("DESCRIBE", seen), ("READ", put), ("DELETE", gone)):
        found |= {(login, name, operation) for name, future in futures.items() if allowed(future)}
    return found


def _offsets(group: str, part: TopicPartition) -> ConsumerGroupTopicPartitions:
    return ConsumerGroupTopicPartitions(group, [part])


def allowed(future: Future[Any]) -> bool:
    """Whether the broker did not refuse the right: any other answer is one to somebody who may ask."""
    try:
        future.result(SECONDS)
    except KafkaException as error:
        return error.args[0].code() not in DENIED
    return True


def transacts(config: dict[str, Any], login: str, ids: Iterable[str]) -> Grid:
    """Transactional ids under which the login may begin."""
    found = set()
    for name in ids:
        if begins(Producer({**config, "transactional.id": name})):
            found.add((login, name, "WRITE"))
    return found


def begins(producer: Producer) -> bool:
    """Whether the broker gives out a transactional id; any other failure than a refusal is raised."""
    try:
        producer.init_transactions(SECONDS)
    except KafkaException as error:
        if error.args[0].code() in DENIED:
            return False
        raise
    finally:
        with suppress(KafkaException):  # closing a client that was refused says so once more
            producer.close()
    return True


def together(parts: Iterable[Any]) -> Grid:
    """All that was found, two logins at a time."""
    with ThreadPoolExecutor(4) as pool:
        return set().union(*pool.map(lambda part: part[0](*part[1:]), parts))


def difference(expected: Grid, actual: Grid) -> tuple[list[tuple[str, str, str]], list[tuple[str, str, str]]]:
    """What is missing, and what is too much."""
    return sorted(expected - actual), sorted(actual - expected)


def test_the_registry_of_the_matrix_has_every_standing(logins: Logins) -> None:
    assert len(STANDINGS) == 12
    assert set(logins.passwords) == set(people())
    assert len(expected_topics()) > 40


def test_topics_are_read_and_written_by_whom_the_registry_says(logins: Logins) -> None:
    topics = things()[0]
    asked = [(reads_and_writes, logins.config(login), login, topics) for login in people()]
    assert difference(expected_topics(), together(asked)) == ([], [])


def test_groups_are_used_by_the_login_whose_name_they_begin_with(logins: Logins) -> None:
    groups = things()[1]
    asked = [(groups_used, logins.config(login), login, groups) for login in people()]
    assert difference(expected_groups(), together(asked)) == ([], [])


def test_no_partner_administers_a_topic(logins: Logins) -> None:
    """WRITE and READ imply DESCRIBE, and nothing else does: no settings, no partitions, no deletion."""
    topics = things()[0]
    asked = [(administers, logins.config(login), login, topics) for login in people()]
    assert difference(set(), together(asked)) == ([], [])


@pytest.mark.parametrize(
    "whose",
    [
        pytest.param([f"alder.{scope}" for scope in SCOPES] + ["fir.read", SUSPENDED_LOGIN], id="some"),
        pytest.param(people(), id="everybody", marks=pytest.mark.full),
    ],
)
def test_no_partner_begins_a_transaction(logins: Logins, whose: list[str]) -> None:
    ids = things()[2]
    asked = [(transacts, logins.config(login), login, ids) for login in whose]
    assert difference(set(), together(asked)) == ([], [])


@pytest.mark.parametrize("login", ["hazel.read", REVOKED_LOGIN, "alder.other"])
def test_a_login_that_is_over_or_never_was_does_not_get_in(logins: Logins, login: str) -> None:
    codes: list[int] = []
    told: dict[str, Any] = {"error_cb": lambda error: codes.append(error.code()), "sasl.username": login, **QUIET}
    client = AdminClient({**kafka.partner_security(logins.stack.settings, "canary"), **told})
    for _ in range(100):
        if KafkaError._AUTHENTICATION in codes:
            break
        client.poll(0.1)
    assert KafkaError._AUTHENTICATION in codes


def test_a_right_too_many_and_one_too_few_are_both_seen() -> None:
    expected: Grid = {("alder.read", "slt.out.alder", "READ")}
    actual: Grid = {("alder.read", "slt.out.birch", "READ")}
    assert difference(expected, actual) == (sorted(expected), sorted(actual))
