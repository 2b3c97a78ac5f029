"""What a representative signs, made from few words; and the organisation's own book of it.

The relay lets partners write to slt.consent.<org> but not read it, so the book is what tells which version comes next.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from services.client.errors import ClientError, Problem
from services.runtime.secrets import write_private

_WRONG = "is not in this book: name its version, kinds, areas and recipients in a file (docs/consent.md)"


class Scope(NamedTuple):
    """What a grant is about: single reports, or kinds in areas."""

    recipients: tuple[str, ...]
    series: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()
    status: str = "Actual"


def grant(org: str, name: str, scope: Scope, now: datetime, days: int = 90) -> dict[str, Any]:
    """A first version, from now on; ClientError unless it names series, or kinds and areas."""
    if bool(scope.series) == bool(scope.kinds or scope.areas):
        raise ClientError(Problem.REFUSED, "Name either single reports (--series), or kinds and areas.")
    about = {"series": list(scope.series)} if scope.series else {"kinds": list(scope.kinds), "areas": list(scope.areas)}
    return {
        "type": "grant", "version": 1, "grantor": org, "grant": name, "effect": "PERMIT", "status": scope.status,
        "recipients": list(scope.recipients), **about, "valid_from": now.isoformat(timespec="seconds"),
        "valid_to": (now + timedelta(days=days)).isoformat(timespec="seconds"),
    }  # fmt: skip


def ended(earlier: Mapping[str, Any], mode: str) -> dict[str, Any]:
    """The next version of a grant, withdrawn: RECALL takes back, PROSPECTIVE only stops."""
    return {**earlier, "version": earlier["version"] + 1, "state": "WITHDRAWN", "mode": mode}


def taken_back(org: str, series: str, mode: str) -> dict[str, Any]:
    """The withdrawal of one report for everybody; it never lives again."""
    return {"type": "withdrawal", "version": 1, "originator": org, "series": series, "mode": mode}


def replied(org: str, asked: Mapping[str, Any], scope: Scope, now: datetime, *, yes: bool) -> dict[str, Any]:
    """The answer to a request about one report: a grant that covers it although it came earlier, or a refusal."""
    name = f"answer-{asked['id'][:16]}"
    made = grant(org, name, scope._replace(series=(asked["series_id"],)), now)
    return {**made, "covers_earlier": True} if yes else {**made, "state": "REFUSED"}


class Book:
    """The newest version of each grant that was sent from here, in one private JSON file."""

    def __init__(self, path: Path) -> None:
        """`path`: made with the first entry."""
        self._path = path
        self.entries: dict[str, dict[str, Any]] = orjson.loads(path.read_bytes()) if path.exists() else {}

    def enter(self, payload: Mapping[str, Any], result: str) -> None:
        """Keep what was sent and what the relay said of it; a refused version counts as never made."""
        if result != "REFUSED":
            name = str(payload.get("grant") or payload["series"])
            self.entries[name] = {**payload, "result": result}
            write_private(self._path, orjson.dumps(self.entries, option=orjson.OPT_INDENT_2).decode() + "\n")

    def newest(self, name: str) -> dict[str, Any]:
        """The newest version of a grant; ClientError if it was not sent from here."""
        if name not in self.entries:
            raise ClientError(Problem.REFUSED, f"The grant {name} {_WRONG}.")
        found = dict(self.entries[name])
        del found["result"]
        return found
