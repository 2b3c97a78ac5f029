"""Any interleaving of recalls, answers, reminders and crashes ends in the state that the history alone gives.

The expected standings come from the events and their times, by the rules of docs/rules.md §9 as written there; the task
under test sees answers whenever it happens to look, and loses everything but its ledger when it crashes.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from services.core.answers import Answers
from services.core.deliveries import items
from services.core.envelope import DeliveryType
from services.core.gates import Code
from services.core.ids import Ids
from services.core.ledger import Incident, Slot, SlotState
from services.core.plan import Send
from services.core.recall import Terms
from services.core.reconcile import Delivery, Reconciled
from services.core.stage import Moment, Result
from services.distribute.recalls import PART, Recalls
from services.runtime.codec import Codec
from services.runtime.store import Store
from tests.registry import NOW

CODEC = Codec()
IDS = Ids(b"a master key for tests, 32 bytes.")
HOUR = timedelta(hours=1)
TERMS = Terms(24 * HOUR, 24 * HOUR)
RECIPIENTS = ("birch", "cedar", "dogwood")
ANSWERS = ("DONE", "PARTIAL", "CANNOT", "ALREADY_ACTED_ON")
END = 24 * 40


class Event(NamedTuple):
    """At an hour: a recall of an incident, an answer to a recall, or one of the task's own moments."""

    hour: int
    what: str
    one: int
    other: int


EVENTS = st.lists(
    st.builds(Event, st.integers(0, 130), st.sampled_from(["recall", "answer", "look", "crash", "stale"]),
              st.integers(0, 2), st.integers(0, 11)),
    max_size=40,
).map(sorted)  # fmt: skip


class World:
    """A partition's recalls over its store; answers lie outside, as in slt.acks."""

    def __init__(self) -> None:
        self.store, self.answers = Store(CODEC), Answers()
        self.reminders: Counter[tuple[str, str]] = Counter()
        self.keys: list[str] = []
        self.sent: dict[int, datetime] = {}
        self.crash()

    def crash(self) -> None:
        self.recalls = Recalls(self.store, IDS, CODEC.encode, TERMS)

    def take(self, result: Result) -> None:
        for key, kind, value in result.changes:
            self.store.put(key, None if value is None else CODEC.encode(kind, value))
        self.store.settle()
        self.recalls.applied(result.changes)
        for output in result.outputs:
            record: Any = output.value
            for item in items(record):
                body = CODEC.decode(record["bodies"][item["body"]])[1]
                self.keys.append(item["key"])
                self.reminders[item["topic"], body["message_id"]] += 1

    def recall(self, number: int, now: datetime) -> None:
        slot = Slot(f"alder/s{number}|0.0", 2, SlotState.RECALLED, ())
        send = Send(DeliveryType.RECALL, slot, 1, reasons=(Code.DEN_CONSENT_REVOKED,))
        found = Reconciled(Incident(f"i{number}", "Actual", {}, {}), (Delivery(RECIPIENTS, send),), ())
        self.take(Result(None, (), tuple(self.recalls.begun(found, now))))
        self.sent[number] = now

    def look(self, now: datetime, limit: int, *, fresh: bool = True) -> None:
        for result in self.recalls.work(Moment(now, fresh, answers=self.answers), limit):
            self.take(result)

    def standings(self) -> dict[tuple[str, str], str]:
        found: dict[tuple[str, str], str] = {}
        for key in list(self.store.keys()):
            value: Any = self.store.get(key)
            for recall in value["recalls"]:
                for entry in recall["standings"]:
                    found.update(((key.removeprefix(f"{PART}|"), one), entry["answer"]) for one in entry["recipients"])
        return found


def message(recipient: str) -> str:
    return IDS.message(recipient, IDS.key(recipient, "Actual", "alder/s0|0.0"), 2)


@given(EVENTS)
@settings(max_examples=150, deadline=None)
def test_any_interleaving_ends_in_the_same_standings(events: list[Event]) -> None:
    world = World()
    newest: dict[str, str] = {}
    for event in events:
        now = NOW + event.hour * HOUR
        if event.what == "recall" and not world.sent:
            world.recall(0, now)
        elif event.what == "answer" and world.sent:
            recipient, answer = RECIPIENTS[event.one], ANSWERS[event.other % 4]
            world.answers.enter({"recipient": recipient, "message_id": message(recipient), "answer": answer,
                                 "received_at": now})  # fmt: skip
            newest[recipient] = answer
        elif event.what == "crash":
            world.crash()
        else:
            world.look(now, 1, fresh=event.what != "stale")
    last = NOW + 131 * HOUR
    for hours in range(0, 24 * 5, 6):
        world.look(last + hours * HOUR, 5)
    expected = {("i0", one): newest.get(one, "OVERDUE") for one in RECIPIENTS} if world.sent else {}
    assert world.standings() == expected
    assert +Counter(world.recalls.standings) == Counter(expected.values())
    silent = [one for one in RECIPIENTS if one not in newest] if world.sent else []
    for one in silent:
        assert world.reminders[f"slt.notices.{one}", message(one)] == 3
    assert max(world.reminders.values(), default=0) <= 3
    assert len(world.keys) == len(set(world.keys))


@given(st.integers(1, 6), st.integers(1, 3))
def test_the_ledger_forgets_every_recall(recalls: int, limit: int) -> None:
    world = World()
    for number in range(recalls):
        world.recall(number, NOW + number * HOUR)
    for day in range(40):
        for _ in range(recalls):
            world.look(NOW + day * 24 * HOUR + recalls * HOUR, limit)
    assert list(world.store.keys()) == []
    assert not any(world.recalls.standings.values())
