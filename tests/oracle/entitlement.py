"""A naive decider: may this recipient have this report, by the control records below an epoch, at a moment?

Written from ARCHITECTURE §4, §5 and §8 and the gates of the spine as one straight line of ifs over plain dictionaries;
nothing is compiled, indexed or shared with the pipeline.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from tests.oracle.world import Entry

Fields = Mapping[str, Any]
_NOT_MEANT_BY_ALL = {"HOST_AUTHORITY", "CONTRACTOR", "ARMED_ACTOR", "DONOR", "MEDIA"}


class Target(StrEnum):
    """What should become of one report at one recipient (ARCHITECTURE §4), the least first."""

    NONE = "NONE"
    KEEP = "KEEP"
    SHOW = "SHOW"


class Life(NamedTuple):
    """One uninterrupted life of a grant; a renewal without a gap goes on with it, a new one starts after an end."""

    covers_from: int
    """Reports accepted at a later epoch are covered; -1: earlier ones as well."""
    terms: Fields
    """The newest payload in which it was GIVEN."""
    ended: str = ""
    """Empty while it lasts, else PROSPECTIVE or RECALL."""


@dataclass
class Registry:
    """What the control records below one offset say."""

    partners: dict[str, Fields] = field(default_factory=dict)
    grants: dict[tuple[str, str], list[Life]] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    withdrawn: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Series -> offset of its first withdrawal, and PROSPECTIVE or RECALL; what was ever recalled stays so."""

    def apply(self, entry: Entry) -> None:
        """Take in one record of slt.control; one whose version is not above the newest changes nothing."""
        if entry.value["version"] <= self.versions.get(entry.key, 0):
            return
        self.versions[entry.key] = entry.value["version"]
        payload = json.loads(entry.value["payload"])
        match entry.value["type"]:
            case "partner":
                self.partners[payload["org"]] = payload
            case "grant":
                self._grant(payload, entry)
            case "withdrawal":
                offset, before = self.withdrawn.get(payload["series"], (entry.at.offset, ""))
                mode = "RECALL" if before == "RECALL" else payload.get("mode", "RECALL")
                self.withdrawn[payload["series"]] = offset, mode
            case "end":
                grant = payload["grantor"], payload["grant"]
                self.grants[grant] = [life._replace(ended="RECALL") for life in self.grants.get(grant, [])]

    def _grant(self, payload: Fields, entry: Entry) -> None:
        lives = self.grants.setdefault((payload["grantor"], payload["grant"]), [])
        last = lives[-1] if lives else None
        if payload.get("state", "GIVEN") != "GIVEN":
            ended = payload.get("mode", "RECALL")
            lives[:] = [_end(life, ended, entry.appended, life is last) for life in lives] or [Life(-1, payload, ended)]
            return
        goes_on = last is not None and _renews(last, payload, entry.appended)
        since = last.covers_from if last and goes_on else entry.at.offset
        life = Life(-1 if payload.get("covers_earlier") else since, payload)
        lives[len(lives) - 1 if goes_on else len(lives) :] = [life]

    def of(self, grantor: str) -> list[Life]:
        """Every life of every grant of one originator."""
        return [life for grant, lives in self.grants.items() if grant[0] == grantor for life in lives]


def _end(life: Life, ended: str, at: datetime, newest: bool) -> Life:
    """What was taken back stays taken back; the newest life ends, and any other that still runs."""
    runs = not life.ended and _moment(life.terms, "valid_to") > at
    return life._replace(ended=ended) if life.ended != "RECALL" and (newest or runs) else life


class History:
    """The control log; `at` an epoch answers with what was in force then."""

    def __init__(self, control: Sequence[Entry]) -> None:
        """Take the records of slt.control in their order."""
        self.control = control
        self._known: dict[int, Decider] = {}

    @property
    def end(self) -> int:
        """The epoch after the last record."""
        return self.control[-1].at.offset + 1 if self.control else 0

    def at(self, epoch: int) -> Decider:
        """The decider for one epoch: every record below that offset applied."""
        if epoch not in self._known:
            registry = Registry()
            for entry in self.control:
                if entry.at.offset < epoch:
                    registry.apply(entry)
            self._known[epoch] = Decider(registry)
        return self._known[epoch]


