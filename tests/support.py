"""A small world on the real broker: invented partners with their keys, what they send, and what they can read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import httpx
import orjson
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, Producer, TopicPartition
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.core.envelope import HEADER, Envelope, parse
from services.runtime import kafka
from services.runtime.codec import Codec
from services.runtime.local import LocalStack
from services.runtime.opening import opened
from services.runtime.signing import public_hex, sign
from services.runtime.supervisor import Supervisor

ALWAYS = {"valid_from": "2026-01-01T00:00:00+00:00", "valid_to": "2026-12-31T00:00:00+00:00"}
PATIENCE = 60.0


class Read(NamedTuple):
    """One record of a partner's topic, as the partner sees it."""

    key: str
    envelope: Envelope | None
    kind: str
    value: Mapping[str, Any]
    offset: int


class Verdict(NamedTuple):
    """What was decided for one recipient."""

    target: str
    reasons: tuple[str, ...]


def until(found: Callable[[], Any], what: str, patience: float = PATIENCE) -> Any:
    """What `found` returns once it is true; AssertionError that names what never came."""
    deadline = time.monotonic() + patience
    while not (result := found()):
        assert time.monotonic() < deadline, f"never came: {what}"
        time.sleep(0.05)
    return result


def answers(address: str) -> bool:
    """Whether somebody serves this address."""
    try:
        return httpx.get(address).status_code == 200
    except httpx.TransportError:
        return False


