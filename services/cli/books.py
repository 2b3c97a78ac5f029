"""The books of a whole installation, kept from its topics alone: what went in, what became of it, who holds what.

Everything is matched by coordinates, because sums can agree by accident. Pure: records come in, answers go out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import orjson

from services.cli.scenario import Told
from services.core.control import ADMIN
from services.core.envelope import DeliveryType, Envelope
from services.core.stage import Outcome, Source
from services.runtime.read_model import FINAL
from services.runtime.topics import CANARY

REPORTS, CONSENTS, NOTICES, OUTLETS = "slt.in.", "slt.consent.", "slt.notices.", ("slt.out.", "slt.exercise.")
_INTERNAL = ("slt.reports", "slt.decisions", "slt.dead", "slt.control", "slt.acks", "slt.ledger")
FAMILIES = (REPORTS, CONSENTS, NOTICES, *OUTLETS, *_INTERNAL)


_TEXTS = ("headline", "tearline")
"""By which an account is known whose source is not named; the scenario writes no text twice."""


class Read(NamedTuple):
    """One record of any of FAMILIES; `value` is bytes in what partners sent, decoded fields elsewhere.

    A tombstone has neither kind nor value.
    """

    at: Source
    key: str
    kind: str
    value: Any
    envelope: Envelope | None = None


class Recalled(NamedTuple):
    """What a recipient names a recall by."""

    message_id: str
    key: str
    sequence: int


class End(NamedTuple):
    """What became of one submitted record."""

    outcome: str
    reason: str = ""


class Account(NamedTuple):
    """One originator's reports: `records` = the sum of the outcomes, if nothing is open or counted twice."""

    org: str
    records: int
    outcomes: Mapping[str, int]
    open: int
    """Records without an outcome, or with more than one."""


class Sent(NamedTuple):
    """Acknowledgements or control records: sent = entered + repeated + refused."""

    what: str
    records: int
    entered: int
    repeated: int
    refused: int

    @property
    def open(self) -> int:
        """Records without an outcome."""
        return self.records - self.entered - self.repeated - self.refused


