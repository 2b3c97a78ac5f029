"""A recall that waits for its recipients' answers, and the class of reason that it gives them (consent.md §5).

Pure: the ledger keeps what these functions return. Recipients that are sent the same recall share one `Recall`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from services.core.gates import PRECEDENCE, Code
from services.core.report import Answer

MOST_REMINDERS = 3
FORGET_AFTER = timedelta(days=35)
"""From the deadline on, as long as slt.notices keeps a reminder; then the ledger forgets the recall."""


class RecallClass(StrEnum):
    """Why something is taken back, as far as its recipient may know (docs/rules.md §9)."""

    RCL_WITHDRAWN = "RCL_WITHDRAWN"
    RCL_REVOKED = "RCL_REVOKED"
    RCL_AUDIENCE_SHRUNK = "RCL_AUDIENCE_SHRUNK"
    RCL_ERROR = "RCL_ERROR"
    RCL_PARTNER_LEFT = "RCL_PARTNER_LEFT"
    RCL_PRIVACY = "RCL_PRIVACY"


_CLASS = {
    Code.DEN_PARTNER_UNKNOWN: RecallClass.RCL_PARTNER_LEFT,
    Code.DEN_PARTNER_NOT_ACTIVE: RecallClass.RCL_PARTNER_LEFT,
    Code.DEN_INTEGRITY_SCHEMA: RecallClass.RCL_ERROR,
    Code.DEN_INTEGRITY_UNKNOWN_SENDER: RecallClass.RCL_ERROR,
    Code.DEN_INTEGRITY_TIME: RecallClass.RCL_ERROR,
    Code.DEN_CONSENT_INVALID: RecallClass.RCL_ERROR,
    Code.DEN_RECALLED: RecallClass.RCL_WITHDRAWN,
    Code.DEN_UPDATE_OF_RECALLED: RecallClass.RCL_WITHDRAWN,
    Code.DEN_CONSENT_WITHDRAWN: RecallClass.RCL_WITHDRAWN,
    Code.DEN_CONSENT_REFUSED: RecallClass.RCL_WITHDRAWN,
    Code.DEN_CONSENT_REVOKED: RecallClass.RCL_REVOKED,
}
"""Every other code is RCL_AUDIENCE_SHRUNK: it would speak of other organisations, or of what the report says."""
_PERSONAL = frozenset({Code.DEN_PRIVACY, Code.RED_PERSONAL})


def recall_class(codes: Iterable[Code], *, personal: bool = False) -> RecallClass:
    """The class for the codes of what is no longer permitted; without any, less of the same was permitted.

    What the recipient knows of itself goes before what others did. `personal`: it held personal data; one that did not
    is not told by RCL_PRIVACY that there are any.
    """
    ordered = sorted(codes, key=PRECEDENCE.__getitem__)
    classes = [_CLASS[code] for code in ordered if code in _CLASS]
    if RecallClass.RCL_PARTNER_LEFT in classes:
        return RecallClass.RCL_PARTNER_LEFT
    if classes:
        return classes[0]
    if personal and _PERSONAL & set(ordered):
        return RecallClass.RCL_PRIVACY
    return RecallClass.RCL_AUDIENCE_SHRUNK


class Standing(StrEnum):
    """Where a recall stands at one recipient: no answer yet, none in time, or its answer."""

    OPEN = "OPEN"
    OVERDUE = "OVERDUE"
    DONE = Answer.DONE
    PARTIAL = Answer.PARTIAL
    CANNOT = Answer.CANNOT
    ALREADY_ACTED_ON = Answer.ALREADY_ACTED_ON


class Terms(NamedTuple):
    """How long recipients have."""

    deadline: timedelta = timedelta(hours=24)
    """From the recall to its first reminder."""
    pause: timedelta = timedelta(hours=24)
    """Between two reminders, and from the last one to OVERDUE."""


class Recall(NamedTuple):
    """One recall and where it stands at everybody that it was sent to."""

    name: str
    """What its key is made from; with the sequence it names the recall within its incident."""
    sequence: int
    reason_class: str
    sent_at: datetime
    deadline: datetime
    reminded: int
    due: datetime
    """When it is looked at again."""
    standings: Mapping[str, Standing]
    """By recipient."""

    @property
    def open(self) -> tuple[str, ...]:
        """Who has still to answer."""
        return tuple(one for one, standing in self.standings.items() if standing is Standing.OPEN)


def answered(recall: Recall, answers: Mapping[str, Answer]) -> Recall:
    """With these recipients' answers; the newest counts, and one that comes late counts too."""
    told = {one: Standing(answer) for one, answer in answers.items() if one in recall.standings}
    found = recall._replace(standings={**recall.standings, **told})
    return found if found.open else found._replace(due=recall.deadline + FORGET_AFTER)


def passed(recall: Recall, now: datetime, terms: Terms) -> tuple[Recall | None, tuple[str, ...]]:
    """The recall after what is due now, and whom to remind; None when it is to be forgotten."""
    if now < recall.due:
        return recall, ()
    waiting = recall.open
    if waiting and recall.reminded < MOST_REMINDERS:
        return recall._replace(reminded=recall.reminded + 1, due=now + terms.pause), waiting
    if waiting:
        overdue = {**recall.standings, **dict.fromkeys(waiting, Standing.OVERDUE)}
        return recall._replace(standings=overdue, due=recall.deadline + FORGET_AFTER), ()
    return None, ()


def recall_to_fields(recall: Recall) -> dict[str, Any]:
    """The recall as its record in slt.ledger has it."""
    groups: dict[Standing, list[str]] = {}
    for recipient, standing in recall.standings.items():
        groups.setdefault(standing, []).append(recipient)
    standings = [{"answer": standing.value, "recipients": some} for standing, some in groups.items()]
    return {**recall._asdict(), "standings": standings}


def recall_from_fields(fields: Mapping[str, Any]) -> Recall:
    """The recall of a record in slt.ledger."""
    standings: dict[str, Standing] = {}
    for entry in fields["standings"]:
        standings |= dict.fromkeys(entry["recipients"], Standing(entry["answer"]))
    return Recall(**{**fields, "standings": standings})
