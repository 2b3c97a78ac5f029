"""The local stack on the real broker: it starts fast, refuses what has no ACL, and leaves nothing behind."""

from __future__ import annotations

import json
import logging
import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicCollection, TopicPartition
from confluent_kafka.admin import (
    AclOperation,
    AdminClient,
    ConfigResource,
    NewTopic,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from services.runtime import kafka
from services.runtime.codec import SCHEMAS
from services.runtime.local import LocalStack
from services.runtime.local.certificates import certificates
from services.runtime.provision import Provisioned, ProvisionError, provision
from services.runtime.topics import Catalogue
from tests.conftest import ORGS, StackFactory

pytestmark = pytest.mark.kafka

PATIENCE = 15.0
EVERYONE = ("canary", *ORGS)
QUIET = logging.getLogger("refused")
STAGES = ("intake", "enrich", "correlate", "distribute", "deliver", "projector")
TOPICS = yaml.safe_load((SCHEMAS / "topics.yaml").read_text(encoding="utf-8"))["topics"]


def eventually(met: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not met():
        assert time.monotonic() < deadline, "did not come about in time"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_starts_within_ten_seconds(tmp_path: Path, record_testsuite_property: Callable[[str, object], None]) -> None:
    began = time.monotonic()
    with LocalStack.start(tmp_path, orgs=ORGS):
        seconds = time.monotonic() - began
    record_testsuite_property("start_seconds", round(seconds, 2))
    load = os.getloadavg()[0]
    if seconds >= 10 and load > 2 * len(os.sched_getaffinity(0)):
        pytest.skip(f"the machine is busy with other work (load {load:.0f}): {seconds:.0f} s says nothing")
    assert seconds < 10


def test_kill_9_of_the_launcher_leaves_nothing_running(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.system.launcher", str(tmp_path / "stack")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=SCHEMAS.parent) as launcher:
        assert launcher.stdout is not None
        pids = json.loads(launcher.stdout.readline())
        assert len(pids) == 3
        assert all(alive(pid) for pid in pids)
        launcher.kill()
    eventually(lambda: not any(alive(pid) for pid in pids))


def test_a_stop_is_clean_and_a_second_start_takes_the_data_over(tmp_path: Path) -> None:
    with LocalStack.start(tmp_path, orgs=("alder",)) as stack:
        write(stack, "slt.out.alder", b"kept")
        pids = stack.pids()
        assert all(alive(pid) for pid in pids)
    assert not any(alive(pid) for pid in pids)
    assert "shut down completed" in (stack.logs / "kafka-1.log").read_text(encoding="utf-8")
    with LocalStack.start(tmp_path, orgs=("alder",)) as stack:
        assert stack.provision(("alder",)) == Provisioned(topics=0, users=0, acls=0, offsets=0)
        assert read(partner(stack, "alder"), "slt.out.alder") == b"kept"
        stack.kill_broker()
        stack.restart_broker()
        assert read(partner(stack, "alder"), "slt.out.alder") == b"kept"


def test_an_organisation_joins_while_the_slots_are_at_work(fresh_stack: StackFactory) -> None:
    stack = fresh_stack(orgs=("alder",))
    families = sum("{org}" in entry["name"] for entry in TOPICS)
    # One ACL for each topic and one for the groups; first offsets of slt.in and slt.consent.
    joined = Provisioned(topics=families, users=1, acls=families + 1, offsets=2)
    assert stack.provision(("birch",)) == joined
    slot_without_a_place = kafka.member(stack.settings, "intake", 0)
    del slot_without_a_place["group.instance.id"]  # so that it leaves when it closes
    with consumer(slot_without_a_place) as slot:
        slot.subscribe(["slt.consent.admin"])
        eventually(lambda: slot.poll(0.05) is None and bool(slot.assignment()))
        assert stack.provision(("cedar",)) == replace(joined, offsets=0)
    assert stack.provision(("cedar",)) == Provisioned(topics=0, users=0, acls=0, offsets=2)


def test_secrets_are_for_their_owner_alone_and_in_no_command_line(stack: LocalStack) -> None:
    assert stat.S_IMODE(stack.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(stack.settings.secrets.stat().st_mode) == 0o700
    private = [path for path in stack.folder.rglob("*") if path.suffix in {".password", ".key"}]
    private += [stack.folder / "kafka-1" / "server.properties", stack.settings.secrets / "redis.conf"]
    private += [stack.settings.secrets / "broker.pem"]
    assert len(private) >= len(EVERYONE) + len(STAGES)
    assert {stat.S_IMODE(path.stat().st_mode) for path in private} == {0o600}
    secrets = [path.read_text().strip() for path in private if path.suffix in {".password", ".key"}]
    places = [Path(f"/proc/{pid}/{what}") for pid in stack.pids() for what in ("cmdline", "environ")]
    visible = "".join(path.read_text(errors="replace") for path in (*places, *stack.logs.iterdir()))
    assert not [secret for secret in secrets if secret in visible]


def test_every_topic_exists_with_the_settings_of_the_catalogue(stack: LocalStack) -> None:
    admin = AdminClient(stack.admin_config())
    found = admin.list_topics(timeout=PATIENCE).topics
    expected = {name: entry for entry in TOPICS for name in names(entry)}
    assert {name for name in found if name.startswith("slt.")} == set(expected)  # other tests make topics of their own
    configs = admin.describe_configs([ConfigResource(ConfigResource.Type.TOPIC, name) for name in expected])
    for resource, future in configs.items():
        entry, actual = expected[resource.name], future.result(PATIENCE)
        assert len(found[resource.name].partitions) == {"lanes": 4}.get(entry["partitions"], entry["partitions"])
        assert actual["cleanup.policy"].value == entry["cleanup"]
        if "retention" in entry:
            assert timedelta(milliseconds=int(actual["retention.ms"].value)) == days(entry["retention"])
        if "compaction_lag" in entry:
            assert timedelta(milliseconds=int(actual["min.compaction.lag.ms"].value)) == days(entry["compaction_lag"])
        for key, value in entry.get("config", {}).items():
            assert actual[key].value == str(value)


def test_provisioning_again_changes_nothing(stack: LocalStack) -> None:
    assert stack.provision(ORGS) == Provisioned(topics=0, users=0, acls=0, offsets=0)


def test_another_number_of_lanes_is_refused(stack: LocalStack) -> None:
    other = stack.settings.model_copy(update={"lanes": 5})
    with pytest.raises(ProvisionError, match="has 4 partitions: set `lanes`"):
        provision(other, stack.admin_config(), Catalogue.load(), ORGS)


@pytest.mark.parametrize("stage", ["intake", "enrich", "correlate", "distribute", "deliver"])
def test_first_offsets_are_committed_for_every_input(stack: LocalStack, stage: str) -> None:
    inputs = {
        "intake": {"slt.consent.admin", *(f"slt.{kind}.{org}" for kind in ("in", "consent") for org in EVERYONE)},
        "enrich": {"slt.reports"},
        "correlate": {"slt.located"},
        "distribute": {"slt.incidents"},
        "deliver": {"slt.deliveries", "slt.receipts"},
    }[stage]
    found = AdminClient(stack.admin_config()).list_topics(timeout=PATIENCE).topics
    partitions = [TopicPartition(name, number) for name in inputs for number in found[name].partitions]
    with consumer(kafka.member(stack.settings, stage, 0)) as member:
        assert {each.offset for each in member.committed(partitions, timeout=PATIENCE)} == {0}


def test_a_wrong_password_is_refused(stack: LocalStack) -> None:
    assert KafkaError._AUTHENTICATION in refusals({**partner(stack, "alder"), "sasl.password": "wrong"})


def test_a_broker_with_another_authority_or_name_is_refused(stack: LocalStack, tmp_path: Path) -> None:
    certificates(tmp_path, ("localhost",))
    assert KafkaError._SSL in refusals({**partner(stack, "alder"), "ssl.ca.location": str(tmp_path / "ca.pem")})
    same_place = stack.settings.partner_bootstrap.replace("localhost", "127.1")
    assert KafkaError._SSL in refusals({**partner(stack, "alder"), "bootstrap.servers": same_place})


def test_a_partner_reads_its_own_topic_over_tls(stack: LocalStack) -> None:
    write(stack, "slt.out.cedar", b"for cedar")
    assert read({**partner(stack, "cedar"), "group.id": "cedar.console"}, "slt.out.cedar") == b"for cedar"


def test_a_partner_sees_no_topic_but_its_own(stack: LocalStack) -> None:
    visible = set(AdminClient(partner(stack, "cedar")).list_topics(timeout=PATIENCE).topics)
    assert visible == {f"slt.{kind}.cedar" for kind in ("in", "consent", "out", "exercise", "notices")}


def test_a_foreign_group_is_refused_even_with_a_name_that_begins_alike(stack: LocalStack) -> None:
    for group in ("birch.console", "elms.console"):
        with consumer({**partner(stack, "elm"), "group.id": group}) as reader:
            reader.subscribe(["slt.out.elm"])
            assert first_error(reader) == KafkaError.GROUP_AUTHORIZATION_FAILED


def test_a_user_without_acl_may_do_nothing(stack: LocalStack, tmp_path: Path) -> None:
    admin = AdminClient(stack.admin_config())
    new = UserScramCredentialUpsertion("nobody", ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 8192), b"invented")
    admin.alter_user_scram_credentials([new])["nobody"].result(PATIENCE)
    login = {**partner(stack, "alder"), "sasl.username": "nobody", "sasl.password": "invented"}
    client = AdminClient(login)
    eventually(lambda: KafkaError._AUTHENTICATION not in refusals(login))
    assert client.list_topics(timeout=PATIENCE).topics == {}
    with pytest.raises(KafkaException, match="AUTHORIZATION_FAILED"):
        client.create_topics([NewTopic("slt.out.mine", 1)])["slt.out.mine"].result(PATIENCE)
    with pytest.raises(KafkaException, match="AUTHORIZATION_FAILED"):
        client.describe_topics(TopicCollection(["slt.control"]))["slt.control"].result(PATIENCE)


@pytest.mark.parametrize("principal", [*STAGES, "canary", *ORGS])
def test_each_principal_may_do_on_every_topic_what_the_catalogue_says_and_no_more(
    stack: LocalStack, principal: str
) -> None:
    client = AdminClient({**kafka.COMMON, **kafka.security(stack.settings, principal)})
    everything = [name for entry in TOPICS for name in names(entry)]
    found = client.describe_topics(TopicCollection(everything), include_authorized_operations=True)
    refused = {name: future.exception(PATIENCE) for name, future in found.items()}
    actual = {
        name: set(future.result().authorized_operations) - {AclOperation.DESCRIBE}
        for name, future in found.items()
        if refused[name] is None
    }
    codes = {error.args[0].code() for error in refused.values() if error is not None}
    assert codes == {KafkaError.TOPIC_AUTHORIZATION_FAILED}
    assert actual == {name: allowed for name in everything if (allowed := expected_operations(principal, name))}


def test_redis_wants_its_password_and_forgets_on_flush(stack: LocalStack) -> None:
    password = stack.settings.secret("redis.password").decode()
    with (
        redis.Redis.from_url(stack.settings.redis) as stranger,
        redis.Redis.from_url(stack.settings.redis, password=password) as client,
    ):
        with pytest.raises(redis.AuthenticationError):
            stranger.ping()
        client.set("view", "1")
        stack.redis_flush()
        assert client.get("view") is None


@pytest.mark.full
def test_three_brokers_keep_working_when_one_is_killed(fresh_stack: StackFactory) -> None:
    stack = fresh_stack(orgs=("alder",), brokers=3)
    topics = AdminClient(stack.admin_config()).list_topics(timeout=PATIENCE).topics
    assert {len(each.replicas) for topic in topics.values() for each in topic.partitions.values()} == {3}
    stack.kill_broker(2)
    write(stack, "slt.out.alder", b"without the second")
    stack.restart_broker(2)
    assert read(partner(stack, "alder"), "slt.out.alder") == b"without the second"


def names(entry: Mapping[str, Any]) -> list[str]:
    """Topics of one entry of topics.yaml in the shared stack."""
    if "{org}" not in entry["name"]:
        return [entry["name"]]
    administrators = entry["name"] in {"slt.consent.{org}", "slt.notices.{org}"}  # their records have receipts too
    owners = [*EVERYONE, "admin"] if administrators else EVERYONE
    return [entry["name"].format(org=org) for org in owners]


def expected_operations(principal: str, topic: str) -> set[AclOperation]:
    """What topics.yaml lets a principal do on one topic."""
    entry = next(entry for entry in TOPICS if topic in names(entry))
    roles = {principal} if principal in STAGES else set()
    roles |= {"everyone"} if roles else set()
    roles |= {"partner"} if topic.endswith(f".{principal}") else set()
    operations = {AclOperation.READ: entry["consumers"], AclOperation.WRITE: entry["producers"]}
    return {operation for operation, people in operations.items() if roles & set(people)}


def days(text: str) -> timedelta:
    return timedelta(days=int(text.removesuffix("d")))


def partner(stack: LocalStack, org: str) -> dict[str, Any]:
    return kafka.partner_security(stack.settings, org)


@contextmanager
def consumer(config: Mapping[str, Any]) -> Iterator[Consumer]:
    with closing(Consumer(dict(config))) as opened:
        yield opened


def write(stack: LocalStack, topic: str, value: bytes) -> None:
    """As `deliver` does."""
    producer = Producer(kafka.writer(stack.settings, "deliver"))
    failed: list[KafkaError] = []
    producer.produce(topic, value, b"key", on_delivery=lambda error, _: failed.append(error) if error else None)
    assert producer.flush(PATIENCE) == 0
    assert failed == []


def read(config: Mapping[str, Any], topic: str) -> bytes:
    """The newest record of a topic, as a partner reads it: other tests of the session may have left some before it."""
    group = f"{config['sasl.username']}.test"
    with consumer({"group.id": group, **config, "auto.offset.reset": "error"}) as reader:
        end = reader.get_watermark_offsets(TopicPartition(topic, 0), timeout=PATIENCE)[1]
        reader.assign([TopicPartition(topic, 0, end - 1)])
        message = reader.poll(PATIENCE)
        assert message is not None
        assert message.error() is None
        value = message.value()
        assert value is not None
        return value


def first_error(reader: Consumer) -> int:
    message = reader.poll(PATIENCE)
    assert message is not None
    error = message.error()
    assert error is not None
    return int(error.code())


def refusals(config: Mapping[str, Any]) -> set[int]:
    """The codes of every error that a client with this login is told of while it asks for metadata."""
    codes: set[int] = set()
    told: dict[str, Any] = {"error_cb": lambda error: codes.add(error.code())}
    client = AdminClient({**config, **told}, logger=QUIET)
    try:
        client.list_topics(timeout=2)
    except KafkaException as error:
        codes.add(error.args[0].code())
    client.poll(0)
    return codes
