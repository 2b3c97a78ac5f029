"""What is hostile or unusual does no harm: script, odd places, narrow screens, screen readers; and the pictures."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.page import invented
from tests.page.browser import AXE, BUILT, CHROMIUM, Console, go, sign_in
from tests.page.fake import State
from tests.page.screens import VIEWS, take

pytestmark = [
    pytest.mark.skipif(not (BUILT / "index.html").exists(), reason="the page is not built: make console"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="no chromium: apt-get install -y chromium"),
]

ALL_VIEWS = {"live": "#/live", "cases": "#/cases", "audit": "#/audit", "tokens": "#/tokens"} | VIEWS
PROBES = [
    "<script>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1>",
    '"><svg onload=window.pwned=1>',
    "javascript:window.pwned=1//",
    "{{constructor.constructor('window.pwned=1')()}}",
]
NASTY = " ".join([*PROBES, "\u202egnp.exe\u202c", "\x00\x1b[31m", "e" + "\u0301" * 200, "👩‍👩‍👧‍👦", "W" * 10_000])


def _poison(value: Any, keep: frozenset[str]) -> Any:
    """The same shape with a nasty text for every text that is not a key, a time or a choice."""
    if isinstance(value, dict):
        return {name: inner if name in keep else _poison(inner, keep) for name, inner in value.items()}
    if isinstance(value, list):
        return [_poison(inner, keep) for inner in value]
    return NASTY if isinstance(value, str) else value


KEEP = frozenset(
    {"key", "id", "status", "series", "series_id", "recipient", "left", "right", "effect", "state", "mode"}
    | {name for name in ("updated_at", "at", "due_at", "expires_at", "clock")}
)


def _poisoned(state: State) -> None:
    state.incidents["k00001"] = _poison(invented.incident(1), KEEP)
    state.incidents["k00002"] = _poison(invented.incident(2, imminent=True), KEEP)
    state.pages["k00005"] = _poison(invented.page_of(state.incidents["k00005"]), KEEP)
    state.matrix = _poison(state.matrix, KEEP)
    state.health = _poison(state.health, KEEP)
    state.partners = _poison(state.partners, KEEP)
    state.recalls = _poison(state.recalls, KEEP)
    state.requests = _poison(state.requests, KEEP)
    state.windows = _poison(state.windows, KEEP)
    state.cases = [
        _poison(
            {"id": "1", "kind": "", "title": "", "opened_at": "", "by": "", "state": "open", "incident_key": ""}, KEEP
        )
    ]
    state.tokens = _poison(state.tokens, KEEP)
    state.verdicts = [
        _poison(
            dict.fromkeys(("as_of", "series_id", "recipient", "effect", "target", "primary"), "")
            | {"version": 1, "epoch": 1},
            frozenset(),
        )
    ]


@pytest.mark.parametrize("view", ALL_VIEWS)
def test_text_stays_text(console: Console, view: str) -> None:
    _poisoned(console.state)
    page = console.page
    sign_in(page, console.address)
    go(page, ALL_VIEWS[view])
    assert page.evaluate("window.pwned") is None
    assert page.locator("main script, main img, main svg, main iframe, main [onerror], main [onload]").count() == 0
    assert page.locator("a[href^='javascript:']").count() == 0
    if view != "draft":
        shown = page.locator("#app").inner_text()
        assert "<script>" in shown
        assert not set(shown) & {"\u202e", "\x00", "\x1b"}
        assert "W" * 700 not in shown
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0


@pytest.mark.parametrize("place", [(0, 180.0), (0, -180.0), (90, 10), (91, 500), (None, None)], ids=str)
def test_any_place_and_date_is_harmless(console: Console, place: tuple[float | None, float | None]) -> None:
    where = {"latitude": place[0], "longitude": place[1], "precision": "TOWN", "radius_m": 5000, "name": ""}
    odd = {"occurred_from": "1900-01-01T00:00:00Z", "updated_at": None, "originators": ["x"] * 200}
    console.state.incidents = {"k00001": invented.incident(1, place=where, **odd)}
    sign_in(console.page, console.address)
    expect(console.page.locator(".row")).to_have_count(1)
    expect(console.page.locator(".row")).to_contain_text("and 197 more")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(console: Console, browser: Browser, scheme: Any) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: make console")
    console.state.incidents["k00002"] = invented.incident(2, imminent=True)
    context = browser.new_context(viewport={"width": 1280, "height": 720}, color_scheme=scheme)
    page = context.new_page()
    rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
    found = []
    page.goto(console.address)
    page.get_by_label("Name").wait_for()
    page.evaluate(AXE.read_text())
    found += page.evaluate("rules => axe.run(rules)", rules)["violations"]
    sign_in(page, console.address)
    page.evaluate(AXE.read_text())
    for view in ALL_VIEWS.values():
        go(page, view)
        found += page.evaluate("rules => axe.run(rules)", rules)["violations"]
    page.keyboard.press("?")
    found += page.evaluate("rules => axe.run(rules)", rules)["violations"]
    context.close()
    assert [(one["id"], [node["html"][:120] for node in one["nodes"]][:3]) for one in found] == []


@pytest.mark.parametrize("size", [(320, 256), (768, 1024)], ids=["400 % of 1280x1024", "tablet"])
def test_it_reflows(console: Console, size: tuple[int, int]) -> None:
    page = console.page
    sign_in(page, console.address)
    page.set_viewport_size({"width": size[0], "height": size[1]})
    for view in ALL_VIEWS.values():
        go(page, view)
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, view


def test_pictures_of_every_view_can_be_taken(browser: Browser, tmp_path: Any) -> None:
    take(browser, tmp_path)
    assert {path.stem for path in tmp_path.glob("*.png")} == {*VIEWS, "live-light", "live-dark", "exercise"}
