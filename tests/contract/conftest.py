"""The two worlds that every test of the contract runs in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.contract.worlds import KafkaWorld, MemoryWorld, World


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.kafka)])
def world(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Memory always; Kafka by the session's stack."""
    if request.param == "memory":
        yield MemoryWorld()
        return
    with ExitStack() as opened:
        yield KafkaWorld(request.getfixturevalue("stack"), opened, monkeypatch)
