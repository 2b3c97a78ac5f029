"""The real broker and Redis for every test that asks: one stack a session, or one of a test's own."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from services.runtime.local import LocalStack

ORGS = ("alder", "birch", "cedar", "dogwood", "elm")
"""Invented organisations."""

StackFactory = Callable[..., LocalStack]


def pytest_configure() -> None:
    """What a shell starts in the background ignores Ctrl-C, and every process that a test starts would inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """Kafka and Redis, provisioned for `ORGS`, four lanes; shared by the session."""
    with LocalStack.start(tmp_path_factory.mktemp("stack"), orgs=ORGS) as running:
        yield running


@pytest.fixture
def fresh_stack(tmp_path: Path) -> Iterator[StackFactory]:
    """Makes stacks of the test's own, with the options of LocalStack.start; stopped at its end."""
    with ExitStack() as running:
        started: list[LocalStack] = []

        def start(**options: Any) -> LocalStack:
            folder = tmp_path / f"stack-{len(started)}"
            started.append(running.enter_context(LocalStack.start(folder, **options)))
            return started[-1]

        yield start
