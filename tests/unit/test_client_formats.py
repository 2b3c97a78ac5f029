from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.client import ClientError
from services.client.alarms import Why, alarm
from services.client.consents import Book, Scope, ended, grant, replied, taken_back
from services.client.formats import check, read_mapping, submissions
from services.client.fresh import Fresh
from services.client.record import Family
from services.core.control_read import read_control
from services.core.stage import Refusal
from tests.partner import AT, delivery, envelope

PAGE = Path(__file__).resolve().parents[2] / "docs" / "partners.md"
NOW = datetime(2026, 3, 5, tzinfo=UTC)
ROWS = (
    "Incident,Date,Title,Country,Lat,Lon,Injured,Grade\n"
    "i-1,02/03/2026 09:30,“Invented, with a comma”,KEN,-1.5,36.75,2,B\n"
    "i-2,03/03/2026 00:10,Invented,KEN,,,,\n"
)


def mapping() -> bytes:
    found = re.search(r"<!-- snippet: mapping -->\n```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return found[1].encode()


def test_csv_is_read_with_the_mapping_of_the_page() -> None:
    rows = ROWS.replace("“", '"').replace("”", '"')
    first, second = submissions("month.csv", rows.encode(), read_mapping(mapping()))
    assert first == {
        "series_id": "i-1", "occurred_from": "2026-03-02T06:30:00+00:00", "headline": "Invented, with a comma",
        "place": {"country": "KEN", "latitude": -1.5, "longitude": 36.75}, "harm": {"injured": 2},
        "attributes": {"grade": "B"}, "status": "Actual", "kind": "INCIDENT_REPORT",
        "initial_audience": ["demo-birch"],
    }  # fmt: skip
    assert second["place"] == {"country": "KEN"}
    assert check(first, NOW) is None
    assert check(second, NOW) is None


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("x.json", b"{", "no JSON"),
        ("x.json", b"[3]", "Entry 1 is no JSON object"),
        ("x.pdf", b"", "ends in"),
        ("x.csv", b"Incident\ni-1\n", "no column `Country`"),
        ("x.csv", b"\xff\xfe", "no CSV in UTF-8"),
        ("x.csv", ROWS.replace("02/03/2026", "2 March").encode(), "Line 2, column `Date`"),
        ("x.csv", ROWS.replace("-1.5", "south").encode(), "column `Lat`"),
    ],
)
def test_a_file_that_cannot_be_read_says_where(name: str, data: bytes, says: str) -> None:
    data = data.replace("“".encode(), b'"').replace("”".encode(), b'"')
    with pytest.raises(ClientError, match=says):
        submissions(name, data, read_mapping(mapping()))


def test_json_lines_and_lists_are_read() -> None:
    assert submissions("x.jsonl", b'{"a":1}\n\n{"a":2}\n') == submissions("x.json", b'[{"a":1},{"a":2}]')


@pytest.mark.parametrize(
    ("text", "says"),
    [("columns: 3", "columns"), ("columns: {}\ncolour: x", "`colour`"), ("columns: {}\nzone: Nowhere/At", "time zone")],
)
def test_a_wrong_mapping_is_refused(text: str, says: str) -> None:
    with pytest.raises(ClientError, match=says):
        read_mapping(text.encode())


def test_what_intake_would_refuse_is_refused_here() -> None:
    refusal = check({"series_id": "i-1", "status": "Actual", "kind": "RUMOUR"}, NOW)
    assert refusal is not None
    assert refusal.field == "kind"


# -- consents


SCOPE = Scope(("category:INGO",), kinds=("INCIDENT_REPORT",), areas=("KEN",))
ASKED = {"id": "a" * 32, "series_id": "alder/r1"}


@pytest.mark.parametrize(
    "payload",
    [
        grant("alder", "kenya", SCOPE, NOW),
        ended(grant("alder", "kenya", SCOPE, NOW), "RECALL"),
        taken_back("alder", "alder/r1", "PROSPECTIVE"),
        replied("alder", ASKED, Scope(("present",)), NOW, yes=True),
        replied("alder", ASKED, Scope(("birch",)), NOW, yes=False),
    ],
)
def test_what_is_signed_is_what_intake_reads(payload: dict[str, object]) -> None:
    assert not isinstance(read_control(payload), Refusal)


