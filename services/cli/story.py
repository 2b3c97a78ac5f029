"""The bundled scenario: invented organisations report invented events, and consent comes and goes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Any, NamedTuple

from services.cli.scenario import Act, After, Holders, Item, Scenario, Shown, Submission, Told, Word
from services.core.control import ADMIN, PartnerStatus
from services.core.sioc import SIOC
from services.runtime.registry import Registry

BOX = timedelta(seconds=30)
"""Life of the grant that ends during the scenario."""
BOX_PASSED = BOX.total_seconds() + 6.0
"""Later than the pipeline's clock may be behind (5 s without a heartbeat stop every release)."""
PLACES = {
    "KEN": (0.2, 37.0), "SSD": (7.3, 30.0), "AFG": (34.0, 66.0), "COL": (4.0, -73.0), "UKR": (49.0, 32.0),
}  # fmt: skip
DAYS = 300
"""Every everyday report tells of a day of its own: what one tells, no other tells by chance."""
EVENTS = ("road blocked", "warehouse entered", "convoy delayed", "flood warning", "clinic closed for a day")


def demo(*names: str) -> tuple[str, ...]:
    """Ids of invented organisations."""
    return tuple(f"demo-{name}" for name in names)


class Lane(NamedTuple):
    """One kind of everyday report and who has it, by the standing grants below and by what each partner asked for."""

    org: str
    kind: str
    country: str
    to: tuple[str, ...]
    audience: tuple[str, ...] = ()


INGOS = demo("alder", "birch", "dogwood", "ginkgo", "ironwood", "larch", "pine", "quince", "tamarack")
LANES = (
    Lane("demo-alder", "INCIDENT_REPORT", "KEN", (*demo("birch", "ironwood", "larch"), SIOC)),
    Lane("demo-alder", "SITUATION_REPORT", "AFG", (*demo("birch", "ironwood"), SIOC)),  # larch asked for others
    Lane("demo-birch", "SECURITY_ALERT", "SSD", (*demo("juniper", "kauri"), SIOC)),
    Lane("demo-birch", "INCIDENT_REPORT", "SSD", ()),  # birch consented for alerts only
    Lane("demo-cedar", "SECURITY_ALERT", "KEN", (*INGOS, "demo-kauri", SIOC)),
    Lane("demo-cedar", "LESSON_LEARNT", "KEN", (*INGOS, SIOC)),  # kauri asked for alerts only
    Lane("demo-cedar", "INCIDENT_REPORT", "COL", ()),  # cedar consented for Kenya only
    Lane("demo-elm", "SECURITY_ALERT", "SSD",
         (*INGOS, *demo("cedar", "fir", "hazel", "juniper", "kauri", "nutmeg", "rowan", "spruce"), SIOC)),
    Lane("demo-fir", "INCIDENT_REPORT", "UKR", demo("nutmeg", "oak"), demo("nutmeg", "oak")),
    Lane("demo-hazel", "INCIDENT_REPORT", "SSD", (*demo("cedar", "elm", "juniper", "maple", "rowan"), SIOC)),
)  # fmt: skip
AWAY = frozenset(demo("pine", "quince"))
"""Suspended in the course of the story."""
WORDS: tuple[dict[str, Any], ...] = (
    {"grantor": "demo-alder", "recipients": (*demo("birch", "ironwood", "larch"), SIOC)},
    {"grantor": "demo-birch", "recipients": (*demo("juniper", "kauri"), SIOC), "kinds": ["SECURITY_ALERT"]},
    {"grantor": "demo-cedar", "recipients": ["category:INGO", SIOC], "areas": ["KEN"]},
    {"grantor": "demo-elm", "recipients": ["*", "demo-spruce"]},  # `*` means no observer
    {"grantor": "demo-elm", "grant": "not-maple", "effect": "PROHIBIT", "recipients": demo("maple")},
    {"grantor": "demo-hazel", "recipients": ["category:UNSMS", "category:FIELD_PARTNER"]},
    {"grantor": SIOC, "recipients": ["*"]},  # for what is drafted in the console
    {
        "grantor": "demo-alder",
        "grant": "drill",
        "status": "Exercise",
        "recipients": (*demo("birch", "ironwood", "tamarack"), SIOC),
    },
)


