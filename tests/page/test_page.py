"""What operators rely on, on the built page in a real browser; the server is `fake`, the data invented."""

from __future__ import annotations

import gzip
import json
import re
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.page import invented
from tests.page.browser import BUILT, CHROMIUM, Console, go, sign_in, watched
from tests.page.fake import State, served

pytestmark = [
    pytest.mark.skipif(not (BUILT / "index.html").exists(), reason="the page is not built: make console"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="no chromium: apt-get install -y chromium"),
]

LATER = invented.iso(invented.NOW + timedelta(minutes=1))


def _put(row: dict[str, Any]) -> dict[str, Any]:
    return {"op": "put", "incident": row}


def test_the_front_end_stays_small() -> None:
    parts = [path for path in (BUILT / "assets").iterdir() if path.suffix in {".js", ".css"}]
    assert sum(len(gzip.compress(path.read_bytes())) for path in parts) <= 150_000


def test_the_basemap_is_cut_at_the_antimeridian() -> None:
    countries = json.loads((BUILT / "basemap.json").read_text())
    assert len(countries) > 170
    for country in countries:
        for ring in country["rings"]:
            steps = [abs(after[0] - before[0]) for before, after in pairwise(ring)]
            along_the_pole = [abs(before[1]) == 90 for before in ring[:-1]]
            assert all(step <= 180 or polar for step, polar in zip(steps, along_the_pole, strict=True)), country["name"]


def test_a_wrong_password_is_said_and_a_right_one_enters(console: Console) -> None:
    page = console.page
    page.goto(console.address)
    page.get_by_label("Name").fill("Ines")
    page.get_by_label("Password").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("Name and password do not fit.")
    sign_in(page, console.address)
    assert page.context.cookies()[0]["httpOnly"]


def test_the_feed_follows_the_stream(console: Console) -> None:
    sign_in(console.page, console.address)
    console.state.publish(_put(invented.incident(100, headline="An invented new thing", updated_at=LATER)))
    first = console.page.locator(".row").first
    expect(first).to_contain_text("An invented new thing")
    console.state.publish({"op": "gone", "key": "k00100", "reason": "RECALL", "replaced_by": None, "at": LATER})
    expect(first).not_to_contain_text("An invented new thing")
    expect(console.page.get_by_text("No longer shown: 1")).to_be_visible()
    expect(console.page.get_by_text("An invented new thing")).to_have_count(0)


def test_filters_are_in_the_address_and_survive_a_reload(console: Console) -> None:
    page = console.page
    sign_in(page, console.address)
    page.get_by_label("Severity").select_option("Extreme")
    page.get_by_label("Search").fill("device")
    expect(page).to_have_url(re.compile("severity=Extreme&text=device"))
    page.reload()
    expect(page.get_by_label("Search")).to_have_value("device")
    expect(page.get_by_text(re.compile(r"^\d+ of 40 incidents"))).to_have_text("7 of 40 incidents")


def test_exercise_is_never_among_the_real(console: Console) -> None:
    console.state.incidents["k00500"] = invented.incident(500, status="Exercise", headline="Practice only")
    page = console.page
    sign_in(page, console.address)
    expect(page.get_by_text("Practice only")).to_have_count(0)
    page.get_by_label("Status").select_option("Exercise")
    expect(page.locator(".row", has_text="Practice only")).to_contain_text("EXERCISE")
    expect(page.locator(".mode-banner")).to_contain_text("not real")
    expect(page).to_have_url(re.compile("status=Exercise"))


def test_exercise_mode_says_so_and_still_shouts_what_is_real(console: Console) -> None:
    console.state.mode = "EXERCISE"
    console.state.incidents = {"k00001": invented.incident(1, status="Exercise", imminent=True, headline="Practice")}
    page = console.page
    sign_in(page, console.address)
    expect(page.locator(".shell.exercise > .mode-banner")).to_contain_text("EXERCISE")
    expect(page).to_have_title(re.compile("EXERCISE"))
    expect(page.locator(".strip.imminent")).to_contain_text("EXERCISE: ")
    console.state.publish(_put(invented.incident(2, imminent=True, headline="In truth")))
    expect(page.locator(".strip.imminent")).to_contain_text("REAL, no exercise")


