"""Promises of the plan over any history: it converges, repeats nothing, and the newest record of a key is enough."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from services.core.envelope import DeliveryType
from services.core.gates import Target
from services.core.grouping import Link
from services.core.ledger import Slots, SlotState
from services.core.plan import Send, Shown, plan
from services.core.projection import FULL

SERIES = ("alder/a", "birch/b", "cedar/c")
LINKS = st.lists(st.builds(Link, st.sampled_from(SERIES), st.sampled_from(SERIES)), max_size=3)


@st.composite
def steps(draw: st.DrawFn) -> tuple[dict[str, Shown], list[Link]]:
    """What should be held after one change; versions only grow, as `histories` numbers them."""
    present = draw(st.sets(st.sampled_from(SERIES)))
    wanted = {
        series: Shown(draw(st.sampled_from(Target)), FULL, 0, draw(st.sampled_from(["ALERT", "CORRECT"])))
        for series in sorted(present)
    }
    return wanted, draw(LINKS)


class Reader:
    """A recipient that knows nothing but the envelopes: what it has kept under each key, by sequence."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[int, frozenset[tuple[str, int]]]] = {}

    def read(self, send: Send) -> None:
        slot = send.slot
        records = self.kept.setdefault(slot.name, {})
        assert not records or slot.sequence > max(records), "sequences only grow"
        ended = max(slot.deleted_to, slot.replaced_to)
        for sequence in [number for number in records if number <= ended]:
            records[sequence] = frozenset()
        records[slot.sequence] = frozenset((m.series_id, m.version) for m in send.shown)

    def holds(self) -> set[tuple[str, int]]:
        return {one for records in self.kept.values() for shown in records.values() for one in shown}


class Played(NamedTuple):
    slots: Slots
    reader: Reader
    wanted: dict[str, Shown]
    links: list[Link]


def play(history: list[tuple[dict[str, Shown], list[Link]]]) -> Played:
    slots: Slots = ()
    reader = Reader()
    numbered: dict[str, Shown] = {}
    links: list[Link] = []
    for number, (wanted, links) in enumerate(history, start=1):
        numbered = {series: shown._replace(version=number) for series, shown in wanted.items()}
        slots, sends = plan(slots, numbered, links)
        for send in sends:
            reader.read(send)
    return Played(slots, reader, numbered, links)


@given(st.lists(steps(), min_size=1, max_size=6))
def test_planned_again_nothing_is_sent(history: list[tuple[dict[str, Shown], list[Link]]]) -> None:
    played = play(history)
    again, sends = plan(played.slots, played.wanted, played.links)
    assert (again, sends) == (played.slots, [])


@given(st.lists(steps(), min_size=1, max_size=6))
def test_a_reader_holds_everything_that_is_shown_and_nothing_taken_back(
    history: list[tuple[dict[str, Shown], list[Link]]],
) -> None:
    played = play(history)
    holds = played.reader.holds()
    shown = {(series, want.version) for series, want in played.wanted.items() if want.target is Target.SHOW}
    taken = {series for series, want in played.wanted.items() if want.target is Target.NONE}
    assert shown <= holds
    assert not {series for series, _ in holds} & taken


@given(st.lists(steps(), min_size=1, max_size=6))
def test_the_ledger_knows_what_the_reader_holds(
    history: list[tuple[dict[str, Shown], list[Link]]],
) -> None:
    played = play(history)
    known = {m.series_id for slot in played.slots if slot.state is SlotState.HELD for m in slot.members}
    assert {series for series, _ in played.reader.holds()} <= known | (set(SERIES) - set(played.wanted))


@given(st.lists(steps(), min_size=1, max_size=6))
def test_a_recall_is_sent_for_nothing_that_was_not_held(
    history: list[tuple[dict[str, Shown], list[Link]]],
) -> None:
    slots: Slots = ()
    for number, (wanted, links) in enumerate(history, start=1):
        numbered = {series: shown._replace(version=number) for series, shown in wanted.items()}
        before = {slot.name: slot for slot in slots}
        slots, sends = plan(slots, numbered, links)
        for send in sends:
            if send.type is DeliveryType.RECALL:
                assert before[send.slot.name].state is SlotState.HELD
                assert any(
                    numbered[m.series_id].target is Target.NONE
                    for m in before[send.slot.name].members
                    if m.series_id in numbered
                )
