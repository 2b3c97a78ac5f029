"""A partner's status through intake's rule, against the life cycle of SLT-42 written down a second time."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from services.core.authority import Change, Signed, authorise
from services.core.reason import Reason
from services.core.stage import Refusal
from tests.registry import NOW, partner, policy

_PATHS = """
APPLIED UNDER_REVIEW; UNDER_REVIEW OC_AGREED; OC_AGREED ACTIVE; ACTIVE SUSPENDED; ACTIVE WITHDRAWN; SUSPENDED ACTIVE;
SUSPENDED WITHDRAWN; SUSPENDED TERMINATED; APPLIED REJECTED; UNDER_REVIEW REJECTED; OC_AGREED REJECTED;
WITHDRAWN APPLIED
"""
ALLOWED = {tuple(path.split()) for path in _PATHS.split(";")}
STATUSES = sorted({status for path in ALLOWED for status in path})
LOU = {"type": "lou", "version": 1, "lou": "2026", "text_version": "1"}
FINAL = {"REJECTED", "TERMINATED"}


class LifeOfAPartner(RuleBasedStateMachine):
    """Sends statuses at random, keeps what intake enters, and walks the model along."""

    def __init__(self) -> None:
        super().__init__()
        self.entered: list[dict[str, Any]] = []

    @rule(status=st.sampled_from(STATUSES))
    def send(self, status: str) -> None:
        admitted = {"lou": "2026", "evidence": "an invented agreement"}
        payload = partner("alder", version=len(self.entered) + 1, status=status, **admitted)
        signed = Signed("admin", json.dumps(payload), "root", b"")
        found = authorise(signed, payload, policy(LOU, *self.entered), lambda *_: True, NOW)
        before = self.entered[-1]["status"] if self.entered else status
        if before == status or (before, status) in ALLOWED:
            assert isinstance(found, Change)
            self.entered.append(payload)
        else:
            assert isinstance(found, Refusal)
            assert (found.reason, found.field) == (Reason.BAD_STANDING, "status")
            assert all(word in found.advice for one, word in ALLOWED if one == before)

    @invariant()
    def what_is_final_stays(self) -> None:
        statuses = [payload["status"] for payload in self.entered]
        ended = next((place for place, status in enumerate(statuses) if status in FINAL), len(statuses))
        assert len(set(statuses[ended:])) <= 1


TestLifeOfAPartner = LifeOfAPartner.TestCase
TestLifeOfAPartner.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
