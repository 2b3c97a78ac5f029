"""One partner per format on real Kafka: the same report, each as its reader wants it, and a CAP alert handed in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from services.runtime.cap.check import check
from tests.caps import ALERT
from tests.support import World, until

pytestmark = pytest.mark.kafka
READERS = {"cedar": "AVRO", "spindle": "JSON", "rowan": "CAP"}


@pytest.fixture(scope="module")
def readers(world: World) -> Iterator[World]:
    """Each of READERS reads its format; afterwards nobody holds anything of this, and all read Avro again."""
    grant = {"grant": "formats", "kinds": ["*"], "areas": ["*"], "recipients": list(READERS)}
    _set(world, READERS, 1)
    world.consent("alder", **grant)
    world.entered("grant/alder/formats")
    yield world
    world.consent("alder", version=2, state="WITHDRAWN", mode="RECALL", **grant)
    until(lambda: not any(_held(world, org) for org in READERS), "the recalls at the end")
    _set(world, dict.fromkeys(READERS, "AVRO"), 2)


def _set(world: World, formats: dict[str, str], version: int) -> None:
    common = {"type": "outlet", "version": version, "state": "OPEN"}
    world.administer(*({**common, "org": org, "format": form} for org, form in formats.items()))
    for org in formats:
        world.entered(f"outlet/{org}", version)


def _held(world: World, org: str) -> list[Any]:
    """Whatever shows an account of alder's."""
    newest = {read.key: read for read in world.out(org)}
    return [read for read in newest.values() if "'originator': 'alder'" in str(read.value)]


def _alert(headline: str) -> bytes:
    """As of now, in the country of the grant, with three slips that everybody understands."""
    now = datetime.now(UTC)  # noqa: TID251  a test's own clock, not a rule's
    changes = {
        "2026-03-01T06:30:00+00:00": f"{now - timedelta(minutes=5):%Y-%m-%dT%H:%M:%SZ}",
        "2026-03-02T06:30:00+00:00": f"{now + timedelta(days=1):%Y-%m-%dT%H:%M:%S}",
        "Robbery on the road to Quillmere": headline,
        "<scope>Private": "<scope>private",
        "<circle>1.5,2.5 10</circle>\n": "",
        "<polygon>1,2 3,4 5,6 1,2</polygon>": "",
        "<altitude>100</altitude>\n<ceiling>200</ceiling>": (
            "<geocode><valueName>ISO 3166-1</valueName><value>KEN</value></geocode>"
        ),
        "<references>ops@alder.example,alder-16,2026-03-01T05:30:00+00:00</references>\n": "",
        "Update": "Alert",
    }
    text = ALERT
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new, 1)
    return text.encode()


def _values(world: World, org: str) -> dict[int, bytes]:
    return {message.offset(): message.value() for message in world._stock(f"slt.out.{org}")}


def _arrived(world: World, org: str, word: str) -> Any:
    """The first view with this word; waits for it."""
    return until(lambda: _holding(world, org, word), f"{word} at {org}")[0]


def _recalled(world: World, org: str, key: str) -> bool:
    return any(read.key == key and read.kind == "recall" for read in world.out(org))


def _receipts(world: World, org: str, offset: int) -> list[Any]:
    """Intake's answers to one record on the organisation's own topic."""
    coordinates = (f"slt.in.{org}", offset)
    receipts = (read for read in world.out(org, "notices") if read.kind == "receipt")
    return [read for read in receipts if (read.value["topic"], read.value["offset"]) == coordinates]


def _withdrawal(series: str) -> dict[str, Any]:
    return {"type": "withdrawal", "version": 1, "originator": "alder", "series": series, "mode": "RECALL"}


def _holding(world: World, org: str, word: str) -> list[Any]:
    return [read for read in world.out(org) if read.kind == "view" and word in str(read.value)]


def test_an_alert_comes_in_as_cap_and_goes_out_in_three_formats(readers: World) -> None:
    (offset,) = readers.send("slt.in.alder", [_alert("Of three formats")])
    found = {org: _arrived(readers, org, "Of three formats") for org in READERS}
    avro = found["cedar"].value
    assert found["rowan"].value == found["spindle"].value == avro
    json_value = orjson.loads(_values(readers, "spindle")[found["spindle"].offset])
    assert json_value == {"record": "view", **orjson.loads(orjson.dumps(avro))}
    verdict = check(_values(readers, "rowan")[found["rowan"].offset])
    assert verdict.accepted, verdict.findings
    assert [alert.root.value("addresses") for alert in verdict.alerts] == ["rowan"]
    (receipt,) = _receipts(readers, "alder", offset)
    assert (receipt.value["result"], receipt.value["reason"]) == ("NOTED", "NOTE_REPAIRED")
    assert "WORD_CASE 1, ZONE_LETTER 1, ZONE_MISSING 1" in receipt.value["advice"]


def test_a_recall_reaches_each_format_and_a_bad_alert_is_told_by_rule_and_line(readers: World) -> None:
    readers.send("slt.in.alder", [_alert("Of a recall").replace(b"alder-17", b"alder-99")])
    found = {org: _arrived(readers, org, "Of a recall") for org in READERS}
    series = found["cedar"].value["accounts"][0]["series_id"]
    readers.word("alder", _withdrawal(series))
    until(lambda: all(_recalled(readers, org, read.key) for org, read in found.items()), "the recalls")
    (offset,) = readers.send("slt.in.spindle", [_alert("Bad").replace(b"<severity>Severe", b"<severity>Awful")])
    (receipt,) = until(lambda: _receipts(readers, "spindle", offset), "the receipt")
    assert receipt.envelope.format == "json"
    assert (receipt.value["reason"], receipt.value["field"]) == ("BAD_CAP", "alert/info/severity")
    assert receipt.value["advice"].startswith("INVALID_ENUM_VALUE: line 15: ")
