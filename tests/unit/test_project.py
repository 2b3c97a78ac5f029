"""What one projection shows of one report: docs/rules.md §8, row by row."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from services.core.project import NOT_SAID, account
from services.core.projection import ALL_FACTS, FULL, Attribution, Fact, Place, Projection, Time
from tests.registry import report

PLACE = {"latitude": 12.3456, "longitude": 41.2789, "precision": "EXACT", "country": "Examplia", "admin1": "North",
         "admin2": "Upper North", "name": "Sampletown"}  # fmt: skip
AREA = {"country": "ZZE", "admin1": "ZZ-N", "admin1_name": "Northern Example", "pcode": "ZZ01", "cell": "84abc",
        "found": "COORDINATES", "note": ""}  # fmt: skip
AT = datetime(2026, 3, 4, 6, 30, 15, 250000, tzinfo=UTC)  # a Wednesday
LATER = datetime(2026, 4, 2, 8, tzinfo=UTC)  # a Thursday


def told(**fields: Any) -> dict[str, Any]:
    return report("alder/s", **{"place": PLACE, "area": AREA, "occurred_from": AT, "received_at": AT, **fields})


def names(*given: str, precision: str) -> dict[str, Any]:
    return {**{name: PLACE[name] for name in given}, "precision": precision}


@pytest.mark.parametrize(
    ("own", "allowed", "place", "area"),
    [
        ("EXACT", Place.EXACT, PLACE, "Northern Example"),
        ("UNKNOWN", Place.EXACT, {**PLACE, "precision": "UNKNOWN"}, "Northern Example"),
        ("EXACT", Place.TOWN, names("country", "admin1", "admin2", "name", precision="TOWN"), "Northern Example"),
        ("TOWN", Place.EXACT, {**PLACE, "precision": "TOWN", "latitude": 12.3, "longitude": 41.3}, "Northern Example"),
        ("TOWN", Place.TOWN, {**PLACE, "precision": "TOWN", "latitude": 12.3, "longitude": 41.3}, "Northern Example"),
        ("EXACT", Place.ADMIN2, names("country", "admin1", "admin2", precision="ADMIN2"), "Northern Example"),
        ("ADMIN2", Place.EXACT, names("country", "admin1", "admin2", precision="ADMIN2"), "Northern Example"),
        ("TOWN", Place.ADMIN1, names("country", "admin1", precision="ADMIN1"), "Northern Example"),
        ("EXACT", Place.COUNTRY, names("country", precision="COUNTRY"), None),
        ("COUNTRY", Place.TOWN, names("country", precision="COUNTRY"), None),
    ],
)
def test_a_place_is_no_finer_than_allowed_and_than_it_claims_to_be(
    own: str, allowed: Place, place: dict[str, Any], area: str | None
) -> None:
    shown = account(told(place={**PLACE, "precision": own}), FULL._replace(place=allowed), "")
    assert (shown["place"], shown["country"], shown.get("area")) == (place, "ZZE", area)


@pytest.mark.parametrize(
    "projection", [FULL._replace(place=Place.UNKNOWN), FULL._replace(facts=ALL_FACTS - Fact.WHERE)]
)
def test_without_a_place_there_is_no_country_either(projection: Projection) -> None:
    assert not {"place", "country", "area"} & account(told(), projection, "").keys()


def test_an_area_without_a_name_is_shown_by_its_code_and_one_that_is_not_found_not_at_all() -> None:
    assert account(told(area={**AREA, "admin1_name": ""}), FULL, "")["area"] == "ZZ-N"
    assert account(told(area=None), FULL, "")["area"] == ""


@pytest.mark.parametrize(
    ("own", "allowed", "at", "later", "precision"),
    [
        ("EXACT", Time.EXACT, AT, LATER, "EXACT"),
        ("UNKNOWN", Time.EXACT, AT, LATER, "UNKNOWN"),
        ("EXACT", Time.DAY, datetime(2026, 3, 4, tzinfo=UTC), datetime(2026, 4, 2, tzinfo=UTC), "DAY"),
        ("DAY", Time.EXACT, datetime(2026, 3, 4, tzinfo=UTC), datetime(2026, 4, 2, tzinfo=UTC), "DAY"),
        ("EXACT", Time.WEEK, datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 30, tzinfo=UTC), "WEEK"),
        ("DAY", Time.MONTH, datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC), "MONTH"),
        ("EXACT", Time.YEAR, datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC), "YEAR"),
    ],
)
def test_every_moment_is_no_finer_than_allowed_the_relays_own_too(
    own: str, allowed: Time, at: datetime, later: datetime, precision: str
) -> None:
    given = told(time_precision=own, occurred_to=LATER, reported_at=LATER)
    shown = account(given, FULL._replace(time=allowed), "")
    assert (shown["occurred_from"], shown["occurred_to"], shown["reported_at"]) == (at, later, later)
    assert (shown["received_at"], shown["time_precision"]) == (at, precision)


@pytest.mark.parametrize("projection", [FULL._replace(time=Time.UNKNOWN), FULL._replace(facts=ALL_FACTS - Fact.WHEN)])
def test_without_a_time_the_relay_does_not_say_when_it_came(projection: Projection) -> None:
    shown = account(told(), projection, "")
    assert shown["received_at"] == NOT_SAID
    assert not {"occurred_from", "occurred_to", "reported_at", "time_precision"} & shown.keys()


def test_a_source_without_a_name_cannot_be_told_by_the_moment_at_which_its_batch_came() -> None:
    shown = account(told(time_precision="EXACT"), FULL._replace(attribution=Attribution.CATEGORY), "INGO")
    assert (shown["occurred_from"], shown["received_at"]) == (AT, datetime(2026, 3, 4, tzinfo=UTC))


HARM = {"scheme": "own-counting", "killed": 0, "injured": 1, "kidnapped": 2, "detained": 3}


@pytest.mark.parametrize(
    ("facts", "harm", "suppressed"),
    [
        (ALL_FACTS, HARM, []),
        (ALL_FACTS - Fact.SMALL_NUMBERS, {**HARM, "injured": None, "kidnapped": None}, ["injured", "kidnapped"]),
        (ALL_FACTS - Fact.HARM, None, None),
    ],
)
def test_counts_that_may_point_at_a_person(facts: int, harm: Any, suppressed: Any) -> None:
    shown = account(told(harm=HARM), FULL._replace(facts=facts), "")
    assert (shown.get("harm"), shown.get("suppressed")) == (harm, suppressed)


UPSTREAM = [
    {"type": "ORGANISATION", "org": "birch", "series": "birch/9", "url": "", "licence": ""},
    {"type": "PUBLIC", "org": "", "series": "", "url": "https://example.org/1", "licence": "CC-BY-4.0"},
    {"type": "UNKNOWN", "org": "", "series": "", "url": "", "licence": ""},
]
ORGANISATION, PUBLIC = {"org": "birch"}, {"url": "https://example.org/1", "licence": "CC-BY-4.0"}


@pytest.mark.parametrize(
    ("projection", "upstream"),
    [
        (FULL, [ORGANISATION, PUBLIC]),
        (FULL._replace(attribution=Attribution.ANONYMOUS), [PUBLIC]),
        (FULL._replace(facts=ALL_FACTS - Fact.NARRATIVE), [ORGANISATION]),
        (FULL._replace(facts=ALL_FACTS - Fact.NARRATIVE, attribution=Attribution.CATEGORY), []),
    ],
)
def test_upstream_organisations_go_with_the_name_and_addresses_with_the_narrative(
    projection: Projection, upstream: list[Any]
) -> None:
    assert account(told(upstream=UPSTREAM), projection, "INGO").get("upstream", []) == upstream


@pytest.mark.parametrize(
    ("attribution", "category", "expected"),
    [
        (Attribution.NAMED, "INGO", ("NAMED", "alder", "alder", "alder/s", 4, "member")),
        (Attribution.CATEGORY, "INGO", ("CATEGORY", "INGO", None, None, 0, None)),
        (Attribution.CATEGORY, "", ("ANONYMOUS", None, None, None, 0, None)),
        (Attribution.ANONYMOUS, "INGO", ("ANONYMOUS", None, None, None, 0, None)),
    ],
)
def test_how_a_source_is_shown(attribution: Attribution, category: str, expected: tuple[Any, ...]) -> None:
    given = told(version=4, on_behalf_of="member")
    shown = account(given, FULL._replace(attribution=attribution), category)
    fields = ("attribution", "source", "originator", "series_id", "version", "on_behalf_of")
    assert tuple(shown.get(name) for name in fields) == expected


HANDLING = {"tlp": "AMBER", "attribution": "MUST_NOT", "encrypt_in_transit": "MUST", "permitted_actions": "NONE",
            "affected_party_notifications": "MUST_NOT", "external_reference": "LOU of alder"}  # fmt: skip


def test_handling_travels_and_what_it_refers_to_goes_with_the_name() -> None:
    given = told(handling=HANDLING)
    assert account(given, FULL, "")["handling"] == HANDLING
    without = {name: word for name, word in HANDLING.items() if name != "external_reference"}
    assert account(given, FULL._replace(attribution=Attribution.ANONYMOUS), "")["handling"] == without


def test_an_empty_projection_leaves_what_every_view_has() -> None:
    shown = account(told(), Projection(0, Place.EXACT, Time.EXACT, Attribution.ANONYMOUS), "")
    assert shown.keys() == {
        "kind", "message", "urgency", "severity", "certainty", "expires", "version", "attribution", "handling",
        "received_at",
    }  # fmt: skip
