"""What a declared registry would change in slt.control: the plan, before anything is sent."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from services.core.ahead import Ahead, Entered
from services.core.control import ID_FIELDS, ControlType
from services.core.control_read import read_control
from services.core.policy import Policy
from services.core.references import unknown
from services.core.stage import Refusal

DEFAULTS: Mapping[ControlType, Mapping[str, Any]] = {
    ControlType.PARTNER: {
        "status": "ACTIVE", "areas": ["*"], "kinds": ["*"], "statuses": ["Actual", "Exercise"],
    },
    ControlType.CREDENTIAL: {"state": "ISSUED", "issue": 1},
    ControlType.REPRESENTATIVE: {"scopes": ["consent"]},
}  # fmt: skip
"""What a record that is new says where the file is silent; one that exists keeps what it says."""


class Move(StrEnum):
    """What becomes of one entry."""

    CREATE = "create"
    CHANGE = "change"
    KEEP = "keep"
    REFUSED = "refused"


class Step(NamedTuple):
    """One entry of the file."""

    move: Move
    key: str
    payload: Mapping[str, Any]
    """With its version."""
    changes: tuple[str, ...] = ()
    """Field, before and after, in words; of a refusal the reason and what to do."""


def plan(declared: Iterable[tuple[ControlType, Mapping[str, Any]]], policy: Policy) -> tuple[Step, ...]:
    """One step for each entry, in the file's order; later entries may build on earlier ones."""
    entered: dict[str, Entered] = {}
    return tuple(_steps(declared, Ahead(policy, entered), entered))


def _steps(
    declared: Iterable[tuple[ControlType, Mapping[str, Any]]], known: Ahead, entered: dict[str, Entered]
) -> Iterator[Step]:
    for kind, entry in declared:
        key = _key(kind, entry)
        text = known.payload(key)
        before: dict[str, Any] = json.loads(text) if text else {}
        payload = {"type": kind.value, **(before or DEFAULTS.get(kind, {})), **entry}
        if payload == before:
            yield Step(Move.KEEP, key, payload)
            continue
        payload["version"] = known.version(key) + 1
        step = _judged(key, payload, before, known)
        if step.move is not Move.REFUSED:
            found = read_control(payload)
            if not isinstance(found, Refusal):
                entered[key] = Entered(payload["version"], json.dumps(payload), found[2])
        yield step


def _judged(key: str, payload: Mapping[str, Any], before: Mapping[str, Any], known: Ahead) -> Step:
    found = read_control(payload)
    refusal = found if isinstance(found, Refusal) else unknown(found[2], found[1], known)
    if refusal:
        field = f" ({refusal.field})" if refusal.field else ""
        return Step(Move.REFUSED, key, payload, (f"{refusal.reason}{field}: {refusal.advice}",))
    if not before:
        return Step(Move.CREATE, key, payload)
    names = sorted(name for name in payload if name != "version" and payload[name] != before.get(name))
    words = tuple(f"{name}: {_word(before.get(name))} → {_word(payload[name])}" for name in names)
    return Step(Move.CHANGE, key, payload, words)


def _key(kind: ControlType, entry: Mapping[str, Any]) -> str:
    return "/".join((kind.value, *(str(entry.get(name, "")) for name in ID_FIELDS[kind])))


def _word(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)
