"""The vocabulary of a report (ARCHITECTURE §2, consent.md F1-F2), and the little that all rules ask of one."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """Actual, Exercise and Test never mix: a series, a grant and a delivery each have one of them for good."""

    ACTUAL = "Actual"
    EXERCISE = "Exercise"
    TEST = "Test"


class Message(StrEnum):
    """What a version of a series says about the one before it."""

    ALERT = "ALERT"
    UPDATE = "UPDATE"
    CORRECT = "CORRECT"
    CANCEL = "CANCEL"


class InfoKind(StrEnum):
    """What the Framework shares (SLT-60), and the service kinds that support it."""

    INCIDENT_REPORT = "INCIDENT_REPORT"
    SITUATION_REPORT = "SITUATION_REPORT"
    SECURITY_ALERT = "SECURITY_ALERT"
    SECURITY_PROCEDURE = "SECURITY_PROCEDURE"
    RISK_MITIGATION_MEASURE = "RISK_MITIGATION_MEASURE"
    CONTINGENCY_MEASURE = "CONTINGENCY_MEASURE"
    LESSON_LEARNT = "LESSON_LEARNT"
    OPERATIONAL_PLANNING = "OPERATIONAL_PLANNING"
    GOOD_PRACTICE = "GOOD_PRACTICE"
    EVENT_ANNOUNCEMENT = "EVENT_ANNOUNCEMENT"
    RESOURCE_OFFER = "RESOURCE_OFFER"
    RESOURCE_REQUEST = "RESOURCE_REQUEST"
    QUERY = "QUERY"
    ANSWER = "ANSWER"
    FEEDBACK = "FEEDBACK"


PAST_KINDS = frozenset({InfoKind.INCIDENT_REPORT, InfoKind.SITUATION_REPORT})
"""Kinds that tell what has happened: their times cannot lie ahead."""


class Urgency(StrEnum):
    """CAP 1.2 urgency."""

    IMMEDIATE = "Immediate"
    EXPECTED = "Expected"
    FUTURE = "Future"
    PAST = "Past"
    UNKNOWN = "Unknown"


class Severity(StrEnum):
    """CAP 1.2 severity."""

    EXTREME = "Extreme"
    SEVERE = "Severe"
    MODERATE = "Moderate"
    MINOR = "Minor"
    UNKNOWN = "Unknown"


class Certainty(StrEnum):
    """CAP 1.2 certainty."""

    OBSERVED = "Observed"
    LIKELY = "Likely"
    POSSIBLE = "Possible"
    UNLIKELY = "Unlikely"
    UNKNOWN = "Unknown"


class TimePrecision(StrEnum):
    """What the times of an event stand for."""

    EXACT = "EXACT"
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"
    YEAR = "YEAR"
    UNKNOWN = "UNKNOWN"


class PlacePrecision(StrEnum):
    """What the coordinates of an event stand for."""

    EXACT = "EXACT"
    TOWN = "TOWN"
    ADMIN2 = "ADMIN2"
    ADMIN1 = "ADMIN1"
    COUNTRY = "COUNTRY"
    UNKNOWN = "UNKNOWN"


class Tlp(StrEnum):
    """Traffic Light Protocol 2.0: how far a recipient may pass something on (consent.md F4)."""

    RED = "RED"
    AMBER_STRICT = "AMBER_STRICT"
    AMBER = "AMBER"
    GREEN = "GREEN"
    CLEAR = "CLEAR"


class PermittedActions(StrEnum):
    """IEP 2.0: what a recipient may do with what it learns."""

    NONE = "NONE"
    CONTACT_FOR_INSTRUCTION = "CONTACT_FOR_INSTRUCTION"
    INTERNALLY_VISIBLE_ACTIONS = "INTERNALLY_VISIBLE_ACTIONS"
    EXTERNALLY_VISIBLE_INDIRECT_ACTIONS = "EXTERNALLY_VISIBLE_INDIRECT_ACTIONS"
    EXTERNALLY_VISIBLE_DIRECT_ACTIONS = "EXTERNALLY_VISIBLE_DIRECT_ACTIONS"


class UpstreamType(StrEnum):
    """Where a report comes from, beside its originator."""

    ORGANISATION = "ORGANISATION"
    PUBLIC = "PUBLIC"
    UNKNOWN = "UNKNOWN"


class Answer(StrEnum):
    """What a recipient did about a recall (consent.md §5)."""

    DONE = "DONE"
    PARTIAL = "PARTIAL"
    CANNOT = "CANNOT"
    ALREADY_ACTED_ON = "ALREADY_ACTED_ON"


class Relation(StrEnum):
    """What correlate found between a report and what it knew."""

    NEW = "NEW"
    REVISION = "REVISION"
    DUPLICATE = "DUPLICATE"
    SAME = "SAME"
    RELATED = "RELATED"
    ECHO = "ECHO"
    MOVED = "MOVED"
    OPERATOR = "OPERATOR"
