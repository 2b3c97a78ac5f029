"""The one shape of a stage: a record comes in, a result says what becomes of it.

A task is the rule of one stage on one partition. It is pure: it reads the state and the moment that it is given and
returns what to send and what to remember; the runner does both in one transaction (ARCHITECTURE §5, rules 1-3).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from services.core.answers import NO_ANSWERS, Answers
from services.core.reason import Reason

Fields = Mapping[str, Any]


class Outcome(StrEnum):
    """What became of one input of one stage. Inputs = outcomes, per stage and partition, always."""

    ACCEPTED = "accepted"  # intake: a report went on
    CONTROLLED = "controlled"  # intake: a consent or administration record was entered in slt.control
    ACKNOWLEDGED = "acknowledged"  # intake: an acknowledgement was entered in slt.acks
    REQUESTED = "requested"  # intake: a request went on to the originator whom it is for
    LOCATED = "located"  # enrich: with or without a country
    MOVED = "moved"  # enrich: a series left its provisional home
    LINKED = "linked"  # correlate: names the incidents that a report changes
    DELIVERED = "delivered"  # distribute: at least one recipient holds it now
    WITHHELD = "withheld"  # distribute: decided, and nobody may or wants to have it
    DUPLICATE = "duplicate"  # correlate, distribute: the same report once more
    EXPIRED = "expired"  # distribute: its time was over before it could go out
    REFUSED = "refused"  # any stage: recorded in slt.dead, and told to its submitter
    RELINKED = "relinked"  # distribute: a change of links or of home, no new report


class Source(NamedTuple):
    """Where a record was read: the coordinates that name it for good."""

    topic: str
    partition: int
    offset: int


class Record(NamedTuple):
    """One record as a stage sees it."""

    source: Source
    appended: datetime
    """The broker's append time, aware UTC."""
    key: str
    kind: str
    """Name of the record type in `schemas/` (`raw` where the stage reads bytes itself)."""
    value: Any
    """A mapping of the record type's fields; bytes for `raw`."""


class Output(NamedTuple):
    """One record to send in the transaction of the input."""

    topic: str
    key: str
    kind: str
    value: Fields | bytes
    """The record's fields; bytes if they are encoded already."""
    partition: int | None = None
    """Explicit along the incident's way; None lets the key decide (murmur2)."""


class Change(NamedTuple):
    """One write to the partition's state; a value of None removes the key."""

    key: str
    kind: str
    value: Fields | None


class Refusal(NamedTuple):
    """Why an input cannot be processed, and what its sender should change (never any content of it)."""

    reason: Reason
    advice: str
    field: str = ""


class Result(NamedTuple):
    """What a task decided about one input (or about one piece of due work, which has no outcome)."""

    outcome: Outcome | None
    outputs: tuple[Output, ...] = ()
    changes: tuple[Change, ...] = ()
    refusal: Refusal | None = None
    """Set with REFUSED: the runner adds the record to slt.dead with its coordinates."""
    note: Reason | None = None
    """Something worth counting about an input that went on all the same."""
    fault: str = ""
    """A fault of ours that did not stop it, without any content: it is logged."""


class State(Protocol):
    """What a task remembers: the changelog's newest value per key, read-only here."""

    def get(self, key: str) -> Fields | None:
        """The value as of all results applied so far, or None."""

    def keys(self) -> Iterable[str]:
        """Every key with a value."""


class Moment(NamedTuple):
    """Everything outside the record that a decision may depend on."""

    now: datetime
    """Append time of the broker's newest heartbeat; never goes back (ARCHITECTURE §5 rule 9)."""
    fresh: bool
    """False when the clock or the control state may be stale: then nothing is released, recalls go on."""
    policy: Any = None
    """The policy compiled at `epoch` (services.core.policy.Policy) for stages that read slt.control."""
    epoch: int = -1
    """Offset in slt.control up to which (exclusive) the policy is applied."""
    answers: Answers = NO_ANSWERS
    """All acknowledgements so far, for stages that read slt.acks."""


class Task(Protocol):
    """The rule of one stage on one partition, with what it derives from that partition's state."""

    def handle(self, record: Record, moment: Moment) -> Result:
        """Decide about one record."""

    def applied(self, result: Result) -> None:
        """Called after the result's changes are in the state: keep derived indexes current."""

    def work(self, moment: Moment, limit: int) -> Iterable[Result]:
        """Up to `limit` pieces of work that time or policy made due; each is applied before the next is taken."""