def test_an_answer_covers_the_report_that_is_already_there() -> None:
    yes, no = (replied("alder", ASKED, Scope(("present",)), NOW, yes=word) for word in (True, False))
    assert (yes["covers_earlier"], yes["series"], "state" in yes) == (True, ["alder/r1"], False)
    assert (no["state"], "covers_earlier" in no) == ("REFUSED", False)


def test_a_grant_is_for_reports_or_for_kinds_and_areas() -> None:
    for scope in (Scope(("birch",)), SCOPE._replace(series=("alder/r1",))):
        with pytest.raises(ClientError, match="single reports"):
            grant("alder", "x", scope, NOW)


def test_the_book_knows_the_next_version(tmp_path: Path) -> None:
    path = tmp_path / "consents.json"
    first = grant("alder", "kenya", SCOPE, NOW)
    Book(path).enter(first, "ACCEPTED")
    Book(path).enter({**first, "version": 2}, "REFUSED")
    again = Book(path).newest("kenya")
    assert again == first
    assert ended(again, "RECALL")["version"] == 2
    assert path.stat().st_mode & 0o077 == 0
    with pytest.raises(ClientError, match="not in this book"):
        Book(path).newest("other")


# -- alarms


IMMINENT = {"message": "ALERT", "kind": "SECURITY_ALERT", "urgency": "Immediate", "severity": "Severe",
            "certainty": "Likely"}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "fires"),
    [
        ({}, True),
        ({"kind": "INCIDENT_REPORT", "severity": "Extreme", "certainty": "Observed"}, True),
        ({"certainty": "Possible"}, True),
        ({"message": "CANCEL"}, False),
        ({"urgency": "Expected"}, False),
        ({"severity": "Moderate"}, False),
        ({"certainty": "Unlikely"}, False),
        ({"kind": "SITUATION_REPORT"}, False),
    ],
)
def test_imminent_risk_wakes_somebody(change: dict[str, str], fires: bool) -> None:
    view = delivery("k", envelope("ALERT", 1, "m"))._replace(value={"accounts": [{**IMMINENT, **change}]})
    raised = alarm(view)
    assert (raised is not None) == fires
    assert raised is None or raised.spoken() == {
        "why": Why.IMMINENT_RISK, "id": "m", "status": "Actual", "at": AT, "key": "k",
    }  # fmt: skip


@pytest.mark.parametrize(("stage", "fires"), [("REQUEST", True), ("REMINDER", True), ("FINAL", False)])
def test_a_request_for_consent_wakes_somebody_while_it_can_be_answered(stage: str, fires: bool) -> None:
    value = {"series_id": "alder/r1", "kind": "INCIDENT_REPORT", "area": "KEN", "deadline": AT + timedelta(minutes=10),
             "waiting": "2", "stage": stage}  # fmt: skip
    raised = alarm(delivery("n", envelope("NOTICE", 1), "consent_request", value, family=Family.NOTICES))
    assert (raised is not None) == fires


def test_a_reminder_wakes_somebody() -> None:
    value = {"message_id": "m2", "deadline": AT, "times": 1, "key": "k", "sequence": 2}
    raised = alarm(delivery("n", envelope("NOTICE", 1), "reminder", value, family=Family.NOTICES))
    assert raised is not None
    assert (raised.why, raised.key) == (Why.RECALL_OVERDUE, "k")


def test_a_viewer_drops_repeats_and_what_was_overtaken() -> None:
    fresh = Fresh()
    first, newer = delivery("k", envelope("ALERT", 1)), delivery("k", envelope("UPDATE", 2))
    pulse = delivery("pulse", None, "pulse", {"at": AT})
    read = [pulse, first, first, newer, first, pulse, delivery("l", envelope("ALERT", 1))]
    assert [fresh.is_new(each) for each in read] == [True, True, False, True, False, True, True]
