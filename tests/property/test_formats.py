"""Deliveries in three formats say the same, and no bytes from outside stop intake or go uncounted."""

from __future__ import annotations

import json
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from lxml import etree

from services.core.cap.dictionary import DICTIONARY, NAMESPACES, Element, Version
from services.core.cap.findings import Finding
from services.core.cap.structure import structure
from services.core.cap.write import Addressed, alert_from, delivery_from
from services.core.envelope import DeliveryType, Envelope
from services.core.ids import Ids
from services.core.receipt import ReceiptResult
from services.core.stage import Moment, Outcome, Record, Source
from services.intake.processor import Intake, Tools
from services.runtime.cap.check import check
from services.runtime.cap.parse import alert_of, parse
from services.runtime.cap.render import render
from services.runtime.cap.schema import schema
from services.runtime.codec import SCHEMAS, Codec
from services.runtime.formats import as_json
from services.runtime.inbound import Opener
from services.runtime.opening import read_json
from services.runtime.settings import Limits
from tests.caps import ALERT
from tests.registry import NOW, partner, policy

CODEC = Codec()
KEY, MESSAGE = "a" * 32, "b" * 32
MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2036, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda found: found.replace(microsecond=found.microsecond // 1000 * 1000)
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
PLAIN: dict[str, st.SearchStrategy[Any]] = {
    "string": TEXTS, "boolean": st.booleans(), "null": st.none(), "int": st.integers(0, 2**31 - 1),
    "long": st.integers(0, 2**40), "double": st.floats(allow_nan=False, allow_infinity=False),
}  # fmt: skip


def _values(schema_: Any, known: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Everything that an Avro schema allows."""
    if isinstance(schema_, list):
        return st.one_of([_values(one, known) for one in schema_])
    if isinstance(schema_, str):
        return known[schema_] if schema_ in known else PLAIN[schema_]
    if schema_.get("logicalType") == "timestamp-millis":
        return MOMENTS
    found = _complex(schema_, known)
    if "name" in schema_:
        known[schema_["name"]] = found
    return found


def _complex(schema_: dict[str, Any], known: dict[str, Any]) -> st.SearchStrategy[Any]:
    match schema_["type"]:
        case "array":
            return st.lists(_values(schema_["items"], known), max_size=2)
        case "map":
            return st.dictionaries(TEXTS, _values(schema_["values"], known), max_size=2)
        case "enum":
            return st.sampled_from(schema_["symbols"])
        case "record":
            return st.fixed_dictionaries({one["name"]: _values(one["type"], known) for one in schema_["fields"]})
        case kind:
            return _values(kind, known)


VIEWS = _values(json.loads((sorted((Path(SCHEMAS) / "view").glob("*.avsc"))[-1]).read_text(encoding="utf-8")), {})
ENVELOPES = st.builds(
    Envelope, st.sampled_from([DeliveryType.ALERT, DeliveryType.UPDATE, DeliveryType.CORRECT, DeliveryType.CANCEL]),
    st.just(MESSAGE), st.integers(1, 99), st.integers(0, 99), st.integers(0, 9), st.integers(0, 9), st.integers(0, 9),
    st.just("Actual"), st.sampled_from(["", KEY]), st.just("cap"),
)  # fmt: skip


def _round_trip(view: dict[str, Any], envelope: Envelope) -> None:
    view = {**view, "status": envelope.status}
    avro = CODEC.encode("view", view)
    body = CODEC.decode(avro)[1]
    assert CODEC.encode("view", body) == avro
    json = as_json(CODEC, avro)
    assert orjson.loads(json) == {"record": "view", **orjson.loads(orjson.dumps(body))}
    assert read_json(CODEC, json) == ("view", body)
    verdict = check(render(alert_from("view", body, Addressed("ironwood", KEY, envelope, NOW))))
    assert verdict.accepted, verdict.findings
    found = delivery_from(verdict.alerts[0])
    assert (found.record, found.key, found.envelope._replace(format="cap")) == ("view", KEY, envelope)
    assert found.body == body


@settings(max_examples=300, deadline=None)
@given(VIEWS, ENVELOPES)
def test_every_delivery_is_the_same_in_all_three_formats(view: dict[str, Any], envelope: Envelope) -> None:
    _round_trip(view, envelope)


@pytest.mark.full
def test_ten_thousand_deliveries_are_the_same_in_all_three_formats() -> None:
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
    settings(max_examples=10_000, deadline=None, suppress_health_check=slow)(given(VIEWS, ENVELOPES)(_round_trip))()


# -- our words against the schema -------------------------------------------------------------------------------------


def _names(entry: Element) -> list[str]:
    return [entry.name, *(name for child in entry.children for name in _names(child))]


ELEMENTS = sorted(set(_names(DICTIONARY[Version.V12])))
WORDS = ["", "Actual", "Extreme", "x y", "1", "-1", "1.5", "en", "2026-03-01T06:30:00+00:00", "2026-03-01T06:30:00Z"]
CHANGES = st.lists(
    st.tuples(st.sampled_from(["drop", "twice", "text", "rename", "swap", "add"]), st.integers(0, 60),
              st.sampled_from(ELEMENTS), st.sampled_from(WORDS)), min_size=1, max_size=3,
)  # fmt: skip


def _changed(changes: list[tuple[str, int, str, str]], version: Version) -> etree._Element:
    root = etree.fromstring(ALERT.replace(NAMESPACES[Version.V12], NAMESPACES[version]).encode())
    for how, at, name, text in changes:
        inner = [element for element in root.iter(etree.Element) if element is not root]
        one = inner[at % len(inner)]
        above = one.getparent()
        if how == "drop" and len(inner) > 1:
            above.remove(one)
        elif how == "twice":
            above.append(etree.fromstring(etree.tostring(one, with_tail=False)))
        elif how == "text" and len(one) == 0:
            one.text = text
        elif how == "rename":
            one.tag = f"{{{NAMESPACES[version]}}}{name}"
        elif how == "swap":
            above.insert(0, one)
        elif how == "add":
            etree.SubElement(above, f"{{{NAMESPACES[version]}}}{name}").text = text
    return etree.fromstring(etree.tostring(root))


@settings(max_examples=500, deadline=None)
@given(CHANGES, st.sampled_from(list(Version)))
def test_the_dictionary_and_its_schema_give_the_same_verdict(
    changes: list[tuple[str, int, str, str]], version: Version
) -> None:
    element = _changed(changes, version)
    alert = alert_of(element)
    assert not isinstance(alert, Finding)
    found = list(structure(alert))
    assert schema(version).validate(element) == (not found), found


# -- whatever comes in ------------------------------------------------------------------------------------------------

SUBMISSION = {
    "series_id": "s",
    "status": "Actual",
    "kind": "INCIDENT_REPORT",
    "headline": "h",
    "place": {"country": "X"},
}
SEEDS = (ALERT.encode(), orjson.dumps(SUBMISSION), CODEC.encode("submission", SUBMISSION), b'<?xml version="1.0"?><a/>')
PIECES = (
    b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"&b;", b"<![CDATA[", b"]]>", b"<alert>", b"</alert>", b"\x00", b"\xff\xfe",
    b"Z", b"+99:99", b"<info>" * 300, b"&#0;", b"&#x10FFFF;", b"9" * 400, b"null", b"NaN", b'"\\ud800"', b"xmlns='",
    b"1e999,1e999 1e999", b"2026-99-99T99:99:99-00:00", b"0000-01-01T00:00:00+00:00", b"a,b,9999-12-31T23:59:59-14:00",
)  # fmt: skip
EDITS = st.lists(
    st.tuples(st.integers(0, 2000), st.integers(0, 40), st.one_of(st.sampled_from(PIECES), st.binary(max_size=8))),
    max_size=6,
)
POLICY = policy(partner("alder"))
MOMENT = Moment(NOW, fresh=True, policy=POLICY, epoch=POLICY.epoch)
COUNTED = {Outcome.ACCEPTED, Outcome.REFUSED, Outcome.ACKNOWLEDGED, Outcome.REQUESTED}
SECONDS = 2.0
"""Far above what a record takes, so that only a hang is one on a busy machine."""


def _edited(seed: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    for at, length, piece in edits:
        start = at % (len(seed) + 1)
        seed = seed[:start] + piece + seed[start + length :]
    return seed


def _handled(data: bytes, counts: Counter[Outcome]) -> None:
    limits = Limits()
    intake = Intake("slt.in.alder", Tools(Opener(CODEC, limits.record_bytes), CODEC.encode, limits, Ids(bytes(32))))
    began = time.process_time()
    result = intake.handle(Record(Source("slt.in.alder", 0, 7), NOW, "", "raw", data), MOMENT)
    assert time.process_time() - began < SECONDS
    assert result.outcome in COUNTED
    receipts = [output for output in result.outputs if output.topic == "slt.receipts"]
    assert len(receipts) == (2 if result.outcome is Outcome.REQUESTED else 1)
    for output in result.outputs:
        CODEC.encode(output.kind, output.value)  # type: ignore[arg-type]  # fields, never bytes, from intake
    assert (result.refusal is not None) == (result.outcome is Outcome.REFUSED)
    told = CODEC.decode(receipts[0].value["bodies"][0])[1]["result"]  # type: ignore[call-overload]
    assert (told == ReceiptResult.REFUSED) == (result.outcome is Outcome.REFUSED)
    assert result.outcome is not None
    counts[result.outcome] += 1


@settings(max_examples=3000, deadline=None)
@given(st.sampled_from(SEEDS), EDITS)
def test_whatever_comes_in_ends_in_one_outcome_and_one_receipt(
    seed: bytes, edits: list[tuple[int, int, bytes]]
) -> None:
    _handled(_edited(seed, edits), Counter())


@pytest.mark.full
@pytest.mark.timeout(900)
def test_ten_minutes_of_whatever_comes_in() -> None:
    counts: Counter[Outcome] = Counter()
    sent = 0
    ends = time.monotonic() + 600
    calm = settings(max_examples=2000, deadline=None, database=None, phases=[Phase.generate])

    def one(seed: bytes, edits: list[tuple[int, int, bytes]]) -> None:
        nonlocal sent
        sent += 1
        _handled(_edited(seed, edits), counts)

    while time.monotonic() < ends:
        calm(given(st.sampled_from(SEEDS), EDITS)(one))()
    assert sum(counts.values()) == sent
    assert counts[Outcome.REFUSED]


def test_the_seeds_themselves_are_taken() -> None:
    assert not isinstance(parse(SEEDS[0]), Finding)
    counts: Counter[Outcome] = Counter()
    for seed in SEEDS[:3]:
        _handled(seed, counts)
    assert counts == {Outcome.ACCEPTED: 3}
