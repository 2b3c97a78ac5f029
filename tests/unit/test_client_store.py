from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.client import Family
from services.client.store import State, Store
from tests.partner import AT, RECALL, delivery, envelope


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "held.sqlite")
    yield made
    made.close()


def holds(store: Store) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for each in store.held():
        found.setdefault(each.key, []).append(each.sequence)
    return found


MARKS = [
    # marks of the third record on the key, what is held after it
    ({}, {1: State.HELD, 2: State.HELD, 3: State.HELD}),
    ({"replace_to": 2}, {3: State.HELD}),
    ({"replace_to": 1}, {2: State.HELD, 3: State.HELD}),
    ({"delete_to": 1, "replace_to": 2}, {3: State.HELD}),
    ({"delete_to": 2}, {3: State.HELD}),
    ({"keep_to": 2}, {1: State.KEPT, 2: State.KEPT, 3: State.HELD}),
    ({"delete_to": 1, "keep_to": 2}, {2: State.KEPT, 3: State.HELD}),
]


@pytest.mark.parametrize(("marks", "after"), MARKS)
def test_marks_say_what_goes_and_what_stays(store: Store, marks: dict[str, Any], after: dict[int, State]) -> None:
    store.apply(delivery("k", envelope("ALERT", 1), offset=0))
    store.apply(delivery("k", envelope("UPDATE", 2), offset=1))
    store.apply(delivery("other", envelope("ALERT", 1), offset=2))
    store.apply(delivery("k", envelope("UPDATE", 3, **marks), offset=3))
    assert {each.sequence: each.state for each in store.held() if each.key == "k"} == after
    assert [each.sequence for each in store.held() if each.key == "other"] == [1]


def test_a_recall_deletes_and_can_be_answered(store: Store) -> None:
    store.apply(delivery("k", envelope("ALERT", 1)))
    store.apply(delivery("k", envelope("RECALL", 2, "m2", delete_to=1), "recall", RECALL, offset=1))
    (recall,) = store.recalls()
    assert store.held() == []
    assert (recall.message_id, recall.key, recall.sequence, recall.removed) == ("m2", "k", 2, 1)
    assert (recall.reason_class, recall.deadline) == ("RCL_WITHDRAWN", AT)


def test_a_recall_that_asks_for_quarantine_sets_aside(store: Store) -> None:
    store.apply(delivery("k", envelope("ALERT", 1)))
    quarantine = {**RECALL, "action": "QUARANTINE"}
    store.apply(delivery("k", envelope("RECALL", 2, delete_to=1), "recall", quarantine, offset=1))
    assert [each.state for each in store.held()] == [State.QUARANTINED]


def test_the_newest_record_of_a_key_alone_is_enough(store: Store) -> None:
    assert store.apply(delivery("k", envelope("UPDATE", 7, replace_to=6, delete_to=3)))
    assert holds(store) == {"k": [7]}


@pytest.mark.parametrize("sequence", [1, 2])
def test_a_sequence_not_above_the_last_changes_nothing(store: Store, sequence: int) -> None:
    store.apply(delivery("k", envelope("RECALL", 2, delete_to=1), "recall", RECALL))
    assert not store.apply(delivery("k", envelope("ALERT", sequence), offset=1))
    assert holds(store) == {}
    assert store.position(Family.OUT) == 2


def test_an_id_is_taken_once_whatever_key_it_comes_under(store: Store) -> None:
    assert store.apply(delivery("k", envelope("ALERT", 1, "same")))
    assert not store.apply(delivery("l", envelope("ALERT", 5, "same"), offset=1))


def test_a_recall_in_the_notices_waits_for_the_one_that_names_its_key(store: Store) -> None:
    store.apply(delivery("k", envelope("ALERT", 1)))
    recall = envelope("RECALL", 2, "m2", delete_to=1)
    store.apply(delivery("m2", recall, "recall", RECALL, family=Family.NOTICES))
    assert holds(store) == {"k": [1]}
    assert store.recalls()[0].key == ""
    assert store.apply(delivery("k", recall, "recall", RECALL, offset=1))
    assert holds(store) == {}
    assert (store.recalls()[0].key, store.recalls()[0].removed) == ("k", 1)


def test_a_replaced_key_holds_nothing(store: Store) -> None:
    store.apply(delivery("k", envelope("ALERT", 1)))
    moved = envelope("UPDATE", 2, replace_to=1, replaced_by="l")
    store.apply(delivery("k", moved, "replaced", {"notice": "merged"}, offset=1))
    assert holds(store) == {}


def test_what_this_version_cannot_read_still_has_its_marks(store: Store) -> None:
    store.apply(delivery("k", envelope("ALERT", 1)))
    later = delivery("k", envelope("UPDATE", 2, delete_to=1), offset=1)
    store.apply(later._replace(kind="unreadable", value={}, body=b"\x00\x7f\xff\xff\xff"))
    assert holds(store) == {"k": [2]}


def test_nothing_counts_before_the_commit(tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    store.apply(delivery("k", envelope("ALERT", 1)))
    store.commit()
    store.apply(delivery("k", envelope("ALERT", 2), offset=1))
    store.close()
    again = Store(tmp_path / "s")
    assert (holds(again), again.position(Family.OUT)) == ({"k": [1]}, 1)
    again.close()


def test_what_was_recalled_is_gone_from_the_file(tmp_path: Path) -> None:
    word = "Quillfeather"
    store = Store(tmp_path / "s")
    value = {"notice": word * 50}
    store.apply(delivery("k", envelope("ALERT", 1), "replaced", value)._replace(kind="view"))
    store.commit()
    assert any(word.encode() in path.read_bytes() for path in tmp_path.iterdir())
    store.apply(delivery("k", envelope("RECALL", 2, delete_to=1), "recall", RECALL, offset=1))
    store.commit()
    assert not any(word.encode() in path.read_bytes() for path in tmp_path.iterdir())
    store.close()


def test_nobody_else_can_read_the_file(store: Store, tmp_path: Path) -> None:
    assert (tmp_path / "held.sqlite").stat().st_mode & 0o077 == 0


def test_a_reminder_is_noted_at_its_recall(store: Store) -> None:
    store.apply(delivery("k", envelope("RECALL", 2, "m2", delete_to=1), "recall", RECALL))
    reminder = {"message_id": "m2", "deadline": AT + timedelta(days=1), "times": 2, "key": "k", "sequence": 2}
    store.apply(delivery("n", envelope("NOTICE", 1), "reminder", reminder, family=Family.NOTICES))
    assert store.recalls()[0].reminded == 2


STEPS = st.lists(st.tuples(st.sampled_from("kl"), st.integers(1, 6), st.integers(0, 6)), max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(STEPS, st.data())
def test_reading_again_from_anywhere_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int]], data: st.DataObject
) -> None:
    records = [
        delivery(key, envelope("ALERT", sequence, f"{key}{sequence}", delete_to=min(delete, sequence - 1)), offset=at)
        for at, (key, sequence, delete) in enumerate(steps)
    ]
    store = Store(tmp_path_factory.mktemp("again") / "s")
    for each in records:
        store.apply(each)
    before, start = store.held(), data.draw(st.integers(0, len(records)))
    assert not any(store.apply(each) for each in records[start:])
    assert store.held() == before
    store.close()
