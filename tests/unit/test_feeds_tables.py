"""The mapping tables: each says the truth about the mapper, and what becomes of invented rows is as it says."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.core.feeds.awsd import AWSD
from services.core.feeds.cap import CAP, moment, references, series_id
from services.core.feeds.document import render
from services.core.feeds.gdacs import GDACS
from services.core.feeds.lineage import Lineage
from services.core.feeds.registry import FEEDS, recognise
from services.core.feeds.sind import AID_WORKERS, EXPLOSIVE_WEAPONS, PROTECTION, SIND
from services.core.feeds.table import ATTRIBUTES, Feed, Submission, set_period, submission
from services.runtime.codec import SCHEMAS, Codec
from services.runtime.feeds.plan import encode_submission

ROOT = Path(__file__).resolve().parents[2]


def mapped(feed: Feed, **row: str) -> Submission:
    found = submission(feed, row)
    assert found is not None
    return found


def fields_of_schema() -> set[str]:
    schema = orjson.loads((SCHEMAS / "submission" / "v1.0.avsc").read_bytes())
    names = {field["name"] for field in schema["fields"]}
    for field in schema["fields"]:
        if isinstance(field["type"], dict):
            names |= {f"{field['name']}.{inner['name']}" for inner in field["type"].get("fields", ())}
    return names


def leaf(found: Submission, path: str) -> Any:
    value: Any = found
    for part in path.split("."):
        value = value.get(part)
    return value


@pytest.mark.parametrize("feed", FEEDS, ids=lambda feed: feed.name)
def test_a_table_names_each_field_once_and_only_targets_that_exist(feed: Feed) -> None:
    sources = [rule.source for rule in feed.rules]
    assert len(sources) == len(set(sources))
    assert {target for rule in feed.rules for target in rule.targets} <= fields_of_schema()
    assert all(rule.note for rule in feed.rules if not rule.targets), "an unmapped field has a reason"
    assert all(len(rule.source) <= 64 for rule in feed.rules if ATTRIBUTES in rule.targets)


DIRECT = {
    "description", "advice", "actor", "place.admin1", "place.admin2", "harm.killed", "harm.injured", "harm.kidnapped",
    "harm.detained", "place.latitude", "place.longitude", ATTRIBUTES,
}  # fmt: skip


@pytest.mark.parametrize(
    ("feed", "source", "target"),
    [(f, r.source, t) for f in FEEDS for r in f.rules for t in r.targets if t in DIRECT],
    ids=lambda value: value.name if isinstance(value, Feed) else value,
)
def test_a_field_arrives_where_its_table_says(feed: Feed, source: str, target: str) -> None:
    identity = {
        "Incident ID": "7",
        "SiND Event ID": "7",
        "SiND ID": "7",
        "Event ID": "7",
        "guid": "7",
        "identifier": "7",
    }
    found = submission(feed, {**identity, source: "17"})
    assert found is not None
    if target == ATTRIBUTES:
        keys = found[ATTRIBUTES].keys() | found["place"].keys()
        assert source in keys or (source == "info/area/areaDesc" and found["place"]["name"] == "17")
    else:
        assert leaf(found, target) in (17, 17.0, "17")


def test_awsd_row() -> None:
    found = mapped(
        AWSD,
        **{
            "Incident ID": "9001", "Year": "2014", "Month": "3", "Day": "5", "Country Code": "SS",
            "Country": "South Sudan", "Region": "Unity", "District": "", "City": "Invented Town", "UN": "0",
            "INGO": "2", "Total killed": "1", "Total wounded": "1", "Total kidnapped": "0",
            "Means of attack": "Shooting", "Latitude": "9.5\t", "Longitude": " 30.25", "Verified": "Yes",
            "Details": "An invented text.", "Actor name": "Unknown",
        },
    )  # fmt: skip
    assert found["series_id"] == "awsd-9001"
    assert (found["version"], found["message"], found["status"]) == (1, "ALERT", "Actual")
    assert (found["kind"], found["event_scheme"], found["event"]) == ("INCIDENT_REPORT", "AWSD", "Shooting")
    assert found["occurred_from"] == datetime(2014, 3, 5, tzinfo=UTC)
    assert found["occurred_to"] == datetime(2014, 3, 5, 23, 59, 59, 999000, tzinfo=UTC)
    assert found["place"] == {
        "country": "SS", "admin1": "Unity", "name": "Invented Town", "latitude": 9.5, "longitude": 30.25,
        "precision": "TOWN",
    }  # fmt: skip
    assert found["harm"] == {"killed": 1, "injured": 1, "kidnapped": 0, "scheme": "AWSD"}
    assert found["victims"] == ["INGO"]
    assert found["certainty"] == "Observed"
    assert found["headline"] == "Shooting, South Sudan, 2014-03-05"


@pytest.mark.parametrize(
    ("code", "word"),
    [("KK", "Kidnap-killing"), ("VBIED-S ", "Vehicle-borne IED"), ("RSA", "Rape or serious sexual assault")],
)
def test_awsd_codes_of_2016_become_words_and_stay_beside_them(code: str, word: str) -> None:
    found = mapped(AWSD, **{"Incident ID": "1", "Means of attack": code, "Attack context": "Am", "Location": "R"})
    assert (found["event"], found["means"]) == (word, word)
    assert found[ATTRIBUTES]["Means of attack"] == code.strip()
    assert found[ATTRIBUTES]["Attack context"] == "Ambush (Am)"
    assert found[ATTRIBUTES]["Location"] == "Road (R)"


@pytest.mark.parametrize(
    ("year", "month", "day", "began", "ended", "precision"),
    [
        ("2024", "2", "29", (2024, 2, 29), (2024, 2, 29), "DAY"),
        ("2024", "2", "", (2024, 2, 1), (2024, 2, 29), "MONTH"),
        ("2023", "12", "", (2023, 12, 1), (2023, 12, 31), "MONTH"),
        ("1997", "", "", (1997, 1, 1), (1997, 12, 31), "YEAR"),
        ("1997", "", "4", (1997, 1, 1), (1997, 12, 31), "YEAR"),
    ],
)
def test_a_date_becomes_the_range_it_names(
    year: str, month: str, day: str, began: tuple[int, int, int], ended: tuple[int, int, int], precision: str
) -> None:
    found: Submission = {}
    assert set_period(found, year, month, day)
    assert found["occurred_from"] == datetime(*began, tzinfo=UTC)
    assert found["occurred_to"] == datetime(*ended, 23, 59, 59, 999000, tzinfo=UTC)
    assert found["time_precision"] == precision


def test_parts_that_are_no_date_are_kept() -> None:
    found = mapped(AWSD, **{"Incident ID": "1", "Year": "2023", "Month": "2", "Day": "30"})
    assert "occurred_from" not in found
    assert {name: found[ATTRIBUTES][name] for name in ("Year", "Month", "Day")} == {
        "Year": "2023", "Month": "2", "Day": "30",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("feed", "identity", "country"),
    [
        (AWSD, "Incident ID", {"Country Code": "PS"}),
        (AWSD, "Incident ID", {"Country": "Occupied Palestinian Territories"}),
        (AID_WORKERS, "SiND Event ID", {"Country ISO": "PSE"}),
        (PROTECTION, "SiND ID", {"Country": "OPT"}),
    ],
)
def test_places_in_palestine_are_blanked(feed: Feed, identity: str, country: dict[str, str]) -> None:
    place = {name: f"7.5{name}" for name in feed.protected}
    found = mapped(feed, **{identity: "1", "Admin 1": "Somewhere", **place, **country})
    assert found["place"].keys() <= {"country", "admin1"}
    text = encode_submission(found).decode()
    assert not [value for value in place.values() if value in text]


@pytest.mark.parametrize(
    ("code", "precision"),
    [
        ("(2) 25 km precision ", "TOWN"), ("(3) District, communicipality, commune", "ADMIN2"),
        ("(4) Province, State, Governorate ", "ADMIN1"), ("(6) Country", "COUNTRY"), ("censored", "UNKNOWN"),
        ("(5) Linear Feature e.g. Along Road/River ", "UNKNOWN"),
    ],
)  # fmt: skip
def test_sind_precision(code: str, precision: str) -> None:
    row = {"SiND Event ID": "1", "Country": "CAR", "Country ISO": "CAF", "Latitude": "5", "Longitude": "20"}
    found = mapped(AID_WORKERS, **row, **{"Geo Precision": code})
    assert found["place"]["precision"] == precision
    assert found["place"]["country"] == "CAF", "the code, not the publisher's abbreviation"


@pytest.mark.parametrize("date", ["2024-02-28", "2024-02-28T00:00:00.000Z", "2024-02-28 00:00:00"])
def test_sind_dates(date: str) -> None:
    found = mapped(AID_WORKERS, **{"SiND Event ID": "1", "Date": date})
    assert (found["occurred_from"], found["time_precision"]) == (datetime(2024, 2, 28, tzinfo=UTC), "DAY")


def test_sind_data_sets_are_series_of_their_own_and_counts_add_up() -> None:
    rows = {"SiND Event ID": "7", "Aid Workers Killed": "2", "Educators Killed": "3", "Students Killed": ""}
    found = mapped(EXPLOSIVE_WEAPONS, **rows)
    assert found["harm"] == {"killed": 5, "scheme": "SIND"}
    ids = {submission(feed, {"SiND Event ID": "7", "SiND ID": "7", "Event ID": "7"})["series_id"] for feed in SIND}  # type: ignore[index]
    assert len(ids) == len(SIND)


@pytest.mark.parametrize(("level", "severity"), [("Green", "Moderate"), ("Red", "Extreme"), ("Blue", "Unknown")])
def test_gdacs_item(level: str, severity: str) -> None:
    found = mapped(
        GDACS,
        **{
            "guid": "EQ1", "title": "Invented quake", "gdacs:eventtype": "EQ", "gdacs:alertlevel": level,
            "geo:Point/geo:lat": "-19.4", "geo:Point/geo:long": "59.8", "gdacs:iso3": "MUS",
            "gdacs:country": "Mauritius", "pubDate": "Sun, 29 Dec 2019 12:00:00 GMT",
            "gdacs:fromdate": "Sun, 29 Dec 2019 11:00:00 GMT",
        },
    )  # fmt: skip
    assert (found["series_id"], found["kind"], found["severity"]) == ("gdacs-EQ1", "SECURITY_ALERT", severity)
    assert found["occurred_from"] == datetime(2019, 12, 29, 11, tzinfo=UTC)
    assert found["reported_at"] == datetime(2019, 12, 29, 12, tzinfo=UTC)
    assert found["place"] == {"latitude": -19.4, "longitude": 59.8, "precision": "EXACT", "country": "MUS"}


CAP_ROW = {
    "identifier": "invented-1", "sender": "desk@example.org", "sent": "2026-03-01T06:30:00-00:00", "status": "Actual",
    "msgType": "Alert", "info/event": "Road closed", "info/urgency": "Immediate", "info/severity": "Severe",
    "info/certainty": "Observed", "info/area/areaDesc": "Invented District",
}  # fmt: skip


def test_cap_enumerations_go_one_to_one() -> None:
    found = mapped(CAP, **CAP_ROW)
    assert [found[name] for name in ("urgency", "severity", "certainty")] == ["Immediate", "Severe", "Observed"]
    assert found["occurred_from"] == found["reported_at"] == datetime(2026, 3, 1, 6, 30, tzinfo=UTC)
    assert found["headline"] == "Road closed, Invented District, 2026-03-01"


@pytest.mark.parametrize(
    ("given_fields", "message", "status"),
    [
        ({}, "ALERT", "Actual"),
        ({"msgType": "Update"}, "UPDATE", "Actual"),
        ({"msgType": "Cancel"}, "CANCEL", "Actual"),
        ({"msgType": "Error"}, "CORRECT", "Actual"),
        ({"msgType": "Ack"}, "Ack", "Actual"),
        ({"status": "Exercise"}, "ALERT", "Exercise"),
        ({"status": "System"}, "ALERT", "System"),
        ({"status": "Draft"}, "ALERT", "Draft"),
        ({"edxl/distributionStatus": "Exercise"}, "ALERT", "Exercise"),
        ({"status": "Test", "edxl/distributionStatus": "Actual"}, "ALERT", "Test"),
    ],
)
def test_cap_message_and_status(given_fields: dict[str, str], message: str, status: str) -> None:
    found = mapped(CAP, **{**CAP_ROW, **given_fields})
    assert (found["message"], found["status"]) == (message, status)


@pytest.mark.parametrize(
    ("area", "place"),
    [
        ({"info/area/circle": "10,20 0"}, {"latitude": 10.0, "longitude": 20.0, "precision": "EXACT"}),
        ({"info/area/circle": "10,20 5"}, {"latitude": 10.0, "longitude": 20.0, "precision": "UNKNOWN"}),
        ({"info/area/polygon": "0,0 0,4 4,4 4,0"}, {"latitude": 2.0, "longitude": 2.0, "precision": "UNKNOWN"}),
        ({"info/area/polygon": "0,179 0,-179 4,-179"}, {}),
        ({"info/area/polygon": "none"}, {}),
        ({"info/area/geocode": "SAME=1; ISO3166-2=AU-NSW"}, {"country": "AU"}),
    ],
)
def test_cap_area(area: dict[str, str], place: dict[str, Any]) -> None:
    assert mapped(CAP, **CAP_ROW, **area)["place"] == {"name": "Invented District", **place}


def test_a_cap_onset_after_the_end_of_the_message_is_an_attribute() -> None:
    late = {"info/onset": "2026-03-03T00:00:00-00:00", "info/expires": "2026-03-02T00:00:00-00:00"}
    found = mapped(CAP, **CAP_ROW, **late)
    assert found["occurred_from"] == datetime(2026, 3, 1, 6, 30, tzinfo=UTC)
    assert found[ATTRIBUTES]["info/onset"] == late["info/onset"]


@pytest.mark.parametrize(
    ("identifier", "tail"),
    [("a.b:1", "-a.b:1"), ("http://x/1", "-http:%2F%2Fx%2F1"), ("a|b%", "-a%7Cb%25")],
)
def test_cap_series_ids_hold_what_intake_takes(identifier: str, tail: str) -> None:
    assert series_id("desk@example.org", identifier).endswith(tail)
    assert series_id("desk@example.org", identifier) != series_id("other@example.org", identifier)


def test_long_cap_identifiers_are_hashed() -> None:
    first, second = series_id("s", "x" * 200 + "1"), series_id("s", "x" * 200 + "2")
    assert len(first) <= 120
    assert first != second


def test_an_update_is_the_next_version_of_what_it_refers_to() -> None:
    lineage = Lineage()
    rows = [
        CAP_ROW,
        {**CAP_ROW, "identifier": "invented-2", "references": "desk@example.org,invented-1,2026-03-01T06:30:00-00:00"},
        {**CAP_ROW, "identifier": "invented-3", "references": "desk@example.org,invented-2,2026-03-01T06:30:00-00:00"},
        {**CAP_ROW, "identifier": "invented-9", "references": "desk@example.org,never-seen,2026-03-01T06:30:00-00:00"},
        CAP_ROW,
    ]
    sent = []
    for row in rows:
        found = mapped(CAP, **row)
        lineage.trace(found, references(row))
        sent.append((found["series_id"].rpartition("-")[2], found["version"]))
    assert sent == [("1", 1), ("1", 2), ("1", 3), ("9", 1), ("1", 1)]


@pytest.mark.parametrize("text", ["2026-03-01T06:30:00", "yesterday", "", "2003-14-02T14:39:01-05:00"])
def test_a_time_that_is_none_stays_as_written_for_intake_to_name(text: str) -> None:
    assert moment(text) == text


def test_long_attributes_go_on_under_a_numbered_name_and_lose_nothing() -> None:
    text = "".join(chr(97 + index % 26) for index in range(2500))
    kept = mapped(AWSD, **{"Incident ID": "1", "Source": text})[ATTRIBUTES]
    assert kept["Source"] + kept["Source.2"] + kept["Source.3"] == text
    assert max(map(len, kept.values())) <= 1000


def test_a_row_without_an_id_is_no_submission() -> None:
    assert submission(AWSD, {"Incident ID": " ", "Country": "Chad"}) is None


def test_a_field_that_no_table_names_is_kept() -> None:
    assert mapped(AWSD, **{"Incident ID": "1", "New column": "x"})[ATTRIBUTES] == {"New column": "x"}


def test_what_avro_cannot_hold_is_sent_as_json() -> None:
    assert Codec().decode(encode_submission(mapped(CAP, **CAP_ROW), "avro"))[0] == "submission"
    refused = mapped(CAP, **{**CAP_ROW, "status": "Draft"})
    assert orjson.loads(encode_submission(refused, "avro"))["status"] == "Draft"


def test_the_page_is_what_the_tables_say() -> None:
    assert (ROOT / "docs" / "mappings.md").read_text(encoding="utf-8") == render(), (
        "run: slt mappings > docs/mappings.md"
    )


def test_unknown_columns_are_no_feed() -> None:
    assert recognise({"Incident ID", "Year"}) is None


@settings(deadline=None)  # other tests share the processors
@given(st.data())
def test_no_row_raises_and_each_becomes_a_submission_or_nothing(data: st.DataObject) -> None:
    feed = data.draw(st.sampled_from(FEEDS))
    names = st.sampled_from([rule.source for rule in feed.rules]) | st.text(min_size=1, max_size=20)
    values = st.text(max_size=60) | st.integers().map(str) | st.floats().map(str) | st.datetimes().map(str)
    row = data.draw(st.dictionaries(names, values, max_size=25))
    found = submission(feed, row)
    if found is None:
        assert not feed.series(row)
    else:
        again = orjson.loads(encode_submission(found))
        assert again["series_id"] == found["series_id"]
        assert encode_submission(found, "avro")
