"""The exporters: what a process counts, held to the catalogue.

Every labelled child is made once and kept (`labels()` costs four times an increment), and a label set whose values can
be listed stands at 0 from the start, so that a rate over it is right from the first event on.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import product
from threading import Thread
from typing import Any, Generic, TypeVar
from wsgiref.simple_server import WSGIServer

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    start_http_server,
)

from services.core.confirmation import ConsentStatus
from services.core.gates import Code
from services.core.outlet import organisation
from services.core.reason import Reason
from services.core.recall import Standing
from services.core.stage import Outcome
from services.runtime.catalogue import CATALOGUE, Group, Kind, LabelError, Metric, TransactionResult, family
from services.runtime.processor import Stage


class Instruments:
    """The metrics of some groups in one registry; children are cached and every label's value is checked."""

    def __init__(self, registry: CollectorRegistry, group: Group) -> None:
        """`registry`: of this process alone, each group once."""
        # A `_created` sample per counter is in no catalogue and doubles the series.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._children: dict[tuple[str, ...], Any] = {}
        self._metrics = {
            metric.name: (metric, _instrument(metric, registry)) for metric in CATALOGUE if group in metric.groups
        }

    def child(self, name: str, *values: str) -> Any:
        """The instrument of one label set, in the catalogue's order; LabelError if a value is not allowed."""
        key = (name, *values)
        if key not in self._children:
            metric, instrument = self._metrics[name]
            self._check(metric, values)
            self._children[key] = instrument.labels(*values) if values else instrument
        return self._children[key]

    def fill(self, name: str, *fixed: str) -> None:
        """Set every label set that begins with `fixed` and whose other values can be listed to 0."""
        metric, _ = self._metrics[name]
        for values in product(*(label.values for label in metric.labels[len(fixed) :])):
            self.child(name, *fixed, *values)

    def remove(self, name: str, *values: str) -> None:
        """Stop to export one label set; nothing if it is not exported."""
        if self._children.pop((name, *values), None) is not None:
            self._metrics[name][1].remove(*values)

    def _check(self, metric: Metric, values: tuple[str, ...]) -> None:
        if len(values) != len(metric.labels):
            raise LabelError(f"{metric.name} has the labels {', '.join(label.name for label in metric.labels)}")
        for label, value in zip(metric.labels, values, strict=True):
            label.check(value)


def _instrument(metric: Metric, registry: CollectorRegistry) -> Any:
    names = [label.name for label in metric.labels]
    if metric.kind is Kind.HISTOGRAM:
        return Histogram(metric.name, metric.meaning, names, buckets=metric.buckets, registry=registry)
    kind = Counter if metric.kind is Kind.COUNTER else Gauge
    return kind(metric.name, metric.meaning, names, registry=registry)


class _ByTopic:
    """A gauge over all topics of a family: each topic has its own value, a scrape sees them together."""

    def __init__(self, gauge: Gauge, together: Callable[[tuple[float, ...]], float]) -> None:
        self.values: dict[str, float] = {}
        gauge.set_function(lambda: together((0, *self.values.values())))


class _Position:
    """The children of one family and partition of one stage."""

    def __init__(self, instruments: Instruments, where: tuple[str, str, str]) -> None:
        self.inputs: Counter = instruments.child("slt_inputs_total", *where)
        self.lag = _ByTopic(instruments.child("slt_lag_seconds", *where), max)

    def forget(self, topic: str) -> None:
        self.lag.values.pop(topic, None)


class _Account(_Position):
    """The same with what became of the inputs."""

    def __init__(self, instruments: Instruments, where: tuple[str, str, str]) -> None:
        super().__init__(instruments, where)
        instruments.fill("slt_outcomes_total", *where)
        self.outcomes: dict[Outcome, Counter] = {
            outcome: instruments.child("slt_outcomes_total", *where, outcome.value) for outcome in Outcome
        }
        self.abandoned: Counter = instruments.child("slt_abandoned_total", *where)
        self._gap: Gauge = instruments.child("slt_conservation_gap", *where)
        self._open: dict[str, int] = {}

    def add(self, topic: str, n: int) -> None:
        self._open[topic] = self._open.get(topic, 0) + n

    def settle(self) -> None:
        self._gap.set(sum(self._open.values()))

    def forget(self, topic: str) -> None:
        super().forget(topic)
        if self._open.get(topic, 0) > 0:  # fewer inputs than outcomes has no such excuse: it stays in the gap
            self.abandoned.inc(self._open.pop(topic))
        self.settle()


