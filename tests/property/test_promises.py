"""The promises of consent, each under its name, over the random worlds and histories of the reference.

Hypothesis draws the seeds; a failure names the seed, and `tests.reference.main` describes such a world.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import chain
from random import Random
from typing import Any, NamedTuple

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.core.decide import GATES
from services.core.ids import Ids
from services.core.projection import parse_projection
from services.core.stage import Moment, Record, Source
from services.distribute.owed import Outlets, owed_records
from services.intake.processor import Intake
from services.intake.processor import Tools as IntakeTools
from services.runtime.codec import Codec
from services.runtime.inbound import Opener
from services.runtime.settings import Limits
from tests.property.partition import Outlet, Owed, Partition, opened
from tests.reference.cases import RECIPIENTS, Ask, World, report, world
from tests.reference.decide import PURPOSE, decide
from tests.reference.engine import UNKNOWN, Answer, Engine, Fold, Relay, Stand
from tests.reference.facts import PLACES, Fields
from tests.reference.histories import Step, history
from tests.reference.lattice import coarser
from tests.reference.records import COUNTRIES, DAY, KINDS, NOW, ORGS, Registry
from tests.reference.registry import Entry, key

CODEC = Codec()
IDS = Ids(b"a master key for tests, 32 bytes.")
SEEDS = st.integers(0, 2**40)
RANK = ("NONE", "KEEP", "SHOW")
PERMITS = {"OK_INITIAL_AUDIENCE", "OK_GRANT", "IMR_BREAK_GLASS"}
LIFE = {"valid_from": (NOW - 100 * DAY).isoformat(), "valid_to": (NOW + 100 * DAY).isoformat()}


def promise(examples: int) -> Callable[[Any], Any]:
    """A property over that many seeds."""

    def over_seeds(test: Any) -> Any:
        return settings(max_examples=examples, deadline=None)(given(SEEDS)(test))

    return over_seeds


def answers(entries: Sequence[Entry], ask: Ask) -> dict[str, Answer]:
    """The engine's verdict for everybody."""
    found = Engine(World(tuple(entries), (ask,))).answers(ask)
    return {recipient: found.get(recipient, UNKNOWN) for recipient in RECIPIENTS}


def appended(entries: Sequence[Entry], *payloads: Fields) -> list[Entry]:
    """The log with records of administrators and grantors at its end."""
    last = entries[-1].offset
    return [
        *entries,
        *(Entry(last + n, NOW, _author(one), -1, one)
          for n, one in enumerate(payloads, start=1)),
    ]  # fmt: skip


def _author(payload: Fields) -> str:
    field = {"grant": "grantor", "withdrawal": "originator"}.get(payload["type"], "")
    return str(payload.get(field, "admin"))


def without_small_numbers(ask: Ask) -> Ask:
    """They are the one fact of which a coarser place shows more (docs/rules.md §6, step 5)."""
    harm = {**ask.report["harm"], "killed": None, "detained": None}
    return ask._replace(report={**ask.report, "harm": harm})


def nobody_has_more(less: dict[str, Answer], more: dict[str, Answer]) -> None:
    """No higher target, and nothing more of what is shown."""
    for recipient, one in less.items():
        other = more[recipient]
        assert RANK.index(one[1]) <= RANK.index(other[1]), (recipient, one, other)
        assert parse_projection(other[4]).covers(parse_projection(one[4])), (recipient, one, other)


def nobody_is_shown_more(less: dict[str, Answer], more: dict[str, Answer]) -> None:
    """Whether something may be kept is another matter: that is for what was shown before."""
    for recipient, one in less.items():
        assert one[1] != "SHOW" or more[recipient][1] == "SHOW", (recipient, one)
        assert parse_projection(more[recipient][4]).covers(parse_projection(one[4])), (recipient, one)


def granted(entry: Entry) -> bool:
    """True for a permission of any state."""
    return bool(entry.payload["type"] == "grant" and entry.payload.get("effect", "PERMIT") == "PERMIT")


# -- decide


