"""The exporters say what the catalogue says, start at 0, and refuse every label value that it does not know."""

from __future__ import annotations

import re
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from services.core.gates import Code
from services.core.reason import Reason
from services.core.stage import Outcome
from services.runtime.catalogue import CATALOGUE, FAMILIES, Group, Kind, LabelError, Metric, family
from services.runtime.metrics import (
    DeliverMetrics,
    Instruments,
    ProjectorMetrics,
    StageMetrics,
    start_exporter,
)
from services.runtime.processor import Stage

ROOT = Path(__file__).resolve().parents[2]
ENRICH = {"stage": "enrich", "topic": "slt.reports", "partition": "2"}


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def stage(registry: CollectorRegistry) -> StageMetrics:
    return StageMetrics(Stage.ENRICH, 1, registry)


@pytest.mark.parametrize("metric", CATALOGUE, ids=lambda metric: metric.name)
def test_every_entry_keeps_the_naming_rules(metric: Metric) -> None:
    assert re.fullmatch(r"slt_[a-z][a-z_]*[a-z]", metric.name)
    assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
    assert bool(metric.buckets) == (metric.kind is Kind.HISTOGRAM)
    assert metric.meaning.endswith(".")


def test_names_are_unique() -> None:
    assert len({metric.name for metric in CATALOGUE}) == len(CATALOGUE)


def test_an_organisation_labels_no_histogram() -> None:
    wide = [m.name for m in CATALOGUE if m.kind is Kind.HISTOGRAM and any(label.name == "org" for label in m.labels)]
    assert wide == []


def test_the_families_are_those_that_stages_read() -> None:
    topics = yaml.safe_load((ROOT / "schemas" / "topics.yaml").read_text(encoding="utf-8"))["topics"]
    state = {"slt.series", "slt.correlation", "slt.ledger", "slt.progress", "slt.heartbeat", "slt.acks"}
    owned = {"slt.out", "slt.exercise", "slt.notices"}
    read = {family(topic["name"]) for topic in topics if set(topic["consumers"]) & set(Stage)}
    assert set(FAMILIES) == read - state - owned


def test_a_process_exports_exactly_its_groups() -> None:
    for group in Group:
        own = CollectorRegistry()
        Instruments(own, group)
        names = {line.split()[2] for line in generate_latest(own).decode().splitlines() if line.startswith("# HELP")}
        assert names == {metric.name for metric in CATALOGUE if group in metric.groups}


def test_a_position_starts_at_nought_for_every_outcome(stage: StageMetrics, registry: CollectorRegistry) -> None:
    stage.inputs("slt.reports", 2, 0)
    for outcome in Outcome:
        assert registry.get_sample_value("slt_outcomes_total", {**ENRICH, "outcome": outcome.value}) == 0
    for reason in Reason:
        assert registry.get_sample_value("slt_refused_total", {"stage": "enrich", "reason": reason.value}) == 0


def test_the_gap_is_inputs_less_outcomes(stage: StageMetrics, registry: CollectorRegistry) -> None:
    stage.inputs("slt.reports", 2, 10)
    stage.outcome("slt.reports", 2, Outcome.LOCATED, 6)
    stage.outcome("slt.reports", 2, Outcome.REFUSED, 1)
    assert registry.get_sample_value("slt_conservation_gap", ENRICH) == 0  # the transaction is open
    stage.committed(0.002, 10)
    assert registry.get_sample_value("slt_inputs_total", ENRICH) == 10
    assert registry.get_sample_value("slt_outcomes_total", {**ENRICH, "outcome": "located"}) == 6
    assert registry.get_sample_value("slt_conservation_gap", ENRICH) == 3


def test_a_partition_that_is_taken_away_leaves_no_gap(stage: StageMetrics, registry: CollectorRegistry) -> None:
    stage.inputs("slt.reports", 2, 10)
    stage.outcome("slt.reports", 2, Outcome.LOCATED, 6)
    stage.forget("slt.reports", 2)
    assert registry.get_sample_value("slt_conservation_gap", ENRICH) == 0
    assert registry.get_sample_value("slt_abandoned_total", ENRICH) == 4


