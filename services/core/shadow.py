"""Two policies held against what was decided: whose outcome would be another one? (consent.md §9, L4)

Pure: the reports, the moments at which they were decided, and both policies come in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from services.core.decide import ALONE, READ
from services.core.gates import Code, Verdict, verdict
from services.core.policy import Decided, Policy

_UNKNOWN = verdict({Code.DEN_PARTNER_UNKNOWN})


class Difference(NamedTuple):
    """One recipient for whom one report comes out differently."""

    series_id: str
    version: int
    recipient: str
    as_of: datetime
    before: Verdict
    after: Verdict


def differences(
    report: Mapping[str, Any], moments: Iterable[datetime], old: Policy, new: Policy
) -> Iterator[Difference]:
    """Where the policies part on one report, at each moment of its decisions; a difference is told once.

    What the ledger adds to a decision (echoes, requests) is the same for both and left out.
    """
    told: set[tuple[str, Verdict, Verdict]] = set()
    for moment in sorted(moments):
        was, now = _decide(old, report, moment), _decide(new, report, moment)
        if was.groups == now.groups:
            continue
        for org in sorted(was.by_recipient.keys() | now.by_recipient.keys()):
            pair = was.by_recipient.get(org, _UNKNOWN), now.by_recipient.get(org, _UNKNOWN)
            if pair[0] != pair[1] and (org, *pair) not in told:
                told.add((org, *pair))
                yield Difference(report["series_id"], report["version"], org, moment, *pair)


def _decide(policy: Policy, report: Mapping[str, Any], moment: datetime) -> Decided:
    return policy.decide(report, moment, ask=READ, context=ALONE)


def summary(found: Iterable[Difference]) -> Counter[tuple[str, str]]:
    """How many recipients and reports go from which primary reason to which."""
    return Counter((one.before.primary.value, one.after.primary.value) for one in found)