@promise(40)
def test_default_deny(seed: int) -> None:
    """Without a permission, an audience and broken glass nobody is shown anything."""
    made = world(Random(seed))
    entries = [one for one in made.entries if not granted(one) and one.payload["type"] != "breakglass"]
    for ask in made.asks:
        plain = ask._replace(report={**ask.report, "initial_audience": []})
        for recipient, answer in answers(entries, plain).items():
            assert answer[1] != "SHOW"
            assert answer[0] != "PERMIT" or recipient == plain.report["originator"]


@promise(15)
def test_forbid_trumps_permit(seed: int) -> None:
    made = world(Random(seed))
    for ask in made.asks:
        originator = ask.report["originator"]
        no = {"type": "grant", "version": 1, "grantor": originator, "grant": "no", "status": ask.report["status"],
              "kinds": ["*"], "areas": ["*"], "recipients": list(ORGS), "effect": "PROHIBIT", **LIFE}  # fmt: skip
        if originator in ORGS:
            for recipient, answer in answers(appended(made.entries, no), ask).items():
                known = "DEN_PARTNER_UNKNOWN" not in answer[3]
                assert recipient == originator or not known or (
                    answer[1] == "NONE" and "DEN_PROHIBIT_ORIGINATOR" in answer[3]
                )  # fmt: skip


@promise(15)
def test_allowed_iff_explicitly_permitted_and_not_denied(seed: int) -> None:
    """What permits and what denies is the reference's word; that the one without the other shows, is the engine's."""
    made = world(Random(seed))
    for ask in made.asks:
        for recipient, answer in answers(made.entries, ask).items():
            told = decide(
                ask.report, recipient, ask.action, ask.purpose, made.entries, ask.as_of, fresh=ask.fresh,
                echo=ask.echo, superseded=ask.superseded, requested_at=ask.requested_at,
            ).reasons  # fmt: skip
            denied = {code for code in told if code.startswith(("DEN_", "HLD_", "NRT_")) or code in _HOLDING}
            assert (answer[1] == "SHOW") == (bool(told & PERMITS) and not denied)


_HOLDING = {"IMR_HOLD", "IMR_REFUSED", "IMR_UNREACHABLE", "IMR_REQUEST_SENT", "OK_SELF"}


@promise(25)
def test_order_independent(seed: int) -> None:
    """Gates in any order and twice; the lists of a report in any order; records of different keys in any order."""
    random = Random(seed)
    made = world(random)
    first: dict[tuple[str, ...], Entry] = {}
    for one in made.entries:
        if "version" in one.payload and one.payload["type"] != "end" and one.holds:
            first.setdefault(key(one.payload), one)
    known = [one for one in first.values() if one.payload["type"] in ("partner", "representative")]
    others = [one for one in first.values() if one not in known]
    earlier = [_numbered(number, one) for number, one in enumerate([*known, *others])]
    later = [
        _numbered(number, one) for number, one in enumerate([*_shuffled(random, known), *_shuffled(random, others)])
    ]
    for ask in made.asks:
        plain = ask._replace(report={**ask.report, "epoch": 10_000})
        expected = answers(earlier, plain)
        lists = ("initial_audience", "upstream", "facts")
        lists_turned = {name: _shuffled(random, plain.report[name]) for name in lists}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("services.core.judge.GATES", (*_shuffled(random, GATES), random.choice(GATES)))
            assert answers(later, plain._replace(report={**plain.report, **lists_turned})) == expected


def _numbered(offset: int, entry: Entry) -> Entry:
    payload = entry.payload
    earlier = {"covers_earlier": True} if payload["type"] == "grant" else {}
    return entry._replace(offset=offset, payload={**payload, **earlier})


def _shuffled(random: Random, every: Iterable[Any]) -> list[Any]:
    some = list(every)
    return random.sample(some, len(some))


@promise(30)
def test_coarsening_never_widens(seed: int) -> None:
    """Of two logs whose grants differ in how much they show, the coarser one shows nobody more."""
    random = Random(seed)
    made = world(random)
    coarser = [one._replace(payload=_coarser(random, one.payload)) if granted(one) else one for one in made.entries]
    for ask in map(without_small_numbers, made.asks):
        nobody_has_more(answers(coarser, ask), answers(made.entries, ask))


