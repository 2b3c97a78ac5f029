"""A CAP record on its way in: parsed, its signature verified, mended, judged, mapped (docs/cap.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from cryptography.x509 import Certificate
from lxml import etree

from services.core.cap.findings import Finding, Weight
from services.core.cap.read import submission_from
from services.core.cap.repair import Repair, mend
from services.core.cap.rules import semantics
from services.core.cap.structure import structure
from services.runtime.cap.parse import alert_of, parse
from services.runtime.cap.schema import follows_schema
from services.runtime.cap.signature import certificates, signed_part


class Received(NamedTuple):
    """A submission with what was mended to get it."""

    fields: dict[str, Any]
    repairs: Mapping[Repair, int]


def receive(data: bytes, most: int, registered: Sequence[str], at: datetime) -> Received | Finding:
    """The submission that one alert is, or the first thing that is wrong with it.

    `registered`: PEM of the submitter's certificates; if there are any, one of them has to have signed the alert, and
    be valid `at`.
    """
    parsed = parse(data, most)
    root = signed_part(parsed, _certificates(tuple(registered)), at) if _to_verify(parsed, registered) else parsed
    if isinstance(root, Finding):
        finding: Finding = root
        return finding
    alert = alert_of(root)
    if isinstance(alert, Finding):
        return alert
    mended = mend(alert)
    left = () if follows_schema(alert, root) else structure(mended.alert)
    for finding in (*left, *semantics(mended.alert)):
        if finding.weight is Weight.REFUSED:
            return finding
    return Received(submission_from(mended.alert), mended.repairs)


def _to_verify(parsed: etree._Element | Finding, registered: Sequence[str]) -> bool:
    return bool(registered) and not isinstance(parsed, Finding)


@lru_cache(maxsize=1024)
def _certificates(pem: tuple[str, ...]) -> tuple[Certificate, ...]:
    return tuple(certificate for one in pem for certificate in certificates(one.encode()))
