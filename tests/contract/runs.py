"""What the tests of the runner's contract share: how a runner is started, filled, driven and watched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from services.core.reason import Reason
from services.core.stage import Outcome
from services.runtime.observer import Unwatched
from services.runtime.runner import Runner
from tests.contract.rules import Once, processor
from tests.contract.worlds import World, beat, texts

KEYS = [f"k{number}" for number in range(8)]


def never() -> bool:
    return False


def started(world: World, prefix: str, rule: type[Once] = Once, **options: Any) -> Runner:
    runner = world.runner(processor(prefix, rule, reads_control="fold" in options), **options)
    runner.start(never)
    return runner


def fill(world: World, prefix: str, keys: list[str] = KEYS) -> list[tuple[str, str]]:
    """Every key twice, over two partitions; what must come out once."""
    for key in keys:
        for text in ("first", "second"):
            world.append(f"{prefix}.in", key, beat(text), KEYS.index(key) % 2)
    return sorted((key, "first") for key in keys)


def quiet(world: World, prefix: str, expected: list[tuple[str, str]]) -> Callable[[], bool]:
    return lambda: len(texts(world, f"{prefix}.out")) >= len(expected)


def settle(runner: Runner) -> None:
    """Two more turns: what would come twice has come by then."""
    runner.turn()
    runner.turn()


class Counts(Unwatched):
    """What the observer was told."""

    def __init__(self) -> None:
        self.read: Counter[int] = Counter()
        self.ended: Counter[tuple[int, Outcome]] = Counter()
        self.reasons: list[Reason] = []
        self.aborts = 0
        self.lags: list[float] = []

    def position_lag(self, topic: str, partition: int, seconds: float) -> None:
        self.lags.append(seconds)

    def inputs(self, topic: str, partition: int, n: int) -> None:
        self.read[partition] += n

    def outcome(self, topic: str, partition: int, outcome: Outcome, n: int) -> None:
        self.ended[partition, outcome] += n

    def refused(self, reason: Reason) -> None:
        self.reasons.append(reason)

    def aborted(self) -> None:
        self.aborts += 1