@dataclass
class Decider:
    """Decides at one epoch."""

    registry: Registry
    _lives: dict[str, list[Life]] = field(default_factory=dict)

    def target(self, report: Fields, recipient: str, now: datetime) -> Target:
        """The whole answer, the least of all gates': a revocation recalls although the report has expired as well."""
        partner = self.registry.partners.get(recipient)
        if partner is None:
            return Target.NONE
        return min(
            _standing(report, partner),
            _life_cycle(report, now),
            self._withdrawal(report),
            self.consent(report, recipient, now),
            key=list(Target).index,
        )

    def _withdrawal(self, report: Fields) -> Target:
        """A withdrawn series never lives again; one reported after its withdrawal reaches nobody."""
        offset, mode = self.registry.withdrawn.get(report["series_id"], (-1, ""))
        if not mode:
            return Target.SHOW
        return Target.KEEP if mode == "PROSPECTIVE" and offset >= report["epoch"] else Target.NONE

    def consent(self, report: Fields, recipient: str, now: datetime) -> Target:
        """The originator's word: prohibitions, its own choice of recipients, grants (each for itself), then routing."""
        if report["originator"] == recipient:  # grants and prohibitions never speak of their grantor
            return Target.SHOW if recipient in report["initial_audience"] else Target.KEEP
        lives = [
            life
            for life in self._of(report["originator"])
            if _covers(life.terms, report) and self._reaches(life.terms, recipient)
        ]
        if any(life.terms.get("effect") == "PROHIBIT" and _answer(life, now) is Target.SHOW for life in lives):
            return Target.NONE
        if recipient in report["initial_audience"]:
            return Target.SHOW
        permits = [life for life in lives if life.terms.get("effect", "PERMIT") == "PERMIT"]
        answers = {_answer(life, now) for life in permits if report["epoch"] > life.covers_from}
        if Target.SHOW in answers and _wanted(report, self.registry.partners[recipient]):
            return Target.SHOW
        return Target.KEEP if answers - {Target.NONE} else Target.NONE

    def ever(self, originator: str, recipient: str) -> bool:
        """True if any permit of the originator, in force or not, ever named the recipient in any way."""
        return any(
            life.terms.get("effect", "PERMIT") == "PERMIT" and self._reaches(life.terms, recipient)
            for life in self._of(originator)
        )

    def _of(self, originator: str) -> list[Life]:
        if originator not in self._lives:
            self._lives[originator] = self.registry.of(originator)
        return self._lives[originator]

    def _reaches(self, terms: Fields, recipient: str) -> bool:
        category = self.registry.partners.get(recipient, {}).get("category", "")
        together = {"*", f"category:{category}"} & set(terms["recipients"])
        return recipient in terms["recipients"] or (bool(together) and category not in _NOT_MEANT_BY_ALL)


def _renews(life: Life, payload: Fields, at: datetime) -> bool:
    """Without a gap: entered, and valid, before the life ends."""
    end = _moment(life.terms, "valid_to")
    return not life.ended and _moment(payload, "valid_from") <= end and at <= end


def _covers(terms: Fields, report: Fields) -> bool:
    """The grant speaks of this report: by name, or by kind and area; exercises never mix with what is real."""
    if terms["status"] != report["status"]:
        return False
    if terms.get("series"):
        return report["series_id"] in terms["series"]
    return _among(report["kind"], terms.get("kinds", [])) and _among(_country(report), terms.get("areas", []))


def _standing(report: Fields, partner: Fields) -> Target:
    if report["status"] not in partner["statuses"]:
        return Target.NONE
    return {"ACTIVE": Target.SHOW, "SUSPENDED": Target.KEEP}.get(partner["status"], Target.NONE)


def _life_cycle(report: Fields, now: datetime) -> Target:
    expired = report["expires"] is not None and report["expires"] <= now
    return Target.KEEP if expired or report["message"] == "CANCEL" else Target.SHOW


def _answer(life: Life, now: datetime) -> Target:
    """SHOW while it is in force."""
    if life.ended:
        return Target.KEEP if life.ended == "PROSPECTIVE" else Target.NONE
    if _moment(life.terms, "valid_to") <= now:
        return Target.KEEP
    return Target.SHOW if _moment(life.terms, "valid_from") <= now else Target.NONE


def _wanted(report: Fields, partner: Fields) -> bool:
    return _among(report["kind"], partner["kinds"]) and _among(_country(report), partner["areas"])


def _among(word: str, words: Sequence[str]) -> bool:
    return "*" in words or (word != "" and word in words)


def _country(report: Fields) -> str:
    return report["area"]["country"] if report["area"] else ""


def _moment(terms: Fields, name: str) -> datetime:
    return datetime.fromisoformat(terms[name])