class Books:
    """Folds records in any order of topics; within a partition in the order of offsets."""

    def __init__(self) -> None:
        """Empty books."""
        self._reports: dict[Source, str] = {}
        self._words: dict[Source, tuple[str, str]] = {}
        self._answers: dict[Source, tuple[str, str]] = {}
        self._ends: dict[Source, list[End]] = {}
        self._raw: dict[Source, Source] = {}
        self._dead: list[tuple[Source, End]] = []
        self._entered: Counter[tuple[str, str]] = Counter()
        self._acknowledged: Counter[tuple[str, str]] = Counter()
        self._versions: dict[str, int] = {}
        self._texts: dict[str, str] = {}
        self._sources: dict[tuple[str, str], str] = {}
        self._held: dict[tuple[str, str], tuple[Mapping[str, Any], ...]] = {}
        self._recalls: dict[tuple[str, str], Recalled] = {}
        self._ledger: dict[tuple[int, str], Any] = {}
        self.recalled: set[tuple[str, str]] = set()
        """Every recall on a partner's topic: topic and message id."""
        self.told: dict[Told, float] = {}
        """Every notice about a consent; of a confirmation, after how many seconds it came."""
        self.deliveries: Counter[str] = Counter()
        """Records on partners' topics by type."""

    def fold(self, read: Read) -> None:
        """Take in one record."""
        topic = read.at.topic
        if topic.startswith(REPORTS):
            self._submitted(read)
        elif topic.startswith(CONSENTS):
            self._words[read.at] = (topic.removeprefix(CONSENTS), _text(read.value, "payload"))
        elif topic.startswith(OUTLETS):
            self._delivered(read)
        elif topic.startswith(NOTICES):
            self._noticed(read.at.topic.removeprefix(NOTICES), read.kind, read.value)
        else:
            self._internal(read)

    def _submitted(self, read: Read) -> None:
        org = read.at.topic.removeprefix(REPORTS)
        if _text(read.value, "answer"):
            self._answers[read.at] = (org, _text(read.value, "message_id"))
        else:
            self._reports[read.at] = org

    def _internal(self, read: Read) -> None:
        value = read.value
        match read.at.topic:
            case "slt.reports":
                self._raw[read.at] = Source(**value["raw"])
                self._texts |= {value[name]: value["series_id"] for name in _TEXTS if value.get(name)}
            case "slt.decisions":
                for account in value["accounts"]:
                    self._ends.setdefault(Source(**account["raw"]), []).append(End(account["outcome"]))
            case "slt.dead":
                at = Source(value["topic"], value["partition"], value["offset"])
                self._dead.append((at, End(Outcome.REFUSED, value["reason"])))
            case "slt.control":
                self._entered[value["author"], value["payload"]] += 1
                self._versions[read.key] = value["version"]
            case "slt.acks":
                self._acknowledged[value["recipient"], value["message_id"]] += 1
            case "slt.ledger" if read.kind in {"ledger_recalls", ""}:
                self._ledger[read.at.partition, read.key] = value

    def _noticed(self, org: str, kind: str, value: Any) -> None:
        if kind == "consent_request":
            self.told[Told(org, value["stage"], value["series_id"])] = 0.0
        elif kind == "consent_status" and org != ADMIN:  # of partners' standing, which the story tells otherwise
            taken = (value["at"] - value["decided_at"]).total_seconds()
            self.told[Told(org, value["status"], value["grant"])] = taken

    def _delivered(self, read: Read) -> None:
        if read.envelope is None:
            return  # the outlet's pulse
        org = read.at.topic.split(".", 2)[2]
        self.deliveries[read.envelope.type] += org != CANARY
        place = (read.at.topic, read.key)
        if read.envelope.type is DeliveryType.RECALL:
            self.recalled.add((read.at.topic, read.envelope.message_id))
            for account in self._held.get(place, ()):
                series = self._series(account)
                self._recalls[org, series] = Recalled(read.envelope.message_id, read.key, read.envelope.sequence)
        self._sources[place] = read.value["sources"] if read.kind == "view" else ""
        self._held[place] = tuple(read.value["accounts"]) if read.kind == "view" else ()

    def _series(self, account: Mapping[str, Any]) -> str:
        """A source that is not named has no ids: its report is known by its text, here where every text is known."""
        texts = (self._texts.get(account.get(name, ""), "") for name in _TEXTS)
        return account["series_id"] or next(filter(None, texts), "")

    # -- what they say

    def version(self, key: str) -> int:
        """The newest version that is entered in slt.control under a key (type/id); 0: none."""
        return self._versions.get(key, 0)

    def recall(self, org: str, series: str) -> Recalled:
        """The newest recall of a series at an organisation; empty: none."""
        return self._recalls.get((org, series), Recalled("", "", 0))

    def holders(self) -> dict[str, dict[str, int]]:
        """Series -> organisation -> version that the newest record of a key shows it."""
        found: dict[str, dict[str, int]] = {}
        for (topic, _), accounts in self._held.items():
            for account in accounts:
                if series := self._series(account):
                    found.setdefault(series, {})[topic.split(".", 2)[2]] = account["version"]
        return found

    def shown(self, org: str, series: str) -> Mapping[str, Any]:
        """The account of a series that an organisation holds, with its view's `sources`; empty: none."""
        every = ((place, accounts) for place, accounts in self._held.items() if place[0].split(".", 2)[2] == org)
        mine = ((place, one) for place, accounts in every for one in accounts if self._series(one) == series)
        return next(({**account, "sources": self._sources[place]} for place, account in mine), {})

    def standings(self) -> Counter[str]:
        """How many recalls stand where (services.core.recall.Standing), as the ledger has it."""
        found: Counter[str] = Counter()
        recalls = (recall for part in self._ledger.values() if part for recall in part["recalls"])
        for standing in (standing for recall in recalls for standing in recall["standings"]):
            found[standing["answer"]] += len(standing["recipients"])
        return found

    def wrong_topics(self) -> list[str]:
        """Series that lie in topics of both families: an exercise among the actual ones, or the reverse."""
        families: dict[str, set[str]] = {}
        for (topic, _), accounts in self._held.items():
            for series in filter(None, map(self._series, accounts)):
                families.setdefault(series, set()).add(topic.split(".", 2)[1])
        return sorted(name for name, found in families.items() if len(found) > 1)

    def submitted(self) -> frozenset[Source]:
        """Coordinates of every report that was read so far."""
        return frozenset(self._reports)

    def ends(self, at: Source) -> tuple[End, ...]:
        """What became of one record; exactly one if all is well, none while it is under way."""
        self._settle_dead()
        return tuple(self._ends.get(at, ()))

    def _settle_dead(self) -> None:
        """A record that a later stage refused is named by the coordinates that it had there."""
        later = []
        for at, end in self._dead:
            raw = at if at.topic.startswith((REPORTS, CONSENTS)) else self._raw.get(at)
            if raw is None:
                later.append((at, end))
            else:
                self._ends.setdefault(raw, []).append(end)
        self._dead = later

    def accounts(self, among: Iterable[Source]) -> tuple[Account, ...]:
        """An account for each originator of these records."""
        found: dict[str, list[tuple[End, ...]]] = {}
        for at in among:
            found.setdefault(self._reports[at], []).append(self.ends(at))
        return tuple(_account(org, ends) for org, ends in sorted(found.items()))

    def aliens(self) -> int:
        """Outcomes of records that nobody submitted."""
        self._settle_dead()
        known = self._reports.keys() | self._words.keys() | self._answers.keys()
        return sum(len(ends) for at, ends in self._ends.items() if at not in known) + len(self._dead)

    def controls(self) -> tuple[Sent, Sent]:
        """Acknowledgements and control records; each entered record answers one that was sent."""
        return (
            self._sent("acknowledgements", self._answers, self._acknowledged),
            self._sent("control records", self._words, self._entered),
        )

    def _sent(self, what: str, sent: Mapping[Source, Any], entered: Mapping[Any, int]) -> Sent:
        refused = {at for at in sent if self.ends(at)}
        words = Counter(word for at, word in sent.items() if at not in refused)
        first = sum(min(number, entered[word]) for word, number in words.items())
        repeated = sum(number - entered[word] for word, number in words.items() if 0 < entered[word] < number)
        return Sent(what, len(sent), first, repeated, len(refused))


def _account(org: str, ends: list[tuple[End, ...]]) -> Account:
    single = Counter(end[0].outcome for end in ends if len(end) == 1)
    return Account(org, len(ends), {name: single[name] for name in FINAL}, sum(len(end) != 1 for end in ends))


def _text(data: bytes, name: str) -> str:
    """One string field of a JSON object; empty where the bytes are none or lack it."""
    try:
        fields = orjson.loads(data)
    except orjson.JSONDecodeError:
        return ""
    found = fields.get(name) if isinstance(fields, dict) else None
    return found if isinstance(found, str) else ""
