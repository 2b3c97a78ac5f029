"""Accounts side by side: what is counted, what is named as a contradiction (docs/rules.md §8)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.core.projection import ALL_FACTS, FULL, Attribution, Fact, Projection
from services.core.view import NOTICE, Released, build_view, conflicts
from services.runtime.codec import SCHEMAS, Codec
from tests.registry import report

HIDDEN = FULL._replace(attribution=Attribution.ANONYMOUS)
UNCOUNTED = FULL._replace(facts=ALL_FACTS - Fact.CORROBORATION)
DAY = datetime(2026, 3, 4, tzinfo=UTC)
NO_HARM = {"scheme": "", "killed": None, "injured": None, "kidnapped": None, "detained": None}
TWO = 2


def org(name: str) -> dict[str, str]:
    return {"type": "ORGANISATION", "org": name, "series": "", "url": "", "licence": ""}


def public(url: str) -> dict[str, str]:
    return {"type": "PUBLIC", "org": "", "series": "", "url": url, "licence": ""}


def released(originator: str, *upstream: dict[str, str], projection: Projection = FULL, **fields: Any) -> Released:
    return Released(report(f"{originator}/s", upstream=list(upstream), **fields), projection, "INGO")


@pytest.mark.parametrize(
    ("every", "sources"),
    [
        ([released("alder")], "1"),
        ([released("alder"), released("birch")], "2"),
        ([released("alder"), released("birch"), released("cedar")], "3+"),
        ([released("alder"), released("birch"), released("cedar"), released("dogwood")], "3+"),
        ([released("alder"), released("alder")], "1"),
        ([released("alder"), released("birch", org("alder"))], "1"),
        ([released("alder", public("https://example.org/a")), released("birch", public("https://example.org/a"))], "1"),
        ([released("alder", public("https://example.org/a")), released("birch", public("https://example.org/b"))], "2"),
        # the third joins the first two
        ([released("a", org("x")), released("b", org("y")), released("c", org("x"), org("y"))], "1"),
        ([released("platform", on_behalf_of="alder"), released("alder")], "1"),
        ([released("alder"), released("birch", projection=UNCOUNTED)], "1"),
        ([released("alder", projection=UNCOUNTED)], "uncorroborated"),
        ([], "uncorroborated"),
        # a hidden source may be one of those beside it
        ([released("alder"), released("birch", projection=HIDDEN)], "1"),
        ([released("alder", projection=HIDDEN), released("birch", projection=HIDDEN)], "1"),
    ],
)
def test_independent_sources(every: list[Released], sources: str) -> None:
    assert build_view("Actual", every)["sources"] == sources


def pair(first: dict[str, Any], second: dict[str, Any], **projection: Any) -> list[str]:
    both = (released("alder", **first), released("birch", projection=FULL._replace(**projection), **second))
    found: list[str] = build_view("Actual", both)["conflicts"]
    return found


def harm(**counts: int) -> dict[str, Any]:
    return {"harm": {**NO_HARM, **counts}}


def when(start: timedelta, end: timedelta | None = None, precision: str = "EXACT") -> dict[str, Any]:
    moments = {"occurred_from": DAY + start, "occurred_to": None if end is None else DAY + end}
    return {**moments, "time_precision": precision}


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ({}, {}, []),
        ({"kind": "SECURITY_ALERT"}, {}, ["kind"]),
        (
            {"area": {"country": "ZZE", "admin1": "", "admin1_name": "N"}},
            {"area": {"country": "ZZE", "admin1": "", "admin1_name": ""}},
            [],
        ),
        (harm(killed=5), harm(killed=5), []),
        (harm(killed=5), harm(killed=7), ["harm.killed"]),
        (harm(killed=0), harm(killed=7, injured=4), ["harm.killed"]),
        (harm(killed=5), harm(injured=7), []),
        (when(HOUR, 3 * HOUR), when(2 * HOUR, 4 * HOUR), []),
        (when(HOUR, 2 * HOUR), when(3 * HOUR, 4 * HOUR), ["occurred"]),
        (when(5 * HOUR), when(0 * HOUR, precision="DAY"), []),
        (when(25 * HOUR), when(0 * HOUR, precision="DAY"), ["occurred"]),
        (when(24 * 27 * HOUR), when(0 * HOUR, precision="MONTH"), []),
        (when(24 * 28 * HOUR), when(0 * HOUR, precision="MONTH"), ["occurred"]),
        (when(24 * 40 * HOUR), when(0 * HOUR, precision="UNKNOWN"), []),
        ({"headline": "One text"}, {"headline": "Another text"}, []),
    ],
)
def test_contradictions_are_named(first: dict[str, Any], second: dict[str, Any], expected: list[str]) -> None:
    assert pair(first, second) == expected


def test_what_is_not_shown_contradicts_nothing() -> None:
    assert pair(harm(killed=TWO), harm(killed=TWO - 1), facts=ALL_FACTS - Fact.SMALL_NUMBERS) == []
    assert pair(when(HOUR), when(4 * HOUR), facts=ALL_FACTS - Fact.WHEN) == []


def test_both_accounts_stand_as_they_are_with_the_notice_and_their_duties() -> None:
    first, second = released("alder", **harm(killed=5)), released("birch", **harm(killed=7))
    view = build_view("Exercise", [first._replace(obligations=("ACK_RECALL",)), second])
    assert [each["harm"]["killed"] for each in view["accounts"]] == [5, 7]
    assert [each.get("obligations") for each in view["accounts"]] == [["ACK_RECALL"], None]
    assert (view["status"], view["notice"]) == ("Exercise", NOTICE)


def test_the_example_of_a_contradiction_says_what_the_rule_says() -> None:
    example = json.loads((SCHEMAS / "view/examples/good/two_accounts_one_anonymous.json").read_text(encoding="utf-8"))
    for each in example["accounts"]:
        for name in ("occurred_from", "occurred_to"):
            each[name] = datetime.fromisoformat(each[name]) if name in each else None
    assert conflicts(example["accounts"]) == example["conflicts"]


def test_a_reader_of_the_wire_gets_what_the_projection_shows() -> None:
    codec = Codec()
    view = build_view(
        "Actual", [released("alder", org("birch"), public("https://example.org/a"), **harm(killed=1), actor="X")]
    )
    _, read = codec.decode(codec.encode("view", view))
    (sent,), (got,) = view["accounts"], read["accounts"]
    assert {name: got[name] for name in sent if name not in {"upstream", "place"}} == {
        name: value for name, value in sent.items() if name not in {"upstream", "place"}
    }
    assert [(each["org"], each["url"]) for each in got["upstream"]] == [("birch", ""), ("", "https://example.org/a")]
    assert (got["place"]["country"], got["place"]["precision"]) == ("KEN", "COUNTRY")
