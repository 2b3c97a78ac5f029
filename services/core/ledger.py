"""What the ledger says of an incident: its reports, and what each recipient holds (ARCHITECTURE §2, §4)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from services.core.grouping import Link
from services.core.projection import Projection, parse_projection


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
    begun: int = 0
    """Number of the decision with which it began: the least is the oldest, in whatever incident that was."""


Slots = tuple[Slot, ...]
"""A recipient's keys of one incident, in the order of their first delivery."""


class Entry(NamedTuple):
    """A report in the ledger."""

    report: Mapping[str, Any]
    decided_at: datetime
    """When it was first decided about."""
    links: tuple[Link, ...] = ()
    """What is known of it and of others that were there when it came, or changed."""
    echo: tuple[str, ...] = ()
    """Series that its submitter had received and that it repeats (consent.md §6.6)."""
    requested_at: datetime | None = None
    """When its originator was asked for consent because of an imminent risk."""
    asked: int = 0
    """How often it was asked (services.core.request)."""
    closed: bool = False
    """Its content is dropped: nothing of it is sent again, but it can be recalled."""


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
    changed_at: datetime | None = None
    """When a report joined it, or something was last sent for it."""
    number: int = 0
    """Of the decision that is being made (services.distribute.entries.Chain)."""

    @property
    def parties(self) -> frozenset[str]:
        """Organisations whose consent counts in it: a change of theirs concerns it."""
        found = set()
        for entry in self.entries.values():
            found |= {entry.report["originator"], entry.report["on_behalf_of"]}
            found |= {source["org"] for source in entry.report["upstream"]}
            found |= {originator_of(series) for series in entry.echo}
        return frozenset(found - {""})

    @property
    def areas(self) -> frozenset[str]:
        """Countries of its reports; empty text where one is not known."""
        areas = (entry.report["area"] for entry in self.entries.values())
        return frozenset(area["country"] if area else "" for area in areas)


def originator_of(series: str) -> str:
    """The organisation whose series this is."""
    return series.split("/", 1)[0]


def slot_to_fields(slot: Slot) -> dict[str, Any]:
    """The slot as its record in slt.ledger has it."""
    members = [{**member._asdict(), "projection": member.projection.text} for member in slot.members]
    return {**slot._asdict(), "members": members}


def slot_from_fields(fields: Mapping[str, Any]) -> Slot:
    """The slot of a record in slt.ledger."""
    members = tuple(
        Member(member["series_id"], member["version"], parse_projection(member["projection"]))
        for member in fields["members"]
    )
    return Slot(**{**fields, "state": SlotState(fields["state"]), "members": members})
