"""One running pipeline for all system tests that do not need one of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from services.core.sioc import SIOC
from services.runtime.local import LocalStack
from services.runtime.secrets import write_private
from services.runtime.supervisor import Supervisor
from tests.support import World, answers, until

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


SIGHT_ORGS = ("alder", "birch", SIOC)
"""Two invented organisations and the SIOC."""


@pytest.fixture(scope="session")
def sight(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A pipeline with a SIOC in it, its read model and its console."""
    folder = tmp_path_factory.mktemp("sight")
    stages = {**STAGES, "distribute": 1, "console": 1}
    with (
        LocalStack.start(folder, orgs=SIGHT_ORGS) as stack,
        Supervisor(stack.settings_file, stack.folder, stages) as supervisor,
    ):
        made = World(stack, SIGHT_ORGS)
        made.supervisor = supervisor
        made.found()
        write_private(stack.settings.secrets / f"{SIOC}.officer.key", made.keys[SIOC].private_bytes_raw().hex())
        # Its first start leaves an invitation only where nobody has an account yet: tests make theirs after it.
        until(lambda: answers(f"http://{stack.settings.console}"), "the console")
        yield made
        made.close()
