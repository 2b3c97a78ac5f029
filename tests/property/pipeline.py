"""The whole pure pipeline in one process, by its doors: what the random machine of test_pipeline_machine.py drives.

Signed consents and submissions go to intake, changes to distribute; the reference is told the same.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis.stateful import RuleBasedStateMachine

from services.core.fold import PolicyFold
from services.core.home import home_partition
from services.core.ids import Ids
from services.core.policy import Policy
from services.core.stage import Moment, Outcome, Record, Source
from services.distribute.processor import Distribute
from services.distribute.processor import Tools as DistributeTools
from services.intake.processor import Intake, Tools
from services.runtime.inbound import Opener, verify_ed25519
from services.runtime.settings import Limits
from services.runtime.signing import public_hex, sign
from tests.property.partition import Owed, Partition
from tests.reference.reconcile import Item, Key, Link
from tests.reference.registry import Entry
from tests.registry import NOW
from tests.unit.test_correlation import LANES, Memory, correlate_task
from tests.unit.test_distribute import CODEC

ORGS = ("alder", "birch", "cedar", "dogwood")
HERE = home_partition("KEN", "", LANES)
KENYA = {"country": "KEN", "admin1": "", "admin1_name": "", "pcode": "", "cell": "", "found": "COUNTRY_FIELD",
         "note": ""}  # fmt: skip
SIGNER = Ed25519PrivateKey.generate()
ROOT = bytes.fromhex(public_hex(SIGNER))
IDS = Ids(b"a master key for tests, 32 bytes.")
TOOLS = DistributeTools(IDS, CODEC.encode, timedelta(days=400))
PERMITS = {"OK_INITIAL_AUDIENCE", "OK_GRANT", "IMR_BREAK_GLASS"}
HOUR = timedelta(hours=1)


class Version(NamedTuple):
    """A version of a series, as an outlet tells it from others."""

    series: str
    version: int


class Story:
    """One incident as the reference is told it."""

    def __init__(self) -> None:
        self.items: dict[str, Item] = {}
        self.links: tuple[Link, ...] = ()
        self.keys: dict[str, tuple[Key, ...]] = dict.fromkeys(ORGS, ())


class Doors(Partition):
    """The partition at the machine's own time, with outlets that may be shut."""

    def __init__(self) -> None:
        self.now = NOW
        self.parked: dict[str, dict[str, Owed]] = {}
        super().__init__()

    def crash(self) -> None:
        self.task = Distribute(0, TOOLS, self.store)

    def moment(self, made: Policy, *, fresh: bool = True) -> Moment:
        return Moment(self.now, fresh, made, made.epoch)

    def reach(self, owed: Owed) -> None:
        """A parked outlet is written nothing; only the newest of each key waits for it."""
        if owed.recipient in self.parked and not owed.topic.startswith("slt.notices."):
            self.parked[owed.recipient][owed.key] = owed
        else:
            super().reach(owed)

    def open(self, org: str) -> None:
        """A RECALL of what never got there is not written."""
        for key, owed in self.parked.pop(org).items():
            if owed.envelope.type != "RECALL" or self.outlets[org].kept.get(key):
                super().reach(owed)


