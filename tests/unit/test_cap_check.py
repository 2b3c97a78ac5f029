"""The verdict on alerts: the rules of the standard, one change to a valid alert each (semantic_negative_cases.csv)."""

from __future__ import annotations

import copy
import csv
import resource
import time
from pathlib import Path

import pytest
from lxml import etree
from typer.testing import CliRunner

from services.cli.cap import app
from services.core.cap.dictionary import NAMESPACES, SIGNATURE_NAMESPACE, Version
from services.core.cap.findings import Rule, Weight
from services.core.cap.xsd import render
from services.runtime.cap.check import check
from services.runtime.cap.parse import ALERTS, MOST_BYTES
from services.runtime.cap.schema import schema
from tests.caps import ALERT, NS, SHARED, changed

needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the public CAP files are not on this machine")
SCHEMAS = Path(__file__).resolve().parents[2] / "schemas" / "cap"
CASES = [
    ("1,2 3,4 5,6 1,2", "1,2 3,4 1,2", Rule.INVALID_POLYGON, 25),
    ("1,2 3,4 5,6 1,2", "3,4 a,b 5,6 3,4", Rule.INVALID_POLYGON, 25),
    ("1,2 3,4 5,6 1,2", "300,200 3,4 5,6 7,8", Rule.INVALID_POLYGON, 25),
    ("1,2 3,4 5,6 1,2", "1,2 3,4 5,6 1,361", Rule.INVALID_POLYGON, 25),
    ("1,2 3,4 5,6 1,2", "1,2,3 3,4 5,6 1,2,3", Rule.INVALID_POLYGON, 25),
    ("1.5,2.5 10", "invalid", Rule.INVALID_CIRCLE, 26),
    ("1.5,2.5 10", "1,2 -3", Rule.INVALID_CIRCLE, 26),
    ("1.5,2.5 10", "1, 2 3", Rule.INVALID_CIRCLE, 26),
    ("1.5,2.5 10", "91,2 3", Rule.INVALID_CIRCLE, 26),
    ("<altitude>100", "<altitude>-1", Rule.INVALID_VALUE, 27),
    ("<altitude>100</altitude>\n", "", Rule.INVALID_AREA, 27),
    ("<ceiling>200", "<ceiling>99", Rule.INVALID_ALTITUDE_CEILING_RANGE, 28),
    ("<altitude>100", "<altitude>high", Rule.INVALID_VALUE, 27),
    ("alder-17<", "alder-17,<", Rule.INVALID_IDENTIFIER, 3),
    ("alder-17<", "alder 17<", Rule.INVALID_IDENTIFIER, 3),
    ("alder-17<", "alder&amp;17<", Rule.INVALID_IDENTIFIER, 3),
    ("alder-17<", "<", Rule.INVALID_IDENTIFIER, 3),
    ("ops@alder.example<", "ops,alder<", Rule.INVALID_SENDER, 4),
    ("<sender>ops@alder.example</sender>\n", "<sender>a</sender>\n<sender>b</sender>\n", Rule.DUPLICATE_ELEMENT, 5),
    ("2026-03-01T06:30:00+00:00", "2026-14-01T06:30:00+00:00", Rule.INVALID_DATE, 5),
    ("2026-03-01T06:30:00+00:00", "2026-02-29T06:30:00+00:00", Rule.INVALID_DATE, 5),
    ("2026-03-01T06:30:00+00:00", "2026-03-01T06:30:00Z", Rule.INVALID_DATE, 5),
    ("2026-03-01T06:30:00+00:00", "2026-03-01T06:30:00", Rule.INVALID_DATE, 5),
    ("2026-03-01T06:30:00+00:00", "2026-03-01T06:30:00.5+00:00", Rule.INVALID_DATE, 5),
    ("2026-03-01T06:30:00+00:00", "2026-03-01T06:30:00,00:00", Rule.INVALID_DATE, 5),
    ("2026-03-01T06:30:00+00:00", "2026-03-01T06:30:00+15:00", Rule.INVALID_DATE, 5),
    ("<scope>Private", "<scope>Invalid", Rule.INVALID_ENUM_VALUE, 8),
    ("<scope>Private", "<scope>private", Rule.INVALID_ENUM_VALUE, 8),
    ("<severity>Severe", "<severity>", Rule.INVALID_ENUM_VALUE, 16),
    ("ops@alder.example,alder-16,2026-03-01T05:30:00+00:00", "a,b,c", Rule.INVALID_REFERENCES, 10),
    ("ops@alder.example,alder-16,2026-03-01T05:30:00+00:00", "alder-16", Rule.INVALID_REFERENCES, 10),
    ("<info>", "invalid<info>", Rule.INVALID_CHARACTERS, 2),
    ("<scope>Private</scope>", "<scoep>Private</scoep>", Rule.UNSUPPORTED_ELEMENT, 8),
    ("<scope>Private</scope>\n", "", Rule.MISSING_REQUIRED_ELEMENT, 2),
    ('<addresses>ironwood "the other one"</addresses>', "<address>a</address>", Rule.UNSUPPORTED_ELEMENT, 9),
    ('ironwood "the other one"', 'ironwood "the other one', Rule.INVALID_ADDRESSES, 9),
    ("<scope>Private", "<scope>Restricted", Rule.INVALID_RESTRICTION, 8),
    ("<headline>", "<audience>late</audience><headline>", Rule.INVALID_SEQUENCE, 20),
    ("<status>Actual</status>", "<status>Actual<b/></status>", Rule.UNSUPPORTED_ELEMENT, 6),
    ("<scope>", "<scope kind='x'>", Rule.UNSUPPORTED_ATTRIBUTE, 8),
    (f'<alert xmlns="{NS}">', '<foo xmlns="x"/><!--', Rule.NOT_WELL_FORMED, 32),
    (NS, "urn:oasis:names:tc:emergency:cap:1.3", Rule.NOT_CAP, 2),
    ("</areaDesc>", "", Rule.NOT_WELL_FORMED, 29),
]


