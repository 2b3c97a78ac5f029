"""One running pipeline for all system tests that do not need one of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from services.runtime.local import LocalStack
from services.runtime.supervisor import Supervisor
from tests.support import World

ORGS = ("alder", "birch", "cedar", "dogwood", "rowan", "spindle")
"""Invented organisations."""
STAGES = {"intake": 1, "enrich": 1, "correlate": 1, "distribute": 2, "deliver": 1, "projector": 1}


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Kafka, Redis and every stage under the supervisor, with the partners registered."""
    folder = tmp_path_factory.mktemp("pipeline")
    with LocalStack.start(folder, orgs=ORGS) as stack, Supervisor(stack.settings_file, folder, STAGES) as supervisor:
        made = World(stack, ORGS)
        made.supervisor = supervisor
        made.found()
        yield made
        made.close()
