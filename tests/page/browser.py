"""A browser session on the page that remembers everything the page may not do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.page.fake import PASSWORD, State

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / "build" / "console"
CHROMIUM = Path("/usr/bin/chromium")
AXE = ROOT / "services" / "console" / "page" / "node_modules" / "axe-core" / "axe.min.js"


GO = """hash => new Promise(done => {
    const drawn = () => requestAnimationFrame(() => requestAnimationFrame(done));
    if (location.hash === hash) return drawn();
    addEventListener('hashchange', drawn, { once: true });
    location.hash = hash;
})"""
OWN = ("http://127.0.0.1:", "blob:")
POLICY_ON_CONSOLE = """addEventListener('securitypolicyviolation', event =>
    console.error('policy: ' + event.violatedDirective + ' ' + event.blockedURI))"""


class Console(NamedTuple):
    """A fake, where it listens, and a page that is not signed in yet."""

    state: State
    address: str
    page: Page


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's browser, headless; `--no-sandbox` because tests may run as root in a container."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


def watched(context: BrowserContext, faults: list[str]) -> Page:
    """A page whose script errors, policy violations and requests to other hosts land in `faults`."""
    page = context.new_page()
    page.add_init_script(POLICY_ON_CONSOLE)
    page.on("pageerror", lambda error: faults.append(f"script error: {error}"))
    page.on("console", lambda line: faults.extend([line.text] if line.text.startswith("policy: ") else []))
    page.on("request", lambda asked: faults.extend([] if asked.url.startswith(OWN) else [asked.url]))
    page.on("dialog", lambda dialog: faults.append(f"dialog: {dialog.message}"))
    return page


def sign_in(page: Page, address: str, name: str = "Ines", where: str = "/") -> None:
    """As a person does."""
    page.goto(address + where)
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Live picture").wait_for()
    page.locator(".fresh.live").wait_for()


def go(page: Page, view: str) -> None:
    """To a view, until all that it fetches is there."""
    page.evaluate(GO, view)
    expect(page.locator("main h1")).to_be_visible()
    expect(page.get_by_text("Loading…")).to_have_count(0)
