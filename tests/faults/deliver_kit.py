"""DELIVER on the real broker: a delivery log written as distribute does, slots to be killed, what outlets must hold."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from services.core.deliveries import Common, group
from services.core.envelope import HEADER, DeliveryType, Envelope, parse, render
from services.runtime import kafka
from services.runtime.codec import Codec
from services.runtime.local import LocalStack

ROOT = Path(__file__).resolve().parents[2]
LANES = 4
_AS_OF = datetime(2026, 3, 2, 7, 15, tzinfo=UTC)


def orgs(name: str, count: int = 10) -> tuple[str, ...]:
    """Invented organisations."""
    return tuple(f"{name}-{number}" for number in range(count))


class Sent(NamedTuple):
    """One delivery, as it must lie in its outlet."""

    key: str
    sequence: int
    header: bytes
    body: bytes


class Held(NamedTuple):
    """One record of an outlet."""

    sent: Sent
    offset: int


class Log:
    """Writes slt.deliveries in transactions; remembers what it owes to whom and in which input."""

    def __init__(self, stack: LocalStack, outlets: Sequence[str], tag: str) -> None:
        """Every record goes to all `outlets`; keys start with `tag`."""
        self.outlets, self.tag = tuple(outlets), tag
        self.owed: dict[str, list[Sent]] = {outlet: [] for outlet in outlets}
        self.inputs: dict[tuple[str, str, int], tuple[int, int]] = {}
        """(outlet, key, sequence) -> partition and offset of its input."""
        self._codec = Codec()
        self._number = 0
        identity = {"transactional.id": f"distribute.{tag}"}
        self._producer = Producer({**kafka.writer(stack.settings, "distribute"), **identity})
        self._producer.init_transactions(30)

    def write(self, count: int, size: int = 300) -> None:
        """`count` inputs in one transaction; three follow each other under every key."""
        self._producer.begin_transaction()
        for _ in range(count):
            incident, step = divmod(self._number, 3)
            self._number += 1
            kind = DeliveryType.UPDATE if step else DeliveryType.ALERT
            self._produce(f"{self.tag}-{incident}", step + 1, kind, os.urandom(size // 2).hex().encode())
        self._producer.commit_transaction(30)

    def write_one(self, incident: str, sequence: int, kind: DeliveryType, body: bytes = b"invented") -> None:
        """One input in a transaction of its own."""
        self._producer.begin_transaction()
        self._produce(f"{self.tag}-{incident}", sequence, kind, body)
        self._producer.commit_transaction(30)

    def garbage(self, partition: int) -> None:
        """A record that no codec can read."""
        self._producer.begin_transaction()
        self._producer.produce("slt.deliveries", b"\x00not ours", partition=partition)
        self._producer.commit_transaction(30)

    def write_for(self, seconds: float, rate: float) -> None:
        """Ten at a time at about `rate` a second."""
        began, written = time.monotonic(), 0
        while (passed := time.monotonic() - began) < seconds:
            if written < rate * passed:
                self.write(10)
                written += 10
            time.sleep(0.005)

    def _produce(self, incident: str, sequence: int, kind: DeliveryType, body: bytes) -> None:
        partition = int.from_bytes(incident.encode()[-2:]) % LANES
        items: list[dict[str, Any]] = []
        for number, outlet in enumerate(self.outlets):
            envelope = Envelope(kind, os.urandom(8).hex(), sequence, sequence - 1, 0, 0, 0, "Actual")
            sent = Sent(f"{incident}-{number}", sequence, render(envelope), body)
            self.owed[outlet].append(sent)
            items.append({"topic": outlet, "key": sent.key, "sequence": sequence, "header": sent.header, "body": 0})
        value = {
            "incident": incident,
            "epoch": 1,
            "as_of": _AS_OF,
            "bodies": [body],
            "groups": [_alone(i) for i in items],
        }

        def written(error: Any, message: Any) -> None:
            assert error is None
            for item in items:
                self.inputs[item["topic"], item["key"], sequence] = (partition, message.offset())

        data = self._codec.encode("deliveries", value)
        self._producer.produce("slt.deliveries", data, incident, partition, on_delivery=written)

    def close(self) -> None:
        """Wait for the last reports."""
        self._producer.flush(10)


class Slot:
    """One DELIVER process."""

    def __init__(self, stack: LocalStack, number: int = 0) -> None:
        """It is started by `start`."""
        self.log = stack.logs / f"deliver-{number}.log"
        self._command = [sys.executable, "-m", "services.deliver.main", "--config", str(stack.settings_file)]
        self._command += ["--slot", str(number)]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """A new process; its log is appended."""
        self.log.parent.mkdir(exist_ok=True)
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(self._command, cwd=ROOT, stdout=out, stderr=out)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """kill -9."""
        self.signal(signal.SIGKILL)
        self.wait()

    def wait(self, seconds: float = 20.0) -> int:
        """Its exit code."""
        assert self.process is not None
        return self.process.wait(seconds)

    def parked(self, outlet: str) -> bool:
        """Whether it ever parked this outlet."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return any('"event":"outlet parked"' in line and f'"{outlet}"' in line for line in lines)

    def said(self, event: str) -> int:
        """How often the log has this event."""
        return self.log.read_text().count(f'"event":"{event}"') if self.log.exists() else 0