def test_an_outcome_too_many_stays_in_the_gap(stage: StageMetrics, registry: CollectorRegistry) -> None:
    stage.outcome("slt.reports", 2, Outcome.LOCATED, 1)
    stage.forget("slt.reports", 2)
    assert registry.get_sample_value("slt_conservation_gap", ENRICH) == -1
    assert registry.get_sample_value("slt_abandoned_total", ENRICH) == 0


def test_a_record_newer_than_the_clock_does_not_wait(stage: StageMetrics, registry: CollectorRegistry) -> None:
    stage.position_lag("slt.reports", 2, -0.4)
    assert registry.get_sample_value("slt_lag_seconds", ENRICH) == 0


def test_partner_topics_are_one_family_whose_lag_is_the_oldest(registry: CollectorRegistry) -> None:
    intake = StageMetrics(Stage.INTAKE, 0, registry)
    where = {"stage": "intake", "topic": "slt.in", "partition": "0"}
    intake.inputs("slt.in.meridian-aid", 0, 3)
    intake.inputs("slt.in.harbour-relief", 0, 4)
    intake.position_lag("slt.in.meridian-aid", 0, 7.5)
    intake.position_lag("slt.in.harbour-relief", 0, 0.5)
    assert registry.get_sample_value("slt_inputs_total", where) == 7
    assert registry.get_sample_value("slt_lag_seconds", where) == 7.5
    intake.forget("slt.in.meridian-aid", 0)
    assert registry.get_sample_value("slt_lag_seconds", where) == 0.5
    intake.forget("slt.in.harbour-relief", 0)
    assert registry.get_sample_value("slt_lag_seconds", where) == 0


def test_the_runners_other_counts(stage: StageMetrics, registry: CollectorRegistry) -> None:
    stage.committed(0.003, 25)
    stage.aborted()
    stage.rebuilt()
    stage.barrier_failed()
    stage.refused(Reason.BAD_TIME)
    stage.state_keys(2, 41)
    stage.now(datetime(2026, 3, 1, tzinfo=UTC))
    stage.stale(True)
    expected = {
        ("slt_slot_info", ("slot", "1")): 1,
        ("slt_transactions_total", ("result", "committed")): 1,
        ("slt_transactions_total", ("result", "aborted")): 1,
        ("slt_transaction_records_total",): 25,
        ("slt_producer_rebuilt_total",): 1,
        ("slt_commit_seconds_bucket", ("le", "0.004")): 1,
        ("slt_commit_seconds_bucket", ("le", "0.002")): 0,
        ("slt_barrier_failures_total",): 1,
        ("slt_refused_total", ("reason", "BAD_TIME")): 1,
        ("slt_state_keys", ("partition", "2")): 41,
        ("slt_clock_now_seconds",): 1772323200,
        ("slt_clock_stale",): 1,
    }
    for (name, *labels), value in expected.items():
        assert registry.get_sample_value(name, {"stage": "enrich", **dict(labels)}) == value, name  # type: ignore[arg-type]
    stage.forget("slt.reports", 2)
    assert registry.get_sample_value("slt_state_keys", {"stage": "enrich", "partition": "2"}) is None


