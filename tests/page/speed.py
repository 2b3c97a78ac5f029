"""How smooth the page stays: `python -m tests.page.speed`; 2,000 incidents, 200 changes a second."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import timedelta
from statistics import median
from threading import Event, Thread
from typing import Any

from playwright.sync_api import Page

from tests.page import invented
from tests.page.browser import BUILT, chromium, sign_in
from tests.page.fake import State, served

INCIDENTS, A_SECOND, BATCH = 2000, 200, 4
FRAMES = """() => { window.frames_ = []; let last = performance.now();
  const step = now => { window.frames_.push(now - last); last = now; requestAnimationFrame(step) };
  requestAnimationFrame(step) }"""


def _feed(state: State, stop: Event) -> None:
    """Old incidents change in turn: the number on the map stays the same."""
    number = 0
    while not stop.wait(BATCH / A_SECOND):
        numbers = range(number, number + BATCH)
        number += BATCH
        state.publish(*({"op": "put", "incident": _newer(one)} for one in numbers))
        state.changes[:-500] = [[]] * len(state.changes[:-500])


def _newer(number: int) -> dict[str, Any]:
    at = invented.iso(invented.NOW + timedelta(milliseconds=number))
    return invented.incident(number % INCIDENTS, sequence=2 + number // INCIDENTS, updated_at=at)


def _heap(page: Page) -> float:
    """Megabytes after a collection."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    used = float(session.send("Runtime.getHeapUsage")["usedSize"]) / 1e6
    session.detach()
    return used


def measure(seconds: int) -> dict[str, float]:
    """Frames a second (median and slowest hundredth), heap at a fifth and at the end, first paint with 5,000 live."""
    state = State()
    state.incidents = {row["key"]: row for row in map(invented.incident, range(INCIDENTS))}
    stop = Event()
    with served(BUILT, state) as address, chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        sign_in(page, address)
        writer = Thread(target=_feed, args=(state, stop))
        writer.start()
        page.wait_for_timeout(seconds * 200)
        early = _heap(page)
        page.evaluate(FRAMES)
        page.wait_for_timeout(seconds * 800)
        frames = sorted(page.evaluate("window.frames_"))
        late = _heap(page)
        stop.set()
        writer.join()
        state.incidents = {row["key"]: row for row in map(invented.incident, range(5000))}
        page.goto(address)
        page.locator(".row").first.wait_for()
        paint = page.evaluate("performance.now()")
    return {
        "fps_median": round(1000 / median(frames), 1),
        "fps_slowest_hundredth": round(1000 / frames[int(len(frames) * 0.99)], 1),
        "heap_early_mb": round(early, 1), "heap_late_mb": round(late, 1), "first_rows_of_5000_ms": round(paint),
    }  # fmt: skip


def main(argv: Sequence[str]) -> int:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    sys.stdout.write(json.dumps(measure(parser.parse_args(argv).seconds)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
