"""Who may change what in slt.control."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.core.authority import Change, Signed, authorise
from services.core.reason import Reason
from services.core.stage import Refusal
from tests.registry import NOW, grant, officer, partner, policy

BASE = (partner("alder"), officer("alder"), partner("birch"), officer("birch"), grant("alder", grant="known"))
OVER = officer("alder", version=2, valid_to="2026-05-01T00:00:00+00:00")
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


def test_any_json_is_answered() -> None:
    payloads: list[Any] = [None, [], "x", {}, {"type": "grant"}, {"type": 3, "version": 1}]
    for payload in payloads:
        found = authorise(Signed("alder", "", "officer", b""), payload, policy(*BASE), lambda *_: True, NOW)
        assert isinstance(found, Refusal)