def test_the_alert_of_the_tests_is_accepted() -> None:
    verdict = check(ALERT.encode())
    assert verdict.accepted
    assert verdict.findings == ()
    assert [alert.version for alert in verdict.alerts] == [Version.V12]


@pytest.mark.parametrize(("old", "new", "rule", "line"), CASES)
def test_one_change_is_refused_with_its_rule_and_line(old: str, new: str, rule: Rule, line: int) -> None:
    verdict = check(changed(old, new))
    assert not verdict.accepted
    found = {(finding.rule, finding.line) for finding in verdict.findings if finding.weight is Weight.REFUSED}
    assert (rule, line) in found, verdict.findings
    assert all(finding.advice for finding in verdict.findings)


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("1,2 3,4 5,6 1,2", "1,2 3,4 5,6 1,3", Rule.INVALID_POLYGON),
        ("1,2 3,4 5,6 1,2", "", Rule.INVALID_POLYGON),
        ('ironwood "the other one"', "", Rule.INVALID_ADDRESSES),
        ("<references>ops@alder.example,alder-16,2026-03-01T05:30:00+00:00</references>", "", Rule.INVALID_REFERENCES),
        ("<status>Actual", "<status>Exercise", Rule.MISSING_NOTE),
        ("<msgType>Update", "<msgType>Error", Rule.MISSING_NOTE),
        ("ops@alder.example<", "ops alder<", Rule.INVALID_SENDER),
    ],
)
def test_what_readers_understand_all_the_same_is_advised(old: str, new: str, rule: Rule) -> None:
    verdict = check(changed(old, new))
    assert verdict.accepted
    assert rule in {finding.rule for finding in verdict.findings}


@pytest.mark.parametrize("version", list(Version))
def test_the_schemas_are_those_that_the_dictionary_makes(version: Version) -> None:
    assert (SCHEMAS / f"cap-{version}.xsd").read_text(encoding="utf-8") == render(version)


