"""Every metric of the relay: name, type, unit, labels, meaning. The exporters, docs/metrics.md, the rules and the
dashboards are built from it or held to it (field.md G9).

Content-free: a label's value is a stage, a family of topics, a partition, an outcome, a reason or an organisation's id,
never anything that a report says. Organisations label counters and their outlet's own gauges, nothing else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from services.core.confirmation import ConsentStatus
from services.core.gates import Code
from services.core.reason import Reason
from services.core.recall import Standing
from services.core.stage import Outcome
from services.runtime.processor import Stage


class Kind(StrEnum):
    """Prometheus types that the relay uses."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Unit(StrEnum):
    """What one step of a value is."""

    RECORDS = "records"
    SECONDS = "seconds"
    TRANSACTIONS = "transactions"
    EVENTS = "events"
    KEYS = "keys"
    STATE = "0 or 1"


class Group(StrEnum):
    """Which process exports a metric."""

    STAGE = "transactional stages"
    DELIVER = "deliver"
    PROJECTOR = "projector"
    CANARY = "canary"
    CONFIRM = "confirm"


class TransactionResult(StrEnum):
    """How a transaction ended."""

    COMMITTED = "committed"
    ABORTED = "aborted"


class LabelError(ValueError):
    """A label's value is not one that the catalogue allows; the value itself is not repeated."""


@dataclass(frozen=True)
class Label:
    """One label and what it may say: listed values, or a form."""

    name: str
    source: str
    values: tuple[str, ...] = ()
    form: str = ""

    def check(self, value: str) -> None:
        """Raise LabelError unless `value` is allowed."""
        if value not in self.values and not (self.form and re.fullmatch(self.form, value)):
            raise LabelError(f"label {self.name}: only {self.source}; add it to its enum, or do not label with it")


@dataclass(frozen=True)
class Metric:
    """One metric; `buckets` are upper bounds in its unit, for histograms only."""

    name: str
    kind: Kind
    unit: Unit
    labels: tuple[Label, ...]
    groups: tuple[Group, ...]
    meaning: str
    buckets: tuple[float, ...] = ()


FAMILIES = (
    "slt.in", "slt.consent", "slt.reports", "slt.located", "slt.incidents", "slt.control", "slt.deliveries",
    "slt.receipts",
)  # fmt: skip
"""Families of topics that stages read; a partner's topics are one family."""

STAGE = Label("stage", "stages", tuple(Stage))
SLOT = Label("slot", "slot numbers", form=r"\d{1,4}")
TOPIC = Label("topic", "families of topics", FAMILIES)
PARTITION = Label("partition", "partition numbers", form=r"\d{1,5}")
OUTCOME = Label("outcome", "outcomes (services/core/stage.py)", tuple(Outcome))
REASON = Label("reason", "reasons (services/core/reason.py)", tuple(Reason))
GATE = Label("reason", "codes of a decision (services/core/gates.py)", tuple(Code))
STANDING = Label("answer", "answers to a recall (services/core/recall.py)", tuple(Standing))
RESULT = Label("result", "committed, aborted", tuple(TransactionResult))
STATUS = Label("status", "confirmations (services/core/confirmation.py)", tuple(ConsentStatus))
ORG = Label("org", "ids of organisations", form=r"[a-z0-9-]{1,63}")

_POSITION = (STAGE, TOPIC, PARTITION)
_RUNNER = (Group.STAGE,)
_READERS = (Group.STAGE, Group.DELIVER)
_DELIVER = (Group.DELIVER,)
_CANARY = (Group.CANARY,)
_CONFIRM = (Group.CONFIRM,)
_COMMIT_BOUNDS = (0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.0, 2.0, 5.0)
_LATENCY_BOUNDS = (0.01, 0.02, 0.04, 0.06, 0.08, 0.12, 0.18, 0.25, 0.5, 1.0, 2.0, 4.0, 10.0)
_CONFIRM_BOUNDS = (0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 120.0, 600.0)
_CATCH_UP_BOUNDS = (0.01, 0.05, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)

