"""What the ledger says of an incident: its reports, and what each recipient holds (ARCHITECTURE §2, §4)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from services.core.gates import Projection


class SlotState(StrEnum):
    """What a key stands for at its recipient."""

    HELD = "HELD"
    RECALLED = "RECALLED"
    REPLACED = "REPLACED"


class Member(NamedTuple):
    """One report within what a recipient holds under a key."""

    series_id: str
    version: int
    projection: Projection


class Slot(NamedTuple):
    """One key at one recipient. Recipients with equal slots share them; their keys differ by Ids.key."""

    name: str
    """What the key is made from, fixed at the first delivery."""
    sequence: int
    """The last that was sent; sequences are never used again."""
    state: SlotState
    members: tuple[Member, ...]
    deleted_to: int = 0
    replaced_to: int = 0
    kept_to: int = 0
    replaced_by: str = ""


Slots = tuple[Slot, ...]
"""A recipient's keys of one incident, in the order of their first delivery."""


class Link(NamedTuple):
    """Evidence that two series are about one incident."""

    one: str
    other: str


class Entry(NamedTuple):
    """A report in the ledger."""

    report: Mapping[str, Any]
    decided_at: datetime
    """When it was first decided about."""
    links: tuple[Link, ...] = ()


class Incident(NamedTuple):
    """One ledger entry."""

    id: str
    status: str
    entries: Mapping[str, Entry]
    """By series id; the newest version of each."""
    holdings: Mapping[str, Slots]
    """By recipient; no entry means that nothing was ever sent."""
    epoch: int = -1
    next_change_at: datetime | None = None


def slot_to_fields(slot: Slot) -> dict[str, Any]:
    """The slot as its record in slt.ledger has it."""
    members = [member._asdict() for member in slot.members]
    return {**slot._asdict(), "members": members}


def slot_from_fields(fields: Mapping[str, Any]) -> Slot:
    """The slot of a record in slt.ledger."""
    members = tuple(
        Member(member["series_id"], member["version"], Projection(member["projection"])) for member in fields["members"]
    )
    return Slot(**{**fields, "state": SlotState(fields["state"]), "members": members})
