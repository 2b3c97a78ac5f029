"""Reading files: every record of a file exactly once, also of those that are made to do harm; and the real files."""

from __future__ import annotations

import csv
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.core.feeds.cap import CAP
from services.core.feeds.table import is_protected
from services.runtime.feeds.files import read
from services.runtime.feeds.items import NotAFeed
from services.runtime.feeds.plan import Sending, encode, plan
from services.runtime.feeds.xml import read_xml

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
real = pytest.mark.skipif(not DATA.is_dir(), reason="the public data sets are not in ../shared/data")

ALERT = """<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
  <identifier>invented-1</identifier><sender>desk@example.org</sender><sent>2026-03-01T06:30:00-00:00</sent>
  <status>Actual</status><msgType>Alert</msgType><scope>Public</scope>
  <info><language>fr</language><event>Route fermée</event><urgency>Past</urgency><severity>Extreme</severity>
    <certainty>Observed</certainty></info>
  <info><language>en</language><event>Dust</event><urgency>Past</urgency><severity>Minor</severity>
    <certainty>Observed</certainty></info>
  <info><language>en</language><event>Road closed</event><urgency>Immediate</urgency><severity>Severe</severity>
    <certainty>Likely</certainty>
    <parameter><valueName>lanes</valueName><value>2</value></parameter>
    <area><areaDesc>Invented District</areaDesc><circle>1,2 3</circle></area></info>
</alert>"""


def sendings(path: Path, version: int = 1, by_date: bool = False) -> list[Sending]:
    return plan(read(path).items, version, by_date)


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_the_gravest_english_info_is_the_report_and_the_others_are_kept(tmp_path: Path) -> None:
    (sending,) = sendings(written(tmp_path, "a.cap", ALERT))
    assert sending.submission is not None
    assert (sending.submission["event"], sending.submission["severity"]) == ("Road closed", "Severe")
    assert "Route fermée" in sending.submission["attributes"]["other info"]
    assert "Dust" in sending.submission["attributes"]["other info"]
    assert sending.submission["attributes"]["info/parameter"] == "lanes=2"


@pytest.mark.parametrize(
    "content",
    [
        '<!DOCTYPE alert [<!ENTITY x SYSTEM "file:///etc/hostname">]>' + ALERT.replace("Road closed", "&x;"),
        "<!DOCTYPE alert>" + ALERT,
        "<alert",
        "",
        ALERT.replace("cap:1.2", "other:1.2"),
        '<feed xmlns="http://www.w3.org/2005/Atom"><title>empty</title></feed>',
        '<?xml version="1.0" encoding="UTF-8"?><a>\xff</a>'.encode("latin-1"),
        "<a>" * 400 + "</a>" * 400,
    ],
)
def test_a_file_without_a_readable_record_is_sent_as_it_is(tmp_path: Path, content: str | bytes) -> None:
    path = written(tmp_path, "a.xml", content)
    (sending,) = sendings(path)
    assert sending.submission is None
    assert encode(sending, "json") == path.read_bytes()


@pytest.mark.parametrize(
    ("content", "submissions"),
    [
        (f'<feed xmlns="http://www.w3.org/2005/Atom"><entry><content>{ALERT}</content></entry></feed>', [True]),
        (f'<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>1</id></entry>{ALERT}</feed>', [False, True]),
        ("<rss><channel><item><title>no alert</title></item></channel></rss>", [False]),
        (f'<alerts xmlns="urn:oasis:names:tc:emergency:cap:1.2">{ALERT}{ALERT}</alerts>', [True, True]),
    ],
)
def test_every_entry_and_every_alert_is_one_record(tmp_path: Path, content: str, submissions: list[bool]) -> None:
    found = sendings(written(tmp_path, "a.xml", content))
    assert [sending.submission is not None for sending in found] == submissions


def test_an_envelope_that_is_an_exercise_makes_its_alert_one(tmp_path: Path) -> None:
    content = (
        '<d:EDXLDistribution xmlns:d="urn:oasis:names:tc:emergency:EDXL:DE:1.0">'
        "<d:distributionStatus>Exercise</d:distributionStatus><d:contentObject><d:xmlContent><d:embeddedXMLContent>"
        f"{ALERT}</d:embeddedXMLContent></d:xmlContent></d:contentObject></d:EDXLDistribution>"
    )
    (sending,) = sendings(written(tmp_path, "a.edxlde", content))
    assert sending.submission is not None
    assert sending.submission["status"] == "Exercise"


def test_an_index_entry_is_a_report_of_what_it_states(tmp_path: Path) -> None:
    content = (
        '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:cap="urn:oasis:names:tc:emergency:cap:1.2"><entry>'
        "<id>tag:x</id><updated>2026-03-01T06:31:00Z</updated><title>Yellow wind warning</title>"
        "<cap:identifier>invented-7</cap:identifier><cap:sent>2026-03-01T06:30:00+00:00</cap:sent>"
        "<cap:status>Actual</cap:status><cap:message_type>Alert</cap:message_type><cap:event>Wind</cap:event>"
        "<cap:geocode><valueName>EMMA_ID</valueName><value>XX1</value></cap:geocode>"
        '<link href="https://example.org/7"/></entry></feed>'
    )
    (sending,) = sendings(written(tmp_path, "a.atom", content))
    assert sending.submission is not None
    assert sending.submission["series_id"].endswith("-invented-7")
    assert (sending.submission["event"], sending.submission["headline"]) == ("Wind", "Yellow wind warning")
    assert sending.submission["reported_at"].minute == 30
    assert sending.submission["attributes"]["entry/link@href"] == "https://example.org/7"


