"""From what a recipient holds to what it should hold: the action table of ARCHITECTURE §4, one row a function."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from services.core.envelope import DeliveryType
from services.core.gates import DEPENDING, MEANING, Code, Target
from services.core.grouping import Link, grouped
from services.core.ledger import Member, Slot, Slots, SlotState
from services.core.projection import FULL, Fact, Projection


class Shown(NamedTuple):
    """What should be held of one series."""

    target: Target
    projection: Projection
    version: int
    message: str
    home: int = 0
    reasons: tuple[Code, ...] = ()
    finest: Projection = FULL
    """The most that this version itself says."""


class Send(NamedTuple):
    """One delivery, the same for all recipients of a class but for its ids."""

    type: DeliveryType
    slot: Slot
    """The key as it is after this delivery: its sequence, marks and members are the delivery's."""
    previous: int
    shown: tuple[Member, ...] = ()
    """What its content is made of; members that are only kept are not sent again."""
    reasons: tuple[Code, ...] = ()
    """Why a RECALL takes it back: the codes of what is no longer permitted."""
    personal: bool = False
    """Whether a RECALL takes personal data back."""


Wanted = Mapping[str, Shown]
NARROWED = frozenset(code for code in Code if code.startswith("RED_"))
"""Less is permitted than before: what is held is taken back, and what is left is sent anew."""


def plan(slots: Slots, wanted: Wanted, links: Iterable[Link], number: int = 0) -> tuple[Slots, list[Send]]:
    """The slots as they should be, and what to send for it. Pure, and idempotent: planned again, nothing is sent.

    `number`: of this decision; slots that begin with it are marked so.
    """
    groups = grouped({series for series, shown in wanted.items() if shown.target is Target.SHOW}, links)
    owners = _assign(slots, groups, wanted)
    after: list[Slot] = []
    sends: list[Send] = []
    for slot in slots:
        moved = _move(slot, owners.get(slot.name), wanted, _survivor(slot, owners))
        sends += moved
        after.append(moved[-1].slot if moved else _aged(slot, wanted))
    names = {slot.name for slot in slots}
    for name, group in owners.items():
        if name not in names:
            fresh = Slot(name, 0, SlotState.RECALLED, (), begun=number)
            moved = _begin(fresh, _members(group, wanted, ()), DeliveryType.ALERT)
            sends += moved
            after.append(moved[-1].slot)
    return tuple(after), sends


def _assign(slots: Slots, groups: list[tuple[str, ...]], wanted: Wanted) -> dict[str, tuple[str, ...]]:
    """Slot name -> the group that it will show. The oldest key survives a merge; a split returns to older keys."""
    owners: dict[str, tuple[str, ...]] = {}
    free = list(groups)
    for slot in sorted(slots, key=lambda slot: slot.state is not SlotState.HELD):  # stable: the oldest first
        group = _claimed(slot, free)
        if group:
            owners[slot.name] = group
            free.remove(group)
    return owners | {_new_name(group[0], wanted[group[0]].home): group for group in free}


def _claimed(slot: Slot, free: list[tuple[str, ...]]) -> tuple[str, ...] | None:
    """The group that goes on under this key: the one with its founder, else the first that shares a member."""
    founder = founder_of(slot.name)
    for group in free:
        if founder in group:
            return group
    members = {member.series_id for member in slot.members}
    return next((group for group in free if members & set(group)), None)


def founder_of(name: str) -> str:
    """The series that a key was made from."""
    return name.partition("|")[0]


def _new_name(founder: str, home: int) -> str:
    """The home is in it, because a series that moves to its country's partition begins a new key there.

    No number has to tell two keys of one founder apart: the first claims every group that the founder is in.
    """
    return f"{founder}|{home}.0"


def _survivor(slot: Slot, owners: Mapping[str, tuple[str, ...]]) -> str:
    """The key under which a merged slot's content goes on."""
    members = {member.series_id for member in slot.members}
    return next((name for name, group in owners.items() if name != slot.name and members & set(group)), "")


def _members(group: tuple[str, ...], wanted: Wanted, kept: Iterable[Member]) -> tuple[Member, ...]:
    shown = (Member(series, wanted[series].version, wanted[series].projection) for series in group)
    return tuple(sorted((*shown, *kept)))


def _move(slot: Slot, group: tuple[str, ...] | None, wanted: Wanted, survivor: str) -> list[Send]:
    """What one key needs; the rows of the table in their order."""
    if slot.state is not SlotState.HELD:
        return _again(slot, _members(group, wanted, ())) if group else []
    taken = [member for member in slot.members if _is_taken_back(member, wanted)]
    if taken:
        recall = _recall(slot, taken, wanted)
        return [recall, *(_begin(recall.slot, _members(group, wanted, ()), DeliveryType.ALERT) if group else [])]
    if group:
        return _update(slot, group, wanted)
    return [] if _may_stay(slot, wanted) else [_replaced(slot, survivor)]


