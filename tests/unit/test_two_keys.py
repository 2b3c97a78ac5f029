"""Who is let in, and who is cut off, by two keys; what a credential may be (SLT-34, 40, 41, 43)."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from services.core.access import Access, Idle, access, idle
from services.core.ahead import Ahead, Entered
from services.core.authority import Change, Signed, authorise
from services.core.control import PartnerStatus
from services.core.control_read import read_control
from services.core.reason import Reason
from services.core.stage import Refusal
from tests.registry import NOW, grant, officer, partner, policy

DAY = timedelta(days=1)
LOU = {"type": "lou", "version": 1, "lou": "2026", "text_version": "1"}


def chair(name: str, scope: str, **fields: Any) -> dict[str, Any]:
    return officer("admin", name=name, scopes=[scope], public_key="22" * 32, **fields)


def approval(confirmer: str, **fields: Any) -> dict[str, Any]:
    base = {"type": "approval", "version": 1, "org": "alder", "confirmer": confirmer, "status": "OC_AGREED",
            "standing": 2}  # fmt: skip
    return {**base, **fields}


def credential(**fields: Any) -> dict[str, Any]:
    base = {"type": "credential", "version": 1, "org": "alder", "name": "laptop", "scopes": ["read"],
            "state": "ISSUED", "issue": 1}  # fmt: skip
    return {**base, **fields}


CHAIRS = (chair("un", "cochair-un"), chair("ngo", "cochair-ingo"), chair("own", "cochair-un", home="alder"))
REVIEWED = (*CHAIRS, LOU, partner("alder", status="UNDER_REVIEW"))
AGREED = partner("alder", version=2, status="OC_AGREED")
BOTH = (approval("un"), approval("ngo"))
SUSPENDED = {"status": "SUSPENDED"}
ACTIVE = (*CHAIRS, LOU, partner("alder"))
CUT = partner("alder", version=2, **SUSPENDED)
ADMITTED = partner("alder", version=3, lou="2026", evidence="an invented agreement")
REVOKED = credential(state="REVOKED")

ROWS: dict[str, tuple[str, dict[str, Any], tuple[dict[str, Any], ...], tuple[Reason, str] | None]] = {
    "agreed without co-chairs": ("root", AGREED, (partner("alder", status="UNDER_REVIEW"),), None),
    "agreed with no key": ("root", AGREED, REVIEWED, (Reason.BAD_STANDING, "status")),
    "agreed with one key": ("root", AGREED, (*REVIEWED, BOTH[0]), (Reason.BAD_STANDING, "status")),
    "agreed with the other key": ("root", AGREED, (*REVIEWED, BOTH[1]), (Reason.BAD_STANDING, "status")),
    "agreed with both keys": ("root", AGREED, (*REVIEWED, *BOTH), None),
    "agreed with two keys of one side": (
        "root", AGREED, (*REVIEWED, BOTH[0], approval("own")), (Reason.BAD_STANDING, "status"),
    ),
    "agreed with a key to another status": (
        "root", AGREED, (*REVIEWED, BOTH[0], approval("ngo", **SUSPENDED)), (Reason.BAD_STANDING, "status"),
    ),
    "agreed with a key to an earlier record": (
        "root", AGREED, (*REVIEWED, BOTH[0], approval("ngo", standing=1)), (Reason.BAD_STANDING, "status"),
    ),
    "a key by its co-chair": ("un", BOTH[0], REVIEWED, None),
    "a key by another": ("ngo", BOTH[0], REVIEWED, (Reason.BAD_AUTHOR, "confirmer")),
    "a key by the root": ("root", approval("root"), REVIEWED, (Reason.BAD_AUTHOR, "signer")),
    "a key to one's own organisation": ("own", approval("own"), REVIEWED, (Reason.BAD_AUTHOR, "confirmer")),
    "a key to a later record": ("un", approval("un", standing=3), REVIEWED, (Reason.BAD_STANDING, "standing")),
    "a key to what needs none": ("un", approval("un", status="ACTIVE"), REVIEWED, (Reason.BAD_STANDING, "status")),
    "a key to what may not follow": ("un", approval("un", **SUSPENDED), REVIEWED, (Reason.BAD_STANDING, "status")),
    "a key to nobody": ("un", approval("un", org="nobody"), REVIEWED, (Reason.BAD_PARTNER, "org")),
    "a co-chair administers nothing": ("un", partner("birch", status="APPLIED"), CHAIRS, (Reason.BAD_AUTHOR, "signer")),
    "let in past the co-chairs": ("root", partner("birch"), CHAIRS, (Reason.BAD_STANDING, "status")),
    "applied where there are co-chairs": ("root", partner("birch", status="APPLIED"), CHAIRS, None),
    "a field partner, by its DO": (
        "root", partner("birch", category="FIELD_PARTNER", areas=["SSD"], admitted_by="the DO",
                        valid_to="2026-12-01T00:00:00+00:00"), CHAIRS, None,
    ),
    "suspended with one key": (
        "root", CUT, (*ACTIVE, approval("un", **SUSPENDED)), (Reason.BAD_STANDING, "status"),
    ),
    "suspended with both keys": (
        "root", CUT, (*ACTIVE, approval("un", **SUSPENDED), approval("ngo", **SUSPENDED)), None,
    ),
    "a suspended partner moves": (
        "root", partner("alder", version=3, presence=["SSD"], **SUSPENDED),
        (partner("alder", version=1), partner("alder", version=2, **SUSPENDED), *CHAIRS), None,
    ),
    "admitted with both": ("root", ADMITTED, (LOU, partner("alder", version=2, status="OC_AGREED")), None),
    "admitted without a letter": (
        "root", {**ADMITTED, "lou": ""}, (LOU, partner("alder", version=2, status="OC_AGREED")),
        (Reason.BAD_STANDING, "lou"),
    ),
    "admitted without evidence": (
        "root", {**ADMITTED, "evidence": " "}, (LOU, partner("alder", version=2, status="OC_AGREED")),
        (Reason.BAD_STANDING, "evidence"),
    ),
    "a UN organisation needs no evidence": (
        "root", {**ADMITTED, "evidence": "", "category": "UNSMS"},
        (LOU, partner("alder", version=2, status="OC_AGREED", category="UNSMS")), None,
    ),
    "a credential": ("root", credential(), ACTIVE, None),
    "a credential of a stranger": ("root", credential(org="nobody"), ACTIVE, (Reason.BAD_PARTNER, "org")),
    "a revoked credential comes back": (
        "root", credential(version=2), (*ACTIVE, REVOKED), (Reason.BAD_STANDING, "name"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_what_two_keys_and_credentials_ask_for(row: str) -> None:
    signer, payload, before, expected = ROWS[row]
    signed = Signed("admin", json.dumps(payload), signer, b"")
    found = authorise(signed, payload, policy(*before), lambda *_: True, NOW)
    if expected is None:
        assert isinstance(found, Change)
    else:
        assert isinstance(found, Refusal)
        assert (found.reason, found.field) == expected
        assert found.advice


def test_a_credential_by_its_organisation_is_refused() -> None:
    """Who may log in is the administrators' word."""
    signed = Signed("alder", json.dumps(credential()), "officer", b"")
    found = authorise(signed, credential(), policy(partner("alder"), officer("alder")), lambda *_: True, NOW)
    assert isinstance(found, Refusal)
    assert found.reason is Reason.BAD_AUTHOR