CATALOGUE: tuple[Metric, ...] = (
    Metric("slt_slot_info", Kind.GAUGE, Unit.STATE, (STAGE, SLOT), _READERS, "1 while the slot's process runs."),
    Metric("slt_inputs_total", Kind.COUNTER, Unit.RECORDS, _POSITION, _READERS, "Records read, once each."),
    Metric(
        "slt_outcomes_total", Kind.COUNTER, Unit.RECORDS, (*_POSITION, OUTCOME), _RUNNER,
        "What became of each record read: exactly one outcome.",
    ),
    Metric(
        "slt_abandoned_total", Kind.COUNTER, Unit.RECORDS, _POSITION, _RUNNER,
        "Inputs without an outcome when their partition was taken away: its next owner reads them again.",
    ),
    Metric(
        "slt_conservation_gap", Kind.GAUGE, Unit.RECORDS, _POSITION, _RUNNER,
        "Inputs less outcomes less abandoned, as of the last commit. Lasting: a record was lost or counted twice.",
    ),
    Metric(
        "slt_refused_total", Kind.COUNTER, Unit.RECORDS, (STAGE, REASON), _RUNNER,
        "Records refused or noted, by reason; BUG_ is ours, everything else its sender's.",
    ),
    Metric(
        "slt_transactions_total", Kind.COUNTER, Unit.TRANSACTIONS, (STAGE, RESULT), _RUNNER,
        "Transactions ended; every abort is followed by a rewind.",
    ),
    Metric(
        "slt_transaction_records_total", Kind.COUNTER, Unit.RECORDS, (STAGE,), _RUNNER,
        "Records whose transaction was committed; over transactions: the batch size.",
    ),
    Metric(
        "slt_producer_rebuilt_total", Kind.COUNTER, Unit.EVENTS, (STAGE,), _RUNNER,
        "New producers after an outcome that was not certain.",
    ),
    Metric(
        "slt_commit_seconds", Kind.HISTOGRAM, Unit.SECONDS, (STAGE,), _RUNNER, "Time that a commit took.",
        _COMMIT_BOUNDS,
    ),
    Metric(
        "slt_lag_seconds", Kind.GAUGE, Unit.SECONDS, _POSITION, _READERS,
        "Age of the oldest record not yet processed, of all topics of the family; 0: none waits.",
    ),
    Metric(
        "slt_lag_records", Kind.GAUGE, Unit.RECORDS, _POSITION, _DELIVER,
        "Records not yet passed, of all topics of the family.",
    ),
    Metric(
        "slt_state_keys", Kind.GAUGE, Unit.KEYS, (STAGE, PARTITION), _RUNNER, "Keys that the partition's state holds.",
    ),
    Metric(
        "slt_clock_now_seconds", Kind.GAUGE, Unit.SECONDS, (STAGE,), _RUNNER,
        "The stage's clock: append time of the newest heartbeat, since 1970.",
    ),
    Metric(
        "slt_clock_stale", Kind.GAUGE, Unit.STATE, (STAGE,), _RUNNER,
        "1 while clock or policy may be stale: nothing is released, recalls go on.",
    ),
    Metric(
        "slt_barrier_failures_total", Kind.COUNTER, Unit.EVENTS, (STAGE,), _RUNNER,
        "Times that slt.control was not applied up to its end within the limit.",
    ),
    Metric(
        "slt_delivered_total", Kind.COUNTER, Unit.RECORDS, (ORG,), _DELIVER,
        "Records that the broker confirmed on an organisation's topics; counted in the delivery report only.",
    ),
    Metric(
        "slt_skipped_total", Kind.COUNTER, Unit.RECORDS, (), _DELIVER,
        "Deliveries found in their topic already, or made needless by a newer one of their key.",
    ),
    Metric(
        "slt_undeliverable_total", Kind.COUNTER, Unit.RECORDS, (), _DELIVER,
        "Deliveries that the broker refuses for good; each is a task for a person.",
    ),
    Metric("slt_outlet_parked", Kind.GAUGE, Unit.STATE, (ORG,), _DELIVER, "Outlets of it that are parked."),
    Metric(
        "slt_outlet_pulse_timestamp_seconds", Kind.GAUGE, Unit.SECONDS, (ORG,), _DELIVER,
        "Time of the last pulse that the broker confirmed on the outlet, since 1970.",
    ),
    Metric("slt_progress_total", Kind.COUNTER, Unit.RECORDS, (), _DELIVER, "Resume points written to slt.progress."),
    Metric(
        "slt_catch_up_seconds", Kind.HISTOGRAM, Unit.SECONDS, (), _DELIVER,
        "Time from taking partitions over to being past everything that had to be matched.", _CATCH_UP_BOUNDS,
    ),
    Metric(
        "slt_recalls_pending", Kind.GAUGE, Unit.RECORDS, (PARTITION,), (Group.PROJECTOR,),
        "Recalls that fell due and are not written yet.",
    ),
    Metric(
        "slt_recall_answers", Kind.GAUGE, Unit.RECORDS, (PARTITION, STANDING), (Group.PROJECTOR,),
        "Recalls that the ledger keeps (35 days after their deadline), one for each recipient, by what it answered.",
    ),
    Metric(
        "slt_verdicts_total", Kind.COUNTER, Unit.EVENTS, (GATE,), (Group.PROJECTOR,),
        "Verdicts on one report for one recipient, by the code of the primary reason.",
    ),
    Metric(
        "slt_accounts", Kind.GAUGE, Unit.RECORDS, (OUTCOME,), (Group.PROJECTOR,),
        "Accounts over all stages as the projector reads them from the topics: reports by final outcome.",
    ),
    Metric(
        "slt_balance_gap", Kind.GAUGE, Unit.RECORDS, (), (Group.PROJECTOR,),
        "Reports accepted more than a minute ago less those of them with a final outcome, from the topics alone.",
    ),
    Metric(
        "slt_canary_sent_total", Kind.COUNTER, Unit.RECORDS, (PARTITION,), _CANARY, "Test reports that were submitted.",
    ),
    Metric(
        "slt_canary_received_total", Kind.COUNTER, Unit.RECORDS, (PARTITION,), _CANARY,
        "Test reports that came back in time, or were replaced by a newer one that did.",
    ),
    Metric(
        "slt_canary_missing_total", Kind.COUNTER, Unit.RECORDS, (PARTITION,), _CANARY,
        "Test reports that did not come back within 10 s.",
    ),
    Metric(
        "slt_canary_alien_total", Kind.COUNTER, Unit.RECORDS, (), _CANARY,
        "Accounts on the canary's topic that are not its own: a leak.",
    ),
    Metric(
        "slt_end_to_end_seconds", Kind.HISTOGRAM, Unit.SECONDS, (PARTITION,), _CANARY,
        "From the append to slt.in to the append to the partner's topic, read as a partner reads it.",
        _LATENCY_BOUNDS,
    ),
    Metric(
        "slt_confirmation_seconds", Kind.HISTOGRAM, Unit.SECONDS, (STATUS,), _CONFIRM,
        "From the append of an end of consent to slt.control to the moment that confirms it.", _CONFIRM_BOUNDS,
    ),
    Metric(
        "slt_unconfirmed_timestamp_seconds", Kind.GAUGE, Unit.SECONDS, (STATUS,), _CONFIRM,
        "When the oldest end of consent that waits for this confirmation was entered, since 1970; 0: none waits.",
    ),
)  # fmt: skip

NAMED = {metric.name: metric for metric in CATALOGUE}


def family(topic: str) -> str:
    """The family of a topic: `slt.in` for `slt.in.<org>`, else the topic itself."""
    return ".".join(topic.split(".")[:2])
