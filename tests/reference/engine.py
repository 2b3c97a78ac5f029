"""The adapter to the engine: the same question put to services.core. The only file here that knows it."""

from __future__ import annotations

import json
from typing import Any

from tests.reference.cases import Ask, World
from tests.reference.registry import Entry

Answer = tuple[str, str, str, frozenset[str], str, frozenset[str], frozenset[str]]
"""effect, target, primary, reasons, projection's text, grants, obligations."""
FORGED = b"forged"
UNKNOWN: Answer = (
    "DENY", "NONE", "DEN_PARTNER_UNKNOWN", frozenset({"DEN_PARTNER_UNKNOWN"}), "", frozenset(), frozenset()
)  # fmt: skip


class Engine:
    """The compiled policy of one world."""

    def __init__(self, world: World) -> None:
        """Fold and compile every record."""
        from services.core.fold import PolicyFold

        fold = PolicyFold(b"\x00" * 32, lambda *signed: FORGED not in signed)
        for entry in world.entries:
            fold.apply(_record(entry))
        self._policy: Any = fold.compiled()

    def answers(self, ask: Ask) -> dict[str, Answer]:
        """The verdict for every recipient of the registry; any other is UNKNOWN."""
        from services.core import decide as policy
        from services.core.control import Action
        from services.core.features import Upstream

        words: Any = policy
        decided = self._policy.decide(
            ask.report,
            ask.as_of,
            fresh=ask.fresh,
            ask=words.Ask(Action(ask.action), ask.purpose),
            context=words.Context(tuple(map(Upstream._make, ask.echo)), ask.superseded, ask.requested_at),
        )
        return {recipient: _answer(verdict) for recipient, verdict in decided.by_recipient.items()}


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
