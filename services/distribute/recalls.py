"""Recalls that wait for an answer: who has not given one is reminded, and counted (consent.md §5; docs/rules.md §9).

A part of the ledger per incident holds them, written in the transaction that sends the recall, the answer's settling
or the reminder: so each happens once, whatever crashes. Everything here but that part is derived from it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from heapq import heappop, heappush
from itertools import chain, islice
from typing import Any, NamedTuple

from services.core.answers import Answers
from services.core.envelope import DeliveryType
from services.core.ids import Ids
from services.core.notice import Notice, notice_output
from services.core.plan import Send
from services.core.recall import (
    Recall,
    Standing,
    Terms,
    answered,
    passed,
    recall_class,
    recall_from_fields,
    recall_to_fields,
)
from services.core.receipt import Encode
from services.core.reconcile import Reconciled
from services.core.report import Answer
from services.core.stage import Change, Fields, Moment, Output, Result, State

PART = "a"


class _Name(NamedTuple):
    """One recall of one incident."""

    incident: str
    name: str
    sequence: int


def recalls_key(incident: str) -> str:
    """State key of an incident's recalls."""
    return f"{PART}|{incident}"


def reason_of(send: Send) -> str:
    """The class that a recall names."""
    return recall_class(send.reasons, personal=send.personal).value


