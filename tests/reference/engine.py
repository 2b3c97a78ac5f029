"""The adapter to the engine: the same question put to services.core. The only file here that knows it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from tests.reference.cases import Ask, World
from tests.reference.histories import Step
from tests.reference.registry import Entry

Answer = tuple[str, str, str, frozenset[str], str, frozenset[str], frozenset[str]]
"""effect, target, primary, reasons, projection's text, grants, obligations."""
FORGED = b"forged"
UNKNOWN: Answer = (
    "DENY", "NONE", "DEN_PARTNER_UNKNOWN", frozenset({"DEN_PARTNER_UNKNOWN"}), "", frozenset(), frozenset()
)  # fmt: skip


class Fold:
    """Control records, folded by the engine."""

    def __init__(self) -> None:
        """Nothing is applied."""
        from services.core.fold import PolicyFold

        self._fold = PolicyFold(b"\x00" * 32, lambda *signed: FORGED not in signed)

    def apply(self, entries: Iterable[Entry]) -> None:
        """The next records of the log."""
        for entry in entries:
            self._fold.apply(_record(entry))

    @property
    def compiled(self) -> Any:
        """The policy as of everything applied."""
        return self._fold.compiled()


class Engine:
    """The compiled policy of one world."""

    def __init__(self, world: World) -> None:
        """Fold and compile every record."""
        fold = Fold()
        fold.apply(world.entries)
        self.policy = fold.compiled

    def answers(self, ask: Ask) -> dict[str, Answer]:
        """The verdict for every recipient of the registry; any other is UNKNOWN."""
        from services.core import decide as policy
        from services.core.control import Action
        from services.core.features import Upstream

        words: Any = policy
        decided = self.policy.decide(
            ask.report,
            ask.as_of,
            fresh=ask.fresh,
            ask=words.Ask(Action(ask.action), ask.purpose),
            context=words.Context(tuple(map(Upstream._make, ask.echo)), ask.superseded, ask.requested_at),
        )
        return {recipient: _answer(verdict) for recipient, verdict in decided.by_recipient.items()}


class Stand(NamedTuple):
    """What a recipient has after a step, as both reconcilers tell it."""

    keys: dict[str, frozenset[tuple[str, int, str]]]
    """Founder -> series, version and projection of what is held under the key."""
    recalled: frozenset[str]
    decisions: dict[str, tuple[str, frozenset[str], str]]
    """Series -> target, reasons, projection."""


class Relay:
    """One incident in the engine's hands, step by step."""

    def __init__(self) -> None:
        """Nothing is known."""
        from services.core.ledger import Incident

        self._fold = Fold()
        self._applied = 0
        self.policy: Any = None
        self.found: Any = None
        self._incident: Any = Incident("i", "Actual", {}, {})

    def context(self, series: str, now: datetime) -> tuple[datetime, datetime | None]:
        """When a series was first decided, and when its originator was asked."""
        entry = self._incident.entries.get(series)
        return (entry.decided_at, entry.requested_at) if entry else (now, None)

    def step(self, step: Step) -> dict[str, Stand]:
        """Reconcile; every recipient that the registry has, or that holds anything."""
        from services.core.reconcile import reconcile

        self._fold.apply(step.entries[self._applied :])
        self._applied = len(step.entries)
        entries = {report["series_id"]: self._entry(report, step) for report in step.reports}
        before = self._incident._replace(entries=entries)
        self.policy = self._fold.compiled
        self.found = reconcile(before, self.policy, step.as_of, fresh=step.fresh)
        self._incident = self.found.incident
        return _stands(self.found)

    def _entry(self, report: Any, step: Step) -> Any:
        from services.core.grouping import Link
        from services.core.ledger import Entry as Known

        series = report["series_id"]
        known = self._incident.entries.get(series) or Known(report, step.as_of)
        links = tuple(Link(link.one, link.other) for link in step.links if link.one == series)
        return known._replace(report=report, links=links, echo=tuple(one for _, one in step.echo[series]))


def _stands(found: Any) -> dict[str, Stand]:
    every = {one for decision in found.decisions for _, recipients in decision.groups for one in recipients}
    stands = {one: Stand({}, frozenset(), {}) for one in every | set(found.incident.holdings)}
    for decision in found.decisions:
        for verdict, recipients in decision.groups:
            told = (verdict.target.name, frozenset(map(str, verdict.reasons)), verdict.projection.text)
            for one in recipients:
                stands[one].decisions[decision.series_id] = told
    for one, slots in found.incident.holdings.items():
        for slot in slots:
            held = frozenset((m.series_id, m.version, m.projection.text) for m in slot.members)
            assert _founder(slot) not in stands[one].keys, "one key for a founder"
            stands[one].keys[_founder(slot)] = held
    recalls = [delivery for delivery in found.deliveries if delivery.send.type == "RECALL"]
    for one, stand in stands.items():
        recalled = frozenset(_founder(delivery.send.slot) for delivery in recalls if one in delivery.recipients)
        stands[one] = stand._replace(recalled=recalled)
    return stands


def _founder(slot: Any) -> str:
    return str(slot.name.split("|")[0])


def _answer(verdict: Any) -> Answer:
    return (
        verdict.effect.name,
        verdict.target.name,
        str(verdict.primary),
        frozenset(map(str, verdict.reasons)),
        verdict.projection.text,
        frozenset(map(str, verdict.grants)),
        frozenset(map(str, verdict.obligations)),
    )


def _record(entry: Entry) -> Any:
    """The record of slt.control that holds this entry."""
    from services.core.stage import Record, Source

    payload = entry.payload
    value = {
        "type": payload["type"], "id": _id(payload), "version": payload.get("version", 1), "author": entry.author,
        "signer": "root" if entry.author == "admin" else "officer", "payload": json.dumps(payload),
        "signature": b"" if entry.holds else FORGED, "covers_from": entry.covers_from,
    }  # fmt: skip
    key = f"{value['type']}/{value['id']}"
    return Record(Source("slt.control", 0, entry.offset), entry.appended, key, "control", value)


def _id(payload: dict[str, Any]) -> str:
    """The id as control_id makes it; of a payload that does not load, a word of its own."""
    from services.core.control import control_id
    from services.core.control_read import read_control
    from services.core.stage import Refusal

    found = read_control(payload)
    return "unreadable" if isinstance(found, Refusal) else control_id(found[2])
