"""What is measured, in which unit, and what is asked for: two cores with the broker on them, 50 recipients."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

RECIPIENTS = 50
STAGES = ("intake", "enrich", "correlate", "distribute", "deliver")
HOPS = ("intake", "enrich", "correlate", "distribute", "deliver", "read")
"""The steps of a report on its way (services.cli.bench.hops)."""


class Group(StrEnum):
    """What is measured together; the stages run one after another, each on what the one before has made."""

    RULES = "rules"
    FORMATS = "formats"
    MATCHING = "matching"
    PLAIN = "plain"
    INTAKE = "intake"
    ENRICH = "enrich"
    CORRELATE = "correlate"
    DISTRIBUTE = "distribute"
    DELIVER = "deliver"
    LATENCY = "latency"
    RATE = "rate"
    REVOKE = "revoke"


class Target(NamedTuple):
    """One name of build/bench.json."""

    group: Group
    unit: str
    limit: float | None = None
    """None: measured for its own sake."""
    at_most: bool = False

    def met(self, value: float) -> bool | None:
        """Whether a value is good enough; None where nothing is asked for."""
        if self.limit is None:
            return None
        return value <= self.limit if self.at_most else value >= self.limit


class Result(NamedTuple):
    """One measured value."""

    name: str
    value: float

    def fields(self) -> dict[str, object]:
        """As build/bench.json has it."""
        target = TARGETS[self.name]
        met = target.met(self.value)
        return {"name": self.name, "value": self.value, "unit": target.unit, "target": target.limit, "met": met}


def _stages() -> dict[str, Target]:
    found = {}
    for stage in STAGES:
        group = Group(stage)
        found[f"cpu_us_per_report_{stage}"] = Target(group, "us")
        found[f"cpu_us_per_report_{stage}_broker"] = Target(group, "us")
    for stage in STAGES[:3]:
        found[f"{stage}_to_plain"] = Target(Group(stage), "ratio")
        found[f"{stage}_to_plain_transactional"] = Target(Group(stage), "ratio")
    return found


def _hops() -> dict[str, Target]:
    return {f"hop_{hop}_p{q}_ms_at_10": Target(Group.LATENCY, "ms") for hop in HOPS for q in (50, 99)}


TARGETS: dict[str, Target] = {
    "decide_us_per_recipient_warm_50": Target(Group.RULES, "us", 2, at_most=True),
    "decide_us_per_recipient_warm_200": Target(Group.RULES, "us", 2, at_most=True),
    "decide_us_new_class_50": Target(Group.RULES, "us", 200, at_most=True),
    "reconcile_us_report_50": Target(Group.RULES, "us"),
    "reconcile_us_report_200": Target(Group.RULES, "us"),
    **{
        name: Target(Group.FORMATS, "us")
        for name in ("cap_in_us", "cap_out_us", "cap_back_us", "json_us_per_delivery", "avro_us_per_delivery")
    },
    "correlate_match_reports_per_s_20k": Target(Group.MATCHING, "reports/s", 10_000),
    "correlate_match_reports_per_s_200k": Target(Group.MATCHING, "reports/s", 10_000),
    "match_bytes_per_report": Target(Group.MATCHING, "bytes", 1536, at_most=True),
    "plain_records_per_s": Target(Group.PLAIN, "records/s"),
    "plain_transactional_records_per_s": Target(Group.PLAIN, "records/s"),
    "intake_reports_per_s": Target(Group.INTAKE, "reports/s", 6000),
    "enrich_reports_per_s": Target(Group.ENRICH, "reports/s", 6000),
    "correlate_reports_per_s": Target(Group.CORRELATE, "reports/s", 6000),
    "distribute_reports_per_s": Target(Group.DISTRIBUTE, "reports/s", 1500),
    "rss_mb_per_100k_incidents": Target(Group.DISTRIBUTE, "MB", 1500, at_most=True),
    "bytes_per_live_incident": Target(Group.DISTRIBUTE, "bytes"),
    "deliver_records_per_s": Target(Group.DELIVER, "records/s", 60000),
    **_stages(),
    "chain_p50_ms_at_10": Target(Group.LATENCY, "ms", 80, at_most=True),
    "chain_p99_ms_at_10": Target(Group.LATENCY, "ms", 250, at_most=True),
    **_hops(),
    "chain_rate_at_p99_1s": Target(Group.RATE, "reports/s", 400),
    "revoke_10k_seconds_to_last_recall": Target(Group.REVOKE, "s"),
    "revoke_live_p99_ratio": Target(Group.REVOKE, "ratio", 2, at_most=True),
    "revoke_confirmed_seconds": Target(Group.REVOKE, "s", 5, at_most=True),
}
"""Every name there is, in the order of the table."""
