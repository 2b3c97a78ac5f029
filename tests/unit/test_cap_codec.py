"""CAP to submissions with counted repairs, signatures and their attacks, deliveries in three formats."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from lxml import etree

from services.core.cap.findings import Finding, Rule
from services.core.cap.repair import Repair
from services.core.cap.write import Addressed, alert_from, delivery_from
from services.core.deliveries import Common, group, items
from services.core.envelope import DeliveryType, Envelope, parse
from services.core.envelope import render as render_envelope
from services.core.reason import Reason
from services.core.stage import Refusal
from services.core.submission import read_submission
from services.runtime.cap.check import check
from services.runtime.cap.receive import Received, receive
from services.runtime.cap.render import render
from services.runtime.cap.signature import Signer, signed_part
from services.runtime.codec import Codec
from services.runtime.formats import Formats
from services.runtime.inbound import Inbound, Opener
from services.runtime.opening import opened
from tests.caps import ALERT, NS, changed

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MOST = 1 << 20
Wrap = Callable[[etree._Element, etree._Element], etree._Element]
DS = "http://www.w3.org/2000/09/xmldsig#"


def _signer(days: int = 365, name: str = "alder.example") -> Signer:
    key = rsa.generate_private_key(65537, 2048)
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = x509.CertificateBuilder().subject_name(who).issuer_name(who).public_key(key.public_key())
    made = made.serial_number(7).not_valid_before(NOW - timedelta(days=1)).not_valid_after(NOW + timedelta(days=days))
    return Signer(key, made.sign(key, hashes.SHA256()))


@pytest.fixture(scope="module")
def signer() -> Signer:
    return _signer()


@pytest.fixture(scope="module")
def signed(signer: Signer) -> bytes:
    return bytes(etree.tostring(signer.sign(etree.fromstring(ALERT.encode()))))


def _received(data: bytes) -> Received:
    found = receive(data, MOST, (), NOW)
    assert isinstance(found, Received), found
    return found


# -- reading ----------------------------------------------------------------------------------------------------------


def test_an_alert_is_a_submission_that_intake_takes() -> None:
    found = _received(ALERT.encode())
    assert found.repairs == {}
    report = read_submission(found.fields, NOW)
    assert not isinstance(report, Refusal), report
    assert (report["kind"], report["message"], report["status"]) == ("SECURITY_ALERT", "UPDATE", "Actual")
    assert (report["urgency"], report["severity"], report["certainty"]) == ("Past", "Severe", "Observed")
    assert (report["event"], report["headline"]) == ("Armed robbery", "Robbery on the road to Quillmere")
    assert (report["description"], report["advice"]) == ("Two vehicles were stopped.", "Travel in convoys.")
    assert report["expires"] == datetime(2026, 3, 2, 6, 30, tzinfo=UTC)
    assert (report["place"]["name"], report["place"]["latitude"], report["place"]["longitude"]) == (
        "Quillmere",
        1.5,
        2.5,
    )
    assert report["attributes"]["addresses"] == 'ironwood "the other one"'


def test_an_update_is_the_next_version_of_the_oldest_alert_that_it_names() -> None:
    update = _received(ALERT.encode()).fields
    first = _received(
        ALERT.replace("alder-17", "alder-16")
        .replace("<references>ops@alder.example,alder-16,2026-03-01T05:30:00+00:00</references>\n", "")
        .replace("Update", "Alert")
        .encode()
    ).fields
    assert first["series_id"] == update["series_id"]
    assert (first["version"], update["version"]) == (1, 2)
    third = "ops@alder.example,alder-16,2026-03-01T05:30:00+00:00 ops@alder.example,alder-17,2026-03-01T06:30:00+00:00"
    later = _received(changed("ops@alder.example,alder-16,2026-03-01T05:30:00+00:00", third)).fields
    assert (later["series_id"], later["version"]) == (first["series_id"], 3)


@pytest.mark.parametrize(
    ("old", "new", "repairs"),
    [
        ("2026-03-02T06:30:00+00:00", "2026-03-02T06:30:00Z", {Repair.ZONE_LETTER: 1}),
        ("2026-03-02T06:30:00+00:00", "2026-03-02T06:30:00z", {Repair.ZONE_LETTER: 1}),
        ("2026-03-02T06:30:00+00:00", "2026-03-02T06:30:00", {Repair.ZONE_MISSING: 1}),
        ("2026-03-02T06:30:00+00:00", "2026-03-02T08:30:00+0200", {Repair.ZONE_FORM: 1}),
        ("2026-03-02T06:30:00+00:00", "2026-03-02T08:30:00+02", {Repair.ZONE_FORM: 1}),
        ("2026-03-02T06:30:00+00:00", "2026-03-02T06:30:00,00:00", {Repair.ZONE_FORM: 1}),
        ("2026-03-02T06:30:00+00:00", "2026-03-02T06:30:00.123+00:00", {Repair.FRACTION: 1}),
        ("2026-03-02T06:30:00+00:00", "2026-03-02 06:30:00+00:00", {Repair.TIME_SPACE: 1}),
        ("2026-03-02T06:30:00+00:00", " 2026-03-02 06:30:00.5Z ",
         {Repair.MARGIN: 1, Repair.TIME_SPACE: 1, Repair.FRACTION: 1, Repair.ZONE_LETTER: 1}),
        ("<scope>Private", "<scope> Private ", {Repair.MARGIN: 1}),
        ("<scope>Private", "<scope>PRIVATE", {Repair.WORD_CASE: 1}),
        ("<scope>Private</scope>\n", "", {Repair.SCOPE: 1}),
        ("<scope>Private</scope>", "<scope kind='x'>Private</scope><foo/>", {Repair.STRANGE: 2}),
        ("<headline>", "<audience/><headline>", {Repair.EMPTY: 1}),
        ("<headline>", "<responseType>Avoid</responseType><headline>", {Repair.ORDER: 1}),
    ],
)  # fmt: skip
def test_a_slip_that_everybody_understands_is_mended_and_counted(
    old: str, new: str, repairs: dict[Repair, int]
) -> None:
    found = _received(changed(old, new))
    assert found.repairs == repairs
    assert found.fields["expires"] == datetime(2026, 3, 2, 6, 30, tzinfo=UTC)
    assert found.fields["urgency"] == "Past"


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("2026-03-02T06:30:00+00:00", "tomorrow", Rule.INVALID_DATE),
        ("<severity>Severe", "<severity>Awful", Rule.INVALID_ENUM_VALUE),
        ("<severity>Severe</severity>", "", Rule.MISSING_REQUIRED_ELEMENT),
        ("1.5,2.5 10", "1.5 2.5 10", Rule.INVALID_CIRCLE),
        (NS, "urn:x", Rule.NOT_CAP),
    ],
)
def test_what_would_have_to_be_guessed_is_refused(old: str, new: str, rule: Rule) -> None:
    found = receive(changed(old, new), MOST, (), NOW)
    assert isinstance(found, Finding)
    assert found.rule is rule


def test_intake_opens_cap_beside_json_and_avro() -> None:
    opener = Opener(Codec(), MOST)
    for data in (ALERT.encode(), b"\xef\xbb\xbf" + ALERT.encode(), b"\n " + ALERT.split("\n", 1)[1].encode()):
        opened = opener.open(data)
        assert isinstance(opened, Inbound), opened
        assert (opened.kind, opened.note) == ("submission", None)
    mended = opener.open(changed("2026-03-02T06:30:00+00:00", "2026-03-02T06:30:00Z"))
    assert isinstance(mended, Inbound)
    assert mended.note is not None
    assert mended.note.reason is Reason.NOTE_REPAIRED
    assert "ZONE_LETTER 1" in mended.note.advice
    refused = opener.open(changed("<scope>Private", "<scope>Nobody"))
    assert isinstance(refused, Refusal)
    assert (refused.reason, refused.field) == (Reason.BAD_CAP, "alert/scope")
    assert refused.advice.startswith("INVALID_ENUM_VALUE: line 8: ")


# -- signatures -------------------------------------------------------------------------------------------------------


def test_what_we_sign_follows_the_schema_and_verifies_with_our_certificate_alone(signer: Signer, signed: bytes) -> None:
    assert check(signed).accepted
    found = signed_part(etree.fromstring(signed), [_signer().certificate, signer.certificate], NOW)
    assert not isinstance(found, Finding)
    assert found.findtext(f"{{{NS}}}identifier") == "alder-17"
    assert isinstance(signed_part(etree.fromstring(signed), [_signer().certificate], NOW), Finding)
    assert isinstance(signed_part(etree.fromstring(signed), [], NOW), Finding)


def test_the_same_alert_is_signed_with_the_same_bytes(signer: Signer, signed: bytes) -> None:
    assert etree.tostring(signer.sign(etree.fromstring(ALERT.encode()))) == signed


def test_a_certificate_that_is_over_verifies_nothing(signer: Signer, signed: bytes) -> None:
    late = signer.certificate.not_valid_after_utc + timedelta(seconds=1)
    assert isinstance(signed_part(etree.fromstring(signed), [signer.certificate], late), Finding)


def test_intake_takes_only_what_a_registered_certificate_signed(signer: Signer, signed: bytes) -> None:
    pem = (signer.certificate.public_bytes(Encoding.PEM).decode(),)
    assert isinstance(receive(signed, MOST, pem, NOW), Received)
    for data in (ALERT.encode(), signed.replace(b"Travel", b"Do not travel")):
        found = receive(data, MOST, pem, NOW)
        assert isinstance(found, Finding)
        assert found.rule in {Rule.NO_SIGNATURE, Rule.INVALID_SIGNATURE}


def _signature(alert: etree._Element) -> etree._Element:
    return alert.find(f"{{{DS}}}Signature")


def _moved(good: etree._Element, evil: etree._Element) -> etree._Element:
    evil.append(_signature(good))
    return evil


def _inside_signature(good: etree._Element, evil: etree._Element) -> etree._Element:
    holder = etree.SubElement(_signature(good), f"{{{DS}}}Object")
    holder.append(copy.deepcopy(good))
    return _moved(good, evil)


def _beside(good: etree._Element, evil: etree._Element) -> etree._Element:
    evil.append(good)
    return evil


def _first(good: etree._Element, evil: etree._Element) -> etree._Element:
    evil.insert(0, good)
    return evil


def _around(good: etree._Element, evil: etree._Element) -> etree._Element:
    good.append(evil)
    return good


def _other_info(good: etree._Element, evil: etree._Element) -> etree._Element:
    good.insert(9, evil.find(f"{{{NS}}}info"))
    return good


def _to_a_part(good: etree._Element, evil: etree._Element) -> etree._Element:
    _signature(good).find(f".//{{{DS}}}Reference").set("URI", "#x")
    good.set("Id", "x")
    return _beside(good, evil)


def _second_reference(good: etree._Element, evil: etree._Element) -> etree._Element:
    information = _signature(good).find(f"{{{DS}}}SignedInfo")
    information.append(copy.deepcopy(information.find(f"{{{DS}}}Reference")))
    return good


def _second_signature(good: etree._Element, evil: etree._Element) -> etree._Element:
    good.append(copy.deepcopy(_signature(good)))
    return good


def _hiding(good: etree._Element, evil: etree._Element) -> etree._Element:
    transforms = _signature(good).find(f".//{{{DS}}}Transforms")
    etree.SubElement(transforms, f"{{{DS}}}Transform", Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116")
    return good


@pytest.mark.parametrize(
    "wrap",
    [
        _moved, _inside_signature, _beside, _first, _around, _other_info, _to_a_part, _second_reference,
        _second_signature, _hiding,
    ],
)  # fmt: skip
def test_wrapping_is_refused(signer: Signer, signed: bytes, wrap: Wrap) -> None:
    """Crafted documents that carry a good signature, and another message that a careless reader would take."""
    evil = etree.fromstring(ALERT.replace("Travel in convoys.", "Travel alone.").encode())
    crafted = etree.fromstring(etree.tostring(wrap(etree.fromstring(signed), evil)))
    found = signed_part(crafted, [signer.certificate], NOW)
    assert isinstance(found, Finding)
    assert found.rule is Rule.INVALID_SIGNATURE


def test_a_comment_cannot_cut_a_signed_text_short(signer: Signer) -> None:
    """Canonical XML drops comments: what is read has to be what was signed, whole."""
    signed = etree.tostring(signer.sign(etree.fromstring(ALERT.encode())))
    with_comment = signed.replace(b"Travel in convoys.", b"Travel in<!-- --> convoys.")
    pem = (signer.certificate.public_bytes(Encoding.PEM).decode(),)
    found = receive(with_comment, MOST, pem, NOW)
    assert isinstance(found, Finding) or found.fields["advice"] == "Travel in convoys."


def test_only_rsa_keys_of_the_certificate_sign(signer: Signer) -> None:
    pem = signer.certificate.public_bytes(Encoding.PEM)
    curve = ec.generate_private_key(ec.SECP256R1())
    other = rsa.generate_private_key(65537, 2048)
    for key in (curve, other):
        text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        with pytest.raises(ValueError, match="key for signing"):
            Signer.load(text, pem)


# -- deliveries -------------------------------------------------------------------------------------------------------

VIEW: dict[str, Any] = {
    "status": "Actual", "sources": "2", "conflicts": ["country"], "notice": "Not to be passed on.",
    "accounts": [
        {"originator": "alder", "version": 3, "message": "UPDATE", "kind": "INCIDENT_REPORT", "event": "Armed robbery",
         "headline": "Robbery", "description": "Two\r\nvehicles \x01 & <b>", "received_at": NOW, "occurred_from": NOW,
         "expires": NOW + timedelta(milliseconds=5), "country": "ZZE", "place": {"latitude": 1.5, "longitude": 1e-7,
         "precision": "EXACT", "country": "ZZE", "name": "Quillmere"}, "attributes": {"a": "b"}},
        {"originator": None, "version": 1, "message": "ALERT", "kind": "SITUATION_REPORT", "received_at": NOW},
    ],
}  # fmt: skip
KEY, MESSAGE = "a" * 32, "b" * 32


def _envelope(kind: DeliveryType, form: str = "") -> Envelope:
    return Envelope(kind, MESSAGE, 7, 6, 3, 4, 5, "Actual", "", form)


def _decoded(codec: Codec, kind: str, value: dict[str, Any]) -> dict[str, Any]:
    return codec.decode(codec.encode(kind, value))[1]


@pytest.mark.parametrize(
    ("kind", "record", "value"),
    [
        (DeliveryType.ALERT, "view", VIEW), (DeliveryType.CORRECT, "view", VIEW), (DeliveryType.CANCEL, "view", VIEW),
        (DeliveryType.RECALL, "recall", {"reason_class": "CONSENT_ENDED", "action": "DELETE", "deadline": NOW}),
        (DeliveryType.UPDATE, "replaced", {"notice": "It goes on elsewhere."}),
    ],
)  # fmt: skip
def test_a_delivery_is_an_alert_and_reads_back_equal(kind: DeliveryType, record: str, value: dict[str, Any]) -> None:
    body = _decoded(Codec(), record, value)
    data = render(alert_from(record, body, Addressed("ironwood", KEY, _envelope(kind), NOW)))
    verdict = check(data)
    assert verdict.accepted, verdict.findings
    found = delivery_from(verdict.alerts[0])
    assert (found.record, found.key, found.envelope) == (record, KEY, _envelope(kind))
    assert found.body == body


def test_an_alert_of_ours_says_what_a_cap_tool_needs(signer: Signer) -> None:
    body = _decoded(Codec(), "view", VIEW)
    addressed = Addressed("ironwood", KEY, _envelope(DeliveryType.ALERT), NOW)
    root = check(render(alert_from("view", body, addressed), signer)).alerts[0].root
    said = {name: root.value(name) for name in ("identifier", "sent", "scope", "addresses", "incidents", "msgType")}
    assert said == {
        "identifier": MESSAGE, "sent": "2026-03-01T12:00:00-00:00", "scope": "Private", "addresses": "ironwood",
        "incidents": KEY, "msgType": "Alert",
    }  # fmt: skip
    info = next(root.infos)
    assert info.value("senderName") == "alder"
    assert info.value("onset") == "2026-03-01T12:00:00-00:00"
    assert [area.value("areaDesc") for area in info.named("area")] == ["Quillmere"]
    assert [area.value("circle") for area in info.named("area")] == ["1.5,0 0"]


def _deliveries(codec: Codec, *forms: str) -> dict[str, Any]:
    groups = []
    for form in forms:
        before, after = render_envelope(_envelope(DeliveryType.ALERT, form)).split(MESSAGE.encode())
        org = form or "avro"
        common = Common("slt.out.", 7, before, after, 0)
        groups.append(group(common, [org, f"{org}-2"], [KEY, KEY], [MESSAGE, MESSAGE]))
    record = {
        "incident": "i", "epoch": 1, "as_of": NOW, "bodies": [codec.encode("view", VIEW)], "groups": groups,
    }  # fmt: skip
    found = _decoded(codec, "deliveries", record)
    found["items"] = items(found)
    return found


def test_each_recipient_gets_its_own_format_and_json_is_made_once() -> None:
    codec = Codec()
    record = _deliveries(codec, "", "json", "cap")
    Formats(codec).apply(record)
    by_topic = {item["topic"]: item for item in record["items"]}
    body = _decoded(codec, "view", VIEW)
    assert codec.decode(record["bodies"][by_topic["slt.out.avro"]["body"]]) == ("view", body)
    assert by_topic["slt.out.json"]["body"] == by_topic["slt.out.json-2"]["body"]
    for org in ("json", "cap"):
        item = by_topic[f"slt.out.{org}"]
        assert opened(codec, item["header"], record["bodies"][item["body"]]) == ("view", body)
    for org in ("cap", "cap-2"):
        alert = check(record["bodies"][by_topic[f"slt.out.{org}"]["body"]]).alerts[0]
        assert alert.root.value("addresses") == org
        assert delivery_from(alert).body == body
    assert parse(by_topic["slt.out.json"]["header"]).format == "json"


def test_avro_alone_is_left_as_it_is() -> None:
    codec = Codec()
    record = _deliveries(codec, "")
    before = copy.deepcopy(record)
    Formats(codec).apply(record)
    assert record == before