class Recalls:
    """The recalls of one partition."""

    def __init__(self, state: State, ids: Ids, encode: Encode, terms: Terms) -> None:
        """Reads the part of every incident that has one."""
        self._state, self._ids, self._encode, self._terms = state, ids, encode, terms
        self._places: dict[str, _Name] = {}
        self._messages: dict[str, tuple[str, ...]] = {}
        self._shapes: dict[str, tuple[tuple[str, int, int], ...]] = {}
        self._tallies: dict[str, Counter[str]] = {}
        self._total: Counter[str] = Counter({standing.value: 0 for standing in Standing})
        self._due: list[tuple[datetime, str]] = []
        self._due_at: dict[str, datetime] = {}
        self._unseen: list[str] = []
        self._seen = 0
        self._waiting: dict[str, dict[_Name, dict[str, Answer]]] = {}
        for key in state.keys():  # noqa: SIM118  a State is no mapping
            part, _, incident = key.partition("|")
            if part == PART:
                self._learn(incident, state.get(key))

    @property
    def standings(self) -> dict[str, int]:
        """How many recalls stand where, one for each recipient."""
        return dict(self._total)

    def begun(self, found: Reconciled, now: datetime) -> list[Change]:
        """The ledger's part with the recalls that this reconciliation sends; nothing if there are none."""
        new = [
            _recall(delivery.send, delivery.recipients, now, self._terms)
            for delivery in found.deliveries
            if delivery.send.type is DeliveryType.RECALL
        ]
        if not new:
            return []
        incident = found.incident
        return [_change(incident.id, incident.status, _merged([*self._recalls(incident.id), *new]))]

    def applied(self, changes: Iterable[Change]) -> None:
        """Keep what is derived current."""
        for change in changes:
            part, _, incident = change.key.partition("|")
            if part == PART:
                self._learn(incident, change.value)

    def work(self, moment: Moment, limit: int) -> Iterator[Result]:
        """Settle what was answered or is due, `limit` incidents at most; by time only where `now` may be trusted."""
        self._note(moment.answers)
        while moment.fresh and self._due and self._due[0][0] <= moment.now:
            due, incident = heappop(self._due)
            if self._due_at.get(incident) == due:
                del self._due_at[incident]
                self._waiting.setdefault(incident, {})
        for incident in list(islice(self._waiting, limit)):
            result = self._settled(incident, self._waiting.pop(incident), moment)
            if result is not None:
                yield result

    def _note(self, answers: Answers) -> None:
        """Which incidents the answers concern: the new ones, and earlier ones to recalls that are new here."""
        for message in chain(self._unseen, answers.since(self._seen)):
            place, found = self._places.get(message), answers.get(message)
            if place and found:
                told = self._waiting.setdefault(place.incident, {}).setdefault(place, {})
                told[found.recipient] = found.answer
        self._unseen.clear()
        self._seen = answers.count

    def _settled(self, incident: str, told: Mapping[_Name, Mapping[str, Answer]], moment: Moment) -> Result | None:
        """The incident's part after answers and time, with its reminders; None if nothing is new."""
        before = self._recalls(incident)
        if not before:
            return None
        status = (self._state.get(recalls_key(incident)) or {})["status"]
        after: list[Recall] = []
        reminders: list[Output] = []
        for recall in before:
            settled = answered(recall, told.get(_Name(incident, recall.name, recall.sequence), {}))
            kept, late = passed(settled, moment.now, self._terms) if moment.fresh else (settled, ())
            if kept:
                after.append(kept)
                reminders += self._reminders(kept, late, status, moment.now)
        return None if after == before else Result(None, tuple(reminders), (_change(incident, status, after),))

    def _reminders(self, recall: Recall, late: Iterable[str], status: str, now: datetime) -> Iterator[Output]:
        for recipient in late:
            key = self._ids.key(recipient, status, recall.name)
            message = self._ids.message(recipient, key, recall.sequence)
            body = {"message_id": message, "deadline": recall.deadline, "times": recall.reminded, "key": key,
                    "sequence": recall.sequence}  # fmt: skip
            notice = Notice(recipient, f"{message}|{recall.reminded}", "reminder", body, now, status)
            yield notice_output(notice, self._encode)

    def _recalls(self, incident: str) -> list[Recall]:
        fields = self._state.get(recalls_key(incident))
        return [recall_from_fields(one) for one in fields["recalls"]] if fields else []

    def _learn(self, incident: str, fields: Fields | None) -> None:
        """Message ids, tally and due time of the incident's part as it is now."""
        recalls = fields["recalls"] if fields else []
        self._place(incident, fields["status"] if fields else "", recalls)
        tally: Counter[str] = Counter()
        for entry in (entry for recall in recalls for entry in recall["standings"]):
            tally[entry["answer"]] += len(entry["recipients"])
        self._total.subtract(self._tallies.pop(incident, {}))
        self._total.update(tally)
        if recalls:
            self._tallies[incident] = tally
        self._schedule(incident, min((recall["due"] for recall in recalls), default=None))

    def _place(self, incident: str, status: str, recalls: Iterable[Fields]) -> None:
        """Message ids are made again only when recalls were added or forgotten: an answer leaves the shape as it is."""
        shape = tuple((recall["name"], recall["sequence"], _count(recall)) for recall in recalls)
        if shape == self._shapes.get(incident, ()):
            return
        before = self._messages.pop(incident, ())
        self._shapes.pop(incident, None)
        places = dict(chain.from_iterable(self._placed(incident, status, recall) for recall in recalls))
        for message in before:
            if message not in places:
                self._places.pop(message, None)
        self._unseen += [message for message in places if message not in self._places]
        self._places.update(places)
        if shape:
            self._messages[incident], self._shapes[incident] = tuple(places), shape

    def _placed(self, incident: str, status: str, recall: Fields) -> Iterator[tuple[str, _Name]]:
        """The message id of each of its recipients."""
        place = _Name(incident, recall["name"], recall["sequence"])
        for recipient in (one for entry in recall["standings"] for one in entry["recipients"]):
            key = self._ids.key(recipient, status, place.name)
            yield self._ids.message(recipient, key, place.sequence), place

    def _schedule(self, incident: str, due: datetime | None) -> None:
        if due is None:
            self._due_at.pop(incident, None)
        elif self._due_at.get(incident) != due:
            self._due_at[incident] = due
            heappush(self._due, (due, incident))


def _count(recall: Fields) -> int:
    return sum(len(entry["recipients"]) for entry in recall["standings"])


def _recall(send: Send, recipients: Iterable[str], now: datetime, terms: Terms) -> Recall:
    deadline = now + terms.deadline
    standings = dict.fromkeys(recipients, Standing.OPEN)
    return Recall(send.slot.name, send.slot.sequence, reason_of(send), now, deadline, 0, deadline, standings)


def _change(incident: str, status: str, recalls: Iterable[Recall]) -> Change:
    fields: Any = {"status": status, "recalls": [recall_to_fields(one) for one in recalls]}
    return Change(recalls_key(incident), "ledger_recalls", fields if fields["recalls"] else None)


def _merged(recalls: Iterable[Recall]) -> list[Recall]:
    """Classes of recipients that are sent the same recall at the same moment in one entry."""
    found: dict[Any, Recall] = {}
    for recall in recalls:
        known = found.get(recall[:-1])
        standings = {**known.standings, **recall.standings} if known else recall.standings
        found[recall[:-1]] = recall._replace(standings=standings)
    return list(found.values())
