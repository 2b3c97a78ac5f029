"""What the read model knows of a report: who has it and why, what is held, and what changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import reduce
from typing import Any

import pytest

from services.core.audit import HISTORY, Audited, after, audited, row
from services.core.gates import Verdict
from services.core.policy import Policy
from services.core.shadow import Difference, differences, summary
from tests.registry import END, NOW, grant, officer, partner, policy, report

SERIES = "alder/s"
FULL = "WHAT/EXACT/EXACT/NAMED"
COARSE = "WHAT/ADMIN1/EXACT/NAMED"


def verdict(target: str, *recipients: str, **fields: Any) -> dict[str, Any]:
    effects = {"SHOW": "PERMIT", "KEEP": "DENY", "NONE": "DENY"}
    codes = {"SHOW": "OK_GRANT", "KEEP": "DEN_CONSENT_EXPIRED", "NONE": "DEN_NO_CONSENT"}
    base = {"series_id": SERIES, "version": 1, "recipients": list(recipients), "effect": effects[target],
            "target": target, "primary": codes[target], "reasons": [codes[target]],
            "projection": FULL if target == "SHOW" else "", "grants": ["alder/g"] if target == "SHOW" else [],
            "valid_until": None}  # fmt: skip
    return {**base, **fields}


def decision(minute: int, *verdicts: Mapping[str, Any]) -> dict[str, Any]:
    return {"incident": "alder/s~1", "epoch": minute, "as_of": at(minute), "verdicts": list(verdicts)}


def at(minute: int) -> Any:
    return NOW + timedelta(minutes=minute)


def folded(*decisions: Mapping[str, Any]) -> Audited:
    news = (one for value in decisions for one in audited(value))
    found = reduce(after, news, None)
    assert found is not None
    return found


def held(found: Audited) -> dict[str, tuple[int, str]]:
    return {org: (one["version"], one["projection"]) for one in found["held"] for org in one["recipients"]}


HISTORIES: dict[str, tuple[list[dict[str, Any]], dict[str, tuple[int, str]]]] = {
    "shown": ([verdict("SHOW", "birch")], {"birch": (1, FULL)}),
    "never permitted": ([verdict("NONE", "birch")], {}),
    "its time is over, and it held nothing": ([verdict("KEEP", "birch")], {}),
    "shown, and its time is over": ([verdict("SHOW", "birch"), verdict("KEEP", "birch")], {"birch": (1, FULL)}),
    "shown, and taken back": ([verdict("SHOW", "birch"), verdict("NONE", "birch")], {}),
    "taken back, and its time is over": (
        [verdict("SHOW", "birch"), verdict("NONE", "birch"), verdict("KEEP", "birch")], {},
    ),
    "shown, kept, and a new version that is not shown": (
        [verdict("SHOW", "birch"), verdict("KEEP", "birch", version=2)], {"birch": (1, FULL)},
    ),
    "shown less": ([verdict("SHOW", "birch"), verdict("SHOW", "birch", projection=COARSE)], {"birch": (1, COARSE)}),
    "no longer in the registry": ([verdict("SHOW", "birch", "cedar"), verdict("SHOW", "cedar")], {"cedar": (1, FULL)}),
}  # fmt: skip


@pytest.mark.parametrize("row", HISTORIES)
def test_what_is_held_now(row: str) -> None:
    verdicts, expected = HISTORIES[row]
    assert held(folded(*(decision(minute, one) for minute, one in enumerate(verdicts)))) == expected


def test_a_holding_says_since_when() -> None:
    found = folded(*(decision(minute, verdict("SHOW", "birch")) for minute in (1, 2)))
    assert [one["since"] for one in found["held"]] == [at(1).isoformat()]


def test_only_changes_are_remembered_newest_first_and_not_too_many() -> None:
    same = [decision(minute, verdict("SHOW", "birch"), verdict("NONE", "cedar")) for minute in (1, 2)]
    found = folded(*same, decision(3, verdict("SHOW", "birch", "cedar")))
    assert [(one["epoch"], one["recipients"], one["target"]) for one in found["history"]] == [
        (3, ["cedar"], "SHOW"), (1, ["birch"], "SHOW"), (1, ["cedar"], "NONE"),
    ]  # fmt: skip
    many = folded(*(decision(minute, verdict(["SHOW", "NONE"][minute % 2], "birch")) for minute in range(50)))
    assert [one["epoch"] for one in many["history"]] == list(range(49, 49 - HISTORY, -1))


def test_a_recipient_that_left_the_registry_is_in_the_history() -> None:
    found = folded(decision(1, verdict("SHOW", "birch", "cedar")), decision(2, verdict("SHOW", "cedar")))
    assert (found["history"][0]["recipients"], found["history"][0]["primary"]) == (["birch"], "DEN_PARTNER_UNKNOWN")


def test_an_older_decision_changes_nothing() -> None:
    """A series that moved has decisions in two partitions, which a rebuild reads in any order."""
    newest = folded(decision(5, verdict("NONE", "birch")))
    (older,) = audited(decision(1, verdict("SHOW", "birch")))
    assert after(newest, older) == newest


def test_one_record_tells_of_every_report_of_its_incident() -> None:
    found = list(audited(decision(1, verdict("SHOW", "birch"), verdict("SHOW", "birch", series_id="cedar/t"))))
    assert [one["series_id"] for one in found] == [SERIES, "cedar/t"]


def test_no_field_of_a_report_is_kept() -> None:
    (found,) = audited(decision(1, verdict("SHOW", "birch", headline="Canary-Word-7319")))
    assert "Canary" not in str(found)


# -- two policies -----------------------------------------------------------------------------------------------------

BASE = tuple(record for org in ("alder", "birch", "cedar") for record in (partner(org), officer(org)))
GRANTED = policy(*BASE, grant("alder", recipients=["birch"]))
WIDER = policy(*BASE, grant("alder", recipients=["birch", "cedar"]))
SHORTER = policy(*BASE, grant("alder", recipients=["birch"], valid_to="2026-06-01T11:00:00+00:00"))


def told(old: Policy, new: Policy, *moments: Any) -> list[Difference]:
    return list(differences(report(SERIES), moments or (NOW,), old, new))


def test_equal_policies_differ_in_nothing() -> None:
    assert not told(GRANTED, policy(*BASE, grant("alder", recipients=["birch"])))


def test_one_more_recipient_is_one_difference() -> None:
    (found,) = told(GRANTED, WIDER)
    assert (found.recipient, found.before.primary, found.after.primary) == ("cedar", "DEN_NO_CONSENT", "OK_GRANT")


def test_a_difference_is_told_once_and_at_its_first_moment() -> None:
    before = NOW - timedelta(hours=2)
    assert [one.as_of for one in told(GRANTED, WIDER, NOW, before)] == [before]
    assert [one.as_of for one in told(GRANTED, SHORTER, NOW, before)] == [NOW]


def test_a_partner_that_only_one_policy_knows() -> None:
    found = told(GRANTED, policy(*BASE, grant("alder", recipients=["birch"]), partner("dogwood")))
    assert [(one.recipient, one.before.primary) for one in found] == [("dogwood", "DEN_PARTNER_UNKNOWN")]


def test_the_summary_counts_reasons() -> None:
    assert summary(told(GRANTED, WIDER)) == {("DEN_NO_CONSENT", "OK_GRANT"): 1}


def test_a_row_that_was_never_recorded_reads_as_one_that_was() -> None:
    found = GRANTED.decide(report(SERIES), NOW)
    (shown,) = [(one, orgs) for one, orgs in found.groups if "birch" in orgs]
    made: Verdict = shown[0]
    assert row(made, shown[1], found.valid_until) == {
        "recipients": ["birch"], "effect": "PERMIT", "target": "SHOW", "primary": "OK_GRANT",
        "reasons": [code.value for code in made.reasons], "projection": made.projection.text, "grants": ["alder/g"],
        "obligations": [], "valid_until": END,
    }  # fmt: skip
