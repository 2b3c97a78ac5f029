"""What the promises share: seeds, the engine's answers, logs with more in them, and how two answers compare."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.core.ids import Ids
from services.core.projection import parse_projection
from services.runtime.codec import Codec
from tests.reference.cases import RECIPIENTS, Ask, World
from tests.reference.engine import UNKNOWN, Answer, Engine
from tests.reference.facts import Fields
from tests.reference.records import DAY, NOW
from tests.reference.registry import Entry

CODEC = Codec()
IDS = Ids(b"a master key for tests, 32 bytes.")
SEEDS = st.integers(0, 2**40)
RANK = ("NONE", "KEEP", "SHOW")
PERMITS = {"OK_INITIAL_AUDIENCE", "OK_GRANT", "IMR_BREAK_GLASS"}
LIFE = {"valid_from": (NOW - 100 * DAY).isoformat(), "valid_to": (NOW + 100 * DAY).isoformat()}


def promise(examples: int) -> Callable[[Any], Any]:
    """A property over that many seeds."""

    def over_seeds(test: Any) -> Any:
        return settings(max_examples=examples, deadline=None)(given(SEEDS)(test))

    return over_seeds


def answers(entries: Sequence[Entry], ask: Ask) -> dict[str, Answer]:
    """The engine's verdict for everybody."""
    found = Engine(World(tuple(entries), (ask,))).answers(ask)
    return {recipient: found.get(recipient, UNKNOWN) for recipient in RECIPIENTS}


def appended(entries: Sequence[Entry], *payloads: Fields) -> list[Entry]:
    """The log with records of administrators and grantors at its end."""
    last = entries[-1].offset
    return [
        *entries,
        *(Entry(last + n, NOW, _author(one), -1, one)
          for n, one in enumerate(payloads, start=1)),
    ]  # fmt: skip


def _author(payload: Fields) -> str:
    field = {"grant": "grantor", "withdrawal": "originator"}.get(payload["type"], "")
    return str(payload.get(field, "admin"))


def without_small_numbers(ask: Ask) -> Ask:
    """They are the one fact of which a coarser place shows more (docs/rules.md §6, step 5)."""
    harm = {**ask.report["harm"], "killed": None, "detained": None}
    return ask._replace(report={**ask.report, "harm": harm})


def nobody_has_more(less: dict[str, Answer], more: dict[str, Answer]) -> None:
    """No higher target, and nothing more of what is shown."""
    for recipient, one in less.items():
        other = more[recipient]
        assert RANK.index(one[1]) <= RANK.index(other[1]), (recipient, one, other)
        assert parse_projection(other[4]).covers(parse_projection(one[4])), (recipient, one, other)


def nobody_is_shown_more(less: dict[str, Answer], more: dict[str, Answer]) -> None:
    """Whether something may be kept is another matter: that is for what was shown before."""
    for recipient, one in less.items():
        assert one[1] != "SHOW" or more[recipient][1] == "SHOW", (recipient, one)
        assert parse_projection(more[recipient][4]).covers(parse_projection(one[4])), (recipient, one)


def granted(entry: Entry) -> bool:
    """True for a permission of any state."""
    return bool(entry.payload["type"] == "grant" and entry.payload.get("effect", "PERMIT") == "PERMIT")


def shuffled(random: Random, every: Iterable[Any]) -> list[Any]:
    some = list(every)
    return random.sample(some, len(some))


def marked_report(one: Fields) -> Fields:
    serial = 1000 * (RECIPIENTS.index(one["series_id"].split("/")[0]) * 10 + int(one["series_id"][-1]))
    return {**one, "expires": NOW + 300 * DAY + timedelta(seconds=serial + one["version"])}