class Story:
    """Writes acts, and keeps track of who must hold what."""

    def __init__(self, start: datetime, registry: Registry) -> None:
        """`start`: about now; all invented times lie around it."""
        self._start = start
        self._registry = registry
        self._numbers = count(1)
        self._acts: list[Act] = []
        self._truth: dict[str, dict[str, int]] = {}
        self._touched: set[str] = set()
        self._last: dict[str, Submission] = {}
        self._away: frozenset[str] = frozenset()
        self._missed: dict[str, dict[str, int]] = {}
        self._shows: list[Shown] = []
        self._tells: list[Told] = []
        self.explained = ""
        """The series that is explained at the end."""

    def act(self, name: str, say: str, items: Iterable[Item], after: After | None = None) -> None:
        """Close an act: `items` are written before the truth is taken down."""
        written = tuple(items)
        holds = {series: dict(self._truth[series]) for series in sorted(self._touched)}
        self._acts.append(Act(name, say, written, holds, after, tuple(self._shows), tuple(self._tells)))
        for noted in (self._touched, self._shows, self._tells):
            noted.clear()

    def scenario(self) -> Scenario:
        """What has been written."""
        return Scenario(tuple(self._acts), self.explained)

    # -- what is sent

    def report(self, lane: Lane, *, outcome: str = "", **fields: Any) -> Submission:
        """A new report of a lane; every other one is Avro."""
        number = next(self._numbers)
        latitude, longitude = _place(lane.country, number)
        body = {
            "series_id": f"r{number:03}", "version": 1, "message": "ALERT", "status": "Actual", "kind": lane.kind,
            "headline": f"Invented: {EVENTS[number % len(EVENTS)]} ({number})",
            "description": f"An invented account for a demonstration ({number}). Nothing of the kind has happened.",
            "urgency": "Expected", "severity": "Moderate", "certainty": "Likely",
            "occurred_from": self._start - timedelta(days=10 + number % DAYS, minutes=5 + number % 60),
            "time_precision": "EXACT",
            "place": {"country": lane.country, "latitude": latitude, "longitude": longitude, "precision": "TOWN"},
            "initial_audience": list(lane.audience), **fields,
        }  # fmt: skip
        made = Submission(lane.org, body, outcome or ("delivered" if lane.to else "withheld"), avro=number % 2 == 0)
        self._remember(made, lane.to)
        return made

    def wave(self, rounds: int) -> list[Submission]:
        """Everyday reports of every lane."""
        return [self.report(lane) for _ in range(rounds) for lane in LANES]

    def revision(self, series: str, message: str, to: Sequence[str] | None = None, **fields: Any) -> Submission:
        """The next version of a series; `to`: who holds it afterwards, if not whoever held it before."""
        before = self._last[series]
        version = before.fields["version"] + 1
        text = f"{message.capitalize()}: an invented account, version {version}."
        body = {**before.fields, "version": version, "message": message, "description": text, **fields}
        made = before._replace(body=body)
        self._remember(made, tuple(self._truth[series]) if to is None else tuple(to))
        return made

    def again(self, series: str, **fields: Any) -> Submission:
        """The newest version once more, byte for byte, or with another id."""
        before = self._last[series]
        return before._replace(body={**before.fields, **fields}, outcome="duplicate")

    def grant(self, grantor: str, **fields: Any) -> Word:
        """A grantor's word; without more it permits everything actual for a day."""
        payload = {
            "type": "grant", "version": 1, "grantor": grantor, "grant": "standing", "status": "Actual",
            "kinds": ["*"], "areas": ["*"], "valid_from": (self._start - timedelta(hours=1)).isoformat(),
            "valid_to": (self._start + timedelta(days=1)).isoformat(), **fields,
        }  # fmt: skip
        return Word(grantor, {**payload, "recipients": list(payload.get("recipients", ()))})

    def standing(self, version: int, status: PartnerStatus, *orgs: str) -> list[Item]:
        """The administrators change partners' standing."""
        return [Word(ADMIN, self._registry.entry(org).payload(version, status)) for org in orgs]

    # -- who holds what

    def _remember(self, sent: Submission, to: Sequence[str]) -> None:
        series, version = sent.series, sent.fields["version"]
        before = self._truth.get(series, {})
        kept = {org: before[org] for org in to if org in before and org in self._away}
        self._truth[series] = {org: version for org in to if org not in self._away} | kept
        for org in self._away & set(to):
            self._missed.setdefault(org, {})[series] = version
        self._touched.add(series)
        self._last[series] = sent

    def holds(self, reports: Iterable[Submission], to: Holders) -> None:
        """From now on exactly these hold the series of these reports."""
        for series in (report.series for report in reports):
            self._truth[series] = dict(to)
            self._touched.add(series)

    def shows(self, report: Submission, *orgs: str, **fields: Any) -> None:
        """What these are shown of a report; `place__name` is the field `name` within `place`."""
        self._shows += [
            Shown(org, report.series, name.replace("__", "."), value) for org in orgs for name, value in fields.items()
        ]

    def tells(self, org: str, about: str, *whats: str) -> None:
        """Of what the organisation has been told when the act is over."""
        self._tells += [Told(org, what, about) for what in whats]

    def leaves(self, orgs: frozenset[str]) -> None:
        """Nothing is sent to them from now on; they keep what they hold."""
        self._away = orgs

    def returns(self, org: str) -> None:
        """What the organisation has missed, it gets now."""
        self._away -= {org}
        for series, version in self._missed.pop(org, {}).items():
            self._truth[series][org] = version
            self._touched.add(series)


def _place(country: str, number: int) -> tuple[float, float]:
    latitude, longitude = PLACES[country]
    return latitude + 0.5 * (number % 7 - 3), longitude + 0.5 * (number % 5 - 2)
