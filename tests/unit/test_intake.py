"""Intake's task: who sends is the topic's word, replays are harmless, and a submitter of rubbish is set aside alone."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.core.ids import Ids
from services.core.quarantine import PAUSE, Quarantine
from services.core.reason import Reason
from services.core.stage import Moment, Outcome, Output, Record, Result, Source
from services.intake.processor import Intake, Tools
from services.runtime.codec import Codec
from services.runtime.inbound import Opener
from services.runtime.settings import Limits
from services.runtime.signing import public_hex, sign
from tests.registry import NOW, grant, officer, partner, policy

CODEC = Codec()
IDS = Ids(b"a master key for tests, 32 bytes.")
KEY = Ed25519PrivateKey.generate()
POLICY = policy(partner("alder"), officer("alder", public_key=public_hex(KEY)), partner("birch"))
MOMENT = Moment(NOW, fresh=True, policy=POLICY, epoch=POLICY.epoch)
GOOD = {"series_id": "s", "status": "Actual", "kind": "INCIDENT_REPORT"}


def task(topic: str) -> Intake:
    limits = Limits()
    return Intake(topic, Tools(Opener(CODEC, limits.record_bytes), CODEC.encode, limits, IDS))


def handle(one: Intake, value: bytes, topic: str = "slt.in.alder", at: datetime = NOW) -> Result:
    result = one.handle(Record(Source(topic, 0, 7), at, "", "raw", value), MOMENT)
    one.applied(result)
    return result


def out(result: Result, topic: str) -> list[dict[str, Any]]:
    return [output.value for output in result.outputs if output.topic == topic and isinstance(output.value, dict)]


def test_the_topic_says_who_the_originator_is() -> None:
    result = handle(task("slt.in.alder"), orjson.dumps({**GOOD, "originator": "birch"}))
    (report,) = out(result, "slt.reports")
    assert (report["originator"], report["series_id"]) == ("alder", "alder/s")
    assert (result.outcome, result.note) == (Outcome.ACCEPTED, Reason.NOTE_ORIGINATOR)


def test_json_and_avro_lead_to_the_same_report() -> None:
    as_json = handle(task("slt.in.alder"), orjson.dumps(GOOD))
    fields = CODEC.encode("submission", {**GOOD})
    as_avro = handle(task("slt.in.alder"), fields)
    assert out(as_json, "slt.reports") == out(as_avro, "slt.reports")


def test_a_replayed_record_gives_the_same_outputs() -> None:
    one = task("slt.in.alder")
    assert handle(one, orjson.dumps(GOOD)) == handle(one, orjson.dumps(GOOD))


def test_only_active_partners_submit() -> None:
    result = handle(task("slt.in.stranger"), orjson.dumps(GOOD), "slt.in.stranger")
    assert result.refusal is not None
    assert result.refusal.reason is Reason.NOT_ACTIVE


def test_a_change_is_entered_once_and_its_replay_is_answered() -> None:
    one = task("slt.consent.alder")
    value = sign(grant("alder"), "officer", KEY)
    first, again = (handle(one, value, "slt.consent.alder") for _ in range(2))
    assert (first.outcome, again.outcome) == (Outcome.CONTROLLED, Outcome.DUPLICATE)
    assert [len(out(result, "slt.control")) for result in (first, again)] == [1, 0]


def test_a_version_that_is_not_above_the_newest_is_refused_before_it_can_be_read_back() -> None:
    one = task("slt.consent.alder")
    handle(one, sign(grant("alder", version=2), "officer", KEY), "slt.consent.alder")
    late = handle(one, sign(grant("alder", version=1), "officer", KEY), "slt.consent.alder")
    assert late.refusal is not None
    assert late.refusal.reason is Reason.BAD_VERSION


def test_a_withdrawal_finds_the_grant_that_was_entered_right_before_it() -> None:
    one = task("slt.consent.alder")
    given = handle(one, sign(grant("alder"), "officer", KEY), "slt.consent.alder")
    ended = handle(one, sign(grant("alder", version=2, state="WITHDRAWN"), "officer", KEY), "slt.consent.alder")
    assert (given.outcome, ended.outcome) == (Outcome.CONTROLLED, Outcome.CONTROLLED)


def test_of_a_life_that_was_ended_right_before_nothing_is_copied() -> None:
    """Else the new life would cover what was taken back, once the end is compacted away."""
    known = policy(partner("alder"), officer("alder", public_key=public_hex(KEY)), grant("alder"))
    one = task("slt.consent.alder")

    def entered(**fields: Any) -> int:
        value = sign(grant("alder", **fields), "officer", KEY)
        record = Record(Source("slt.consent.alder", 0, 7), NOW, "", "raw", value)
        result = one.handle(record, MOMENT._replace(policy=known, epoch=known.epoch))
        one.applied(result)
        (change,) = out(result, "slt.control")
        covers_from: int = change["covers_from"]
        return covers_from

    assert entered(version=2) == known.term("alder/g").covers_from >= 0  # type: ignore[union-attr]
    entered(version=3, state="WITHDRAWN")
    assert entered(version=4) == -1


def test_administrators_records_build_on_those_right_before_them() -> None:
    """Expected: a letter before who signed it, a member before its platform, a life cycle step by step."""
    root = Ed25519PrivateKey.generate()
    known = policy(officer("admin", name="root", public_key=public_hex(root), scopes=["administer"]))
    moment = MOMENT._replace(policy=known, epoch=known.epoch)
    one = task("slt.consent.admin")
    payloads = [
        {"type": "lou", "version": 1, "lou": "letter", "text_version": "1"},
        partner("birch", lou="letter"),
        partner("hub", category="COORDINATION_PLATFORM", members=["birch"]),
        partner("birch", version=2, lou="letter", status="SUSPENDED"),
        partner("birch", version=3, lou="letter", status="TERMINATED"),
    ]
    for payload in payloads:
        value = sign(payload, "root", root)
        result = one.handle(Record(Source("slt.consent.admin", 0, 7), NOW, "", "raw", value), moment)
        one.applied(result)
        assert result.outcome is Outcome.CONTROLLED, (payload, result.refusal)


def test_a_receipt_is_the_same_for_every_repeat_of_an_input() -> None:
    one = task("slt.in.alder")
    receipts = [out(handle(one, b"rubbish"), "slt.receipts") for _ in range(2)]
    assert receipts[0] == receipts[1]
    assert len(receipts[0]) == 1


def test_a_submitter_of_rubbish_is_set_aside_until_the_pause_is_over() -> None:
    one = task("slt.in.alder")
    window = Limits().quarantine_window
    for _ in range(window):
        handle(one, b"rubbish")
    held = handle(one, orjson.dumps(GOOD))
    assert held.refusal is not None
    assert held.refusal.reason is Reason.QUARANTINED
    assert handle(one, orjson.dumps(GOOD), at=NOW + PAUSE).outcome is Outcome.ACCEPTED


def test_quarantine_wants_a_full_window_and_the_share() -> None:
    gate = Quarantine(0.5, 4)
    for bad in (True, True, True):
        gate.seen(NOW, bad=bad)
    assert not gate.holds(NOW)
    gate.seen(NOW, bad=False)
    assert gate.holds(NOW + timedelta(seconds=1))


def acknowledged(org: str, **fields: Any) -> dict[str, Any]:
    """What `org` would say about the second record of a key of its own."""
    key = IDS.key(org, "Actual", "birch/s|0.0")
    return {"message_id": IDS.message(org, key, 2), "key": key, "sequence": 2, "answer": "DONE", **fields}


def test_an_acknowledgement_is_entered_for_its_sender() -> None:
    result = handle(task("slt.in.alder"), orjson.dumps(acknowledged("alder")))
    (ack,) = out(result, "slt.acks")
    assert (ack["recipient"], ack["answer"], result.outcome) == ("alder", "DONE", Outcome.ACKNOWLEDGED)
    assert isinstance(result.outputs[0], Output)


def test_a_series_that_is_replaced_is_named_in_full() -> None:
    (report,) = out(handle(task("slt.in.alder"), orjson.dumps({**GOOD, "supersedes": "old"})), "slt.reports")
    assert report["supersedes"] == "alder/old"


@pytest.mark.parametrize(
    "fields", [{"on_behalf_of": "nobody"}, {"upstream": [{"type": "ORGANISATION", "org": "nobody"}]}]
)
def test_a_source_that_nobody_knows_is_noted(fields: dict[str, Any]) -> None:
    known = handle(task("slt.in.alder"), orjson.dumps({**GOOD, "on_behalf_of": "birch"}))
    noted = handle(task("slt.in.alder"), orjson.dumps({**GOOD, **fields}))
    assert (known.note, noted.note) == (None, Reason.NOTE_UPSTREAM_UNKNOWN)
    assert noted.outcome is Outcome.ACCEPTED


@pytest.mark.parametrize("kind", ["withdrawal", "breakglass"])
def test_an_organisations_own_words_are_entered(kind: str) -> None:
    named = {"originator": "alder"} if kind == "withdrawal" else {"org": "alder", "confirmer": "officer"}
    payload = {"type": kind, "version": 1, "series": "alder/s", **named}
    result = handle(task("slt.consent.alder"), sign(payload, "officer", KEY), "slt.consent.alder")
    (entered,) = out(result, "slt.control")
    assert CODEC.decode(CODEC.encode("control", entered))[1] == entered
    assert entered["type"] == kind


OVER = officer("alder", public_key=public_hex(KEY), version=2, valid_to="2026-05-01T00:00:00+00:00")
BAD_INPUT: dict[str, tuple[dict[str, Any], str, Reason]] = {
    "without an end": (
        {name: value for name, value in grant("alder").items() if name != "valid_to"}, "officer",
        Reason.BAD_FIELD_MISSING,
    ),
    "by an unknown representative": (grant("alder"), "stranger", Reason.BAD_AUTHOR),
    "for a report that is not the grantor's": (
        grant("alder", series=["birch/s"]), "officer", Reason.BAD_AUTHOR,
    ),
    "with an unknown action": (grant("alder", actions=["FORWARD"]), "officer", Reason.BAD_VOCABULARY),
    "with an unknown category": (grant("alder", recipients=["category:NGO"]), "officer", Reason.BAD_VOCABULARY),
    "with an unknown area": (grant("alder", areas=["Kenya"]), "officer", Reason.BAD_VOCABULARY),
    "of someone else": (grant("birch"), "officer", Reason.BAD_AUTHOR),
    "withdrawn for someone else": (grant("birch", state="WITHDRAWN"), "officer", Reason.BAD_AUTHOR),
    "a series of someone else withdrawn": (
        {"type": "withdrawal", "version": 1, "originator": "birch", "series": "birch/s"}, "officer", Reason.BAD_AUTHOR,
    ),
}  # fmt: skip


@pytest.mark.parametrize("row", [*BAD_INPUT, "by an expired representative"])
def test_bad_consent_is_refused_with_its_code_told_to_its_sender_and_counted(row: str) -> None:
    payload, signer, reason = BAD_INPUT.get(row, (grant("alder"), "officer", Reason.BAD_AUTHOR))
    known = policy(partner("alder"), officer("alder", public_key=public_hex(KEY)), partner("birch"),
                   *([OVER] if row not in BAD_INPUT else []))  # fmt: skip
    record = Record(Source("slt.consent.alder", 0, 7), NOW, "", "raw", sign(payload, signer, KEY))
    result = task("slt.consent.alder").handle(record, Moment(NOW, fresh=True, policy=known, epoch=known.epoch))
    assert result.outcome is Outcome.REFUSED  # the runner counts outcomes, and records this one in slt.dead
    assert result.refusal is not None
    assert (result.refusal.reason, bool(result.refusal.advice)) == (reason, True)
    (owed,) = out(result, "slt.receipts")
    told = CODEC.decode(owed["bodies"][0])[1]
    assert (told["result"], told["reason"], told["advice"]) == ("REFUSED", reason.value, result.refusal.advice)


@pytest.mark.parametrize(
    "forged",
    [
        acknowledged("birch"),  # somebody else's recall
        acknowledged("alder", sequence=3),
        acknowledged("alder", key="another"),
        acknowledged("alder", message_id="0" * 32),
        {"message_id": "0" * 32, "answer": "DONE"},  # as before keys and sequences were asked for
    ],
)
def test_an_acknowledgement_of_what_was_never_delivered_is_refused(forged: dict[str, Any]) -> None:
    result = handle(task("slt.in.alder"), orjson.dumps(forged))
    assert result.refusal is not None
    assert (result.refusal.reason, result.outcome) == (Reason.BAD_ACK, Outcome.REFUSED)
    assert [output.topic for output in result.outputs] == ["slt.receipts"]


def test_the_old_version_of_an_acknowledgement_is_told_what_to_send() -> None:
    old = b"\x00" + (60100).to_bytes(4, "big") + b"\x04ab\x00\x00"
    result = handle(task("slt.in.alder"), old)
    assert result.refusal is not None
    assert (result.refusal.reason, "sequence" in result.refusal.advice) == (Reason.BAD_ACK, True)


ASKED = {"onward_to": "cedar", "series_id": "birch/s", "deadline": (NOW + timedelta(hours=2)).isoformat()}


def test_a_request_for_a_third_party_goes_to_the_originator_and_says_no_more_than_that() -> None:
    known = policy(*(partner(org) for org in ("alder", "birch", "cedar")))
    record = Record(Source("slt.in.alder", 0, 7), NOW, "", "raw", orjson.dumps(ASKED))
    result = task("slt.in.alder").handle(record, MOMENT._replace(policy=known))
    asked, receipt = (
        next((group, CODEC.decode(value["bodies"][0])) for group in value["groups"])
        for value in out(result, "slt.receipts")
    )
    assert result.outcome is Outcome.REQUESTED
    assert (asked[0]["recipients"], asked[1][0]) == (("birch",), "onward_asked")
    assert (asked[1][1]["asker"], asked[1][1]["third_party"], asked[1][1]["series_id"]) == ("alder", "cedar", "birch/s")
    assert (receipt[0]["recipients"], receipt[1][1]["result"], receipt[1][1]["series_id"]) == (
        ("alder",),
        "ACCEPTED",
        "",
    )


def test_a_request_is_told_once_however_often_it_is_sent() -> None:
    known = policy(*(partner(org) for org in ("alder", "birch", "cedar")))
    record = Record(Source("slt.in.alder", 0, 7), NOW, "", "raw", orjson.dumps(ASKED))
    first, again = (
        task("slt.in.alder").handle(one, MOMENT._replace(policy=known))
        for one in (record, record._replace(source=Source("slt.in.alder", 0, 8)))
    )
    keys = [out(result, "slt.receipts")[0]["groups"][0]["keys"] for result in (first, again)]
    assert keys[0] == keys[1]
