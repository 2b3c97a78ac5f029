"""A storm of consents by seed: as many grants and ends of grants as reports, one after the other.

Nobody gets back what was taken from it: a new life of a grant covers nothing earlier, and late grants go to
recipients of their own. So each delivery is to be recalled once, or never, however fast consents come and go, and the
multiset of recalls can be worked out from the control log alone (tests/oracle/recalls.py).
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from tests.oracle.generator import Plan
from tests.oracle.scenario import ADMIN, KINDS, ORIGINATORS, Send, Signers, canary, grant, registry

_STANDING = 4
"""Standing grants of each originator that come and go."""
_THEIRS = ("fir", "ginkgo", "hazel", "kauri", "larch", "rowan", "spruce", "alder", "birch")
_LATE = ("tamarack", "quince", "pine")
_AGE = 40
"""Reports that a series, and half of it late grants that one, has behind it before it is taken back."""


def make_storm(signers: Signers, reports: int, start: datetime) -> Plan:
    """`reports` reports, each after one word of somebody's consent; `start` is about now."""
    storm = _Storm(signers, start)
    opening = tuple(storm.toggle(org) for org in ORIGINATORS for _ in range(_STANDING))
    canaries = {org: canary(signers.seed, org) for org in ORIGINATORS}
    return Plan((registry(signers, start), opening, tuple(storm.sends(reports))), canaries)


class _Storm:
    """Draws a word and a report, again and again."""

    def __init__(self, signers: Signers, start: datetime) -> None:
        self._signers = signers
        self._start = start
        self._random = random.Random(signers.seed)
        self._versions: dict[str, int] = {}
        self._turn: dict[str, int] = {}
        self._reported: list[tuple[str, str]] = []
        self._fresh: dict[str, list[str]] = {org: [] for org in ORIGINATORS}
        self._late: list[dict[str, Any]] = []

    def sends(self, reports: int) -> Iterator[Send]:
        """Reports and words in turn."""
        for number in range(reports):
            org = self._random.choice(ORIGINATORS)
            yield self._word(org)
            yield self._report(self._random.choice(ORIGINATORS), f"r{number}")

    def _word(self, org: str) -> Send:
        draw = self._random.random()
        if draw < 0.2 and self._fresh[org]:
            return self._grant_late(org)
        if draw < 0.3 and len(self._late) > _AGE // 2:
            return self._end_late()
        if draw < 0.4 and len(self._reported) > _AGE:
            return self._withdraw()
        return self.toggle(org)

    def toggle(self, org: str) -> Send:
        """The next version of one of the originator's standing grants, in turn: given, ended, given again."""
        turn = self._turn[org] = self._turn.get(org, -1) + 1
        name = f"storm-{turn % _STANDING}"
        version = self._version(f"{org}/{name}")
        chosen = random.Random(f"{self._signers.seed}/{org}/{name}")
        payload = grant(
            org, name, version, self._start,
            recipients=sorted(set(chosen.sample(_THEIRS, 4)) - {org}), kinds=chosen.sample(KINDS, 2),
            state="GIVEN" if version % 2 else "WITHDRAWN", mode="PROSPECTIVE" if version % 8 == 4 else "RECALL",
        )  # fmt: skip
        return self._signers.send(org, payload, "grant")

    def _grant_late(self, org: str) -> Send:
        """For a few reports that are there already, each named once only."""
        series, self._fresh[org] = self._fresh[org], []
        name = f"late-{self._version('late')}"
        payload = grant(org, name, 1, self._start, series=series, kinds=[], areas=[], covers_earlier=True,
                        recipients=self._random.sample(_LATE, 2))  # fmt: skip
        self._late.append(payload)
        return self._signers.send(org, payload, "grant")

    def _end_late(self) -> Send:
        """An older one: by its grantor, or by the administrators."""
        gone = self._late.pop(0)
        if self._random.random() < 0.5:
            return self._signers.send(gone["grantor"], {**gone, "version": 2, "state": "WITHDRAWN"}, "grant")
        payload = {"type": "end", "version": 1, "grantor": gone["grantor"], "grant": gone["grant"], "state": "REVOKED"}
        return self._signers.send(ADMIN, payload, "end")

    def _withdraw(self) -> Send:
        """A whole series, once."""
        org, series = self._reported.pop(self._random.randrange(len(self._reported) - _AGE))
        payload = {"type": "withdrawal", "version": 1, "originator": org, "series": f"{org}/{series}",
                   "mode": self._random.choice(("RECALL", "PROSPECTIVE"))}  # fmt: skip
        return self._signers.send(org, payload, "withdrawal")

    def _report(self, org: str, series: str) -> Send:
        word = canary(self._signers.seed, org)
        fields = {
            "series_id": series, "status": "Actual", "kind": self._random.choice(KINDS),
            "headline": f"Invented event {series} {word}", "description": f"{word} number {series}", "actor": word,
            "place": {"country": self._random.choice(("KEN", "SSD", "AFG", "COL"))},
        }  # fmt: skip
        self._reported.append((org, series))
        self._fresh[org].append(f"{org}/{series}")
        return Send(org, f"slt.in.{org}", json.dumps(fields).encode(), "report")

    def _version(self, name: str) -> int:
        self._versions[name] = self._versions.get(name, 0) + 1
        return self._versions[name]