class _Passed(_Position):
    """The same with how many records are not passed yet."""

    def __init__(self, instruments: Instruments, where: tuple[str, str, str]) -> None:
        super().__init__(instruments, where)
        self.records = _ByTopic(instruments.child("slt_lag_records", *where), sum)

    def forget(self, topic: str) -> None:
        super().forget(topic)
        self.records.values.pop(topic, None)


_P = TypeVar("_P", bound=_Position)


class _Positions(Generic[_P]):
    """What one slot reads: topics and partitions, each with the children of its family."""

    def __init__(self, stage: Stage, slot: int, instruments: Instruments, kind: type[_P]) -> None:
        self._stage = stage.value
        self._instruments = instruments
        self._kind = kind
        self._topics: dict[tuple[str, int], _P] = {}
        self.families: dict[tuple[str, str, str], _P] = {}
        instruments.child("slt_slot_info", stage.value, str(slot)).set(1)

    def at(self, topic: str, partition: int) -> _P:
        if (topic, partition) not in self._topics:
            where = (self._stage, family(topic), str(partition))
            if where not in self.families:
                self.families[where] = self._kind(self._instruments, where)
            self._topics[topic, partition] = self.families[where]
        return self._topics[topic, partition]

    def lag(self, topic: str, partition: int, seconds: float) -> None:
        self.at(topic, partition).lag.values[topic] = seconds


class StageMetrics:
    """What the runner of one slot of a transactional stage counts; call per batch, not per record."""

    def __init__(self, stage: Stage, slot: int, registry: CollectorRegistry) -> None:
        """`registry`: of this process alone (no multiprocess mode)."""
        self._stage = stage.value
        self._instruments = instruments = Instruments(registry, Group.STAGE)
        self._positions = _Positions(stage, slot, instruments, _Account)
        for name in ("slt_refused_total", "slt_transactions_total"):
            instruments.fill(name, self._stage)
        self._committed: Counter = instruments.child("slt_transactions_total", self._stage, TransactionResult.COMMITTED)
        self._aborted: Counter = instruments.child("slt_transactions_total", self._stage, TransactionResult.ABORTED)
        self._records: Counter = instruments.child("slt_transaction_records_total", self._stage)
        self._rebuilt: Counter = instruments.child("slt_producer_rebuilt_total", self._stage)
        self._seconds: Histogram = instruments.child("slt_commit_seconds", self._stage)
        self._barrier: Counter = instruments.child("slt_barrier_failures_total", self._stage)
        self._now: Gauge = instruments.child("slt_clock_now_seconds", self._stage)
        self._stale: Gauge = instruments.child("slt_clock_stale", self._stage)

    def inputs(self, topic: str, partition: int, n: int) -> None:
        """`n` records were read and not before: a record read again after an abort is the same input."""
        position = self._positions.at(topic, partition)
        position.inputs.inc(n)
        position.add(topic, n)

    def outcome(self, topic: str, partition: int, outcome: Outcome, n: int) -> None:
        """A committed transaction gave `n` records this outcome."""
        position = self._positions.at(topic, partition)
        position.outcomes[outcome].inc(n)
        position.add(topic, -n)

    def refused(self, reason: Reason) -> None:
        """One record was refused, or accepted with a note."""
        self._instruments.child("slt_refused_total", self._stage, reason.value).inc()

    def committed(self, seconds: float, records: int) -> None:
        """A transaction with `records` inputs was committed in `seconds`, and its outcomes are counted.

        No transaction is open now, so what has no outcome yet is a gap and not under way.
        """
        for account in self._positions.families.values():
            account.settle()
        self._committed.inc()
        self._records.inc(records)
        self._seconds.observe(seconds)

    def aborted(self) -> None:
        """A transaction was aborted."""
        self._aborted.inc()

    def rebuilt(self) -> None:
        """The producer was made anew."""
        self._rebuilt.inc()

    def barrier_failed(self) -> None:
        """slt.control was not applied to its end in time."""
        self._barrier.inc()

    def position_lag(self, topic: str, partition: int, seconds: float) -> None:
        """Age of the oldest unprocessed record; 0 when none waits. Below 0 (it came after the last heartbeat) is 0."""
        self._positions.lag(topic, partition, seconds)

    def state_keys(self, partition: int, n: int) -> None:
        """Size of the partition's state."""
        self._instruments.child("slt_state_keys", self._stage, str(partition)).set(n)

    def now(self, now: datetime) -> None:
        """The clock was read."""
        self._now.set(now.timestamp())

    def stale(self, stale: bool) -> None:
        """Whether clock or policy may be stale."""
        self._stale.set(stale)

    def forget(self, topic: str, partition: int) -> None:
        """The slot gave the partition up: lag, state and inputs without an outcome are another's now."""
        self._positions.at(topic, partition).forget(topic)
        self._instruments.remove("slt_state_keys", self._stage, str(partition))


