"""Who may change what in slt.control."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from services.core.authority import Change, Signed, authorise
from services.core.reason import Reason
from services.core.stage import Refusal
from services.runtime.registry import Registry, Signers, control_key, founding
from tests.registry import END as EXPIRY
from tests.registry import NOW, START, grant, officer, partner, policy

ROOT = Path(__file__).resolve().parents[2]
TIMES = {"valid_from": START, "valid_to": EXPIRY}
BASE = (
    partner("alder"), officer("alder"), partner("birch"), officer("birch"), grant("alder", grant="known"),
    partner("forum", category="COORDINATION_PLATFORM"),
    {"type": "group", "version": 1, "group": "convoy", "members": ["birch"], **TIMES},
    {"type": "lou", "version": 1, "lou": "2026", "text_version": "1"},
)  # fmt: skip
GONE = officer("birch", version=2, scopes=["administer"])
OVER = officer("alder", version=2, valid_to="2026-05-01T00:00:00+00:00")
TAKEN_BACK = {"type": "withdrawal", "version": 1, "originator": "alder", "series": "alder/s"}
GLASS = {"type": "breakglass", "version": 1, "series": "alder/s", "org": "birch", "confirmer": "officer"}
GROUP = {"type": "group", "version": 1, "group": "joint", "members": ["alder", "birch"], **TIMES}
LOU = {"type": "lou", "version": 1, "lou": "2027", "text_version": "2"}
OFFER = {"grant": "life", "status": "Actual", "kinds": ["*"], "areas": ["*"], "recipients": ["present"]}
OVERLAY = {"type": "overlay", "version": 1, "area": "KEN", "rules": [{"kinds": ["*"], "recipients": ["birch"]}]}
AREA = {"type": "area", "version": 1, "area": "KEN", "level": "ENHANCED", "valid_from": START, "approver": "the DO"}
TABLE = {"type": "sensitivity", "version": 1, "area": "*", "rows": []}
END = {"type": "end", "version": 1, "grantor": "alder", "grant": "known", "state": "REVOKED"}

ROWS: dict[str, tuple[str, str, dict[str, Any], tuple[dict[str, Any], ...], bool, Reason | None]] = {
    "a grant by its grantor's officer": ("alder", "officer", grant("alder"), (), True, None),
    "by somebody else": ("birch", "officer", grant("alder"), (), True, Reason.BAD_AUTHOR),
    "by an administrator": ("admin", "root", grant("alder"), (), True, Reason.BAD_AUTHOR),
    "by a person that nobody registered": ("alder", "stranger", grant("alder"), (), True, Reason.BAD_AUTHOR),
    "by an officer whose time is over": ("alder", "officer", grant("alder"), (OVER,), True, Reason.BAD_AUTHOR),
    "with a signature that does not hold": ("alder", "officer", grant("alder"), (), False, Reason.BAD_SIGNATURE),
    "for a recipient that nobody knows": (
        "alder", "officer", grant("alder", recipients=["nobody"]), (), True, Reason.BAD_PARTNER,
    ),
    "for somebody else's report": (
        "alder", "officer", grant("alder", series=["birch/s"]), (), True, Reason.BAD_AUTHOR,
    ),
    "without recipients": ("alder", "officer", grant("alder", recipients=[]), (), True, Reason.BAD_GRANT),
    "of nothing": ("alder", "officer", grant("alder", kinds=[]), (), True, Reason.BAD_GRANT),
    "longer than a year": (
        "alder", "officer", grant("alder", valid_to="2028-01-01T00:00:00+00:00"), (), True, Reason.BAD_GRANT,
    ),
    "a withdrawal of what was never given": (
        "alder", "officer", grant("alder", state="WITHDRAWN"), (), True, Reason.BAD_GRANT,
    ),
    "a withdrawal": ("alder", "officer", grant("alder", grant="known", state="WITHDRAWN"), (), True, None),
    "a grantor that revokes": ("alder", "officer", grant("alder", state="REVOKED"), (), True, Reason.BAD_AUTHOR),
    "an administrator that revokes": ("admin", "root", END, (), True, None),
    "a grantor that ends by the administrators' record": ("alder", "officer", END, (), True, Reason.BAD_AUTHOR),
    "an end of what was never given": ("admin", "root", {**END, "grant": "none"}, (), True, Reason.BAD_GRANT),
    "a partner by the administrators": ("admin", "root", partner("cedar"), (), True, None),
    "a partner by itself": ("alder", "officer", partner("alder", version=2), (), True, Reason.BAD_AUTHOR),
    "an unknown field": ("admin", "root", partner("cedar", colour="red"), (), True, Reason.BAD_FIELD_UNKNOWN),
    "a partner that returns": (
        "admin", "root", partner("alder", version=3), (partner("alder", version=2, status="SUSPENDED"),), True, None,
    ),
    "a partner that returns for good": (
        "admin", "root", partner("alder", version=3), (partner("alder", version=2, status="TERMINATED"),), True,
        Reason.BAD_STANDING,
    ),
    "a partner under a known letter": ("admin", "root", partner("cedar", lou="2026"), (), True, None),
    "a partner under no known letter": (
        "admin", "root", partner("cedar", lou="1999"), (), True, Reason.BAD_REFERENCE,
    ),
    "a platform with a stranger": (
        "admin", "root", partner("cedar", category="COORDINATION_PLATFORM", members=["alder", "nobody"]), (), True,
        Reason.BAD_PARTNER,
    ),
    "a grant for every word": (
        "alder", "officer",
        grant("alder", recipients=["*", "present", "category:MEDIA", "birch", "group:convoy", "platform:forum",
                                   "platform:forum/members"]),
        (), True, None,
    ),
    "a grant for an unknown group": (
        "alder", "officer", grant("alder", recipients=["group:none"]), (), True, Reason.BAD_REFERENCE,
    ),
    "a grant for an unknown platform": (
        "alder", "officer", grant("alder", recipients=["platform:nobody/members"]), (), True, Reason.BAD_PARTNER,
    ),
    "a grant for a platform that is none": (
        "alder", "officer", grant("alder", recipients=["platform:birch"]), (), True, Reason.BAD_PARTNER,
    ),
    "a refusal of what was only asked": ("alder", "officer", grant("alder", state="REFUSED"), (), True, None),
    "a withdrawal of a series": ("alder", "officer", TAKEN_BACK, (), True, None),
    "a withdrawal of another's series": ("birch", "officer", TAKEN_BACK, (), True, Reason.BAD_AUTHOR),
    "a withdrawal by an administrator": ("admin", "root", TAKEN_BACK, (), True, Reason.BAD_AUTHOR),
    "a withdrawal without the scope": (
        "birch", "officer", {**TAKEN_BACK, "originator": "birch", "series": "birch/s"}, (GONE,), True,
        Reason.BAD_AUTHOR,
    ),
    "a confirmation in one's own name": ("birch", "officer", GLASS, (), True, None),
    "a confirmation in another's name": (
        "birch", "officer", {**GLASS, "confirmer": "colleague"}, (), True, Reason.BAD_AUTHOR,
    ),
    "a confirmation for another organisation": ("alder", "officer", GLASS, (), True, Reason.BAD_AUTHOR),
    "a confirmation about a stranger's report": (
        "birch", "officer", {**GLASS, "series": "nobody/s"}, (), True, Reason.BAD_PARTNER,
    ),
    "an area": ("admin", "root", AREA, (), True, None),
    "an area by a partner": ("alder", "officer", AREA, (), True, Reason.BAD_AUTHOR),
    "a sensitivity table by a partner": ("alder", "officer", TABLE, (), True, Reason.BAD_AUTHOR),
    "a sensitivity table": ("admin", "root", TABLE, (), True, None),
    "an overlay": ("admin", "root", OVERLAY, (), True, None),
    "an overlay by a partner": ("birch", "officer", OVERLAY, (), True, Reason.BAD_AUTHOR),
    "an overlay about a stranger": (
        "admin", "root", {**OVERLAY, "rules": [{"kinds": ["*"], "recipients": ["nobody"]}]}, (), True,
        Reason.BAD_PARTNER,
    ),
    "a letter": ("admin", "root", {**LOU, "offers": [OFFER]}, (), True, None),
    "a letter by a partner": ("alder", "officer", LOU, (), True, Reason.BAD_AUTHOR),
    "a letter that offers to a stranger": (
        "admin", "root", {**LOU, "offers": [{**OFFER, "recipients": ["nobody"]}]}, (), True, Reason.BAD_PARTNER,
    ),
    "a group": ("admin", "root", GROUP, (), True, None),
    "a group by a partner": ("alder", "officer", GROUP, (), True, Reason.BAD_AUTHOR),
    "a group with a stranger": (
        "admin", "root", {**GROUP, "members": ["nobody"]}, (), True, Reason.BAD_PARTNER,
    ),
    "an unknown area": ("admin", "root", partner("cedar", areas=["Kenya"]), (), True, Reason.BAD_VOCABULARY),
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_a_change_and_its_author(row: str) -> None:
    author, signer, payload, more, holds, reason = ROWS[row]
    signed = Signed(author, json.dumps(payload), signer, b"")
    found = authorise(signed, payload, policy(*BASE, *more), lambda *_: holds, NOW)
    if reason is None:
        assert isinstance(found, Change)
        assert found.key.startswith(payload["type"] + "/")
    else:
        assert isinstance(found, Refusal)
        assert found.reason is reason
        assert found.advice


def test_any_json_is_answered() -> None:
    payloads: list[Any] = [None, [], "x", {}, {"type": "grant"}, {"type": 3, "version": 1}]
    for payload in payloads:
        found = authorise(Signed("alder", "", "officer", b""), payload, policy(*BASE), lambda *_: True, NOW)
        assert isinstance(found, Refusal)


def test_the_demonstrations_registry_can_be_entered_in_its_order(tmp_path: Path) -> None:
    entered: list[dict[str, Any]] = []
    for payload in founding(Registry.load(ROOT / "deploy/demo/registry.yaml"), Signers(tmp_path)):
        signed = Signed("admin", json.dumps(payload), "root", b"")
        found = authorise(signed, payload, policy(*entered), lambda *_: True, NOW)
        assert isinstance(found, Change), found
        assert found.key == control_key(payload)
        entered.append(payload)
    assert len(entered) > 20
