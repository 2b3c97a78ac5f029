"""Lost, doubled and unaccounted submissions; stages' balances; the decisions' hash chain (reliability §8, P1, P12)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from itertools import pairwise
from typing import Any

from services.runtime.codec import CodecError
from tests.oracle.findings import Finding, Kind
from tests.oracle.world import INPUTS, Coordinates, Entry, World, raw_of

Ends = dict[str, Counter[Coordinates]]


def check_accounts(world: World) -> tuple[list[Finding], dict[str, int]]:
    """Every submission has exactly one final outcome; totals by outcome."""
    inputs = Counter(entry.at for entry in world.under(INPUTS))
    ends = _ends(world)
    outcomes = sum(ends.values(), Counter[Coordinates]())
    found = [Finding(Kind.LOST, str(at), "no outcome") for at in inputs - outcomes]
    found += [
        Finding(Kind.ALIEN, str(at), "an outcome of nothing that was submitted") for at in outcomes if at not in inputs
    ]
    found += [
        Finding(Kind.DUPLICATED, str(at), f"{count} outcomes: {_names(ends, at)}")
        for at, count in outcomes.items()
        if count > 1
    ]
    found += [*_copies_of_nothing(world), *_matched(world, ends), *_unanswered(world, inputs)]
    totals = {"submissions": inputs.total(), **{name: counted.total() for name, counted in sorted(ends.items())}}
    return found, totals


def check_balance(world: World) -> Iterator[Finding]:
    """Each stage hands on, or refuses, exactly what it was handed: compared by coordinates, since counts can cancel."""
    refused = {entry.at: _origin(world, entry) for entry in world.of("slt.dead")}
    dead = set(refused.values())
    stages: list[tuple[str, set[Coordinates]]] = [
        ("enrich", {raw_of(entry.value) for entry in world.of("slt.reports")}),
        ("correlate", {raw_of(entry.value) for entry in world.of("slt.located")}),
        ("distribute", {raw_of(entry.value["report"]) for entry in world.of("slt.incidents") if entry.value["report"]}),
        ("", {raw_of(each) for entry in world.of("slt.decisions") for each in entry.value["accounts"]}),
    ]
    for (stage, taken), (_, given) in pairwise(stages):
        for at in sorted(taken - given - dead):
            yield Finding(Kind.BALANCE, str(at), f"{stage} took it and handed nothing on")
        for at in sorted(given - taken):
            yield Finding(Kind.BALANCE, str(at), f"{stage} handed it on and never took it")


def check_chain(world: World) -> Iterator[Finding]:
    """Every decision carries the SHA-256 of the partition's previous record; the first carries nothing."""
    expected: dict[int, bytes] = {}
    for entry in world.of("slt.decisions"):
        if entry.value["previous_hash"] != expected.get(entry.at.partition, b""):
            yield Finding(Kind.CHAIN, str(entry.at), "previous_hash is not the hash of the record before it")
        expected[entry.at.partition] = sha256(entry.data).digest()


def _ends(world: World) -> Ends:
    """Final outcomes by name, each with the coordinates of the submission it answers."""
    ends: Ends = {"refused": Counter(_origin(world, entry) for entry in world.of("slt.dead"))}
    ends["refused"] = Counter({at: n for at, n in ends["refused"].items() if at.topic.startswith(INPUTS)})
    for entry in world.of("slt.decisions"):
        for each in entry.value["accounts"]:
            ends.setdefault(each["outcome"], Counter())[raw_of(each)] += 1
    refused = ends["refused"]
    left = [entry for entry in world.under(INPUTS) if entry.at not in refused]
    entered = Counter(map(_entered, world.of("slt.control")))
    ends["controlled"] = _pair(left, _control_word, entered)
    ends["entered before"] = Counter(
        entry.at for entry in left if entry.at not in ends["controlled"] and _control_word(entry) in entered
    )
    ends["acknowledged"] = _pair(left, _answer_word, map(_answered, world.of("slt.acks")))
    return ends