class Pipeline(RuleBasedStateMachine):
    """The stages with their records, and what everybody said."""

    def __init__(self) -> None:
        super().__init__()
        self.doors = Doors()
        self.fold = PolicyFold(ROOT, verify_ed25519)
        self.entries: list[Entry] = []
        limits = Limits()
        tools = Tools(Opener(CODEC, limits.record_bytes), CODEC.encode, limits, IDS)
        self.intakes = {topic: Intake(topic, tools) for org in (*ORGS, "admin")
                        for topic in (f"slt.in.{org}", f"slt.consent.{org}")}  # fmt: skip
        self.memory = Memory()
        self.correlate = correlate_task(HERE, self.memory)
        self.versions: Counter[str] = Counter()
        self.grants: dict[str, dict[str, Any]] = {}
        self.reports: dict[str, dict[str, Any]] = {}
        self.home: dict[str, str] = {}
        self.stories: dict[str, Story] = {}
        self.said: dict[datetime, Version] = {}
        self.changes: list[dict[str, Any]] = []
        self.sent: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()
        self.read = 0
        self.crashing = False

    # -- the doors

    def arrive(self, topic: str, value: bytes) -> dict[str, Any]:
        """Intake's output for the record, by topic; it accepts everything that this machine sends."""
        self.sent[topic.rsplit(".", 1)[0]] += 1
        policy = self.fold.compiled()
        record = Record(Source(topic, 0, sum(self.sent.values())), self.doors.now, "", "raw", value)
        result = self.intakes[topic].handle(record, self.doors.moment(policy))
        self.intakes[topic].applied(result)
        assert result.outcome is not None
        self.outcomes[result.outcome] += 1
        return {output.topic: output for output in result.outputs} if result.refusal is None else {}

    def consent(self, payload: dict[str, Any]) -> None:
        """A signed change, entered at the end of slt.control and applied."""
        author = str(payload.get("grantor") or payload.get("originator") or "admin")
        author = "admin" if payload["type"] in ("end", "partner") else author
        signer = "root" if author == "admin" else "officer"
        key = "/".join(str(payload.get(name, "")) for name in ("type", "org", "name", "grantor", "grant", "series"))
        self.versions[key] += 1
        payload = {**payload, "version": self.versions[key]}
        entered = self.arrive(f"slt.consent.{author}", sign(payload, signer, SIGNER))["slt.control"]
        offset = len(self.entries)
        self.fold.apply(Record(Source("slt.control", 0, offset), self.doors.now, entered.key, "control", entered.value))
        self.entries.append(Entry(offset, self.doors.now, author, entered.value["covers_from"], payload))

    def report(self, org: str, name: str, *, home: int = 1, **fields: Any) -> dict[str, Any] | None:
        """A submission, accepted and located; None if its sender may not submit now."""
        version = self.reports[f"{org}/{name}"]["version"] + 1 if f"{org}/{name}" in self.reports else 1
        serial = timedelta(milliseconds=len(self.said))
        expires = fields.pop("expires", self.doors.now + 9000 * HOUR) + serial
        body = {"series_id": name, "version": version, "status": "Actual", "kind": "INCIDENT_REPORT",
                "headline": f"The {len(self.said)}th", "expires": expires.isoformat(), **fields}  # fmt: skip
        found = self.arrive(f"slt.in.{org}", orjson.dumps(body)).get("slt.reports")
        if found is None:
            assert self.fold.compiled().partner(org).status != "ACTIVE"  # type: ignore[union-attr]
            return None
        self.said[expires] = Version(f"{org}/{name}", version)
        made = {**found.value, "area": KENYA, "home": home}
        self.reports[made["series_id"]] = made
        return made

    def feed(self, change: dict[str, Any]) -> None:
        """A record of slt.incidents, and the same for the reference. Its links are all that is known of the series."""
        change = dict(CODEC.decode(CODEC.encode("incident_change", change))[1])
        self.changes.append(change)
        self.outcomes[f"fed {self.take(change)}"] += 1
        series, made = change["series_id"], change["report"]
        for incident in change["left"]:
            story = self.stories[incident]
            story.items.pop(series)
            story.links = tuple(link for link in story.links if series not in (link.one, link.other))
        for incident in change["joined"]:
            story = self.stories.setdefault(incident, Story())
            known = story.items.get(series)
            story.items[series] = known._replace(report=made) if known else Item(made, self.doors.now)
            others = (link for link in story.links if series not in (link.one, link.other))
            same = (Link(one["one"], one["other"]) for one in change["links"] if one["relation"] == "SAME")
            story.links = (*others, *same)
            self.home[series] = incident

    def take(self, change: dict[str, Any]) -> Outcome | None:
        record = Record(Source("slt.incidents", 0, len(self.changes)), self.doors.now, "", "incident_change", change)
        return self.doors.take(self.doors.task.handle(record, self.doors.moment(self.fold.compiled()))).outcome

    def settle(self) -> None:
        """All that is due is done; a crash may lie in the middle of it."""
        policy = self.fold.compiled()
        if self.crashing:
            self.crashing = False
            self.doors.work(policy, 1)
            self.doors.crash()
        while self.doors.work(policy, 2):
            pass

    def pick(self, every: Any, number: int) -> Any:
        some = sorted(every)
        return some[number % len(some)]