@pytest.mark.parametrize("why", ["told", "the clock stands"])
def test_old_is_never_shown_as_live(console: Console, why: str) -> None:
    page = console.page
    sign_in(page, console.address)
    if why == "told":
        console.state.stale_since = "2026-03-14T09:00:00Z"
    else:
        console.state.stands = True
    expect(page.locator(".strip.stale")).to_contain_text("Stale since 2026-03-14 09:")
    expect(page.locator(".fresh")).to_have_count(0)
    console.state.stale_since, console.state.stands = None, False
    expect(page.locator(".fresh.live")).to_be_visible()


def test_a_server_that_falls_silent_is_noticed(console: Console) -> None:
    sign_in(console.page, console.address)
    console.state.silent = True
    expect(console.page.locator(".strip.stale")).to_contain_text("The server is silent.", timeout=16_000)


def test_a_rebuild_is_visible(console: Console) -> None:
    sign_in(console.page, console.address)
    console.state.rebuilding = 42
    expect(console.page.locator(".strip.rebuilding")).to_contain_text("Rebuilding, 42 %")


def test_a_dead_server_makes_the_page_stale_and_its_return_brings_what_was_missed(browser: Browser) -> None:
    faults: list[str] = []
    state = State()
    page = watched(browser.new_context(), faults)
    with served(BUILT, state) as address:
        sign_in(page, address)
    expect(page.locator(".strip.stale")).to_contain_text("Stale since", timeout=20_000)
    state.stop.clear()
    state.publish(_put(invented.incident(100, headline="Came in between", updated_at=LATER)))
    with served(BUILT, state, int(address.rpartition(":")[2])):
        expect(page.locator(".fresh.live")).to_be_visible(timeout=20_000)
        expect(page.locator(".row").first).to_contain_text("Came in between")
        page.context.close()
    assert faults == []


def test_only_rows_in_sight_exist_and_what_is_read_stays(console: Console) -> None:
    page = console.page
    console.state.incidents = {row["key"]: row for row in map(invented.incident, range(5000))}
    sign_in(page, console.address)
    expect(page.get_by_text("5000 of 5000 incidents")).to_be_visible()
    assert page.locator(".row").count() < 40
    page.locator("#feed").evaluate("box => { box.scrollTop = 40000 }")
    read = page.locator('.row[aria-posinset="560"] .headline')
    expect(read).to_be_visible()
    before = page.evaluate("document.querySelector('[aria-posinset=\"560\"]').getBoundingClientRect().top")
    console.state.publish(*(_put(invented.incident(9000 + n, updated_at=LATER)) for n in range(10)))
    after = page.locator('.row[aria-posinset="570"]')
    expect(after).to_be_visible()
    assert abs(after.evaluate("row => row.getBoundingClientRect().top") - before) < 2
    assert page.locator(".row").count() < 40


def test_the_keyboard_is_enough(console: Console) -> None:
    page = console.page
    sign_in(page, console.address)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("pipeline health")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("g")
    console.state.publish(_put(invented.incident(100, headline="Between two keys", updated_at=LATER)))
    expect(page.locator(".row").first).to_contain_text("Between two keys")
    page.keyboard.press("h")
    expect(page.get_by_role("heading", name="Pipeline health")).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("l")
    expect(page.locator("#feed")).to_be_visible()
    page.keyboard.press("f")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Accounts side by side")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#feed")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("?gh")
    expect(page.get_by_label("Search")).to_have_value("?gh")


def test_imminent_risk_is_acknowledged_by_name(console: Console) -> None:
    page = console.page
    console.state.incidents["k00003"] = invented.incident(3, imminent=True, headline="Leave the road now")
    sign_in(page, console.address)
    strip = page.locator(".strip.imminent")
    expect(strip).to_contain_text("Leave the road now")
    expect(page).to_have_title(re.compile(r"^\(1\)"))
    strip.get_by_role("button", name="Acknowledge as Ines").click()
    expect(strip).to_have_count(0)
    assert console.state.incidents["k00003"]["acknowledged_by"] == "Ines"


