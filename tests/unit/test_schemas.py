"""Every example of schemas/ is what it says: good ones come back from the codec as they went in, bad ones are refused.

An example is JSON: a time is ISO 8601, bytes are text of one character a byte (ISO 8859-1), a field that is left out
has its default. A bad example names the reason that it is refused with, and the field.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastavro import parse_schema, schemaless_writer
from fastavro.validation import ValidationError, validate

from services.cli.schemas import schema, versions
from services.core.control import ControlType, control_id
from services.core.control_read import read_control
from services.core.deliveries import items
from services.core.envelope import parse
from services.core.fold import PolicyFold
from services.core.ids import Ids
from services.core.policy import Policy
from services.core.projection import Attribution, Fact
from services.core.reason import Reason
from services.core.recall import RecallClass
from services.core.report import Tlp, UpstreamType
from services.core.stage import Moment, Outcome, Record, Refusal, Result, Source
from services.core.submission import read_submission
from services.intake.processor import Intake, Tools
from services.runtime.codec import SCHEMAS, Codec, CodecError
from services.runtime.inbound import Opener, verify_ed25519
from services.runtime.settings import Limits

CODEC = Codec()
IDS = Ids(bytes(range(32)))
"""For acknowledgements; schemas/README.md names the bytes."""
RECORDS = sorted({name.split("/")[0] for name in versions()})
NEWEST = {name.split("/")[0]: schema(name) for name in versions()}
RECEIVED = datetime(2026, 3, 10, 12, tzinfo=UTC)
TAKEN = {
    "submission": Outcome.ACCEPTED,
    "acknowledgement": Outcome.ACKNOWLEDGED,
    "onward_request": Outcome.REQUESTED,
    "signed": Outcome.CONTROLLED,
}
FROM_PARTNERS = frozenset(TAKEN)
EXAMPLE_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
"""The key that schemas/README.md names: everything in the examples is signed with it."""


def _examples(under: str) -> list[Any]:
    return [
        pytest.param(path, id=path.relative_to(SCHEMAS).as_posix().removesuffix(".json"))
        for path in sorted(SCHEMAS.glob(f"{under}/*.json"))
    ]


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _record(path: Path) -> str:
    return path.relative_to(SCHEMAS).parts[0]


class _Reader:
    """Turns an example's JSON into the value that the codec takes, with defaults filled in, as its schema says."""

    def __init__(self, record: str) -> None:
        self._schema = NEWEST[record]
        self._named: dict[str, Any] = {}

    def value(self, example: Any) -> Any:
        return self._value(self._schema, example)

    def _value(self, kind: Any, example: Any) -> Any:
        if isinstance(kind, list):
            return None if example is None else self._value(kind[-1], example)
        known = self._named.get(kind, {"type": kind}) if isinstance(kind, str) else kind
        if "name" in known:
            self._named[known["name"]] = known
        return self._known(known, example)

    def _known(self, kind: Any, example: Any) -> Any:
        match kind["type"], example:
            case "record", dict():
                return self._fields(kind, example)
            case "array", list():
                return [self._value(kind["items"], entry) for entry in example]
            case "map", dict():
                return {key: self._value(kind["values"], entry) for key, entry in example.items()}
            case "bytes", str():
                return example.encode("latin-1")
            case "long", str() if "logicalType" in kind:
                return datetime.fromisoformat(example)
        return example  # also what does not fit: the codec is to refuse it

    def _fields(self, kind: Any, example: dict[str, Any]) -> dict[str, Any]:
        found = {key: entry for key, entry in example.items() if key not in {field["name"] for field in kind["fields"]}}
        for field in kind["fields"]:
            name = field["name"]
            if name in example or "default" in field:
                found[name] = self._value(field["type"], example.get(name, field.get("default")))
            else:
                self._value(field["type"], None)  # it may define a name that a later field uses
        return found


@pytest.mark.parametrize("record", RECORDS)
def test_every_record_has_a_good_and_a_bad_example(record: str) -> None:
    assert list(SCHEMAS.glob(f"{record}/examples/good/*.json"))
    assert list(SCHEMAS.glob(f"{record}/examples/bad/*.json"))


