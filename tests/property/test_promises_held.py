"""The promises of consent about what is sent and held along a history, each under its name.

Hypothesis draws the seeds; a failure names the seed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from random import Random
from typing import Any, NamedTuple

from services.distribute.owed import Outlets, owed_records
from tests.property.partition import Outlet, Owed, opened
from tests.property.promises import (
    CODEC,
    IDS,
    PERMITS,
    appended,
    marked_report,
    promise,
)
from tests.reference.decide import PURPOSE, decide
from tests.reference.engine import Relay, Stand
from tests.reference.histories import Step, history
from tests.reference.records import DAY, NOW, ORGS


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
    return [step._replace(reports=tuple(map(marked_report, step.reports))) for step in steps]


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
