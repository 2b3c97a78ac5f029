"""What can be wrong with an alert or a feed, by one word each, with what its publisher should do."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple


class Rule(StrEnum):
    """Every way to be refused. Words are added, never renamed: partners' tools may look for them."""

    TOO_LARGE = "TOO_LARGE"
    NOT_WELL_FORMED = "NOT_WELL_FORMED"
    DOCTYPE = "DOCTYPE"
    NOT_CAP = "NOT_CAP"
    UNSUPPORTED_ELEMENT = "UNSUPPORTED_ELEMENT"
    UNSUPPORTED_ATTRIBUTE = "UNSUPPORTED_ATTRIBUTE"
    DUPLICATE_ELEMENT = "DUPLICATE_ELEMENT"
    MISSING_REQUIRED_ELEMENT = "MISSING_REQUIRED_ELEMENT"
    INVALID_SEQUENCE = "INVALID_SEQUENCE"
    INVALID_CHARACTERS = "INVALID_CHARACTERS"
    INVALID_ENUM_VALUE = "INVALID_ENUM_VALUE"
    INVALID_DATE = "INVALID_DATE"
    INVALID_VALUE = "INVALID_VALUE"
    INVALID_SCHEMA = "INVALID_SCHEMA"
    INVALID_IDENTIFIER = "INVALID_IDENTIFIER"
    INVALID_SENDER = "INVALID_SENDER"
    INVALID_REFERENCES = "INVALID_REFERENCES"
    INVALID_ADDRESSES = "INVALID_ADDRESSES"
    INVALID_INCIDENTS = "INVALID_INCIDENTS"
    INVALID_RESTRICTION = "INVALID_RESTRICTION"
    INVALID_POLYGON = "INVALID_POLYGON"
    INVALID_CIRCLE = "INVALID_CIRCLE"
    INVALID_AREA = "INVALID_AREA"
    INVALID_ALTITUDE_CEILING_RANGE = "INVALID_ALTITUDE_CEILING_RANGE"
    INVALID_RESOURCE = "INVALID_RESOURCE"
    INVALID_URI = "INVALID_URI"
    INVALID_TIMES = "INVALID_TIMES"
    MISSING_NOTE = "MISSING_NOTE"
    NO_SIGNATURE = "NO_SIGNATURE"
    INVALID_SIGNATURE = "INVALID_SIGNATURE"
    FEED_UNSUPPORTED_ELEMENT = "FEED_UNSUPPORTED_ELEMENT"
    FEED_MISSING_ELEMENT = "FEED_MISSING_ELEMENT"
    FEED_DUPLICATE_ELEMENT = "FEED_DUPLICATE_ELEMENT"
    FEED_INVALID_DATE = "FEED_INVALID_DATE"
    FEED_NO_ALERT = "FEED_NO_ALERT"


class Weight(StrEnum):
    """What a finding means for the verdict."""

    REFUSED = "refused"
    ADVICE = "advice"
    """The alert is accepted; a careful publisher would still change it."""


class Finding(NamedTuple):
    """One thing that is wrong, where, and what to do."""

    rule: Rule
    line: int
    where: str
    """Path of the element, such as `alert/info/area/polygon`."""
    advice: str
    weight: Weight = Weight.REFUSED


def refused(findings: Iterable[Finding]) -> bool:
    """Whether one of them refuses."""
    return any(finding.weight is Weight.REFUSED for finding in findings)
