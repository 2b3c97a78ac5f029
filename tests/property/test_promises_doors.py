"""The promises of consent about intake, and about the whole partition under interruptions, each under its name.

Hypothesis draws the seeds; a failure names the seed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random
from typing import Any, NamedTuple

import orjson

from services.core.stage import Moment, Record, Source
from services.intake.processor import Intake
from services.intake.processor import Tools as IntakeTools
from services.runtime.inbound import Opener
from services.runtime.settings import Limits
from tests.property.partition import Partition
from tests.property.promises import (
    CODEC,
    IDS,
    marked_report,
    promise,
    shuffled,
)
from tests.reference.cases import RECIPIENTS, World, report, world
from tests.reference.decide import PURPOSE, decide
from tests.reference.engine import Engine, Fold
from tests.reference.facts import Fields
from tests.reference.records import DAY, KINDS, NOW, ORGS
from tests.reference.registry import Entry

KNOWN = [{"type": "partner", "version": 1, "org": org, "category": "INGO", "status": "ACTIVE", "areas": ["*"],
          "kinds": ["*"], "statuses": ["Actual"]} for org in ("alder", "birch")]  # fmt: skip


@promise(25)
def test_submitter_ack_constant(seed: int) -> None:
    """The receipt is a function of the record and of who sent it: not of grants, other reports, or who gets it."""
    random = Random(seed)
    made = world(random)
    rest = [one for one in made.entries if one.payload["type"] not in ("partner", "representative")]
    known = [Entry(n, NOW, "admin", -1, one) for n, one in enumerate(KNOWN)]
    quiet = Engine(World(tuple(known), ())).policy
    busy = Engine(World((*known, *(one._replace(offset=one.offset + len(known)) for one in rest)), ())).policy
    submissions = [
        {"series_id": f"s{random.randint(1, 2)}", "version": random.choice((0, 1, 2)), "status": "Actual",
         "kind": random.choice((*KINDS, "NONSENSE")), "headline": random.choice(("", "Headline")),
         "initial_audience": random.choice(([], ["birch"], ["nobody"]))}
        for _ in range(6)
    ]  # fmt: skip
    alone = [_receipts(_intake(), one, Moment(NOW, True, quiet, quiet.epoch)) for one in submissions]
    task = _intake()
    for number in shuffled(random, range(6)):
        moment = Moment(NOW + DAY, random.random() < 0.5, busy, busy.epoch)
        assert _receipts(task, submissions[number], moment) == alone[number]


def _intake() -> Intake:
    limits = Limits()
    tools = IntakeTools(Opener(CODEC, limits.record_bytes), CODEC.encode, limits, IDS)
    return Intake("slt.in.alder", tools)


def _receipts(task: Intake, submission: dict[str, Any], moment: Moment) -> list[Any]:
    value = orjson.dumps(submission)
    result = task.handle(Record(Source("slt.in.alder", 0, 7), NOW, "", "raw", value), moment)
    task.applied(result)
    return [output for output in result.outputs if output.topic not in ("slt.reports", "slt.control")]


class Happening(NamedTuple):
    """Something that one partition lives through: a report, or control records up to here."""

    report: Fields | None
    records: int


def happenings(random: Random, made: World) -> list[Happening]:
    """Reports of a few series in the order of their versions, among control records in theirs."""
    last = made.entries[-1].offset
    reports: dict[str, Fields] = {}
    found = []
    for one in [report(random, last) for _ in range(6)]:
        before = reports.get(one["series_id"])
        version = before["version"] + 1 if before else 1
        status = before["status"] if before else one["status"]
        made_so = {"version": version, "status": status, "originator": one["series_id"].split("/")[0]}
        reports[one["series_id"]] = marked_report({**one, **made_so})
        found.append(Happening(reports[one["series_id"]], 0))
    marks = sorted(random.choices(range(2 * len(ORGS), len(made.entries)), k=3))
    for mark in [*marks, len(made.entries)]:
        found.insert(random.randint(0, len(found)), Happening(None, mark))
    return found


def lived(random: Random, entries: Sequence[Entry], events: Iterable[Happening], *, calm: bool = False) -> Partition:
    """The partition after the events, interrupted unless `calm`; at its end all is settled under all records."""
    partition, policies = Partition(), Policies(entries)
    made = policies.at(2 * len(ORGS))
    for event in events:
        made = policies.at(event.records)
        if event.report is not None:
            partition.handle(made, event.report, "REVISION")
        if not calm and random.random() < 0.5:
            partition.work(made, random.randint(1, 3), fresh=random.random() < 0.8)
        if not calm and random.random() < 0.3:
            partition.crash()
    while partition.work(policies.at(len(entries)), 2):
        pass
    return partition


class Policies:
    """Compiled once for each number of records; never fewer than before."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._fold, self._entries, self._applied = Fold(), entries, 0

    def at(self, records: int) -> Any:
        self._fold.apply(self._entries[self._applied : records])
        self._applied = max(self._applied, records)
        return self._fold.compiled


@promise(30)
def test_convergence(seed: int) -> None:
    """Any history, any interleaving, any crash point: everybody holds what it should."""
    random = Random(seed)
    made = world(random)
    events = happenings(random, made)
    newest = {one.report["series_id"]: one.report for one in events if one.report}
    for partition in (lived(random, made.entries, events), lived(random, made.entries, events)):
        for recipient in RECIPIENTS:
            holds = partition.outlets[recipient].holds
            for one in newest.values():
                target = decide(one, recipient, "READ", PURPOSE, made.entries, NOW, fresh=True).target
                versions = {marked_report({**one, "version": n})["expires"] for n in range(1, one["version"] + 1)}
                if target == "SHOW" and one["message"] != "CANCEL":
                    assert holds & versions == {one["expires"]}
                assert target != "NONE" or not holds & versions


@promise(15)
def test_replay_equals_live(seed: int) -> None:
    """The same inputs give the same bytes, crash or not; and read once more they add nothing."""
    random = Random(seed)
    made = world(random)
    events = happenings(random, made)
    live, replayed = (lived(random, made.entries, events, calm=True) for _ in range(2))
    assert (live.log, live.decisions) == (replayed.log, replayed.decisions)
    before = list(live.log)
    live.crash()
    final = Policies(made.entries).at(len(made.entries))
    for event in events:
        if event.report is not None:
            live.handle(final, event.report, "REVISION")
    live.work(final)
    assert live.log == before
