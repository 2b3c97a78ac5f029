"""What one reconciliation owes: each distinct body once, each recipient what its own projection shows."""

from __future__ import annotations

from typing import Any

import pytest

from services.core.deliveries import items
from services.core.ids import Ids
from services.core.ledger import Entry, Incident
from services.core.reconcile import reconcile
from services.distribute.owed import Outlets, owed_records
from services.runtime.codec import Codec
from tests.registry import NOW, grant, officer, partner, policy, report

CODEC = Codec()
IDS = Ids(b"a master key for tests, 32 bytes.")
READERS = ("birch", "cedar", "dogwood", "elm")
ABLE = {"capabilities": ["ACK_RECALL"]}
BASE = (partner("alder"), officer("alder"), *(partner(org, **ABLE) for org in READERS))


def owed(*grants: dict[str, Any]) -> tuple[int, dict[str, dict[str, Any]]]:
    """How many bodies there are, and the single account that each recipient is shown."""
    made = policy(*BASE, *grants)
    incident = Incident("i", "Actual", {"alder/s": Entry(report("alder/s"), NOW)}, {})
    (record,) = owed_records(reconcile(incident, made, NOW), Outlets(IDS, CODEC.encode, made, NOW))
    views = [CODEC.decode(body)[1] for body in record["bodies"]]
    return len(views), {item["topic"]: views[item["body"]]["accounts"][0] for item in items(record)}


def test_each_recipient_gets_its_own_projection_and_equal_ones_share_a_body() -> None:
    actions = ["READ", "AGGREGATE"]
    bodies, shown = owed(
        grant("alder", grant="named", recipients=["birch", "cedar"]),
        grant("alder", grant="by-category", recipients=["dogwood"], actions=actions),
        grant("alder", grant="by-none", recipients=["elm"], attribution="ANONYMOUS"),
    )
    assert bodies == 3
    sources = {topic: (each["attribution"], each["source"], each["series_id"]) for topic, each in shown.items()}
    assert sources == {
        "slt.out.birch": ("NAMED", "alder", "alder/s"), "slt.out.cedar": ("NAMED", "alder", "alder/s"),
        "slt.out.dogwood": ("CATEGORY", "INGO", ""), "slt.out.elm": ("ANONYMOUS", "", ""),
    }  # fmt: skip


def test_duties_travel_to_those_who_have_them() -> None:
    bodies, shown = owed(
        grant("alder", grant="free", recipients=["birch"]),
        grant("alder", grant="bound", recipients=["cedar"], obligations=["ACK_RECALL"]),
    )
    assert bodies == 2
    duties = {topic: each["obligations"] for topic, each in shown.items()}
    assert duties == {"slt.out.birch": [], "slt.out.cedar": ["ACK_RECALL"]}


@pytest.mark.parametrize(
    ("registry", "source"),
    [
        ([partner("fir", category="IO"), partner("gum", category="IO")], "IO"),
        ([partner("fir", category="IO"), partner("gum", category="IO", status="SUSPENDED")], ""),
        ([partner("fir", category="IO")], ""),
        ([], ""),
    ],
    ids=["one of three", "one of three, of which one is suspended", "one of two", "the only one"],
)
def test_a_category_that_few_organisations_have_stands_for_nobody(registry: list[dict[str, Any]], source: str) -> None:
    policied = policy(
        partner("alder", category="IO"), officer("alder"), partner("birch"), *registry,
        grant("alder", recipients=["birch"], actions=["READ"]),
    )  # fmt: skip
    incident = Incident("i", "Actual", {"alder/s": Entry(report("alder/s"), NOW)}, {})
    (record,) = owed_records(reconcile(incident, policied, NOW), Outlets(IDS, CODEC.encode, policied, NOW))
    (body,) = record["bodies"]
    assert CODEC.decode(body)[1]["accounts"][0]["source"] == source


def test_the_ids_of_many_are_those_of_each_alone() -> None:
    keys, messages = IDS.addressed(("alpha", "beta"), "Actual", "o/1", 7)
    assert keys == [IDS.key(org, "Actual", "o/1") for org in ("alpha", "beta")]
    assert messages == [IDS.message(org, key, 7) for org, key in zip(("alpha", "beta"), keys, strict=True)]