def test_no_example_is_left_out() -> None:
    walked = {
        path for under in ("*/examples/*", "control/examples/payload/*") for path in SCHEMAS.glob(f"{under}/*.json")
    }
    assert walked == {path for path in SCHEMAS.rglob("*.json") if "examples" in path.parts}


@pytest.mark.parametrize("path", _examples("*/examples/good"))
def test_a_good_example_comes_back_as_it_went_in(path: Path) -> None:
    value = _Reader(_record(path)).value(_read(path))
    assert CODEC.decode(CODEC.encode(_record(path), value)) == (_record(path), value)


@pytest.mark.parametrize("path", _examples("*/examples/bad"))
def test_a_bad_example_names_a_reason_and_nothing_else(path: Path) -> None:
    example = _read(path)
    assert example["expect"] in Reason.__members__
    assert example.keys() - {"expect", "field"} in ({"value"}, {"raw"})
    assert (example["expect"] == Reason.BUG_RECORD) == (_record(path) not in FROM_PARTNERS)


@pytest.mark.parametrize(
    "path", [each for each in _examples("*/examples/bad") if _record(each.values[0]) not in FROM_PARTNERS]
)
def test_a_bad_record_of_ours_cannot_be_written(path: Path) -> None:
    example = _read(path)
    value = _Reader(_record(path)).value(example["value"])
    with pytest.raises(CodecError):
        CODEC.encode(_record(path), value)
    with pytest.raises(ValidationError, match=rf"\b{example['field']}\b"):
        validate(value, parse_schema(NEWEST[_record(path)]), strict=True)


@pytest.mark.parametrize("path", _examples("submission/examples/good"))
def test_a_good_submission_is_one_through_both_doors(path: Path) -> None:
    example = _read(path)
    by_json = read_submission(example, RECEIVED)
    by_avro = read_submission(
        CODEC.decode(CODEC.encode("submission", _Reader("submission").value(example)))[1], RECEIVED
    )
    assert not isinstance(by_json, Refusal)
    assert by_json == by_avro == _Reader("submission").value(example)


def _named(text: str) -> tuple[str, int, str]:
    """Type, version and id of a payload that is a control record."""
    found = read_control(json.loads(text))
    assert not isinstance(found, Refusal)
    kind, version, control = found
    return kind.value, version, control_id(control)


def _entered(fold: PolicyFold, payload: dict[str, Any], author: str, signer: str) -> None:
    """Enter a control record signed by the example key, which is the administrators' root in this world."""
    text = json.dumps(payload)
    kind, version, name = _named(text)
    value = {
        "type": kind, "id": name, "version": version, "author": author, "signer": signer,
        "payload": text, "signature": EXAMPLE_KEY.sign(text.encode()), "covers_from": -1,
    }  # fmt: skip
    source = Source("slt.control", 0, fold.compiled().epoch)
    fold.apply(Record(source, RECEIVED, f"{kind}/{name}", "control", value))


@pytest.fixture(scope="module")
def world() -> Policy:
    """What the examples take for granted: three partners, a representative, and the standing grant of aster-relief."""
    payload = SCHEMAS / "control/examples/payload/good"
    fold = PolicyFold(EXAMPLE_KEY.public_key().public_bytes_raw(), verify_ed25519)
    partner = _read(payload / "partner.json")
    for org in ("aster-relief", "birch-health", "cypress-care"):
        _entered(fold, {**partner, "org": org}, "admin", "root")
    _entered(fold, _read(payload / "representative.json"), "admin", "root")
    _entered(fold, _read(payload / "grant_standing.json"), "aster-relief", "example-person")
    policy = fold.compiled()
    assert policy.faults == ()
    return policy


def _through_intake(record: str, data: bytes, policy: Policy) -> Result:
    topic = f"slt.{'consent' if record == 'signed' else 'in'}.aster-relief"
    intake = Intake(topic, Tools(Opener(CODEC, 1024 * 1024), CODEC.encode, Limits(), IDS))
    raw = Record(Source(topic, 0, 9041), RECEIVED, "", "raw", data)
    return intake.handle(raw, Moment(RECEIVED, True, policy, policy.epoch))


def _partners_examples(which: str) -> list[Any]:
    return [each for record in sorted(FROM_PARTNERS) for each in _examples(f"{record}/examples/{which}")]


