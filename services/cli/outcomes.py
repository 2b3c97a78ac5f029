"""Decisions as people read them: a table of recipients with outcome, projection and reasons in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from services.core.audit import Holding, Row
from services.core.gates import Code
from services.core.words import OUTCOMES, SENTENCES, projection_words

_COLOURS = {"SHOW": "green", "KEEP": "yellow", "NONE": "red"}
_ORDER = {"SHOW": 0, "KEEP": 1, "NONE": 2}
_FULL = 6
"""More names than so many are shown as their number; --recipient and --json show each."""


def why(told: Row) -> list[str]:
    """The reasons of a decision in words, the primary one first."""
    first = [told["primary"], *(code for code in told["reasons"] if code != told["primary"])]
    return [SENTENCES[Code(code)] for code in first]


def spoken(told: Row) -> dict[str, Any]:
    """A decision for programs, with the words beside the codes."""
    return {**told, "why": why(told), "shows": projection_words(told["projection"])}


def outcomes(rows: Iterable[Row], held: Mapping[str, Holding] | None = None) -> Table:
    """Those who get it first; `held`: by recipient, what it holds now."""
    columns = ["who", "outcome", "is shown", "why", "consents"]
    table = Table(*columns, *(() if held is None else ("holds now",)), show_lines=True)
    for told in sorted(rows, key=lambda one: (_ORDER[one["target"]], one["recipients"])):
        cells: list[str | Text] = [
            names(told["recipients"]),
            Text(OUTCOMES[told["target"]], style=_COLOURS[told["target"]]),
            projection_words(told["projection"]) or "-",
            _reasons(told),
            "\n".join((*told["grants"], *(f"duty: {duty}" for duty in told["obligations"]))) or "-",
        ]
        table.add_row(*cells, *(() if held is None else (_held(told, held),)))
    return table


def names(orgs: list[str]) -> str:
    """The organisations, or how many there are."""
    if len(orgs) <= _FULL:
        return "\n".join(orgs)
    return "\n".join((*orgs[: _FULL - 1], f"and {len(orgs) - _FULL + 1} more"))


def moment(text: str | None) -> str:
    """A time as people read it, UTC."""
    return datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M:%S") if text else "-"


def _reasons(told: Row) -> Text:
    found = Text()
    for number, (sentence, code) in enumerate(zip(why(told), _codes(told), strict=True)):
        found.append("\n" if number else "")
        found.append(sentence)
        found.append(f" {code}", style="dim")
    return found


def _codes(told: Row) -> list[str]:
    return [told["primary"], *(code for code in told["reasons"] if code != told["primary"])]


def _held(told: Row, held: Mapping[str, Holding]) -> str:
    """What these hold; they may have come to the same verdict with different holdings."""
    lines: dict[str, int] = {}
    for org in told["recipients"]:
        one = held.get(org)
        line = f"version {one['version']} since {moment(one['since'])}" if one else "nothing"
        lines[line] = lines.get(line, 0) + 1
    if len(lines) == 1:
        return next(iter(lines))
    return "\n".join(f"{count}: {line}" for line, count in lines.items())
