"""Closing reports: content goes, holdings stay, recalls still arrive, and nobody learns of a neighbour by it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.core.envelope import DeliveryType
from services.core.features import features
from services.core.ledger import Entry, Incident
from services.core.reconcile import reconcile
from services.core.retire import FORGET_AFTER, closed, closes_at, is_owed_nothing
from tests.registry import NOW, grant, officer, partner, policy, report

AFTER = timedelta(days=30)
BASE = (partner("alder"), officer("alder"), partner("birch"))
CONTENT: dict[str, Any] = {
    "event": "shelling", "headline": "Shots at the ford", "description": "Ekow saw it", "advice": "wait",
    "tearline": "keep off",
    "personal": {"name": "Ekow"}, "source_note": "by radio", "attributes": {"code": "7"}, "actor": "unknown",
    "victims": ["NGO"], "means": "mortar", "occurred_from": NOW - timedelta(hours=3), "reported_at": NOW,
    "place": {"latitude": 4.2, "longitude": 31.5, "precision": "UNKNOWN", "country": "KEN", "admin1": "Ford",
              "admin2": "", "name": "Old ford"},
    "harm": {"scheme": "own", "killed": 2, "injured": 17, "kidnapped": 0, "detained": None},
}  # fmt: skip


def incident(*reports: dict[str, Any]) -> Incident:
    entries = {one["series_id"]: Entry(one, NOW) for one in reports}
    return Incident("i", "Actual", entries, {}, changed_at=NOW)


def test_what_is_left_of_a_closed_report_has_its_features_and_none_of_its_words() -> None:
    told = report("alder/s", **CONTENT)
    left = closed(incident(told), told["received_at"] + AFTER, AFTER).entries["alder/s"]
    assert left.closed
    assert features(left.report) == features(told)
    for word in ("shelling", "ford", "Ekow", "wait", "keep off", "radio", "mortar", "NGO", "17", "4.2", "own"):
        assert word not in repr({name: left.report[name] for name in CONTENT})


def test_each_report_closes_by_its_own_age() -> None:
    old, young = report("alder/s"), report("cedar/t", received_at=NOW + timedelta(days=5))
    both = incident(old, young)
    assert closes_at(both, AFTER) == old["received_at"] + AFTER
    later = closed(both, NOW + AFTER, AFTER)
    assert [series for series, entry in later.entries.items() if entry.closed] == ["alder/s"]
    assert closes_at(later, AFTER) == young["received_at"] + AFTER


def held(*consents: dict[str, Any]) -> Incident:
    """Delivered under these consents, then closed."""
    sent = reconcile(incident(report("alder/s", **CONTENT)), policy(*BASE, *consents), NOW).incident
    return closed(sent, NOW + AFTER, AFTER)


FULL = grant("alder", covers_earlier=True, recipients=["birch"])
COARSE = grant("alder", grant="coarse", covers_earlier=True, recipients=["birch"], projection="COARSE_GEO")
GONE = grant("alder", version=2, recipients=["birch"], state="WITHDRAWN", mode="RECALL")
ROWS: dict[str, tuple[list[dict[str, Any]], list[DeliveryType]]] = {
    "permission unchanged: nothing is sent": ([FULL], []),
    "permission wider: it is too late for it": ([FULL, grant("alder", grant="more", recipients=["birch"])], []),
    "permission gone: the recall arrives": ([FULL, GONE], [DeliveryType.RECALL]),
    "less is permitted: what is held goes, and nothing comes": ([FULL, COARSE, GONE], [DeliveryType.RECALL]),
}


@pytest.mark.parametrize("row", ROWS)
def test_what_a_closed_report_still_causes(row: str) -> None:
    consents, sent = ROWS[row]
    found = reconcile(held(FULL), policy(*BASE, *consents), NOW + AFTER)
    assert [each.send.type for each in found.deliveries if "birch" in each.recipients] == sent


def test_an_incident_is_forgotten_when_nothing_is_held_and_nothing_can_be_owed() -> None:
    gone = reconcile(held(FULL), policy(*BASE, FULL, GONE), NOW + AFTER).incident
    assert not is_owed_nothing(gone, NOW + FORGET_AFTER - timedelta(seconds=1))
    assert is_owed_nothing(gone, NOW + FORGET_AFTER)
    assert not is_owed_nothing(held(FULL), NOW + FORGET_AFTER)
