"""Rules, dashboards and documentation can only speak of what the catalogue has, and are what it makes today."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from services.cli.metrics import app, files
from services.runtime.catalogue import NAMED, Kind
from services.runtime.processor import Stage

ROOT = Path(__file__).resolve().parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = [rule for group in yaml.safe_load((PROMETHEUS / "rules.yaml").read_text())["groups"] for rule in group["rules"]]
RECORDED = {rule["record"] for rule in RULES if "record" in rule}
PANELS = [
    (panel["title"], target["expr"], target["legendFormat"])
    for path in sorted((ROOT / "deploy" / "grafana" / "dashboards").glob("*.json"))
    for panel in json.loads(path.read_text())["panels"]
    for target in panel["targets"]
]
PROMETHEUS_OWN = {"up": {"job", "instance"}}
TARGET = {"instance", "job"}


def catalogued(sample: str) -> set[str]:
    """The labels of a sample's metric; KeyError if it is no sample of the catalogue."""
    if sample in PROMETHEUS_OWN:
        return PROMETHEUS_OWN[sample]
    for suffix in ("_bucket", "_sum", "_count"):
        metric = NAMED.get(sample.removesuffix(suffix))
        if sample.endswith(suffix) and metric and metric.kind is Kind.HISTOGRAM:
            return {label.name for label in metric.labels} | TARGET | ({"le"} if suffix == "_bucket" else set())
    if NAMED[sample].kind is Kind.HISTOGRAM:
        raise KeyError(sample)
    return {label.name for label in NAMED[sample].labels} | TARGET


def complaints(expression: str) -> list[str]:
    """What an expression names that does not exist: metrics, labels of its selectors and groupings, label values."""
    found = []
    samples = re.findall(r"\b(slt_\w+|up)\b(?:\{([^}]*)\})?", expression)
    labels = set().union(*(catalogued(name) for name, _ in samples if name in PROMETHEUS_OWN or _known(name)))
    found += [name for name, _ in samples if name not in PROMETHEUS_OWN and not _known(name)]
    found += [name for name in re.findall(r"\bslt:[\w:]+", expression) if name not in RECORDED]
    for name, selector in samples:
        named = re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector)
        found += [f"{name}{{{label}}}" for label in named if _known(name) and label not in catalogued(name)]
    for grouping in re.findall(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)", expression):
        found += [label for label in re.split(r"[,\s]+", grouping.strip()) if label not in labels]
    return found


def _known(sample: str) -> bool:
    try:
        return bool(catalogued(sample)) or sample in NAMED
    except KeyError:
        return False


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("alert", rule.get("record")))
def test_a_rule_names_the_catalogue_only(rule: dict[str, Any]) -> None:
    assert complaints(rule["expr"]) == []


@pytest.mark.parametrize(("title", "expression", "legend"), PANELS, ids=[panel[0] for panel in PANELS])
def test_a_panel_names_the_catalogue_only(title: str, expression: str, legend: str) -> None:
    assert complaints(expression) == [], title
    grouped = re.findall(r"\bby \(([^)]*)\)", expression)
    kept = {label for group in grouped for label in re.split(r"[,\s]+", group)}
    assert set(re.findall(r"{{(\w+)}}", legend)) <= kept


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("slt_imputs_total > 0", "slt_imputs_total"),
        ('slt_inputs_total{stag="intake"}', "slt_inputs_total{stag}"),
        ("sum by (organisation) (slt_delivered_total)", "organisation"),
        ("slt_commit_seconds > 1", "slt_commit_seconds"),
        ("slt_inputs_total_bucket", "slt_inputs_total_bucket"),
        ("slt:late:ratio2h > 1", "slt:late:ratio2h"),
    ],
)
def test_the_gate_fails_on_what_does_not_exist(expression: str, complaint: str) -> None:
    assert complaints(expression) == [complaint]


def test_every_metric_of_the_catalogue_is_seen_somewhere() -> None:
    text = " ".join([*(rule["expr"] for rule in RULES), *(panel[1] for panel in PANELS)])
    assert [name for name in NAMED if name not in text] == []


def test_every_alert_says_who_is_woken_and_what_to_do() -> None:
    for rule in (rule for rule in RULES if "alert" in rule):
        assert rule["labels"]["severity"] in {"page", "ticket", "none"}, rule["alert"]
        assert {"summary", "action"} <= set(rule["annotations"]), rule["alert"]


def test_every_alert_has_a_case_in_which_it_fires() -> None:
    cases = [
        case
        for name in ("rules_test.yaml", "rules_latency_test.yaml")
        for test in yaml.safe_load((PROMETHEUS / name).read_text())["tests"]
        for case in test["promql_expr_test"]
        if case["exp_samples"]
    ]
    fired = {alert for case in cases for alert in re.findall(r'alertname="(\w+)",alertstate="firing"', case["expr"])}
    assert fired == {rule["alert"] for rule in RULES if "alert" in rule}


def test_an_unseen_stage_is_noticed_for_every_stage() -> None:
    unseen = next(rule for rule in RULES if rule.get("alert") == "SltStageUnseen")
    assert set(re.findall(r'absent\(slt_slot_info\{stage="(\w+)"\}\)', unseen["expr"])) == set(Stage)


@pytest.mark.parametrize(("name", "content"), tuple(files()), ids=[name for name, _ in files()])
def test_what_is_generated_is_up_to_date(name: str, content: bytes) -> None:
    assert (ROOT / name).read_bytes() == content, "run `slt metrics --write .`"


def test_the_command_shows_the_catalogue_and_writes_what_is_generated(tmp_path: Path) -> None:
    table = CliRunner().invoke(app, [], env={"COLUMNS": "300"})
    assert all(name in table.stdout for name in NAMED)
    assert CliRunner().invoke(app, ["--markdown"]).stdout == (ROOT / "docs" / "metrics.md").read_text()
    written = CliRunner().invoke(app, ["--write", str(tmp_path)]).stdout.split()
    assert {name: (tmp_path / name).read_bytes() for name in written} == dict(files())