_COARSER = {"FULL": "NO_PERSONAL", "NO_PERSONAL": "COARSE_GEO", "TEARLINE": "LIFE_SAFETY"}


def _coarser(random: Random, payload: Fields) -> Fields:
    shown = payload.get("projection", "FULL")
    if isinstance(shown, str):
        return {**payload, "projection": _COARSER.get(shown, shown)}
    facts = [fact for fact in shown["facts"] if random.random() < 0.7] or shown["facts"]
    return {
        **payload,
        "projection": {**shown, "facts": facts, "place": coarser(PLACES, shown["place"], random.choice(PLACES))},
    }


@promise(30)
def test_overlay_only_narrows(seed: int) -> None:
    random = Random(seed)
    made = world(random)
    base = [one for one in made.entries if one.payload["type"] != "overlay"]
    overlays = [{**Registry(random).overlay(), "version": 1, "area": area} for area in (*COUNTRIES, "*")]
    for ask in map(without_small_numbers, made.asks):
        nobody_has_more(answers(appended(base, *overlays), ask), answers(base, ask))


@promise(30)
def test_enhanced_superset(seed: int) -> None:
    """Enhanced cooperation adds to what regular gives: grants that are given for it, and planning (SLT-04)."""
    made = world(Random(seed))
    base = [
        one for one in made.entries
        if one.payload["type"] not in ("area", "end")
        and (one.payload["type"] != "grant" or one.payload.get("state", "GIVEN") == "GIVEN")
        and not one.payload.get("obligations")
    ]  # fmt: skip

    def level(word: str) -> list[Entry]:
        areas = [{"type": "area", "version": 1, "area": area, "srm_level": "HIGH", "level": word, "approver": "cedar",
                  "valid_from": LIFE["valid_from"]} for area in COUNTRIES]  # fmt: skip
        return appended(base, *areas)

    for ask in map(without_small_numbers, made.asks):
        nobody_is_shown_more(answers(level("REGULAR"), ask), answers(level("ENHANCED"), ask))


@promise(15)
def test_revocation_monotonic(seed: int) -> None:
    """A revocation gives nobody more, and no replay, duplicate or other order of what was said before undoes it."""
    random = Random(seed)
    made = world(random)
    lives = {key(one.payload) for one in made.entries if granted(one)}
    prohibits = {key(one.payload) for one in made.entries if one.payload["type"] == "grant" and not granted(one)}
    ends = [
        {"type": "end", "version": 1000, "grantor": grantor, "grant": name, "state": "REVOKED"}
        for _, grantor, name in sorted(lives - prohibits)
        if random.random() < 0.5
    ]
    after = appended(made.entries, *ends)
    again = random.choices(after, k=len(after)) + _shuffled(random, after)
    replayed = [*after, *(one._replace(offset=after[-1].offset + n) for n, one in enumerate(again, start=1))]
    for ask in made.asks:
        revoked = answers(after, ask)
        assert answers(replayed, ask) == revoked
        plain = without_small_numbers(ask)
        nobody_is_shown_more(answers(after, plain), answers(made.entries, plain))


# -- reconcile


class Played(NamedTuple):
    """One step of a history in the engine's hands."""

    step: Step
    found: Any
    stands: dict[str, Stand]
    owed: list[Owed]


def played(steps: Iterable[Step]) -> Iterator[Played]:
    """The engine along a history, with what it owes at each step."""
    relay = Relay()
    for step in steps:
        stands = relay.step(step)
        outlets = Outlets(IDS, CODEC.encode, relay.policy, step.as_of)
        owed = [one for record in owed_records(relay.found, outlets) for one in opened(record)]
        yield Played(step, relay.found, stands, owed)


def marked(steps: Sequence[Step]) -> list[Step]:
    """The same with a moment of expiry of its own for every version: it is in every view, and tells them apart."""
    return [step._replace(reports=tuple(map(_marked, step.reports))) for step in steps]


