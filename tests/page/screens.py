"""Pictures of the main views with invented data: `python -m tests.page.screens` renews docs/console."""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import Browser

from tests.page import invented
from tests.page.browser import BUILT, ROOT, chromium, go, sign_in
from tests.page.fake import State, served

VIEWS = {
    "incident": "#/incident/k00005", "draft": "#/draft", "recalls": "#/recalls", "requests": "#/requests",
    "partners": "#/partners", "health": "#/health", "situation": "#/situation",
}  # fmt: skip


def _signed_in(browser: Browser, folder: Path, mode: str, scheme: str) -> None:
    state = State()
    state.mode = mode
    if mode == "EXERCISE":
        state.incidents = {key: row | {"status": "Exercise"} for key, row in state.incidents.items()}
    else:
        state.incidents["k00002"] = invented.incident(2, imminent=True)
    with served(BUILT, state) as address:
        context = browser.new_context(
            viewport={"width": 1280, "height": 720}, color_scheme="dark" if scheme == "dark" else "light"
        )
        context.clock.set_fixed_time(invented.NOW)  # countdowns stand still, so that pictures differ only by the page
        page = context.new_page()
        sign_in(page, address)
        page.locator(".incidents").wait_for()
        name = "exercise" if mode == "EXERCISE" else f"live-{scheme}"
        page.screenshot(path=folder / f"{name}.png")
        for view, hash_ in VIEWS.items() if name == "live-light" else ():
            go(page, hash_)
            page.screenshot(path=folder / f"{view}.png")
        context.close()


def take(browser: Browser, folder: Path) -> None:
    """All pictures into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for mode, scheme in (("ACTUAL", "light"), ("ACTUAL", "dark"), ("EXERCISE", "light")):
        _signed_in(browser, folder, mode, scheme)


if __name__ == "__main__":
    with chromium() as chosen:
        take(chosen, ROOT / "docs" / "console")
    sys.exit(0)
