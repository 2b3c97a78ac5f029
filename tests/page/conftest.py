"""A page on its fake server, for every test of the folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.page.browser import BUILT, Console, chromium, watched
from tests.page.fake import State, served


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def console(browser: Browser) -> Iterator[Console]:
    state = State()
    faults: list[str] = []
    with served(BUILT, state) as address:
        context = browser.new_context(viewport={"width": 1280, "height": 720})
        yield Console(state, address, watched(context, faults))
        context.close()
    assert faults == []
