"""A submission on its way to being a report: the one place that says what intake and enrich add to what was sent.

Intake makes reports with `normalised`; a preview takes a draft through the same functions, so that it cannot differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from services.core.place import Area
from services.core.stage import Refusal, Source
from services.core.submission import content_hash, read_submission

Locate = Callable[[Mapping[str, Any]], Area | Refusal]
"""Where a report's `place` lies: services.core.place.locate with its tables."""
_NOWHERE = Source("", 0, -1)


class Arrival(NamedTuple):
    """When a submission came, and where it lies."""

    source: Source
    received_at: datetime
    epoch: int
    """The policy epoch that intake had applied."""


def normalised(found: Mapping[str, Any], org: str, arrival: Arrival) -> dict[str, Any]:
    """The `report` of a submission that read_submission has read; `org`: the organisation whose topic it came on."""
    supersedes = found["supersedes"]
    return {
        **found,
        "originator": org,
        "supersedes": f"{org}/{supersedes}" if supersedes else "",
        "series_id": f"{org}/{found['series_id']}",
        "received_at": arrival.received_at,
        "epoch": arrival.epoch,
        "raw": arrival.source._asdict(),
        "content_hash": content_hash(found),
        "area": None,
        "home": 0,
    }


def drafted(fields: Any, org: str, now: datetime, epoch: int, locate: Locate) -> dict[str, Any] | Refusal:
    """The located report that this draft would become if `org` sent it now, or why it would be refused."""
    found = read_submission(fields, now)
    if isinstance(found, Refusal):
        return found
    report = normalised(found, org, Arrival(_NOWHERE, now, epoch))
    area = locate(report["place"])
    if isinstance(area, Refusal):
        return area
    return {**report, "area": area._asdict(), "home": 1 if area.country else 0}
