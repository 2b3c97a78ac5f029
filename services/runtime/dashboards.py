"""The Grafana dashboards, written down as what they show; the JSON under deploy/grafana is made from this table.

Every expression names metrics and labels of the catalogue only (tests/unit/test_metrics_rules.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from services.runtime.catalogue import NAMED

_WIDTH, _HEIGHT = 12, 8
_SOURCE = {"type": "prometheus", "uid": "slt"}


@dataclass(frozen=True)
class Panel:
    """One chart: what it is called, what it asks, how a line is named (`{{label}}`), Grafana's unit."""

    title: str
    expression: str
    legend: str
    unit: str = "short"


@dataclass(frozen=True)
class Dashboard:
    """One page; `uid` is its stable address."""

    uid: str
    title: str
    panels: tuple[Panel, ...]


def _quantile(share: str, metric: str, by: str = "") -> str:
    return f"histogram_quantile({share}, sum by (le{by}) (rate({NAMED[metric].name}_bucket[1m])))"


DASHBOARDS = (
    Dashboard("slt-pipeline", "SLT Relay: pipeline", (
        Panel("Records read", "sum by (stage) (rate(slt_inputs_total[1m]))", "{{stage}}", "reqps"),
        Panel("Outcomes", "sum by (stage, outcome) (rate(slt_outcomes_total[1m])) > 0", "{{stage}} {{outcome}}",
              "reqps"),
        Panel("Conservation gap (must be 0)", "sum by (stage, topic, partition) (slt_conservation_gap)",
              "{{stage}} {{topic}}/{{partition}}"),
        Panel("Lag", "max by (stage, topic) (slt_lag_seconds)", "{{stage}} {{topic}}", "s"),
        Panel("Records that deliver has not passed", "sum by (topic, partition) (slt_lag_records)",
              "{{topic}}/{{partition}}"),
        Panel("Refused", "sum by (stage, reason) (increase(slt_refused_total[5m])) > 0", "{{stage}} {{reason}}"),
        Panel("Transactions", "sum by (stage, result) (rate(slt_transactions_total[1m]))", "{{stage}} {{result}}",
              "ops"),
        Panel("Commit, 99th percentile", _quantile("0.99", "slt_commit_seconds", ", stage"), "{{stage}}", "s"),
        Panel("Records per transaction",
              'sum by (stage) (rate(slt_transaction_records_total[1m])) / on (stage) '
              'sum by (stage) (rate(slt_transactions_total{result="committed"}[1m]))', "{{stage}}"),
        Panel("New producers", "sum by (stage) (increase(slt_producer_rebuilt_total[5m]))", "{{stage}}"),
        Panel("Inputs given up with their partition", "sum by (stage) (increase(slt_abandoned_total[5m]))",
              "{{stage}}"),
        Panel("Keys in the state", "sum by (stage) (slt_state_keys)", "{{stage}}"),
        Panel("Clock behind the newest", "scalar(max(slt_clock_now_seconds)) - min by (stage) (slt_clock_now_seconds)",
              "{{stage}}", "s"),
        Panel("Releases nothing: clock or policy stale", "max by (stage) (slt_clock_stale)", "{{stage}}"),
        Panel("Barrier failures", "sum by (stage) (increase(slt_barrier_failures_total[5m]))", "{{stage}}"),
        Panel("Accounts", "max by (outcome) (slt_accounts)", "{{outcome}}"),
        Panel("Balance gap (must be 0)", "max(slt_balance_gap)", "all stages"),
        Panel("Verdicts", "sum by (reason) (rate(slt_verdicts_total[1m])) > 0", "{{reason}}", "ops"),
        Panel("Recalls due", "sum by (partition) (slt_recalls_pending)", "partition {{partition}}"),
        Panel("Recalls and their answers", "sum by (answer) (slt_recall_answers)", "{{answer}}"),
        Panel("Slots", "count by (stage) (slt_slot_info)", "{{stage}}"),
    )),
    Dashboard("slt-outlets", "SLT Relay: partners and outlets", (
        Panel("Delivered", "sum by (org) (rate(slt_delivered_total[1m]))", "{{org}}", "reqps"),
        Panel("Parked outlets", "max by (org) (slt_outlet_parked) > 0", "{{org}}"),
        Panel("Age of the last pulse",
              "scalar(max(slt_clock_now_seconds)) - max by (org) (slt_outlet_pulse_timestamp_seconds)", "{{org}}", "s"),
        Panel("Needless or there already", "sum(rate(slt_skipped_total[1m]))", "skipped", "reqps"),
        Panel("Undeliverable", "sum(increase(slt_undeliverable_total[15m]))", "refused for good"),
        Panel("Resume points", "sum(rate(slt_progress_total[1m]))", "written", "ops"),
        Panel("Catch-up after a takeover, 99th percentile", _quantile("0.99", "slt_catch_up_seconds"), "deliver", "s"),
    )),
    Dashboard("slt-latency", "SLT Relay: latency as a partner sees it", (
        Panel("From slt.in to the partner's topic, median", _quantile("0.5", "slt_end_to_end_seconds"), "p50", "s"),
        Panel("From slt.in to the partner's topic, 99th percentile",
              _quantile("0.99", "slt_end_to_end_seconds", ", partition"), "lane {{partition}}", "s"),
        Panel("Late or missing, share of an hour (objective 0.1 %)", "slt:late:ratio1h", "1 h", "percentunit"),
        Panel("Late or missing, share of three days", "slt:late:ratio3d", "3 d", "percentunit"),
        Panel("Test reports sent", "sum by (partition) (rate(slt_canary_sent_total[1m]))", "lane {{partition}}",
              "reqps"),
        Panel("Test reports back", "sum by (partition) (rate(slt_canary_received_total[1m]))", "lane {{partition}}",
              "reqps"),
        Panel("Test reports missing", "sum by (partition) (increase(slt_canary_missing_total[5m]))",
              "lane {{partition}}"),
        Panel("From the end of a consent to its confirmation, 99th percentile (objective 5 s)",
              _quantile("0.99", "slt_confirmation_seconds", ", status"), "{{status}}", "s"),
        Panel("Foreign accounts on the canary's topic (must be 0)", "max(slt_canary_alien_total)", "alien"),
    )),
)  # fmt: skip


def render(dashboard: Dashboard) -> dict[str, Any]:
    """The dashboard as Grafana's provisioning reads it."""
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "schemaVersion": 39,
        "editable": False,
        "refresh": "5s",
        "time": {"from": "now-30m", "to": "now"},
        "panels": [_panel(number, panel) for number, panel in enumerate(dashboard.panels)],
    }


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    row, column = divmod(number, 2)
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": panel.title,
        "datasource": _SOURCE,
        "gridPos": {"x": column * _WIDTH, "y": row * _HEIGHT, "w": _WIDTH, "h": _HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "targets": [{"refId": "A", "datasource": _SOURCE, "expr": panel.expression, "legendFormat": panel.legend}],
    }
