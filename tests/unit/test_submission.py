"""Each way in which a submission can be wrong, and what is filled in where it is not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.reason import Reason
from services.core.stage import Refusal
from services.core.submission import content_hash, read_submission
from services.core.terms import TERMS

RECEIVED = datetime(2026, 6, 1, 12, tzinfo=UTC)
GOOD: dict[str, Any] = {"series_id": "s-1", "status": "Actual", "kind": "INCIDENT_REPORT"}

BAD: dict[str, tuple[Any, Reason, str]] = {
    "no object": ([], Reason.BAD_FIELD_TYPE, ""),
    "no series": ({"status": "Actual", "kind": "QUERY"}, Reason.BAD_FIELD_MISSING, "series_id"),
    "a slash in the series": ({**GOOD, "series_id": "other/s"}, Reason.BAD_VOCABULARY, "series_id"),
    "a number as a series": ({**GOOD, "series_id": 5}, Reason.BAD_FIELD_TYPE, "series_id"),
    "version nought": ({**GOOD, "version": 0}, Reason.BAD_FIELD_TYPE, "version"),
    "version true": ({**GOOD, "version": True}, Reason.BAD_FIELD_TYPE, "version"),
    "another status": ({**GOOD, "status": "Draft"}, Reason.BAD_VOCABULARY, "status"),
    "an extra field": ({**GOOD, "colour": 1}, Reason.BAD_FIELD_UNKNOWN, "colour"),
    "an extra field that may be content": ({**GOOD, "Jo Doe +25": 1}, Reason.BAD_FIELD_UNKNOWN, "?"),
    "an extra field in the place": ({**GOOD, "place": {"street": "x"}}, Reason.BAD_FIELD_UNKNOWN, "place.street"),
    "a long headline": ({**GOOD, "headline": "x" * 301}, Reason.BAD_FIELD_LENGTH, "headline"),
    "an audience by name": ({**GOOD, "initial_audience": ["Mercy X"]}, Reason.BAD_VOCABULARY, "initial_audience"),
    "too many victims": ({**GOOD, "victims": ["x"] * 65}, Reason.BAD_FIELD_LENGTH, "victims"),
    "attributes that are no strings": ({**GOOD, "attributes": {"a": 1}}, Reason.BAD_FIELD_TYPE, "attributes"),
    "no offset": ({**GOOD, "reported_at": "2026-05-01T00:00:00"}, Reason.BAD_TIME, "reported_at"),
    "no time": ({**GOOD, "reported_at": "yesterday"}, Reason.BAD_TIME, "reported_at"),
    "reported two hours ahead": (
        {**GOOD, "reported_at": "2026-06-01T14:00:00+00:00"}, Reason.BAD_TIME, "reported_at",
    ),
    "happened next week": ({**GOOD, "occurred_from": "2026-06-08T12:00:00Z"}, Reason.BAD_TIME, "occurred_from"),
    "happened in 1989": ({**GOOD, "occurred_from": "1989-12-31T23:59:59Z"}, Reason.BAD_TIME, "occurred_from"),
    "ends before it begins": (
        {**GOOD, "occurred_from": "2026-05-02T00:00:00Z", "occurred_to": "2026-05-01T00:00:00Z"}, Reason.BAD_TIME,
        "occurred_to",
    ),
    "expires before it happens": (
        {**GOOD, "occurred_from": "2026-05-02T00:00:00Z", "expires": "2026-05-01T00:00:00Z"}, Reason.BAD_TIME,
        "expires",
    ),
    "a latitude of 91": ({**GOOD, "place": {"latitude": 91, "longitude": 0}}, Reason.BAD_PLACE, "place.latitude"),
    "half a point": ({**GOOD, "place": {"latitude": 1.0}}, Reason.BAD_PLACE, "place"),
    "not a number": (
        {**GOOD, "place": {"latitude": float("nan"), "longitude": 0}}, Reason.BAD_PLACE, "place.latitude",
    ),
    "a long tear-line": ({**GOOD, "tearline": "x" * 2001}, Reason.BAD_FIELD_LENGTH, "tearline"),
    "too many persons": (
        {**GOOD, "personal": {f"p{number}": "x" for number in range(65)}}, Reason.BAD_FIELD_LENGTH, "personal",
    ),
    "persons as a list": ({**GOOD, "personal": ["Jo"]}, Reason.BAD_FIELD_TYPE, "personal"),
    "an unknown fact": ({**GOOD, "facts": [{"fact": "RUMOUR"}]}, Reason.BAD_VOCABULARY, "facts.fact"),
    "a mark of no fact": ({**GOOD, "facts": [{"above": True}]}, Reason.BAD_FIELD_MISSING, "facts.fact"),
    "two marks for one fact": ({**GOOD, "facts": [{"fact": "WHO"}] * 2}, Reason.BAD_VOCABULARY, "facts"),
    "more marks than facts": ({**GOOD, "facts": [{"fact": "WHO"}] * 13}, Reason.BAD_FIELD_LENGTH, "facts"),
    "an unknown sensitivity": (
        {**GOOD, "facts": [{"fact": "WHO", "sensitivity": "TOP"}]}, Reason.BAD_VOCABULARY, "facts.sensitivity",
    ),
    "above as a number": ({**GOOD, "facts": [{"fact": "WHO", "above": 1}]}, Reason.BAD_FIELD_TYPE, "facts.above"),
    "an unknown label": ({**GOOD, "handling": {"tlp": "WHITE"}}, Reason.BAD_VOCABULARY, "handling.tlp"),
    "an unknown statement": (
        {**GOOD, "handling": {"attribution": "NEVER"}}, Reason.BAD_VOCABULARY, "handling.attribution",
    ),
    "an extra statement": ({**GOOD, "handling": {"pap": "RED"}}, Reason.BAD_FIELD_UNKNOWN, "handling.pap"),
    "too many sources": ({**GOOD, "upstream": [{"type": "UNKNOWN"}] * 17}, Reason.BAD_FIELD_LENGTH, "upstream"),
    "an unknown type of source": ({**GOOD, "upstream": [{"type": "RADIO"}]}, Reason.BAD_VOCABULARY, "upstream.type"),
    "an organisation without its id": (
        {**GOOD, "upstream": [{"type": "ORGANISATION"}]}, Reason.BAD_FIELD_MISSING, "upstream.org",
    ),
    "an organisation by its name": (
        {**GOOD, "upstream": [{"type": "ORGANISATION", "org": "Mercy X"}]}, Reason.BAD_VOCABULARY, "upstream.org",
    ),
    "another organisation's series": (
        {**GOOD, "upstream": [{"type": "ORGANISATION", "org": "birch", "series": "cedar/s"}]}, Reason.BAD_VOCABULARY,
        "upstream.series",
    ),
    "a public source without address": (
        {**GOOD, "upstream": [{"type": "PUBLIC", "licence": "CC0"}]}, Reason.BAD_FIELD_MISSING, "upstream.url",
    ),
    "an address that is none": (
        {**GOOD, "upstream": [{"type": "PUBLIC", "url": "ftp:x"}]}, Reason.BAD_VOCABULARY, "upstream.url",
    ),
    "an organisation called public": (
        {**GOOD, "upstream": [{"type": "PUBLIC", "url": "https://example.org/1", "org": "birch"}]},
        Reason.BAD_VOCABULARY, "upstream.type",
    ),
    "on behalf of a name": ({**GOOD, "on_behalf_of": "Mercy X"}, Reason.BAD_VOCABULARY, "on_behalf_of"),
    "an unknown attribution": ({**GOOD, "attribution": "SECRET"}, Reason.BAD_VOCABULARY, "attribution"),
    "imminent in words": ({**GOOD, "imminent": "yes"}, Reason.BAD_FIELD_TYPE, "imminent"),
    "instead of another's series": ({**GOOD, "supersedes": "birch/s"}, Reason.BAD_VOCABULARY, "supersedes"),
    "instead of itself": ({**GOOD, "supersedes": "s-1"}, Reason.BAD_VOCABULARY, "supersedes"),
    "fewer than none killed": ({**GOOD, "harm": {"killed": -1}}, Reason.BAD_FIELD_TYPE, "harm.killed"),
}  # fmt: skip


@pytest.mark.parametrize("row", BAD)
def test_a_bad_submission_names_its_field_and_what_to_change(row: str) -> None:
    value, reason, field = BAD[row]
    found = read_submission(value, RECEIVED)
    assert isinstance(found, Refusal)
    assert (found.reason, found.field, bool(found.advice)) == (reason, field, True)


def test_a_good_one_has_every_field() -> None:
    found = read_submission({**GOOD, "occurred_from": "2026-05-01T03:00:00+03:00"}, RECEIVED)
    assert not isinstance(found, Refusal)
    assert (found["version"], found["message"], found["severity"]) == (1, "ALERT", "Unknown")
    assert found["occurred_from"] == datetime(2026, 5, 1, tzinfo=UTC)


def test_a_warning_may_lie_ahead_and_a_month_that_has_begun_may_end() -> None:
    warning = {**GOOD, "kind": "SECURITY_ALERT", "occurred_from": "2026-07-01T00:00:00Z"}
    month = {**GOOD, "time_precision": "MONTH", "occurred_from": "2026-06-01T00:00:00Z",
             "occurred_to": "2026-06-30T23:59:59Z"}  # fmt: skip
    assert not isinstance(read_submission(warning, RECEIVED), Refusal)
    assert not isinstance(read_submission(month, RECEIVED), Refusal)


def test_the_content_hash_is_that_of_what_is_said_and_to_whom() -> None:
    def hashed(**fields: Any) -> bytes:
        found = read_submission({**GOOD, **fields}, RECEIVED)
        assert not isinstance(found, Refusal)
        return content_hash(found)

    assert hashed() == hashed(series_id="another", version=7)
    said: list[dict[str, Any]] = [
        {"tearline": "x"}, {"personal": {"a": "x"}}, {"source_note": "x"}, {"facts": [{"fact": "WHO"}]},
        {"handling": {"tlp": "RED"}}, {"upstream": [{"type": "UNKNOWN"}]}, {"on_behalf_of": "birch"},
        {"attribution": "ANONYMOUS"}, {"imminent": True},
    ]  # fmt: skip
    terms = [hashed(**fields) for fields in said]
    assert len({*terms, hashed()}) == len(said) + 1
    different = [hashed(headline="x"), hashed(initial_audience=["birch"]), hashed(status="Exercise"), hashed()]
    assert len(set(different)) == len(different)


def test_a_report_without_terms_keeps_its_hash() -> None:
    """Computed before there were terms: equal content that was sent before an update stays a duplicate."""
    found = read_submission({**GOOD, "headline": "x", "handling": {}, "facts": [], "attribution": "NAMED"}, RECEIVED)
    assert not isinstance(found, Refusal)
    assert content_hash(found).hex() == "17773c2c40d0fe6b23145270cda50998"


def test_terms_that_are_left_out_have_their_defaults() -> None:
    found = read_submission(
        {**GOOD, "facts": [{"fact": "WHO", "above": False}], "handling": {"tlp": "GREEN"}}, RECEIVED
    )
    assert not isinstance(found, Refusal)
    assert {name: found[name] for name in TERMS} == {
        "tearline": "", "personal": {}, "source_note": "",
        "facts": [{"fact": "WHO", "sensitivity": "", "above": False}],
        "handling": {"tlp": "GREEN", "attribution": "MAY", "encrypt_in_transit": "MAY",
                     "permitted_actions": "INTERNALLY_VISIBLE_ACTIONS", "affected_party_notifications": "MUST_NOT",
                     "external_reference": ""},
        "upstream": [], "on_behalf_of": "", "attribution": "NAMED", "imminent": False,
    }  # fmt: skip
    assert found["supersedes"] == ""


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)
FIELDS = st.sampled_from(
    [
        "series_id",
        "version",
        "status",
        "kind",
        "place",
        "harm",
        "expires",
        "victims",
        "attributes",
        "supersedes",
        *TERMS,
    ]
)


@given(st.dictionaries(FIELDS, JSON, max_size=5))
def test_whatever_comes_is_answered_and_never_raises(fields: dict[str, Any]) -> None:
    found = read_submission({**GOOD, **fields}, RECEIVED)
    assert isinstance(found, Refusal) or found["series_id"]