class Outlets:
    """Reads outlets as a stock client does: everything, decided or not."""

    def __init__(self, stack: LocalStack) -> None:
        settings = {**kafka.COMMON, **stack.admin_config(), **kafka.CONSUMER, "group.id": "kit.reader"}
        extra = {"isolation.level": "read_uncommitted", "enable.partition.eof": True}
        self._consumer = Consumer({**settings, **extra})
        self._codec = Codec()

    def close(self) -> None:
        self._consumer.close()

    def held(self, outlet: str) -> list[Held]:
        """Every delivery in an outlet; pulses left out."""
        return self.all_held([outlet])[outlet]

    def all_held(self, outlets: Sequence[str], tag: str = "") -> dict[str, list[Held]]:
        """Every delivery in each of these, or those whose keys begin with `tag`."""
        found: dict[str, list[Held]] = {outlet: [] for outlet in outlets}
        for message in self._drain(outlets):
            header = dict(message.headers() or ()).get(HEADER)
            if header is not None and message.key().startswith(tag.encode()):
                sent = Sent(message.key().decode(), parse(header).sequence, header, message.value())
                found[message.topic()].append(Held(sent, message.offset()))
        return found

    def _drain(self, topics: Sequence[str]) -> Iterator[Any]:
        self._consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING) for topic in topics])
        unread = set(topics)
        while unread:
            for message in self._consumer.consume(2000, 0.05):
                if message.error():
                    unread.discard(message.topic())
                else:
                    yield message
        self._consumer.unassign()

    def pulses(self, outlet: str) -> list[datetime]:
        """The times in the outlet's pulses."""
        messages = self._drain([outlet])
        return [self._codec.decode(each.value())[1]["at"] for each in messages if each.key() == b"pulse"]

    def resume_points(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Every resume point that was ever written, with its key."""
        found: list[tuple[str, Mapping[str, Any]]] = []
        for message in self._drain(["slt.progress"]):
            key = message.key().decode()
            if key.startswith("deliver/"):
                found.append((key, self._codec.decode(message.value())[1]))
        return found

    def dead(self) -> list[Mapping[str, Any]]:
        """Every record of slt.dead."""
        return [self._codec.decode(message.value())[1] for message in self._drain(["slt.dead"])]

    def end(self, outlet: str) -> int:
        """Next offset of an outlet."""
        return int(self._consumer.get_watermark_offsets(TopicPartition(outlet, 0), timeout=10, cached=False)[1])


def as_predecessor(stack: LocalStack, owed: Mapping[str, Sequence[Sent]]) -> None:
    """Write outlets as an earlier DELIVER process did, which left no resume point."""
    producer = Producer(kafka.writer(stack.settings, "deliver"))
    for name, sent in owed.items():
        for each in sent:
            producer.produce(name, each.body, each.key, 0, headers=[(HEADER, each.header)])
        assert producer.flush(30) == 0


def wait(ready: Callable[[], Any], what: str, seconds: float = 60.0) -> None:
    """Until it is so; AssertionError says what never came."""
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.05)


def mine(outlets: Outlets, log: Log) -> dict[str, list[Held]]:
    """What the outlets hold of this log."""
    return outlets.all_held(log.outlets, f"{log.tag}-")


def newest(sent: Iterable[Sent]) -> dict[str, Sent]:
    """The highest sequence of each key."""
    return {each.key: each for each in sorted(sent, key=lambda each: each.sequence)}


def exact(outlets: Outlets, log: Log, *slots: Slot) -> None:
    """Everything once and in order; of an outlet that a starved machine made the slots park, the newest of each key."""
    log.close()
    for name, held in mine(outlets, log).items():
        sent = [each.sent for each in held]
        assert repeats(held) == 0, name
        assert disorder(held) == 0, name
        if any(slot.parked(name) for slot in slots):
            assert newest(sent) == newest(log.owed[name])
        else:
            assert sorted(sent) == sorted(log.owed[name]), name
    assert floors_too_high(outlets, log) == []


def complete(outlets: Outlets, log: Log, names: Sequence[str]) -> bool:
    """Whether the last delivery under each key is in each of these outlets."""
    held = outlets.all_held(names, f"{log.tag}-")
    return all(newest(log.owed[name]) == newest(each.sent for each in held[name]) for name in names)


def repeats(held: Sequence[Held]) -> int:
    """Records that are there more than once; every copy equals the first byte for byte."""
    by_name: dict[tuple[str, int], Counter[Sent]] = defaultdict(Counter)
    for each in held:
        by_name[each.sent.key, each.sent.sequence][each.sent] += 1
    assert all(len(copies) == 1 for copies in by_name.values()), "two records of one key and sequence differ"
    return sum(sum(copies.values()) - 1 for copies in by_name.values())


def disorder(held: Sequence[Held]) -> int:
    """Records whose sequence is not above what their key had reached."""
    reached: dict[str, int] = {}
    found = 0
    for each in held:
        found += each.sent.sequence <= reached.get(each.sent.key, 0)
        reached[each.sent.key] = max(each.sent.sequence, reached.get(each.sent.key, 0))
    return found


def floors_too_high(outlets: Outlets, log: Log) -> list[str]:
    """Resume points with a floor above a record of an input that they have not passed, parked outlets left out."""
    everything = outlets.all_held(log.outlets).items()
    places = {(name, each.sent.key, each.sent.sequence): each.offset for name, held in everything for each in held}
    by_lane: dict[str, list[tuple[int, str, int]]] = defaultdict(list)
    for name, (partition, offset) in log.inputs.items():
        if name in places:
            by_lane[f"deliver/slt.deliveries/{partition}"].append((offset, name[0], places[name]))
    wrong = []
    for key, point in outlets.resume_points():
        parked = {each["topic"] for each in point["parked"]}
        for offset, outlet, place in by_lane[key]:
            late = offset >= point["offset"] and outlet not in parked
            if late and place < point["floors"].get(outlet, 0):
                wrong.append(f"{key} at {point['offset']}: {outlet} {place} < {point['floors'][outlet]}")
    return wrong


def _alone(item: dict[str, Any]) -> dict[str, Any]:
    """A group of one delivery: these have nothing in common."""
    prefix, _, recipient = item["topic"].rpartition(".")
    common = Common(prefix + ".", item["sequence"], item["header"], b"", item["body"])
    return group(common, (recipient,), (item["key"],), ("",))
