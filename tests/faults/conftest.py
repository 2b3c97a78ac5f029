"""One broker for all faults of DELIVER; its outlets are those of invented organisations, ten for each file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from services.runtime.local import LocalStack
from tests.faults.deliver_kit import Outlets, orgs


@pytest.fixture(scope="session")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with LocalStack.start(
        tmp_path_factory.mktemp("deliver"), orgs=(*orgs("kill"), *orgs("park"), *orgs("slot"))
    ) as stack:
        yield stack


@pytest.fixture
def outlets(own_stack: LocalStack) -> Iterator[Outlets]:
    reader = Outlets(own_stack)
    yield reader
    reader.close()
