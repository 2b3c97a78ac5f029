"""The canary on a running relay: its reports pass through every lane and come back, also after it is killed."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from services.runtime.processor import Stage
from services.runtime.supervisor import Supervisor
from services.runtime.topics import CANARY
from tests.conftest import StackFactory
from tests.support import World, partner_record, until

pytestmark = pytest.mark.kafka

LANES = 4


@pytest.fixture
def relay(fresh_stack: StackFactory, tmp_path: Path) -> Iterator[Supervisor]:
    """Every stage and the canary, which is a partner like any other."""
    stack = fresh_stack(lanes=LANES)
    world = World(stack, [CANARY])
    with Supervisor(stack.settings_file, tmp_path, {**dict.fromkeys(Stage, 1), "canary": 1}) as supervisor:
        world.administer(partner_record(CANARY, statuses=["Test"]))
        yield supervisor
    world.close()


def samples(supervisor: Supervisor, name: str) -> dict[str, float]:
    """What the canary exports under a name, by lane; nothing while it does not answer."""
    try:
        with urllib.request.urlopen(f"http://{supervisor.slot('canary').metrics}/metrics", timeout=5) as answer:
            text = answer.read().decode()
    except OSError:
        return {}
    found = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {sample.labels.get("partition", ""): sample.value for sample in found if sample.name == name}


def received(supervisor: Supervisor, least: int) -> bool:
    found = samples(supervisor, "slt_canary_received_total")
    return len(found) == LANES and min(found.values()) >= least


def test_every_lane_brings_its_reports_back(relay: Supervisor) -> None:
    until(lambda: received(relay, 3), "three test reports of every lane")
    assert samples(relay, "slt_canary_alien_total") == {"": 0}
    slowest = samples(relay, "slt_end_to_end_seconds_count")
    assert min(slowest.values()) >= 3
    relay.kill("canary")
    until(lambda: not received(relay, 0), "the end of the killed process")
    until(lambda: received(relay, 3), "three test reports of every lane after the restart")