def _may_stay(slot: Slot, wanted: Wanted) -> bool:
    """Something in it is kept, and nothing in it went on in another incident: its recall would not reach this key."""
    stays = [wanted[m.series_id].target for m in slot.members if m.series_id in wanted]
    return Target.KEEP in stays and len(stays) == len(slot.members)


def _is_taken_back(member: Member, wanted: Wanted) -> bool:
    """Permission ended, or shrank, for something that is held. A series that left the incident did neither.

    What a newer version itself says less of is replaced, and not taken back (ARCHITECTURE §4).
    """
    shown = wanted.get(member.series_id)
    if shown is None or shown.target is Target.KEEP:
        return False
    return shown.target is Target.NONE or not shown.projection.covers(member.projection.meet(shown.finest))


def _update(slot: Slot, group: tuple[str, ...], wanted: Wanted) -> list[Send]:
    held = {member.series_id: member for member in slot.members}
    kept = [m for m in slot.members if m.series_id in wanted and wanted[m.series_id].target is Target.KEEP]
    members = _members(group, wanted, kept)
    if members == slot.members:
        return []
    changed = [series for series in group if held.get(series) not in members]
    send = _send(_type_of(group, changed, wanted), slot, members, _members(group, wanted, ()))
    leave = held.keys() - {member.series_id for member in members}
    return [_replacing(send, slot.kept_to) if leave else send]


def _type_of(group: tuple[str, ...], changed: list[str], wanted: Wanted) -> DeliveryType:
    if all(wanted[series].message == "CANCEL" for series in group):
        return DeliveryType.CANCEL
    if any(wanted[series].message == "CORRECT" for series in changed):
        return DeliveryType.CORRECT
    return DeliveryType.UPDATE


def _send(kind: DeliveryType, slot: Slot, members: tuple[Member, ...], shown: tuple[Member, ...]) -> Send:
    """A record with content: what came before is replaced, and after a cancellation may be kept."""
    before = slot.sequence
    kept = before if kind is DeliveryType.CANCEL else slot.kept_to
    replaced = slot.replaced_to if kind is DeliveryType.CANCEL else before
    after = Slot(slot.name, before + 1, SlotState.HELD, members, slot.deleted_to, replaced, kept, begun=slot.begun)
    return Send(kind, after, before, shown)


def _replacing(send: Send, kept_to: int) -> Send:
    """Also a cancellation replaces what showed a series that goes on elsewhere: its recall would not reach this key."""
    return send._replace(slot=send.slot._replace(replaced_to=send.previous, kept_to=kept_to))


def _begin(slot: Slot, members: tuple[Member, ...], kind: DeliveryType) -> list[Send]:
    after = slot._replace(sequence=slot.sequence + 1, state=SlotState.HELD, members=members, replaced_by="")
    return [Send(kind, after, slot.sequence, members)]


def _again(slot: Slot, members: tuple[Member, ...]) -> list[Send]:
    """Content returns to a key that had none: a re-grant after a recall, or a split after a merge."""
    was_replaced = slot.state is SlotState.REPLACED
    return _begin(slot, members, DeliveryType.UPDATE if was_replaced else DeliveryType.ALERT)


def _recall(slot: Slot, taken: Sequence[Member], wanted: Wanted) -> Send:
    after = slot._replace(sequence=slot.sequence + 1, state=SlotState.RECALLED, members=(), deleted_to=slot.sequence)
    codes = {code for member in taken for code in wanted[member.series_id].reasons}
    ended = sorted(code for code in codes if MEANING[code][1] is Target.NONE or code in DEPENDING or code in NARROWED)
    personal = any(member.projection.facts & Fact.PERSONAL for member in taken)
    return Send(DeliveryType.RECALL, after, slot.sequence, reasons=tuple(ended), personal=personal)


def _replaced(slot: Slot, survivor: str) -> Send:
    before = slot.sequence
    after = slot._replace(
        sequence=before + 1, state=SlotState.REPLACED, members=(), replaced_to=before, replaced_by=survivor
    )
    return Send(DeliveryType.UPDATE, after, before)


def _aged(slot: Slot, wanted: Wanted) -> Slot:
    """Nothing is sent. Members that left the incident are no longer this key's; those that are kept remain."""
    return slot._replace(members=tuple(m for m in slot.members if m.series_id in wanted))
