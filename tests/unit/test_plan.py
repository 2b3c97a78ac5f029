"""The action table of ARCHITECTURE §4: what is held, what should be, what is sent."""

from __future__ import annotations

import pytest

from services.core.envelope import DeliveryType as Type
from services.core.gates import Code, Target
from services.core.grouping import Link
from services.core.ledger import Member, Slot, SlotState
from services.core.plan import Shown, founder_of, plan
from services.core.projection import EMPTY, FULL, Fact, Place

A, B = "alder/a", "birch/b"


def shown(version: int = 1, target: Target = Target.SHOW, message: str = "ALERT") -> Shown:
    projection = FULL if target is Target.SHOW else EMPTY
    return Shown(target, projection, version, message)


def held(*members: tuple[str, int], name: str = f"{A}|0.0", sequence: int = 1) -> Slot:
    return Slot(name, sequence, SlotState.HELD, tuple(Member(s, v, FULL) for s, v in members))


ROWS = {
    "nothing, a view: ALERT": ((), {A: shown()}, [(Type.ALERT, 1, 0, 0, 0)]),
    "nothing, nothing": ((), {A: shown(target=Target.NONE)}, []),
    "nothing, over: it is not begun": ((), {A: shown(target=Target.KEEP)}, []),
    "the same": ((held((A, 1)),), {A: shown()}, []),
    "newer content: UPDATE": ((held((A, 1)),), {A: shown(2, message="UPDATE")}, [(Type.UPDATE, 2, 0, 1, 0)]),
    "corrected: CORRECT": ((held((A, 1)),), {A: shown(2, message="CORRECT")}, [(Type.CORRECT, 2, 0, 1, 0)]),
    "hazard over: CANCEL, and what came before may be kept": (
        (held((A, 1)),), {A: shown(2, message="CANCEL")}, [(Type.CANCEL, 2, 0, 0, 1)],
    ),
    "permission ended: RECALL": ((held((A, 1)),), {A: shown(target=Target.NONE)}, [(Type.RECALL, 2, 1, 0, 0)]),
    "time over: nothing": ((held((A, 1)),), {A: shown(target=Target.KEEP)}, []),
    "one of two taken back: RECALL, then ALERT of the rest": (
        (held((A, 1), (B, 1)),), {A: shown(), B: shown(target=Target.NONE)},
        [(Type.RECALL, 2, 1, 0, 0), (Type.ALERT, 3, 1, 0, 0)],
    ),
    "a revision of what is no longer permitted: RECALL, no content": (
        (held((A, 1)),), {A: shown(2, target=Target.NONE)}, [(Type.RECALL, 2, 1, 0, 0)],
    ),
    "one more report joins: UPDATE": ((held((A, 1)),), {A: shown(), B: shown()}, [(Type.UPDATE, 2, 0, 1, 0)]),
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_row_of_the_table(row: str) -> None:
    slots, wanted, expected = ROWS[row]
    _, sends = plan(slots, wanted, [Link(A, B)])
    marks = [(s.type, s.slot.sequence, s.slot.deleted_to, s.slot.replaced_to, s.slot.kept_to) for s in sends]
    assert marks == expected


def test_two_keys_that_merge_go_on_under_the_older_and_nothing_is_recalled() -> None:
    slots = (held((B, 1), name=f"{B}|0.0"), held((A, 1)))
    after, sends = plan(slots, {A: shown(), B: shown()}, [Link(A, B)])
    assert [(s.type, s.slot.name, s.slot.replaced_by) for s in sends] == [
        (Type.UPDATE, f"{B}|0.0", ""),
        (Type.UPDATE, f"{A}|0.0", f"{B}|0.0"),
    ]
    assert [slot.state for slot in after] == [SlotState.HELD, SlotState.REPLACED]
    assert sends[1].shown == ()


def test_a_key_that_is_merged_away_points_to_the_key_that_goes_on_with_its_content() -> None:
    other = "alder/0"
    slots = (held((other, 1), name=f"{other}|0.0"), held((B, 1), name=f"{B}|0.0"), held((A, 1)))
    after, _ = plan(slots, {A: shown(), B: shown(), other: shown()}, [Link(A, B)])
    assert [slot.replaced_by for slot in after] == ["", "", f"{B}|0.0"]
    assert [slot.sequence for slot in after] == [1, 2, 2]


def test_a_split_is_the_reverse_of_a_merge() -> None:
    slots = (held((B, 1), name=f"{B}|0.0"), held((A, 1)))
    merged, _ = plan(slots, {A: shown(), B: shown()}, [Link(A, B)])
    split, sends = plan(merged, {A: shown(), B: shown()}, [])
    assert [(s.type, s.slot.name, [m.series_id for m in s.shown]) for s in sends] == [
        (Type.UPDATE, f"{B}|0.0", [B]),
        (Type.UPDATE, f"{A}|0.0", [A]),
    ]
    assert [slot.replaced_by for slot in split] == ["", ""]


def test_a_cancellation_keeps_nothing_of_a_series_that_goes_on_elsewhere() -> None:
    slots = (held((A, 1), (B, 1)),)
    _, sends = plan(slots, {A: shown(2, message="CANCEL"), B: shown()}, [])
    told = [(s.type, founder_of(s.slot.name), s.slot.replaced_to, s.slot.kept_to) for s in sends]
    assert told == [(Type.CANCEL, A, 1, 0), (Type.ALERT, B, 0, 0)]


def test_what_is_kept_beside_a_series_that_left_the_incident_is_replaced() -> None:
    slots = (held((A, 1), (B, 1)),)
    after, sends = plan(slots, {A: shown(target=Target.KEEP)}, [])
    assert [(s.type, s.slot.replaced_to, s.shown) for s in sends] == [(Type.UPDATE, 1, ())]
    assert plan(after, {A: shown(target=Target.KEEP)}, []) == (after, [])


def test_reports_joined_only_by_a_hidden_one_stay_two_keys() -> None:
    hidden = "cedar/h"
    wanted = {A: shown(), B: shown(), hidden: shown(target=Target.NONE)}
    after, sends = plan((), wanted, [Link(A, hidden), Link(hidden, B)])
    assert [send.type for send in sends] == [Type.ALERT, Type.ALERT]
    assert {slot.name for slot in after} == {f"{A}|0.0", f"{B}|0.0"}


def test_what_a_newer_version_says_less_of_is_replaced_and_what_a_decision_takes_is_recalled() -> None:
    vaguer = FULL._replace(place=Place.ADMIN1)
    for finest, expected in ((vaguer, [Type.UPDATE]), (FULL, [Type.RECALL, Type.ALERT])):
        wanted = shown(2)._replace(projection=vaguer, finest=finest)
        _, sends = plan((held((A, 1)),), {A: wanted}, [])
        assert [send.type for send in sends] == expected


def test_a_series_that_left_leaves_a_pointer_and_no_recall() -> None:
    after, sends = plan((held((A, 1)),), {}, [])
    assert [(s.type, s.slot.sequence, s.slot.replaced_to, s.shown) for s in sends] == [(Type.UPDATE, 2, 1, ())]
    assert after[0].state is SlotState.REPLACED


TAKES_BACK = {
    Target.NONE: ({Code.DEN_EXPIRED, Code.DEN_CONSENT_REVOKED, Code.DEN_UPSTREAM_NO_CONSENT, Code.OK_GRANT},
                  (Code.DEN_CONSENT_REVOKED, Code.DEN_UPSTREAM_NO_CONSENT)),
    Target.SHOW: ({Code.OK_GRANT, Code.RED_GEO_COARSENED}, (Code.RED_GEO_COARSENED,)),
}  # fmt: skip
"""A code that lets a recipient keep what it holds is no reason to take it back, nor is one that permits."""


@pytest.mark.parametrize("target", TAKES_BACK, ids=str)
def test_a_recall_has_the_codes_that_take_something_back_and_no_others(target: Target) -> None:
    codes, named = TAKES_BACK[target]
    less = shown(target=target)._replace(reasons=tuple(codes))
    wanted = less._replace(projection=less.projection.meet(FULL._replace(place=Place.ADMIN1)))
    _, sends = plan((held((A, 1)),), {A: wanted}, [])
    assert (sends[0].type, set(sends[0].reasons)) == (Type.RECALL, set(named))


@pytest.mark.parametrize("personal", [False, True])
def test_a_recall_says_whether_it_takes_a_person_s_data_back(personal: bool) -> None:
    facts = FULL.facts if personal else FULL.facts & ~Fact.PERSONAL
    slot = held()._replace(members=(Member(A, 1, FULL._replace(facts=facts)),))
    _, sends = plan((slot,), {A: shown(target=Target.NONE)}, [])
    assert [send.personal for send in sends] == [personal]


def test_a_grant_again_after_a_recall_goes_on_under_the_same_key_with_a_higher_sequence() -> None:
    recalled, _ = plan((held((A, 1)),), {A: shown(target=Target.NONE)}, [])
    _, sends = plan(recalled, {A: shown()}, [])
    assert [(s.type, s.slot.name, s.slot.sequence, s.slot.deleted_to) for s in sends] == [
        (Type.ALERT, f"{A}|0.0", 3, 1)
    ]


def test_what_is_only_kept_is_not_sent_again() -> None:
    slots = (held((A, 1), (B, 1)),)
    after, sends = plan(slots, {A: shown(target=Target.KEEP), B: shown(2, message="UPDATE")}, [Link(A, B)])
    assert [[m.series_id for m in s.shown] for s in sends] == [[B]]
    assert {m.series_id for m in after[0].members} == {A, B}


def test_a_moved_series_begins_a_key_of_its_own() -> None:
    after, _ = plan((), {A: shown()._replace(home=1)}, [])
    assert after[0].name == f"{A}|1.0"