def _origin(world: World, dead: Entry) -> Coordinates:
    """The submission behind a refused record, whichever stage refused it."""
    at = Coordinates(dead.value["topic"], dead.value["partition"], dead.value["offset"])
    if at.topic.startswith(INPUTS):
        return at
    entry = world.at(at)
    fields = entry.value.get("report", entry.value) if entry else None
    return raw_of(fields) if fields and "raw" in fields else at


def _pair(inputs: Iterable[Entry], word: Callable[[Entry], Any], entered: Iterable[Any]) -> Counter[Coordinates]:
    """The submissions whose word was entered, each entered record used once, in order."""
    left = Counter(entered)
    found: Counter[Coordinates] = Counter()
    for entry in inputs:
        name = word(entry)
        if name is not None and left[name] > 0:
            left[name] -= 1
            found[entry.at] += 1
    return found


def _matched(world: World, ends: Ends) -> Iterator[Finding]:
    """Nothing is in slt.control or slt.acks that nobody sent."""
    for topic, outcome in (("slt.control", "controlled"), ("slt.acks", "acknowledged")):
        surplus = len(world.of(topic)) - ends[outcome].total()
        if surplus:
            yield Finding(Kind.ALIEN, topic, f"{surplus} records that no submission asked for")


def _unanswered(world: World, inputs: Iterable[Coordinates]) -> Iterator[Finding]:
    """Whoever sent something was told what became of it."""
    told = set()
    for item in world.owed:
        if item.log.topic == "slt.receipts":
            kind, answer = world.codec.decode(item.body)
            if kind == "receipt":  # requests, reminders and confirmations answer no submission
                told.add((answer["topic"], answer["offset"]))
    for at in inputs:
        if (at.topic, at.offset) not in told:
            yield Finding(Kind.LOST, str(at), "no receipt")


def _control_word(entry: Entry) -> tuple[str, str] | None:
    fields = _fields(entry)
    if entry.at.topic.startswith("slt.consent.") and "payload" in fields:
        return entry.at.topic.split(".", 2)[2], fields["payload"]
    return None


def _entered(entry: Entry) -> tuple[str, str]:
    return entry.value["author"], entry.value["payload"]


def _answer_word(entry: Entry) -> tuple[str, str] | None:
    fields = _fields(entry)
    if entry.at.topic.startswith("slt.in.") and "answer" in fields:
        return entry.at.topic.split(".", 2)[2], str(fields.get("message_id"))
    return None


def _answered(entry: Entry) -> tuple[str, str]:
    return entry.value["recipient"], entry.value["message_id"]


def _fields(entry: Entry) -> Mapping[str, Any]:
    """A submission's fields, JSON or Avro; nothing where it is neither (those are refused, by coordinates)."""
    try:
        found = entry.value if entry.value is not None else json.loads(entry.data)
    except (ValueError, CodecError):
        return {}
    return found if isinstance(found, Mapping) else {}


def _copies_of_nothing(world: World) -> Iterator[Finding]:
    """Whoever is called a duplicate has an original that is none: else the report is lost in a good-looking account."""
    accounts = [each for entry in world.of("slt.decisions") for each in entry.value["accounts"]]
    kept = {_name(each) for each in accounts if each["outcome"] != "duplicate"}
    reports = {_name(entry.value): entry.value for entry in world.of("slt.located")}
    contents = {_content(reports[name]) for name in kept if name in reports}
    for each in accounts:
        if each["outcome"] != "duplicate" or _name(each) in kept:
            continue
        report = reports.get(_name(each))
        if report is None or _content(report) not in contents:
            yield Finding(Kind.LOST, str(raw_of(each)), "called a duplicate, and there is no original")


def _name(fields: Mapping[str, Any]) -> tuple[str, int]:
    return fields["series_id"], fields["version"]


def _content(report: Mapping[str, Any]) -> tuple[str, str, bytes]:
    """What makes a copy: one originator, one status (an exercise is never the original of an alert), one content."""
    return report["originator"], report["status"], report["content_hash"]


def _names(ends: Ends, at: Coordinates) -> str:
    return ", ".join(name for name, counted in ends.items() for _ in range(counted[at]))
