"""Revocations on the running chain: one that takes 10,000 incidents back, and how soon it is confirmed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from services.cli.bench.chain import Chain, percentile
from services.cli.bench.targets import RECIPIENTS, Result
from services.cli.bench.world import NOTICES, ORIGINATORS, MeasureError, Parts, World
from services.core.confirmation import ConsentStatus
from services.runtime.codec import Codec

_INCIDENTS = 10_000
_FILL_RATE = 300.0
_RATE, _SECONDS = 10.0, 40.0
"""Live reports meanwhile: as for the latency without a revocation."""
_AFTER = 20.0
"""Seconds of the load before the revocation: what it is compared with."""
_LOADED, _LOADED_SECONDS = 100.0, 20.0
"""Reports a second while the confirmation is timed."""
_MOST, _FEW, *_LIVE = ORIGINATORS


class Found(NamedTuple):
    """The results, and how much else is worth knowing."""

    results: list[Result]
    note: str
    others: float
    """Cores that others used, at most."""


def measure(world: World) -> Found:
    """MeasureError if not everything comes."""
    notices = world.ends(NOTICES)
    world.submit_as(_FEW, *_LIVE)
    with Chain.start(world, "confirm") as chain:
        world.submit_as(_MOST)
        chain.fill(_INCIDENTS, _FILL_RATE)
        world.submit_as(*_LIVE)
        with _later(world, _MOST) as withdrawn:
            run = chain.load(_RATE, _SECONDS)
        chain.recalled(_INCIDENTS * RECIPIENTS)
        last = chain.recalls[1]
        before = sorted(each.read - each.submitted for each in run.received if each.submitted < withdrawn[0])
        during = sorted(each.read - each.submitted for each in run.received if withdrawn[0] <= each.submitted <= last)
        with _later(world, _FEW) as ended:
            loaded = chain.load(_LOADED, _LOADED_SECONDS)
        chain.drain(loaded)
        confirmed = _confirmations(world, notices, {_MOST, _FEW})
    p99 = percentile(before, 99), percentile(during, 99)
    results = [
        Result("revoke_10k_seconds_to_last_recall", (last - withdrawn[0]) / 1000),
        Result("revoke_live_p99_ratio", p99[1] / p99[0]),
        Result("revoke_confirmed_seconds", (confirmed[_FEW] - ended[0]) / 1000),
    ]
    note = (
        f"live p99 {p99[0]:.0f} ms before, {p99[1]:.0f} ms meanwhile; "
        f"the large one was confirmed after {(confirmed[_MOST] - withdrawn[0]) / 1000:.1f} s"
    )
    return Found(results, note, max(run.busy["others"], loaded.busy["others"]))


@contextmanager
def _later(world: World, org: str) -> Iterator[list[int]]:
    """Withdraw the originator's grant some seconds into the load that runs meanwhile; append time, once it is there."""
    appended: list[int] = []
    timer = threading.Timer(
        _AFTER if org == _MOST else _LOADED_SECONDS / 2, lambda: appended.append(world.withdraw(org))
    )
    timer.start()
    try:
        yield appended
    finally:
        timer.join()


def _confirmations(world: World, start: Parts, orgs: set[str]) -> dict[str, int]:
    """When each originator's notices said that its grant is revoked, append time in milliseconds."""
    codec, found = Codec(), {}
    for message in world.records(start):
        kind, value = codec.decode(message.value())
        if kind == "consent_status" and value["status"] == ConsentStatus.REVOKED:
            found[message.topic().removeprefix("slt.notices.")] = message.timestamp()[1]
    if missing := orgs - found.keys():
        raise MeasureError(f"revoke_confirmed_seconds: nothing was confirmed to {', '.join(sorted(missing))}")
    return found
