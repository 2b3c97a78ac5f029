"""Real input through the whole chain: every record ends in exactly one counted outcome."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from services.runtime.feeds.files import read
from services.runtime.feeds.plan import Format, encode, plan
from services.runtime.submit import submit_all
from tests.support import World, until

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.skipif(
        not DATA.is_dir(), reason="the data of other people lies beside the project where it is allowed"
    ),
]


def _outcomes(world: World, topic: str) -> Counter[int]:
    """How often each record of a topic ended, by its offset."""
    ended: Counter[int] = Counter()
    for decision in world.read("slt.decisions"):
        for account in decision.value["accounts"]:
            if account["raw"]["topic"] == topic:
                ended[account["raw"]["offset"]] += 1
    for dead in world.read("slt.dead"):
        if dead.value["topic"] == topic:
            ended[dead.value["offset"]] += 1
        elif dead.key.startswith("slt.reports/"):
            raw = world.codec.decode(dead.value["first_bytes"])[1]["raw"]
            if raw["topic"] == topic:
                ended[raw["offset"]] += 1
    return ended


def _replay(world: World, org: str, path: Path, form: Format) -> int:
    values: Iterable[bytes] = (encode(sending, form) for sending in plan(read(path).items))
    report = submit_all(world.stack.settings, org, values)
    assert report.complete
    return report.submitted


@pytest.mark.parametrize(
    ("org", "path", "form", "at_least"),
    [("rowan", "awsd/awsd_2025-08-26_hxl.csv", "avro", 4152), ("dogwood", "cap", "json", 142)],
)
def test_every_record_ends_in_exactly_one_outcome(
    world: World, org: str, path: str, form: Format, at_least: int
) -> None:
    topic = f"slt.in.{org}"
    before = sum(_outcomes(world, topic).values())
    sent = _replay(world, org, DATA / path, form)
    assert sent >= at_least
    until(lambda: sum(_outcomes(world, topic).values()) >= before + sent, "an outcome for every record", 240)
    ended = _outcomes(world, topic)
    assert set(ended.values()) == {1}
    assert len(ended) == before + sent