@needs_shared
@pytest.mark.parametrize("version", list(Version))
def test_our_schema_agrees_with_that_of_oasis_on_every_alert(version: Version) -> None:
    theirs = etree.XMLSchema(file=str(SHARED / "schema" / f"cap{version.replace('.', '')}.xsd"))
    compared = 0
    for path in sorted(path for path in SHARED.rglob("*") if path.is_file()):
        try:
            root = etree.fromstring(path.read_bytes(), etree.XMLParser(resolve_entities=False, no_network=True))
        except etree.XMLSyntaxError:
            continue
        for element in root.iter(*ALERTS):
            alone = copy.deepcopy(element)
            if ALERTS[alone.tag] is version:
                compared += 1
                assert schema(version).validate(alone) == theirs.validate(alone), path
    assert compared > 0


@needs_shared
def test_every_verdict_of_the_inventory_is_ours() -> None:
    done = CliRunner().invoke(app, ["check", "--inventory", str(SHARED / "INVENTORY.csv")])
    with (SHARED / "INVENTORY.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["expected"]]
    assert done.output.splitlines()[-1] == f"agreed {len(rows)} of {len(rows)}"
    assert done.exit_code == 0


@needs_shared
def test_with_a_signature_required_every_bad_and_missing_one_is_refused() -> None:
    done = CliRunner().invoke(app, ["check", "--require-signature", "--inventory", str(SHARED / "INVENTORY.csv")])
    words = done.output.splitlines()[-1].split()
    assert words[1] == words[3]
    assert int(words[1]) > 100


def test_an_expectation_that_nobody_knows_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.cap").write_text(ALERT, encoding="utf-8")
    (tmp_path / "INVENTORY.csv").write_text("set,file,expected\n.,a.cap,perhaps\n", encoding="utf-8")
    done = CliRunner().invoke(app, ["check", "--inventory", str(tmp_path / "INVENTORY.csv")])
    assert done.exit_code == 2
    assert "perhaps" in done.output


def test_a_disagreement_is_named_and_counted(tmp_path: Path) -> None:
    (tmp_path / "a.cap").write_text(ALERT, encoding="utf-8")
    (tmp_path / "b.cap").write_text(ALERT.replace("Private", "Nobody"), encoding="utf-8")
    rows = "set,file,expected\n.,a.cap,accept\n.,b.cap,accept\n"
    (tmp_path / "INVENTORY.csv").write_text(rows, encoding="utf-8")
    done = CliRunner().invoke(app, ["check", "--inventory", str(tmp_path / "INVENTORY.csv")])
    assert done.output.splitlines()[-1] == "agreed 1 of 2"
    assert "b.cap: expected to be accepted" in done.output
    assert "line 8  refused  INVALID_ENUM_VALUE  alert/scope" in done.output
    assert done.exit_code == 1


BOMB = b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">' + b"".join(
    b'<!ENTITY %c "%b">' % (letter, b"&%c;" % (letter - 1) * 10) for letter in range(ord("b"), ord("k"))
)
ATTACKS = {
    "billion laughs": (BOMB + b"]><a>&j;</a>", None),
    "billion laughs in an attribute": (BOMB + b"]><a b='&j;'/>", None),
    "external entity": (
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + changed("Quillmere<", "&x;<").split(b"\n", 1)[1],
        Rule.DOCTYPE,
    ),
    "external DTD": (b'<!DOCTYPE a SYSTEM "http://127.0.0.1/a.dtd"><a/>', Rule.DOCTYPE),
    "50 MB": (b"<a>" + b"x" * (50 << 20) + b"</a>", Rule.TOO_LARGE),
    "deep": (b"<a>" * 100_000 + b"</a>" * 100_000, Rule.NOT_WELL_FORMED),
    "encoding that it is not": (ALERT.replace("Quillmere", "Qu\xefllmere").encode("latin-1"), Rule.NOT_WELL_FORMED),
    "unknown encoding": (ALERT.replace("UTF-8", "EBCDIC-9").encode(), Rule.NOT_WELL_FORMED),
    "UTF-16 under another name": (ALERT.encode("utf-16-le"), Rule.NOT_WELL_FORMED),
    "bytes": (bytes(range(256)), Rule.NOT_WELL_FORMED),
    "nothing": (b"", Rule.NOT_WELL_FORMED),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_attacks_are_refused_at_once_and_in_little_memory(name: str) -> None:
    data, rule = ATTACKS[name]
    check(ALERT.encode())  # the schemas are compiled once
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    verdict = check(data)
    seconds = time.process_time() - began
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert not verdict.accepted
    assert rule is None or verdict.findings[0].rule is rule
    assert seconds < 0.1
    assert grown < 50 << 20


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.cap"
    with path.open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    done = CliRunner().invoke(app, ["check", str(path)])
    assert done.exit_code == 1
    assert "TOO_LARGE" in done.output


def _atom(entry: str, feed: str = "<id>f</id><title>t</title><updated>2026-03-01T06:30:00Z</updated>") -> bytes:
    return f'<feed xmlns="http://www.w3.org/2005/Atom">{feed}{entry}</feed>'.encode()


ENTRY = "<id>e</id><title>t</title><updated>2026-03-01T06:30:00Z</updated>"
LINK = "<link href='https://example.org/1.cap'/>"
INSIDE = "<content>" + ALERT.split("\n", 1)[1] + "</content>"


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (_atom(f"<entry>{ENTRY}{LINK}</entry>"), None),
        (_atom(f"<entry>{ENTRY}{INSIDE}</entry>"), None),
        (_atom(""), None),
        (_atom("", feed=""), Rule.FEED_MISSING_ELEMENT),
        (_atom("<foo/>"), Rule.FEED_UNSUPPORTED_ELEMENT),
        (_atom("<foo xmlns='urn:x'/>"), None),
        (_atom(f"<entry>{ENTRY}</entry>"), Rule.FEED_NO_ALERT),
        (_atom(f"<entry>{LINK}</entry>"), Rule.FEED_MISSING_ELEMENT),
        (_atom(f"<entry>{ENTRY}{LINK}<id>again</id></entry>"), Rule.FEED_DUPLICATE_ELEMENT),
        (_atom(f"<entry>{ENTRY.replace('06:30', '6h')}{LINK}</entry>"), Rule.FEED_INVALID_DATE),
        (_atom(f"<entry>{ENTRY}{INSIDE.replace('Private', 'All')}</entry>"), Rule.INVALID_ENUM_VALUE),
        (b"<rss><channel><item><title>t</title><link>x</link></item></channel></rss>", None),
        (b"<rss><channel><item/></channel></rss>", Rule.FEED_NO_ALERT),
        (b"<rss><channel><item><link>x</link></item></channel></rss>", Rule.FEED_MISSING_ELEMENT),
        (b"<rss/>", Rule.FEED_MISSING_ELEMENT),
    ],
)
def test_feeds(data: bytes, rule: Rule | None) -> None:
    verdict = check(data)
    refused = [finding.rule for finding in verdict.findings if finding.weight is Weight.REFUSED]
    assert (rule in refused) if rule else (refused == [])


def test_an_alert_outside_every_entry_is_not_in_the_feed() -> None:
    verdict = check(_atom(ALERT.split("\n", 1)[1].replace("Private", "All")))
    assert verdict.accepted
    assert verdict.alerts == ()


def test_the_older_versions_have_their_own_dictionary() -> None:
    old = ALERT.replace(NS, NAMESPACES[Version.V10]).replace("+00:00", "Z").replace("Observed", "Very Likely")
    assert check(old.encode()).accepted
    assert not check(ALERT.replace("Observed", "Very Likely").encode()).accepted
    newer = ALERT.replace(NS, NAMESPACES[Version.V11]).replace(
        "<urgency>", "<responseType>Avoid</responseType><urgency>"
    )
    assert not check(newer.encode()).accepted  # Avoid came with 1.2


def test_a_signature_stands_behind_the_last_info() -> None:
    mark = f'<Signature xmlns="{SIGNATURE_NAMESPACE}"/>'
    assert check(changed("</alert>", f"{mark}</alert>")).accepted
    assert not check(changed("<info>", f"{mark}<info>")).accepted
