"""The page on the real pipeline, in a real browser: what an operator sees when partners report and revoke."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from services.console.accounts import Accounts, Role
from services.console.guard import now
from services.core.sioc import SIOC
from tests.page.browser import AXE, BUILT, CHROMIUM, chromium, go, watched
from tests.support import World, until

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.skipif(not (BUILT / "index.html").exists(), reason="the page is not built: make console"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="no chromium: apt-get install -y chromium"),
]
PASSWORD = "correct horse battery staple"
EVERYTHING = (Role.OPERATOR, Role.APPROVER, Role.ADMINISTRATOR, Role.AUDITOR)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def faults() -> Iterator[list[str]]:
    found: list[str] = []
    yield found
    assert found == []


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context(viewport={"width": 1280, "height": 720})
    yield made
    made.close()


@pytest.fixture
def accounts(sight: World) -> Accounts:
    return Accounts(sight.stack.settings.accounts_folder)


@pytest.fixture
def page(sight: World, accounts: Accounts, context: BrowserContext, faults: list[str]) -> Page:
    """Signed in as somebody who may everything, by way of an invitation, as a person does it."""
    address = f"http://{sight.stack.settings.console}"
    secret = accounts.invite("Noor Invented", EVERYTHING, now())
    found = watched(context, faults)
    found.goto(f"{address}/invitation#{secret}")
    found.get_by_label("Password").fill(PASSWORD)
    found.get_by_role("button").click()
    found.get_by_role("link", name="Sign in").click()
    found.get_by_label("Name").fill("Noor Invented")
    found.get_by_label("Password").fill(PASSWORD)
    found.keyboard.press("Enter")
    expect(found.locator(".fresh.live")).to_be_visible(timeout=20_000)
    return found


def test_a_report_appears_and_a_revocation_makes_it_vanish_with_a_trace(sight: World, page: Page) -> None:
    sight.report("alder", "seen", headline="Seen on the page", initial_audience=[SIOC, "birch"],
                 place={"country": "KEN", "latitude": 0.5, "longitude": 37.1, "precision": "TOWN"})  # fmt: skip
    row = page.get_by_role("listbox").get_by_text("Seen on the page")
    expect(row).to_be_visible(timeout=20_000)
    row.click()
    expect(page.get_by_role("heading", name="Seen on the page")).to_be_visible()
    expect(page.get_by_role("rowheader", name=re.compile("birch")).first).to_be_visible(timeout=20_000)
    go(page, "#/live")
    sight.report("alder", "seen", version=2, message="UPDATE", headline="Seen on the page", initial_audience=["birch"])
    expect(row).to_have_count(0, timeout=20_000)
    expect(page.get_by_text(re.compile("recall", re.IGNORECASE)).first).to_be_visible()


def test_an_imminent_risk_is_acknowledged_by_name(sight: World, page: Page) -> None:
    sight.report("alder", "danger", headline="Flood wave on its way", initial_audience=[SIOC], kind="SECURITY_ALERT",
                 urgency="Immediate", severity="Extreme", certainty="Observed")  # fmt: skip
    strip = page.locator(".strip.imminent")
    expect(strip).to_contain_text("Flood wave", timeout=20_000)
    page.locator("#acknowledge").click()
    expect(strip).to_have_count(0, timeout=20_000)
    deeds = [read.value for read in sight.read("slt.console") if read.value["deed"] == "acknowledged"]
    assert deeds[-1]["who"] == "Noor Invented"


def test_an_alert_is_drafted_previewed_and_sent(sight: World, page: Page) -> None:
    sight.consent(SIOC, grant="page", kinds=["*"], areas=["*"], recipients=["birch"])
    sight.entered(f"grant/{SIOC}/page")
    go(page, "#/draft")
    page.locator("[name=headline]").fill("Landslide on the north road")
    page.locator("[name=country]").fill("KEN")
    page.locator("[name=precision]").select_option("COUNTRY")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("rowheader", name="birch")).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="Send as the SIOC").click()
    page.get_by_role("button", name=re.compile("Send to")).click()
    expect(page.get_by_text(re.compile(r"Sent as sioc/console-"))).to_be_visible(timeout=30_000)
    until(lambda: sight.shown("birch", "Landslide"), "the alert at its recipient")


def test_a_killed_web_process_is_said_and_the_picture_comes_back(sight: World, page: Page) -> None:
    assert sight.supervisor is not None
    sight.supervisor.kill("console")
    expect(page.locator(".strip.stale")).to_be_visible(timeout=30_000)
    sight.report("alder", "while-down", headline="While it was down", initial_audience=[SIOC])
    expect(page.get_by_role("listbox").get_by_text("While it was down")).to_be_visible(timeout=60_000)
    expect(page.locator(".fresh.live")).to_be_visible(timeout=20_000)


def test_an_emptied_redis_is_said_and_the_picture_comes_back(sight: World, page: Page) -> None:
    sight.report("alder", "flushed", headline="Before the flush", initial_audience=[SIOC])
    expect(page.get_by_role("listbox").get_by_text("Before the flush")).to_be_visible(timeout=20_000)
    sight.stack.redis_flush()
    # Sessions lie in Redis too: the page asks to sign in again, and shows nothing old as live.
    expect(page.get_by_label("Password")).to_be_visible(timeout=30_000)
    page.get_by_label("Name").fill("Noor Invented")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("listbox").get_by_text("Before the flush")).to_be_visible(timeout=60_000)


def test_the_session_ends_with_the_role(page: Page, accounts: Accounts) -> None:
    accounts.end("Noor Invented")
    expect(page.get_by_label("Password")).to_be_visible(timeout=20_000)


def test_no_view_breaks_a_rule_of_accessibility_on_real_data(page: Page) -> None:
    for view in ("#/live", "#/draft", "#/recalls", "#/partners", "#/health", "#/audit", "#/tokens"):
        go(page, view)
        expect(page.locator("main h1")).to_be_visible()
        page.evaluate(f"{AXE.read_text()}; undefined")
        found = page.evaluate("axe.run().then(told => told.violations.map(one => one.id))")
        assert found == [], view