class DeliverMetrics:
    """What one slot of deliver counts; `org` is the owner of the topics."""

    def __init__(self, slot: int, registry: CollectorRegistry) -> None:
        """`registry`: of this process alone."""
        self._instruments = instruments = Instruments(registry, Group.DELIVER)
        self._positions = _Positions(Stage.DELIVER, slot, instruments, _Passed)
        self._skipped: Counter = instruments.child("slt_skipped_total")
        self._undeliverable: Counter = instruments.child("slt_undeliverable_total")
        self._progress: Counter = instruments.child("slt_progress_total")
        self._parked: set[str] = set()
        self._catch_up: Histogram = instruments.child("slt_catch_up_seconds")

    def inputs(self, topic: str, partition: int, n: int) -> None:
        """`n` records of the delivery log were read."""
        self._positions.at(topic, partition).inputs.inc(n)

    def delivered(self, org: str, n: int) -> None:
        """The broker confirmed `n` records on the organisation's topics."""
        self._instruments.child("slt_delivered_total", org).inc(n)

    def skipped(self, n: int) -> None:
        """`n` deliveries were in their topic already, or a newer one of their key made them needless."""
        self._skipped.inc(n)

    def undeliverable(self, n: int) -> None:
        """`n` deliveries are refused by the broker for good."""
        self._undeliverable.inc(n)

    def parked(self, topic: str) -> None:
        """The outlet was parked."""
        self._parked.add(topic)
        self._tell_parked(topic)

    def reopened(self, topic: str) -> None:
        """It is open (again): call it at the start as well, so that the gauge stands at 0."""
        self._parked.discard(topic)
        self._tell_parked(topic)

    def _tell_parked(self, topic: str) -> None:
        """An organisation has several outlets: one that opens does not hide another that is parked."""
        org = organisation(topic) or ""
        count = sum(organisation(one) == org for one in self._parked)
        self._instruments.child("slt_outlet_parked", org).set(count)

    def pulse(self, org: str, at: datetime) -> None:
        """The broker confirmed a pulse on the organisation's outlet."""
        self._instruments.child("slt_outlet_pulse_timestamp_seconds", org).set(at.timestamp())

    def progress_written(self) -> None:
        """A resume point is durable."""
        self._progress.inc()

    def catch_up(self, seconds: float) -> None:
        """Time from taking partitions over to being past everything that had to be matched."""
        self._catch_up.observe(seconds)

    def lag(self, topic: str, partition: int, seconds: float, records: int | None = None) -> None:
        """Age of the oldest record that is not passed, and how many there are (None: unknown); 0 when none waits."""
        self._positions.lag(topic, partition, seconds)
        if records is not None:
            self._positions.at(topic, partition).records.values[topic] = records

    def forget(self, topic: str, partition: int) -> None:
        """The slot gave the partition up."""
        self._positions.at(topic, partition).forget(topic)