def test_what_deliver_counts(registry: CollectorRegistry) -> None:
    deliver = DeliverMetrics(0, registry)
    deliver.inputs("slt.deliveries", 1, 2)
    deliver.delivered("meridian-aid", 5)
    deliver.skipped(3)
    deliver.undeliverable(1)
    deliver.progress_written()
    deliver.catch_up(0.3)
    deliver.lag("slt.deliveries", 1, 1.5, 40)
    deliver.reopened("slt.out.harbour-relief")
    deliver.parked("slt.out.meridian-aid")
    deliver.parked("slt.notices.meridian-aid")
    deliver.reopened("slt.notices.meridian-aid")
    deliver.pulse("meridian-aid", datetime(2026, 3, 1, tzinfo=UTC))
    where = {"stage": "deliver", "topic": "slt.deliveries", "partition": "1"}
    expected: list[tuple[str, dict[str, str], float]] = [
        ("slt_inputs_total", where, 2),
        ("slt_delivered_total", {"org": "meridian-aid"}, 5),
        ("slt_skipped_total", {}, 3),
        ("slt_undeliverable_total", {}, 1),
        ("slt_progress_total", {}, 1),
        ("slt_catch_up_seconds_sum", {}, 0.3),
        ("slt_lag_seconds", where, 1.5),
        ("slt_lag_records", where, 40),
        ("slt_outlet_parked", {"org": "harbour-relief"}, 0),
        ("slt_outlet_parked", {"org": "meridian-aid"}, 1),
        ("slt_outlet_pulse_timestamp_seconds", {"org": "meridian-aid"}, 1772323200),
    ]
    assert [(name, labels, registry.get_sample_value(name, labels)) for name, labels, _ in expected] == expected


def test_verdicts_are_counted_by_the_codes_of_the_gates(registry: CollectorRegistry) -> None:
    reconcile = ProjectorMetrics(registry)
    reconcile.verdicts(Code.DEN_NO_CONSENT, 4)
    reconcile.recalls_pending(1, 9)
    assert registry.get_sample_value("slt_verdicts_total", {"reason": "OK_GRANT"}) == 0
    assert registry.get_sample_value("slt_verdicts_total", {"reason": "DEN_NO_CONSENT"}) == 4
    assert registry.get_sample_value("slt_recalls_pending", {"partition": "1"}) == 9


def test_the_accounts_of_the_projector(registry: CollectorRegistry) -> None:
    projector = ProjectorMetrics(registry)
    projector.accounts(Outcome.WITHHELD, 12)
    projector.balance_gap(-1)
    assert registry.get_sample_value("slt_accounts", {"outcome": "withheld"}) == 12
    assert registry.get_sample_value("slt_accounts", {"outcome": "delivered"}) == 0
    assert registry.get_sample_value("slt_balance_gap") == -1


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("slt_inputs_total", ("kitchen", "slt.reports", "0")),
        ("slt_inputs_total", ("enrich", "slt.out.meridian-aid", "0")),
        ("slt_inputs_total", ("enrich", "slt.reports", "eins")),
        ("slt_outcomes_total", ("enrich", "slt.reports", "0", "evaporated")),
        ("slt_refused_total", ("enrich", "zimtstern")),
        ("slt_inputs_total", ("enrich", "slt.reports")),
        ("slt_slot_info", ("enrich", "")),
    ],
)
def test_an_unknown_label_value_is_an_error_that_does_not_repeat_it(name: str, values: tuple[str, ...]) -> None:
    instruments = Instruments(CollectorRegistry(), Group.STAGE)
    with pytest.raises(LabelError) as caught:
        instruments.child(name, *values)
    assert "zimtstern" not in str(caught.value)


@pytest.mark.parametrize("org", ["Meridian Aid", "", "a" * 64, "meridian\naid", "meridian_aid"])
def test_only_the_id_of_an_organisation_is_a_label(org: str) -> None:
    with pytest.raises(LabelError):
        DeliverMetrics(0, CollectorRegistry()).delivered(org, 1)


def test_the_exporter_serves_the_registry_on_loopback(stage: StageMetrics, registry: CollectorRegistry) -> None:
    stage.inputs("slt.reports", 2, 5)
    server, thread = start_exporter(0, registry)
    try:
        assert server.server_address[0] == "127.0.0.1"
        with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    samples = {sample.name: sample.value for found in text_string_to_metric_families(text) for sample in found.samples}
    assert samples["slt_inputs_total"] == 5
    assert samples["process_cpu_seconds_total"] > 0
    assert not [name for name in samples if name.endswith("_created")]
