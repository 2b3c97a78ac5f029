"""Load by seed: reports with revisions, copies and repeats, consents that come and go, and records that are wrong.

The same seed and start give the same bytes. Everything is invented; each text carries its originator's secret word, so
that a leak can be found by searching (reliability §8).
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.oracle.scenario import (
    ADMIN,
    KINDS,
    MOODY,
    MORTAL,
    ORGS,
    ORIGINATORS,
    OUTSIDERS,
    Send,
    Signers,
    canary,
    grant,
    partner,
    registry,
    standing_grants,
)

_PLACES = ((0.2, 37.0), (7.3, 30.0), (34.0, 66.0), (4.0, -73.0), (49.0, 32.0), (17.0, -2.0), None)
_RECENT = 200
Fields = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """What is to be sent: each phase after the one before has gone through intake."""

    phases: tuple[tuple[Send, ...], ...]
    canaries: Mapping[str, str]

    @property
    def submissions(self) -> int:
        """How many records it has in all."""
        return sum(map(len, self.phases))


def make_plan(signers: Signers, reports: int, start: datetime) -> Plan:
    """`reports` versions of reports besides repeats, copies, consents and wrong records; `start` is about now."""
    load = tuple(_Load(signers, start).sends(reports))
    canaries = {org: canary(signers.seed, org) for org in ORIGINATORS}
    return Plan((registry(signers, start), standing_grants(signers, start), load), canaries)


class _Load:
    """Draws one submission after the other."""

    def __init__(self, signers: Signers, start: datetime) -> None:
        self._signers = signers
        self._start = start
        self._random = random.Random(signers.seed)
        self._sent: dict[str, list[Fields]] = {org: [] for org in ORIGINATORS}
        self._series = 0
        self._untold: Fields | None = None
        self._versions: dict[str, int] = {}
        self._granted: list[Fields] = []
        self._words: list[Callable[[str], Send | None]] = [
            self._toggle, self._grant_series, self._end, self._narrow, self._toggle, self._change_partner,
        ]  # fmt: skip

    def sends(self, reports: int) -> Iterator[Send]:
        every = max(10, reports // 300)
        for number in range(reports):
            org = self._random.choice(ORIGINATORS)
            yield self._report(org, self._next(org))
            yield from self._beside(org)
            if number % every == every - 1:
                word = self._words[(number // every) % len(self._words)](org)
                yield from () if word is None else (word,)

    def _next(self, org: str) -> Fields:
        """A new series, or the next version of one that is recent."""
        recent = self._sent[org][-_RECENT:]
        if recent and self._random.random() < 0.2:
            series = self._random.choice(recent)["series_id"]
            return self._revision(next(sent for sent in reversed(self._sent[org]) if sent["series_id"] == series))
        self._series += 1
        first = self._first(org, f"r{self._series}")
        return self._told_by_two(first) if self._random.random() < 0.2 else first

    def _beside(self, org: str) -> Iterator[Send]:
        """Now and then the same record again, a copy under another id, or something wrong."""
        draw = self._random.random()
        if draw < 0.08:
            yield _submission(org, self._random.choice(self._sent[org][-_RECENT:]), "repeat")
        elif draw < 0.10:
            self._series += 1
            yield self._report(org, {**self._sent[org][-1], "series_id": f"c{self._series}", "version": 1})
        elif draw < 0.13:
            yield self._wrong(org)

    def _report(self, org: str, fields: Fields) -> Send:
        self._sent[org].append(fields)
        return _submission(org, fields, "report")

    # --- reports ------------------------------------------------------------------------------------------------------

    def _first(self, org: str, series: str) -> Fields:
        draw = self._random
        place = draw.choices(_PLACES, (5, 4, 3, 2, 2, 2, 1))[0]
        word = canary(self._signers.seed, org)
        fields = {
            "series_id": series,
            "version": 1,
            "message": "ALERT",
            "status": draw.choices(("Actual", "Exercise", "Test"), (90, 7, 3))[0],
            "initial_audience": self._audience(org),
            "kind": draw.choice(KINDS),
            "event": "invented",
            "urgency": draw.choice(("Immediate", "Expected")),
            "severity": draw.choice(("Extreme", "Minor")),
            "certainty": "Likely",
            "headline": f"Invented event {series} {word}",
            "description": f"{word} An invented account, number {draw.getrandbits(40)}. " + "Nothing happened. " * 8,
            "advice": f"{word} stay calm",
            "occurred_from": self._at(-draw.randrange(60, 700 * 86400)),
            "actor": word,
        }
        if place:
            fields["place"] = {
                "latitude": place[0] + draw.uniform(-1, 1),
                "longitude": place[1] + draw.uniform(-1, 1),
                "precision": "TOWN",
                "name": word,
            }
        if draw.random() < 0.1:
            fields["expires"] = self._at(draw.choice((-30, 10, 20, 40, 3600)))
        return fields

    def _told_by_two(self, fields: Fields) -> Fields:
        """What happened, and where, is what another has told of or will tell of: the two are one incident."""
        if self._untold is None:
            self._untold = {
                "occurred_from": fields["occurred_from"], "means": "shooting", "victims": ["INGO"],
                "harm": {"scheme": "invented", "killed": 3, "injured": 1}, "status": fields["status"],
                "place": {"latitude": 7.3, "longitude": 30.0 + self._random.random(), "precision": "TOWN"},
            }  # fmt: skip
            return {**fields, **self._untold}
        told, self._untold = self._untold, None
        return {**fields, **told}

    def _audience(self, org: str) -> list[str]:
        if self._random.random() > 0.3:
            return []
        others = [other for other in ORGS if other != org and other not in OUTSIDERS]
        return self._random.sample(others, self._random.randrange(1, 4))

    def _revision(self, before: Fields) -> Fields:
        draw = self._random
        message = draw.choices(("UPDATE", "CORRECT", "CANCEL"), (6, 2, 1))[0]
        after = {**before, "version": before["version"] + 1, "message": message, "certainty": "Observed"}
        after["description"] = before["description"] + f" More, number {draw.getrandbits(40)}."
        if "place" not in before and draw.random() < 0.7:
            after["place"] = {"latitude": 7.3, "longitude": 30.0, "precision": "TOWN"}
        if draw.random() < 0.2:
            after["initial_audience"] = before["initial_audience"][1:]
        return after

    def _wrong(self, org: str) -> Send:
        """A record that must end in slt.dead, or in a receipt that says what to change."""
        topic = f"slt.in.{org}"
        good = {**self._first(org, f"w{self._random.getrandbits(40)}"), "initial_audience": []}
        lacking = {name: value for name, value in good.items() if name != "kind"}
        someone = next(other for other in ORIGINATORS if other != org)
        forged = grant(org, "forged", 1, self._start, recipients=["*"])
        bodies = (
            b"this is not JSON", b"\xff\xfe\x00", json.dumps(lacking).encode(), b"[]",
            json.dumps({**good, "surplus": 1}).encode(),
            json.dumps({**good, "occurred_from": self._at(-86400 * 365 * 50)}).encode(),
            json.dumps({**good, "place": {"latitude": 123.0, "longitude": 0.0}}).encode(),
        )  # fmt: skip
        draw = self._random.randrange(len(bodies) + 3)
        if draw < len(bodies):
            return Send(org, topic, bodies[draw], "wrong")
        if draw == len(bodies):
            return self._signers.send(org, forged, "wrong", forged=True)
        if draw == len(bodies) + 1:
            return self._signers.send(org, {**forged, "grantor": someone}, "wrong")
        return _submission(org, {**good, "originator": someone}, "report")

    # --- consents -----------------------------------------------------------------------------------------------------

    def _toggle(self, org: str) -> Send:
        """Given, withdrawn with recall, given again, withdrawn for the future, and so on."""
        version = self._version(f"{org}/toggle")
        given = version % 2 == 1
        payload = grant(
            org, "toggle", version, self._start,
            kinds=["SITUATION_REPORT"], recipients=["hazel", "kauri", "larch", MORTAL],
            covers_earlier=given and version % 8 == 5,
            state="GIVEN" if given else "WITHDRAWN", mode="RECALL" if version % 4 == 2 else "PROSPECTIVE",
        )  # fmt: skip
        return self._signers.send(org, payload, "grant")

    def _grant_series(self, org: str) -> Send:
        """A late grant of a few reports that are there already."""
        series = sorted({f"{org}/{fields['series_id']}" for fields in self._sent[org][-20:]})
        name = f"series-{self._version('series')}"
        audience = self._random.sample(["kauri", "larch", "rowan", "spruce", "tamarack", MOODY], 3)
        payload = grant(org, name, 1, self._start, series=series, kinds=[], areas=[], recipients=audience)
        payload["covers_earlier"] = True
        self._granted.append(payload)
        return self._signers.send(org, payload, "grant")

    def _end(self, org: str) -> Send | None:
        """An administrator revokes a grant of series."""
        if not self._granted:
            return None
        gone = self._granted.pop(self._random.randrange(len(self._granted)))
        payload = {"type": "end", "version": 1, "grantor": gone["grantor"], "grant": gone["grant"], "state": "REVOKED"}
        return self._signers.send(ADMIN, payload, "end")

    def _narrow(self, org: str) -> Send:
        """A grant that names one recipient less, or more, each time."""
        version = self._version(f"{org}/narrow")
        audience = ["fir", "ginkgo", "kauri", "rowan", "spruce"][: 5 - version % 4]
        return self._signers.send(org, grant(org, "narrow", version, self._start, recipients=audience), "grant")

    def _change_partner(self, org: str) -> Send:
        """A suspension, a return, and someone who leaves for good."""
        number = self._version("changes")
        if number in {3, 4}:  # only who is suspended can be terminated (SLT-42)
            status = "SUSPENDED" if number == 3 else "TERMINATED"
            return self._signers.send(ADMIN, partner(MORTAL, number - 1, status=status), "partner")
        version = self._version(MOODY) + 1
        status = "SUSPENDED" if version % 2 == 0 else "ACTIVE"
        return self._signers.send(ADMIN, partner(MOODY, version, status=status), "partner")

    def _version(self, name: str) -> int:
        self._versions[name] = self._versions.get(name, 0) + 1
        return self._versions[name]

    def _at(self, seconds: int) -> str:
        return (self._start + timedelta(seconds=seconds)).isoformat()


def _submission(org: str, fields: Fields, what: str) -> Send:
    return Send(org, f"slt.in.{org}", json.dumps(fields).encode(), what)