def test_accounts_stand_side_by_side_and_differences_are_marked(console: Console) -> None:
    sign_in(console.page, console.address)
    go(console.page, "#/incident/k00005")
    row = console.page.get_by_role("row", name=re.compile("^Severity"))
    expect(row).to_contain_text("≠ differ")
    expect(row.get_by_role("cell")).to_have_text(["Severe", "Moderate"])
    expect(console.page.get_by_role("row", name=re.compile("^Urgency"))).not_to_contain_text("differ")
    expect(console.page.locator(".timeline li strong")).to_have_text(
        ["Occurred", "Reported", "Received", "Decided", "Delivered", "Acknowledged"]
    )


def test_the_matrix_says_who_got_it_and_why_not(console: Console) -> None:
    page = console.page
    sign_in(page, console.address)
    go(page, "#/incident/k00005")
    lines = page.get_by_role("region", name="Recipients by report").locator("tbody tr")
    expect(lines).to_have_count(6)
    expect(lines.nth(1)).to_contain_text("not told")
    expect(lines.nth(1)).to_contain_text("The originator has given no consent")
    page.get_by_label("Show").select_option("not")
    expect(lines).to_have_count(2)


def test_a_relation_is_confirmed_with_a_reason(console: Console) -> None:
    page = console.page
    sign_in(page, console.address)
    go(page, "#/incident/k00005")
    page.get_by_role("button", name="Confirm").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Confirm")).to_be_disabled()
    dialog.get_by_label("Reason").fill("Same gate, same hour")
    dialog.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("confirm is entered.")).to_be_visible()
    name, path, body = console.state.posted[-1]
    assert (name, path) == ("Ines", "links")
    assert body == {
        "action": "confirm", "left": "harbour-aid/2026-031", "right": "meridian-health/77",
        "reason": "Same gate, same hour", "incident_key": "k00005",
    }  # fmt: skip


def test_who_may_not_act_sees_no_button(console: Console) -> None:
    sign_in(console.page, console.address, "Vera")
    go(console.page, "#/incident/k00005")
    expect(console.page.get_by_role("button", name=re.compile("Confirm|Reject|Split|Merge"))).to_have_count(0)
    expect(console.page.get_by_role("link", name="Audit")).to_have_count(0)


def test_nothing_is_sent_that_was_not_previewed(console: Console) -> None:
    page = console.page
    sign_in(page, console.address)
    go(page, "#/draft")
    send = page.get_by_role("button", name="Send as the SIOC")
    page.get_by_label("Headline").fill("Invented warning")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("Say which country it is about.")).to_be_visible()
    expect(send).to_be_disabled()
    page.locator("[name=country]").fill("XA")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("Its areas do not include this place").first).to_be_visible()
    page.get_by_label("Headline").fill("Invented warning, changed")
    expect(send).to_be_disabled()
    page.get_by_role("button", name="Preview").click()
    send.click()
    expect(page.get_by_role("dialog")).to_contain_text("REAL alert")
    page.get_by_role("button", name="Send to 4").click()
    expect(page.get_by_text("Sent as sioc/1.")).to_be_visible()
    assert console.state.posted[-1][2]["headline"] == "Invented warning, changed"


def test_glass_is_broken_by_two_persons(console: Console, browser: Browser) -> None:
    faults: list[str] = []
    second = watched(browser.new_context(), faults)
    for page, name in ((console.page, "Ines"), (second, "Tomas")):
        sign_in(page, console.address, name)
        go(page, "#/requests")
        page.get_by_role("button", name="Confirm…").click()
        page.get_by_label("Why life is in danger").fill("Two convoys leave at ten")
        page.get_by_role("button", name=f"Confirm as {name}").click()
        if name == "Ines":
            expect(page.get_by_role("button", name="another person")).to_be_disabled()
    expect(second.get_by_text("Confirmed 2 of 2")).to_be_visible()
    assert [approval["name"] for approval in console.state.requests["q1"]["approvals"]] == ["Ines", "Tomas"]
    second.context.close()
    assert faults == []


def test_the_page_ends_with_the_session(console: Console) -> None:
    sign_in(console.page, console.address)
    console.state.end("Your role was taken away.")
    expect(console.page.get_by_role("button", name="Sign in")).to_be_visible()
    expect(console.page.get_by_text("Your role was taken away.")).to_be_visible()
    expect(console.page.get_by_text(invented.SAYINGS[0][0])).to_have_count(0)
