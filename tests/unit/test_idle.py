"""Rules that match nothing: a table of rules and of what was decided."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.core.idle import Watch
from tests.registry import NOW, grant, officer, partner, policy, report

BASE = tuple(record for org in ("alder", "birch") for record in (partner(org), officer(org)))
SINCE = NOW - timedelta(days=7)
LATELY = "2026-05-30T00:00:00+00:00"
NO = {"grant": "no", "effect": "PROHIBIT"}
OVERLAY = {"type": "overlay", "version": 1, "area": "KEN",
           "rules": [{"kinds": ["*"], "recipients": ["birch"], "projection": None},
                     {"kinds": ["QUERY"], "recipients": ["birch"], "projection": None}]}  # fmt: skip

ROWS: dict[str, tuple[dict[str, Any], list[str], list[str]]] = {
    "a consent that decisions name": (grant("alder"), ["alder/g"], []),
    "a consent that no decision names": (grant("alder"), [], ["alder/g"]),
    "a consent that is younger than the days": (grant("alder", valid_from=LATELY), [], []),
    "a consent for one report": (grant("alder", series=["alder/s"], kinds=[], areas=[]), [], []),
    "a consent whose time is over": (grant("alder", valid_to="2026-05-01T00:00:00+00:00"), [], []),
    "a consent that was withdrawn": (grant("alder", state="WITHDRAWN"), [], []),
    "a prohibition in whose scope something was": (grant("alder", **NO), [], []),
    "a prohibition for another area": (grant("alder", **NO, areas=["NOR"]), [], ["alder/no"]),
    "a prohibition for another kind": (grant("alder", **NO, kinds=["QUERY"]), [], ["alder/no"]),
    "a prohibition of somebody who sent nothing": (grant("birch", **NO), [], ["birch/no"]),
    "a prohibition that means nobody": (grant("alder", **NO, recipients=["category:IO"]), [], ["alder/no"]),
    "an area's rules, one of which fits": (OVERLAY, [], ["KEN rule 2"]),
    "an area's rules, elsewhere": ({**OVERLAY, "area": "NOR"}, [], ["NOR rule 1", "NOR rule 2"]),
}


@pytest.mark.parametrize("row", ROWS)
def test_a_rule_is_idle_if_nothing_matched_it(row: str) -> None:
    record, named, expected = ROWS[row]
    watch = Watch(policy(*BASE, record), SINCE, NOW)
    watch.named(named)
    watch.decided(report("alder/s"))
    assert [rule.key for rule in watch.idle] == expected