@pytest.mark.parametrize("path", _partners_examples("good"))
def test_intake_takes_a_good_example_through_both_doors(path: Path, world: Policy) -> None:
    record, example = _record(path), _read(path)
    by_json = _through_intake(record, json.dumps(example).encode(), world)
    by_avro = _through_intake(record, CODEC.encode(record, _Reader(record).value(example)), world)
    assert by_json.outcome is TAKEN[record]
    assert by_json == by_avro


@pytest.mark.parametrize("path", _partners_examples("bad"))
def test_intake_refuses_a_bad_example_for_its_reason(path: Path, world: Policy) -> None:
    example = _read(path)
    data = example["raw"].encode("latin-1") if "raw" in example else json.dumps(example["value"]).encode()
    found = _through_intake(_record(path), data, world)
    assert found.refusal is not None
    assert (found.refusal.reason, found.refusal.field) == (example["expect"], example.get("field", ""))
    assert found.refusal.advice
    assert [output.topic for output in found.outputs] == ["slt.receipts"]


@pytest.mark.parametrize("path", _examples("control/examples/payload/good"))
def test_a_good_control_payload_is_read(path: Path) -> None:
    example = _read(path)
    found = read_control(example)
    assert not isinstance(found, Refusal)
    assert found[:2] == (example["type"], example["version"])


@pytest.mark.parametrize("path", _examples("control/examples/payload/bad"))
def test_a_bad_control_payload_is_refused_for_its_reason(path: Path) -> None:
    example = _read(path)
    found = read_control(example["value"])
    assert isinstance(found, Refusal)
    assert (found.reason, found.field) == (example["expect"], example.get("field", ""))


@pytest.mark.parametrize("path", _examples("control/examples/good"))
def test_a_control_record_carries_what_was_signed(path: Path) -> None:
    example = _Reader("control").value(_read(path))
    public_key = bytes.fromhex(_read(SCHEMAS / "control/examples/payload/good/representative.json")["public_key"])
    assert verify_ed25519(public_key, example["payload"].encode(), example["signature"])
    assert _named(example["payload"]) == (example["type"], example["version"], example["id"])


@pytest.mark.parametrize("path", _examples("deliveries/examples/good"))
def test_a_delivery_carries_an_envelope_and_a_body_of_ours(path: Path) -> None:
    example = _Reader("deliveries").value(_read(path))
    for item in items(example):
        assert parse(item["header"]).sequence == item["sequence"]
        assert CODEC.decode(example["bodies"][item["body"]])[0] in RECORDS


@pytest.mark.parametrize("path", _examples("recall/examples/good"))
def test_a_recall_tells_its_class_of_reason(path: Path) -> None:
    assert _read(path)["reason_class"] in RecallClass.__members__


def test_every_type_of_control_record_has_an_example() -> None:
    shown = {_read(path)["type"] for path in SCHEMAS.glob("control/examples/payload/good/*.json")}
    assert shown == set(ControlType)
    assert shown < set(_symbols(NEWEST["control"], "type"))


def test_a_control_record_of_the_first_major_is_still_read() -> None:
    old = parse_schema(schema("control/v1.0"))
    example = _Reader("control").value(_read(SCHEMAS / "control/examples/good/grant.json"))
    buffer = BytesIO()
    schemaless_writer(buffer, old, example)
    header = b"\x00" + versions()["control/v1.0"].to_bytes(4, "big")
    assert CODEC.decode(header + buffer.getvalue()) == ("control", example)


@pytest.mark.parametrize(
    ("record", "field", "words"),
    [
        pytest.param("report", "facts", Fact.__members__, id="facts"),
        pytest.param("report", "attribution", Attribution.__members__, id="attribution"),
        pytest.param("report", "upstream", UpstreamType, id="upstream"),
        pytest.param("report", "handling", Tlp, id="handling"),
    ],
)
def test_the_words_of_a_schema_are_those_of_the_rules(record: str, field: str, words: Iterable[str]) -> None:
    assert set(_symbols(NEWEST[record], field)) == set(words)


def _symbols(kind: Any, field: str) -> list[str]:
    """The symbols of a field's enum, or of the first one in the record that the field holds."""
    found = next(each["type"] for each in kind["fields"] if each["name"] == field)
    while "symbols" not in found:
        found = found["items"] if "items" in found else found["fields"][0]["type"]
    symbols: list[str] = found["symbols"]
    return symbols