def test_keys_count_as_soon_as_they_are_entered() -> None:
    """INTAKE decides with what it has itself written and not read back: keys, co-chairs and credentials too."""
    entered = {}
    for payload in (*CHAIRS, *BOTH, REVOKED):
        read = read_control(payload)
        assert not isinstance(read, Refusal)
        name = "/".join(payload[field] for field in ("org", "name", "confirmer") if field in payload)
        entered[f"{read[0]}/{name}"] = Entered(read[1], json.dumps(payload), read[2])
    known = Ahead(policy(LOU, partner("alder", status="UNDER_REVIEW")), entered)
    assert {one.name for one in known.cochairs()} == {"un", "ngo", "own"}
    for payload, refused in ((AGREED, False), (credential(version=2), True)):
        found = authorise(Signed("admin", json.dumps(payload), "root", b""), payload, known, lambda *_: True, NOW)
        assert isinstance(found, Refusal) is refused


def test_credentials_and_keys_look_at_no_incident_again() -> None:
    before = policy(*ACTIVE, grant("alder"))
    after = policy(*ACTIVE, grant("alder"), credential(), approval("un", **SUSPENDED))
    assert list(after.touched(before.epoch)) == []
    assert [one.principal for one in after.credentials()] == ["alder.laptop"]


@pytest.mark.parametrize(
    ("status", "days", "expected"),
    [
        (None, 0, Access.NONE),
        (PartnerStatus.APPLIED, 0, Access.NONE),
        (PartnerStatus.UNDER_REVIEW, 0, Access.NONE),
        (PartnerStatus.OC_AGREED, 0, Access.NONE),
        (PartnerStatus.ACTIVE, 400, Access.ALL),
        (PartnerStatus.SUSPENDED, 400, Access.NOTICES),
        (PartnerStatus.WITHDRAWN, 29, Access.NOTICES),
        (PartnerStatus.WITHDRAWN, 30, Access.NONE),
        (PartnerStatus.TERMINATED, 0, Access.NONE),
        (PartnerStatus.REJECTED, 0, Access.NONE),
    ],
)
def test_what_a_standing_lets_logins_do(status: PartnerStatus | None, days: int, expected: Access) -> None:
    assert access(status, days * DAY) is expected


@pytest.mark.parametrize(
    ("days", "expected"), [(0, Idle.USED), (20, Idle.USED), (21, Idle.WARNED), (29, Idle.WARNED), (30, Idle.ENDED)]
)
def test_what_follows_from_not_being_used(days: int, expected: Idle) -> None:
    assert idle(days * DAY) is expected
