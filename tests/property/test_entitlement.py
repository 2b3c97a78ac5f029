"""The policy against the oracle's naive decider: after any history of control records they answer the same.

Two writers, two shapes, one set of documents (consent.md §9: a differential test against a naive reference).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.core.fold import PolicyFold
from services.core.gates import Target
from tests.oracle.entitlement import History
from tests.oracle.world import Coordinates, Entry
from tests.registry import NOW, grant, officer, partner, policy, record, report

_MINUTE = timedelta(minutes=1)
_RECIPIENTS = ("alder", "birch", "cedar")
_words = st.sampled_from


def _moments(first: int, last: int) -> st.SearchStrategy[str]:
    return st.integers(first, last).map(lambda minutes: (NOW + minutes * _MINUTE).isoformat())


_partners = st.fixed_dictionaries(
    {
        "org": _words(_RECIPIENTS[1:]),
        "category": _words(("INGO", "MEDIA")),
        "status": _words(("ACTIVE", "ACTIVE", "SUSPENDED", "TERMINATED")),
        "areas": _words((["*"], ["KEN"], ["SSD"])),
        "kinds": _words((["*"], ["QUERY"])),
        "statuses": _words((["Actual"], ["Exercise"], ["Actual", "Exercise"])),
    }
)
_grants = st.fixed_dictionaries(
    {
        "grant": _words(("g", "h")),
        "effect": _words(("PERMIT", "PERMIT", "PERMIT", "PROHIBIT")),
        "status": _words(("Actual", "Actual", "Exercise")),
        "series": _words(([], [], ["alder/s"], ["alder/other"])),
        "kinds": _words((["*"], ["INCIDENT_REPORT"], ["QUERY"])),
        "areas": _words((["*"], ["KEN"], ["SSD"])),
        "recipients": _words((["*"], ["birch"], ["category:INGO"], ["birch", "cedar"])),
        "valid_from": _moments(-5, 10),
        "valid_to": _moments(11, 30),
        "covers_earlier": st.booleans(),
        "state": _words(("GIVEN", "GIVEN", "WITHDRAWN")),
        "mode": _words(("RECALL", "PROSPECTIVE")),
    }
)
_ends = st.fixed_dictionaries({"grant": _words(("g", "h")), "state": _words(("REVOKED", "INVALIDATED"))})
_reports = st.fixed_dictionaries(
    {
        "status": _words(("Actual", "Actual", "Exercise")),
        "kind": _words(("INCIDENT_REPORT", "QUERY")),
        "initial_audience": _words(([], [], ["birch"], ["alder", "cedar"])),
        "expires": st.none() | st.integers(0, 40).map(lambda minutes: NOW + minutes * _MINUTE),
        "area": st.none() | _words(({"country": "KEN"}, {"country": "SSD"}, {"country": ""})),
        "epoch": st.integers(0, 12),
    }
)
_histories = st.lists(
    st.one_of(
        _partners.map(lambda fields: partner(**fields)),
        _grants.map(lambda fields: grant("alder", **fields)),
        _ends.map(lambda fields: {"type": "end", "version": 1, "grantor": "alder", **fields}),
    ),
    max_size=9,
)


@settings(max_examples=400, deadline=None)
@given(_histories, _reports, st.integers(0, 45))
def test_two_deciders_agree(history: list[dict[str, Any]], fields: dict[str, Any], minutes: int) -> None:
    control = _versioned([*map(partner, _RECIPIENTS), officer("alder"), *history])
    now, item = NOW + minutes * _MINUTE, report("alder/s", **fields)
    fold = PolicyFold(b"\x00" * 32, lambda *_: True)
    for offset, payload in enumerate(control):
        fold.apply(record(payload, offset, _at(offset)))
    decider = History([_entry(payload, offset) for offset, payload in enumerate(control)]).at(len(control))

    decided = fold.compiled().decide(item, now).by_recipient

    assert {org: decided[org].target.value for org in _RECIPIENTS} == {
        org: decider.target(item, org, now).value for org in _RECIPIENTS
    }


def _versioned(payloads: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each record with the next version of its key, as intake demands."""
    newest: dict[tuple[str, ...], int] = {}
    found = []
    for payload in payloads:
        key = (payload["type"], payload.get("org", ""), payload.get("grant", ""))
        newest[key] = newest.get(key, 0) + 1
        found.append({**payload, "version": newest[key]})
    return found


def _at(offset: int) -> datetime:
    return NOW + offset * 2 * _MINUTE


def _entry(payload: Mapping[str, Any], offset: int) -> Entry:
    made = record(payload, offset)
    return Entry(
        Coordinates("slt.control", 0, offset),
        _at(offset),
        made.key,
        "control",
        made.value,
        json.dumps(payload).encode(),
    )


def test_a_new_grant_covers_nothing_of_the_gap_though_intake_had_not_seen_the_end_yet() -> None:
    given, withdrawn, again = _versioned([grant("alder"), grant("alder", state="WITHDRAWN"), grant("alder")])
    fold = PolicyFold(b"\x00" * 32, lambda *_: True)
    for offset, payload in enumerate([partner("birch"), officer("alder"), given, withdrawn]):
        fold.apply(record(payload, offset))
    last = record(again, 4)
    fold.apply(last._replace(value={**last.value, "covers_from": 2}))

    decided = fold.compiled().decide(report("alder/s", epoch=4), NOW).by_recipient

    assert decided["birch"].target is Target.NONE


def test_what_one_permit_lets_a_recipient_keep_no_other_takes_back() -> None:
    over = (NOW - _MINUTE).isoformat()
    control = _versioned([
        partner("alder"), partner("birch"), officer("alder"), grant("alder", grant="boxed", valid_to=over),
        grant("alder"), grant("alder", state="WITHDRAWN", mode="RECALL"),
    ])  # fmt: skip

    decided = policy(*control).decide(report("alder/s"), NOW).by_recipient

    assert decided["birch"].target is Target.KEEP