def test_the_row_of_hxl_tags_is_no_record_and_a_row_without_id_is_sent_as_json(tmp_path: Path) -> None:
    content = (
        "Incident ID,Year,Means of attack,Country Code,Latitude\n"
        "#event+id,#date+year,#event,#country+code,#geo+lat\n"
        "1,2014,Shooting,SS,9\n,2014,Shooting,PS,31.5,surplus\n"
    )
    first, second = sendings(written(tmp_path, "a.csv", content))
    assert first.submission is not None
    assert orjson.loads(encode(second, "avro")) == {
        "Incident ID": "", "Year": "2014", "Means of attack": "Shooting", "Country Code": "PS", "Latitude": "",
        "cells beyond the header": '["surplus"]',
    }  # fmt: skip


def test_a_later_export_is_an_update(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "Incident ID,Year,Means of attack\n1,2014,Shooting\n")
    (sending,) = sendings(path, version=2)
    assert sending.submission is not None
    assert (sending.submission["version"], sending.submission["message"]) == (2, "UPDATE")


def test_windows_1252_is_read(tmp_path: Path) -> None:
    content = "Incident ID,Year,Means of attack,Details\n1,2014,Shooting,Café “north”\n".encode("cp1252")
    (sending,) = sendings(written(tmp_path, "a.csv", content))
    assert sending.submission is not None
    assert sending.submission["description"] == "Café “north”"


def test_by_date_puts_rows_in_order_and_the_undated_first(tmp_path: Path) -> None:
    rows = "1,2014,Shooting\n2,,Shooting\n3,1999,Shooting\n"
    path = written(tmp_path, "a.csv", "Incident ID,Year,Means of attack\n" + rows)
    found = [sending.row["Incident ID"] for sending in sendings(path, by_date=True)]
    assert found == ["2", "3", "1"]


@pytest.mark.parametrize(("name", "content"), [("a.csv", "x,y\n1,2\n"), ("a.txt", "x"), ("a.json", '[{"x": 1}]')])
def test_a_file_of_another_kind_is_named(tmp_path: Path, name: str, content: str) -> None:
    path = written(tmp_path, name, content)
    with pytest.raises(NotAFeed, match=name):
        read(path)
    written(tmp_path, "b.cap", ALERT)
    assert [finding.split(":")[0] for finding in read(tmp_path).skipped] == [name]


@settings(deadline=None)  # other tests share the processors
@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda text: ALERT.replace("Road", text).encode()))
def test_no_bytes_raise_in_the_xml_reader_and_none_are_lost(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    items = read_xml(written(tmp_path_factory.getbasetemp(), "any.xml", data))
    assert len(items) == 1
    assert items[0].feed is CAP or items[0].raw == data


COUNTS = {
    "awsd/awsd_2025-08-26_hxl.csv": 4152,
    "awsd/awsd_2025-03.csv": 3621,
    "awsd/awsd_2016-10-03_cp1252.csv": 1890,
    "sind/aidWorkerKIKA.json": 890,
    "sind/health_care_2016-2023.csv": 5136,
    "sind/health_care_map_2016-2023.csv": 5143,
    "sind/education.json": 1173,
    "sind/protection.json": 1272,
    "sind/foodSecurity.json": 12,
    "sind/foodSecurity-backfill.json": 138,
    "sind/explosive_weapons_2020-2023.csv": 535,
    "gdacs/samples__gdacs-rss-24h.xml": 21,
    "gdacs/samples__gdacs-rss.xml": 16,
    "gdacs/tests__fixtures__gdacs-1.xml": 4,
    "gdacs/tests__fixtures__gdacs-2.xml": 1,
}


@real
@pytest.mark.parametrize(("name", "count"), COUNTS.items())
def test_every_row_of_a_real_file_is_one_submission(name: str, count: int) -> None:
    found = sendings(DATA / name)
    assert len(found) == count
    assert all(sending.submission is not None for sending in found)


@real
def test_every_cap_file_yields_a_record_and_every_alert_a_submission() -> None:
    with (DATA / "cap" / "INVENTORY.csv").open(encoding="utf-8", newline="") as lines:
        files = [line for line in csv.DictReader(lines) if line["set"] != "gdacs_feed"]
    assert len(files) > 100
    for line in files:
        found = sendings(DATA / "cap" / line["set"] / line["file"])
        submissions = [sending for sending in found if sending.submission is not None]
        assert found, line["file"]
        if line["file"] not in {"invalid_xmlns.cap", "xee.cap"}:  # another namespace; a DOCTYPE
            assert len(submissions) >= int(line["n_alerts"] or 0), line["file"]


@real
@pytest.mark.parametrize("folder", ["awsd", "sind", "gdacs", "cap"])
def test_every_field_of_the_real_files_is_named_in_a_table(folder: str) -> None:
    found = sendings(DATA / folder)
    unnamed = {
        (sending.feed.name, name) for sending in found if sending.feed for name in sending.row
        if sending.feed.rule(name) is None
    }  # fmt: skip
    assert found
    assert unnamed == set()


@real
@pytest.mark.parametrize("name", [name for name in COUNTS if not name.startswith("gdacs")])
def test_no_place_in_palestine_leaves_the_reader(name: str) -> None:
    protected = [sending for sending in sendings(DATA / name) if is_protected(sending.row)]
    assert protected
    for sending in protected:
        assert sending.submission is not None
        assert sending.submission["place"].keys() <= {"country", "admin1", "admin2"}
