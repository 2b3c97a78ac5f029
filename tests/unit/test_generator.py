"""The generated load: the same seed gives the same bytes, and everything that the proof needs occurs in it."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.core.control_read import read_control
from services.core.stage import Refusal
from services.core.submission import read_submission
from tests.oracle.generator import Plan, make_plan
from tests.oracle.scenario import ORIGINATORS, OUTSIDERS, Send, Signers
from tests.oracle.storm import make_storm

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
REPORTS = 3000


@pytest.fixture(scope="module")
def plan() -> Plan:
    return make_plan(_signers(1), REPORTS, START)


def _signers(seed: int) -> Signers:
    return Signers(seed, Ed25519PrivateKey.from_private_bytes(bytes(32)))


def _reports(plan: Plan) -> list[Send]:
    return [send for phase in plan.phases for send in phase if send.what == "report"]


def test_the_seed_decides_every_byte(plan: Plan) -> None:
    assert make_plan(_signers(1), REPORTS, START) == plan
    assert make_plan(_signers(2), REPORTS, START) != plan


def test_reports_are_as_many_as_asked_for_besides_copies_and_repeats(plan: Plan) -> None:
    counts = Counter(send.what for phase in plan.phases for send in phase)

    assert counts["report"] >= REPORTS
    assert counts["repeat"] > REPORTS // 20
    assert {"partner", "representative", "grant", "end", "wrong"} <= counts.keys()


def test_what_is_meant_as_a_report_is_one(plan: Plan) -> None:
    refused = [
        found.advice
        for send in _reports(plan)
        if isinstance(found := read_submission(json.loads(send.value), START), Refusal)
    ]

    assert refused == []


def test_reports_carry_every_message_status_and_an_unknown_place(plan: Plan) -> None:
    reports = [json.loads(send.value) for send in _reports(plan)]

    assert {report["message"] for report in reports} == {"ALERT", "UPDATE", "CORRECT", "CANCEL"}
    assert {report["status"] for report in reports} == {"Actual", "Exercise", "Test"}
    assert {"place" in report for report in reports} == {True, False}


def test_consents_are_given_withdrawn_both_ways_narrowed_and_revoked(plan: Plan) -> None:
    control = [
        json.loads(json.loads(send.value)["payload"]) for phase in plan.phases for send in phase if _signed(send)
    ]

    assert {(each["state"], each["mode"]) for each in control if each["type"] == "grant"} >= {
        ("GIVEN", "RECALL"), ("WITHDRAWN", "RECALL"), ("WITHDRAWN", "PROSPECTIVE"),
    }  # fmt: skip
    assert {each["effect"] for each in control if each["type"] == "grant"} == {"PERMIT", "PROHIBIT"}
    assert {each["status"] for each in control if each["type"] == "partner"} == {"ACTIVE", "SUSPENDED", "TERMINATED"}


def test_nobody_ever_permits_an_outsider_anything(plan: Plan) -> None:
    named = [org for send in _reports(plan) for org in json.loads(send.value)["initial_audience"]]
    control = [
        json.loads(json.loads(send.value)["payload"]) for phase in plan.phases for send in phase if _signed(send)
    ]
    named += [org for each in control if each["type"] == "grant" for org in each["recipients"]]

    assert set(named) & {*OUTSIDERS, "*", "category:IO"} == set()


def test_every_text_carries_its_originators_secret_word_and_no_others(plan: Plan) -> None:
    for send in _reports(plan):
        assert {org for org in ORIGINATORS if plan.canaries[org].encode() in send.value} == {send.org}


def _signed(send: Send) -> bool:
    return send.what in {"partner", "grant", "end"}


def test_a_storm_has_a_word_of_consent_for_every_report_and_each_is_one() -> None:
    *opening, storm = make_storm(_signers(1), 400, START).phases
    assert [send.what == "report" for send in storm] == [False, True] * 400
    words = [send for phase in (*opening, storm) for send in phase if send.what != "report"]
    payloads = [json.loads(json.loads(send.value)["payload"]) for send in words]
    assert [read_control(payload) for payload in payloads if isinstance(read_control(payload), Refusal)] == []
    kinds = Counter((payload["type"], payload.get("state"), payload.get("mode")) for payload in payloads[25:])
    for kind in (("grant", "GIVEN", "RECALL"), ("grant", "WITHDRAWN", "RECALL"), ("grant", "WITHDRAWN", "PROSPECTIVE"),
                 ("end", "REVOKED", None), ("withdrawal", None, "RECALL"),
                 ("withdrawal", None, "PROSPECTIVE")):  # fmt: skip
        assert kinds[kind] >= 5, kinds
