"""The read model: counts what the topics say, goes on exactly after a crash, and is rebuilt after FLUSHALL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis

from services.projector.store import ReadModel
from services.runtime.read_model import OUTLETS, connect, gap
from tests.support import World, until

pytestmark = pytest.mark.kafka


@pytest.fixture
def model(world: World) -> Iterator[redis.Redis]:
    with connect(world.stack.settings) as client:
        yield client


def _accounts(model: redis.Redis) -> dict[str, int]:
    return ReadModel(model).accounts()


def _topics_say(world: World) -> dict[str, int]:
    """The accounts, counted a second time from the topics."""
    found = {"accepted": len(world.read("slt.reports"))}
    outcomes = [account["outcome"] for read in world.read("slt.decisions") for account in read.value["accounts"]]
    stages = [read.value["stage"] for read in world.read("slt.dead")]
    outcomes += ["refused_at_intake" if stage == "intake" else "refused" for stage in stages]
    return found | {outcome: outcomes.count(outcome) for outcome in set(outcomes)}


def _settled(world: World, model: redis.Redis) -> bool:
    return gap(_accounts(model)) == 0 and _accounts(model) == _topics_say(world)


def test_accounts_balance_and_survive_a_crash_and_a_flush(world: World, model: redis.Redis) -> None:
    for number in range(20):
        world.report("cedar", f"counted-{number}", headline=f"Number {number}", initial_audience=["rowan"])
    world.send("slt.in.cedar", [b"not a record"])
    until(lambda: _settled(world, model), "accounts that agree with the topics")
    assert world.supervisor is not None
    world.supervisor.kill("projector")
    world.report("cedar", "after-the-crash", headline="After the crash", initial_audience=["rowan"])
    until(lambda: _settled(world, model), "the same after a crash")
    world.stack.redis_flush()
    until(lambda: _settled(world, model), "the same after FLUSHALL")


def test_an_outlet_shows_what_its_newest_records_say(world: World, model: redis.Redis) -> None:
    world.report("cedar", "shown", headline="Shown", initial_audience=["rowan"])
    newest = until(lambda: {r.key: r for r in world.out("rowan")}, "the alert")

    def agrees() -> bool:
        stored: Any = model.hgetall(f"{OUTLETS}:rowan:held")
        held = {key: state.rpartition("|")[0] for key, state in stored.items()}
        now = {r.key: r for r in world.out("rowan")}
        wanted = {
            key: f"{read.envelope.type}|{read.envelope.sequence}"
            for key, read in now.items()
            if read.envelope and read.kind == "view"
        }
        return bool(held == wanted)

    until(agrees, "the outlet's state")
    assert newest


def test_no_content_is_in_redis(world: World, model: redis.Redis) -> None:
    world.report("cedar", "secretive", headline="Canary-Word-7319", initial_audience=["rowan"])
    until(lambda: any("secretive" in str(r.value) for r in world.out("rowan")), "the alert")
    until(lambda: _settled(world, model), "the read model")
    everything = [str(model.dump(key)) for key in model.scan_iter("*")]
    assert everything
    assert not any("Canary-Word" in text for text in everything)