class ProjectorMetrics:
    """What the projector reads off the topics: the accounts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """`registry`: of this process alone."""
        self._instruments = Instruments(registry, Group.PROJECTOR)
        self._instruments.fill("slt_accounts")
        self._instruments.fill("slt_verdicts_total")
        self._gap: Gauge = self._instruments.child("slt_balance_gap")

    def accounts(self, outcome: Outcome, n: int) -> None:
        """Reports with this final outcome so far."""
        self._instruments.child("slt_accounts", outcome.value).set(n)

    def balance_gap(self, n: int) -> None:
        """Reports accepted less reports with a final outcome."""
        self._gap.set(n)

    def verdicts(self, reason: Code, n: int) -> None:
        """`n` verdicts had this primary reason."""
        self._instruments.child("slt_verdicts_total", reason.value).inc(n)

    def recalls_pending(self, partition: int, n: int) -> None:
        """Recalls of the partition that are due and not written."""
        self._instruments.child("slt_recalls_pending", str(partition)).set(n)

    def recall_answers(self, partition: int, standing: Standing, n: int) -> None:
        """Recalls of the partition with this answer, or without one."""
        self._instruments.child("slt_recall_answers", str(partition), standing.value).set(n)


class CanaryMetrics:
    """What the canary found; by lane number."""

    def __init__(self, registry: CollectorRegistry, lanes: int) -> None:
        """`lanes`: all stand at 0 from the start."""
        self._instruments = Instruments(registry, Group.CANARY)
        self._alien: Counter = self._instruments.child("slt_canary_alien_total")
        for lane in range(lanes):
            for name in ("slt_canary_sent_total", "slt_canary_received_total", "slt_canary_missing_total"):
                self._instruments.child(name, str(lane))
            self._instruments.child("slt_end_to_end_seconds", str(lane))

    def sent(self, lane: int) -> None:
        """One test report was submitted."""
        self._instruments.child("slt_canary_sent_total", str(lane)).inc()

    def received(self, lane: int, seconds: float) -> None:
        """One came back in time; `seconds` lie between its two appends."""
        self._instruments.child("slt_canary_received_total", str(lane)).inc()
        self._instruments.child("slt_end_to_end_seconds", str(lane)).observe(seconds)

    def missing(self, lane: int) -> None:
        """One did not come back in time."""
        self._instruments.child("slt_canary_missing_total", str(lane)).inc()

    def alien(self) -> None:
        """Something on the canary's topic is not the canary's."""
        self._alien.inc()


class ConfirmMetrics:
    """What the confirmations take."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """`registry`: of this process alone."""
        self._instruments = Instruments(registry, Group.CONFIRM)
        self._instruments.fill("slt_confirmation_seconds")
        self._instruments.fill("slt_unconfirmed_timestamp_seconds")

    def confirmed(self, status: ConsentStatus, took: timedelta) -> None:
        """One end of consent was confirmed so long after it was entered."""
        self._instruments.child("slt_confirmation_seconds", status.value).observe(took.total_seconds())

    def oldest(self, status: ConsentStatus, decided_at: datetime | None) -> None:
        """When the oldest end that waits for this confirmation was entered; None if none waits."""
        moment = decided_at.timestamp() if decided_at else 0
        self._instruments.child("slt_unconfirmed_timestamp_seconds", status.value).set(moment)


def start_exporter(port: int, registry: CollectorRegistry, address: str = "127.0.0.1") -> tuple[WSGIServer, Thread]:
    """Serve the registry at /metrics, with the process's CPU and memory; stop it with `server.shutdown()` and close.

    OSError if the port is taken. Port 0 takes a free one (`server.server_port`).
    """
    ProcessCollector(registry=registry)
    return start_http_server(port, address, registry)