class World:
    """Partners of one stack, with everything that they and the administrators do."""

    def __init__(self, stack: LocalStack, orgs: Sequence[str]) -> None:
        self.stack = stack
        self.orgs = tuple(orgs)
        self.supervisor: Supervisor | None = None
        self.codec = Codec()
        self.keys = {org: Ed25519PrivateKey.generate() for org in orgs}
        root = stack.settings.secret("administrator.key").decode()
        self._root = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(root))
        client = {**kafka.COMMON, **stack.admin_config()}
        self._producer = Producer({**client, **kafka.PRODUCER})
        reader = {**client, **kafka.CONSUMER, "group.id": "world.reader", "enable.partition.eof": True}
        self._consumer = Consumer(reader)
        self._stock_consumer = Consumer({**reader, "isolation.level": "read_uncommitted"})

    def close(self) -> None:
        self._producer.flush(10)
        self._consumer.close()
        self._stock_consumer.close()

    # -- what they send

    def send(self, topic: str, values: Iterable[bytes]) -> list[int]:
        """Offsets of the records, in the order in which the broker confirmed them."""
        offsets: list[int] = []

        def confirmed(error: KafkaError | None, message: Message) -> None:
            offset = message.offset()
            assert error is None
            assert offset is not None
            offsets.append(offset)

        for value in values:
            self._producer.produce(topic, value, on_delivery=confirmed)
            self._producer.poll(0)
        assert self._producer.flush(30) == 0
        return offsets

    def administer(self, *payloads: Mapping[str, Any]) -> None:
        self.send("slt.consent.admin", [sign(payload, "root", self._root) for payload in payloads])

    def consent(self, org: str, **payload: Any) -> None:
        self.word(org, {"type": "grant", "version": 1, "grantor": org, "status": "Actual", **ALWAYS, **payload})

    def word(self, org: str, payload: Mapping[str, Any]) -> None:
        """A control record of any type, signed by the organisation's officer."""
        self.send(f"slt.consent.{org}", [sign(payload, "officer", self.keys[org])])

    def register(self, *partners: Mapping[str, Any], before: Iterable[Mapping[str, Any]] = ()) -> None:
        """Enter these partner records and their officers after `before`, and wait until all are in slt.control."""
        officers = [officer_record(partner["org"], self.keys[partner["org"]]) for partner in partners]
        self.administer(*before, *partners, *officers)
        keys = {f"partner/{partner['org']}" for partner in partners}
        keys |= {f"representative/{partner['org']}/officer" for partner in partners}
        until(lambda: keys <= {record.key for record in self.read("slt.control")}, "the registry in slt.control")

    def report(self, org: str, series: str, **fields: Any) -> None:
        self.send(f"slt.in.{org}", [orjson.dumps(submission(series, **fields))])

    def found(self, **partner: Any) -> None:
        """Enter every partner and its officer, and wait until all are in slt.control."""
        self.register(*(partner_record(org, **partner) for org in self.orgs))

    # -- what can be read

    def read(self, topic: str, isolation: str = "read_committed") -> list[Read]:
        """Every record of the topic from offset 0."""
        messages = self._messages(topic) if isolation == "read_committed" else self._stock(topic)
        return [self._opened(message) for message in messages]

    def _messages(self, topic: str) -> list[Any]:
        return drain(self._consumer, topic)

    def _stock(self, topic: str) -> list[Any]:
        """As a stock Java or aiokafka client would read it: read_uncommitted."""
        return drain(self._stock_consumer, topic)

    def _opened(self, message: Any) -> Read:
        data = message.value()
        is_raw = (message.topic() or "").startswith(("slt.in.", "slt.consent."))
        header = dict(message.headers() or ()).get(HEADER)
        kind, value = ("raw", {"bytes": data}) if is_raw else opened(self.codec, header, data)
        key = (message.key() or b"").decode()
        return Read(key, parse(header) if header else None, kind, value, message.offset())

    def entered(self, key: str, version: int = 1) -> int:
        """Offset of a control record; waits for it."""
        found: list[int] = until(
            lambda: [read.offset for read in self.read("slt.control")
                     if read.key == key and read.value["version"] == version],
            f"{key} version {version} in slt.control",
        )  # fmt: skip
        return found[0]

    def verdicts(self, series: str, after: int = -1) -> dict[str, Verdict]:
        """The newest decision on a report (originator/id) at an epoch above a control record's offset; waits for it."""

        def found() -> dict[str, Verdict]:
            values = (read.value for read in self.read("slt.decisions") if read.value["epoch"] > after)
            told = [
                {org: Verdict(one["target"], tuple(one["reasons"])) for one in ours for org in one["recipients"]}
                for value in values
                if (ours := [one for one in value["verdicts"] if one["series_id"] == series])
            ]
            return told[-1] if told else {}

        made: dict[str, Verdict] = until(found, f"a decision on {series} after {after}")
        return made

    def shown(self, org: str, word: str) -> list[Mapping[str, Any]]:
        """The accounts with this word in them that the organisation holds under any key."""
        newest = {read.key: read for read in self.out(org)}
        views = (read for read in newest.values() if read.kind == "view")
        return [account for view in views for account in view.value["accounts"] if word in str(account)]

    def out(self, org: str, family: str = "out") -> list[Read]:
        """What the partner's topic holds, heartbeats left out."""
        return [read for read in self.read(f"slt.{family}.{org}", "read_uncommitted") if read.kind != "pulse"]


def drain(consumer: Consumer, topic: str) -> list[Any]:
    """All records of a topic from its beginning to its end."""
    partitions = list(consumer.list_topics(topic, timeout=10).topics[topic].partitions)
    consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in partitions])
    ended: set[int | None] = set()
    found = []
    while len(ended) < len(partitions):
        for message in consumer.consume(1000, 0.05):
            if message.error():
                ended.add(message.partition())
            else:
                found.append(message)
    consumer.unassign()
    return found


def submission(series: str, **fields: Any) -> dict[str, Any]:
    base = {"series_id": series, "status": "Actual", "kind": "INCIDENT_REPORT", "headline": "An invented incident",
            "place": {"country": "KEN"}}  # fmt: skip
    return {**base, **fields}


def partner_record(org: str, **fields: Any) -> dict[str, Any]:
    base = {"type": "partner", "version": 1, "org": org, "category": "INGO", "status": "ACTIVE", "areas": ["*"],
            "kinds": ["*"], "statuses": ["Actual", "Exercise"]}  # fmt: skip
    return {**base, **fields}


def officer_record(org: str, key: Ed25519PrivateKey, **fields: Any) -> dict[str, Any]:
    base = {"type": "representative", "version": 1, "org": org, "name": "officer", "public_key": public_hex(key),
            "scopes": ["consent"], **ALWAYS}  # fmt: skip
    return {**base, **fields}