def _marked(one: Fields) -> Fields:
    serial = 1000 * (RECIPIENTS.index(one["series_id"].split("/")[0]) * 10 + int(one["series_id"][-1]))
    return {**one, "expires": NOW + 300 * DAY + timedelta(seconds=serial + one["version"])}


def permitted(step: Step, recipient: str) -> set[str]:
    """Series for which a permission stands in the log as it is at this step, by the reference."""
    return {
        one["series_id"]
        for one in step.reports
        if decide(one, recipient, "READ", PURPOSE, step.entries, step.as_of, fresh=step.fresh,
                  echo=step.echo[one["series_id"]], requested_at=NOW - DAY).reasons & PERMITS
    }  # fmt: skip


@promise(25)
def test_no_delivery_without_prior_grant(seed: int) -> None:
    for step, found, _, _ in played(history(Random(seed))):
        for delivery in found.deliveries:
            for recipient in delivery.recipients if delivery.send.shown else ():
                assert {member.series_id for member in delivery.send.shown} <= permitted(step, recipient)


@promise(40)
def test_recall_reaches_exactly_the_ledger(seed: int) -> None:
    """Every series is withdrawn: whoever holds something under a key is told so once, and nobody else hears of it."""
    steps = marked(history(Random(seed)))
    last = steps[-1]
    withdrawn = [{"type": "withdrawal", "version": 1000, "originator": one["originator"], "series": one["series_id"],
                  "mode": "RECALL"} for one in last.reports]  # fmt: skip
    everything = [*steps, last._replace(entries=tuple(appended(last.entries, *withdrawn)))]
    before, after = list(played(everything))[-2:]
    outlets: dict[str, Outlet] = defaultdict(Outlet)
    for one in chain.from_iterable(each.owed for each in played(everything)):
        if not one.topic.startswith("slt.notices."):
            outlets[one.recipient].read(one)
    told = [(one.recipient, one.key) for one in after.owed if not one.topic.startswith("slt.notices.")]
    recalled = {(one.recipient, one.key) for one in after.owed if one.envelope.type == "RECALL"}
    present = {one["series_id"] for one in last.reports}
    held = _keys_held(before.found, present)
    assert sorted(one for one in told if one in held) == sorted(held)
    assert held <= recalled
    for recipient, found in held:
        assert not any(outlets[recipient].kept[found].values())
    assert not any(one.says for one in after.owed)


def _keys_held(found: Any, present: set[str]) -> set[tuple[str, str]]:
    """By the ledger: recipients, and their keys that hold a report of the incident."""
    return {
        (recipient, IDS.key(recipient, "Actual", slot.name))
        for recipient, slots in found.incident.holdings.items()
        for slot in slots
        if any(member.series_id in present for member in slot.members)
    }


@promise(60)
def test_non_interference(seed: int) -> None:
    """What is never shown to a recipient changes no byte, no id and no moment of what it reads.

    A report that replaces another is left in: that its originator replaced it is said of the other one.
    """
    random = Random(seed)
    steps = marked(history(random))
    runs, recipient = list(played(steps)), random.choice(ORGS)
    every = {one["series_id"] for step in steps for one in step.reports}
    replacing = {one["series_id"] for step in steps for one in step.reports if one["supersedes"]}
    seen = {series for run in runs if recipient in run.stands
            for series, told in run.stands[recipient].decisions.items() if told[0] == "SHOW"}  # fmt: skip
    hidden = every - seen - replacing
    shown = [
        step._replace(
            reports=tuple(one for one in step.reports if one["series_id"] not in hidden),
            links=tuple(link for link in step.links if not {link.one, link.other} & hidden),
        )
        for step in steps
    ]
    for beside, alone in zip(runs, played(shown), strict=True):
        assert _reads(beside, recipient) == _reads(alone, recipient)


def _reads(run: Played, recipient: str) -> list[Owed]:
    return [one for one in run.owed if one.recipient == recipient]


# -- intake


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
    for number in _shuffled(random, range(6)):
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


# -- the whole partition


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
        reports[one["series_id"]] = _marked({**one, **made_so})
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
                versions = {_marked({**one, "version": n})["expires"] for n in range(1, one["version"] + 1)}
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
