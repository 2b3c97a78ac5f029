"""What a declared registry would change, and the files that are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from services.core.control import ControlType
from services.core.declared import Move, plan
from services.runtime.declared import LISTS, load_declared
from services.runtime.registry import RegistryError
from tests.registry import partner, policy

BIRCH = {"org": "birch", "category": "INGO"}
LAPTOP = {"org": "alder", "name": "laptop", "scopes": ["read"]}

ROWS: dict[str, tuple[str, dict[str, Any], tuple[dict[str, Any], ...], Move, tuple[str, ...]]] = {
    "new": ("partner", BIRCH, (), Move.CREATE, ()),
    "there": ("partner", {"org": "alder", "category": "INGO"}, (partner("alder"),), Move.KEEP, ()),
    "silent about the rest": ("partner", {"org": "alder"}, (partner("alder", status="SUSPENDED"),), Move.KEEP, ()),
    "otherwise": (
        "partner", {"org": "alder", "areas": ["KEN"]}, (partner("alder"),), Move.CHANGE, ('areas: ["*"] → ["KEN"]',),
    ),
    "a field more": (
        "partner", {"org": "alder", "paused": True}, (partner("alder"),), Move.CHANGE, ("paused: nothing → true",),
    ),
    "not allowed by the life cycle": (
        "partner", {"org": "alder", "status": "OC_AGREED"}, (partner("alder"),), Move.REFUSED,
        ("BAD_STANDING (status): ACTIVE may become SUSPENDED, WITHDRAWN",),
    ),
    "without what it needs": (
        "partner", {"org": "birch"}, (), Move.REFUSED, ("BAD_FIELD_MISSING (category): send this field",),
    ),
    "a login": ("credential", LAPTOP, (partner("alder"),), Move.CREATE, ()),
    "a login of a stranger": (
        "credential", LAPTOP, (), Move.REFUSED,
        ("BAD_PARTNER (org): name an organisation that is in the registry",),
    ),
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_what_becomes_of_an_entry(row: str) -> None:
    kind, entry, before, move, changes = ROWS[row]
    (step,) = plan([(ControlType(kind), entry)], policy(*before))
    assert (step.move, step.changes) == (move, changes)


def test_a_later_entry_may_build_on_an_earlier_one_and_the_second_time_nothing_is_left() -> None:
    declared: list[tuple[ControlType, dict[str, Any]]] = [
        (ControlType.PARTNER, {"org": "alder", "category": "IO"}),
        (ControlType.CREDENTIAL, LAPTOP),
    ]
    steps = plan(declared, policy())
    assert [step.move for step in steps] == [Move.CREATE, Move.CREATE]
    entered = policy(*(dict(step.payload) for step in steps))
    assert [step.move for step in plan(declared, entered)] == [Move.KEEP, Move.KEEP]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("partners: [", "is no YAML"),
        ("[]", "give lists named"),
        ("people: []", "give lists named"),
        ("partners: {}", "partners: give a list"),
        ("partners: [alder]", "partners, entry 1: give fields"),
        ("partners: [{org: alder, version: 2}]", "without type and version"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "registry.yaml"
    path.write_text(text)
    with pytest.raises(RegistryError, match=told):
        load_declared(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="no registry at"):
        load_declared(tmp_path / "none.yaml")


def test_entries_come_in_the_order_in_which_they_build_on_each_other(tmp_path: Path) -> None:
    path = tmp_path / "registry.yaml"
    path.write_text(
        "areas: [{area: KEN, valid_from: 2026-01-01T00:00:00+00:00}]\npartners: [{org: alder}]\nlous: [{lou: x}]\n"
    )
    assert [kind for kind, _ in load_declared(path)] == [ControlType.LOU, ControlType.PARTNER, ControlType.AREA]
    assert load_declared(path)[2][1]["valid_from"] == "2026-01-01T00:00:00+00:00"
    assert set(LISTS.values()) < set(ControlType)
