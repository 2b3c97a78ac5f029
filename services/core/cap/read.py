"""An alert as a report submission: what intake and `slt submit` make of it (the table: docs/mappings.md, CAP).

CAP gives every update a new identifier. Here a series is one alert with all that refers to it: its id is that of the
oldest alert that is referred to, its version how many came before, and one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from services.core.cap.repair import Repair
from services.core.cap.tree import Alert, Node
from services.core.cap.values import moment
from services.core.feeds.cap import CAP, alert_row, series_id
from services.core.feeds.table import submission
from services.core.feeds.tree import Node as Plain

_LAST = datetime.max.replace(tzinfo=UTC)


def submission_from(alert: Alert) -> dict[str, Any]:
    """The fields of a `submission`, times as aware datetimes. Of an alert that check or mend has found good.

    What is not Actual, Exercise or Test, and an Ack, is passed on as written, so that intake refuses it by name.
    """
    found = submission(CAP, alert_row(_plain(alert.root), {}))
    if found is None:
        raise ValueError("the alert has no identifier: check it first")
    earlier = _references(alert.root)
    if earlier and found["message"] != "ALERT":
        _, found["series_id"] = min(earlier)
        found["version"] = len({own for _, own in earlier}) + 1
    return found


def repairs_told(repairs: Mapping[Repair, int]) -> str:
    """Repairs for a receipt: `ZONE_LETTER 3, ORDER 1`."""
    return ", ".join(f"{repair} {count}" for repair, count in sorted(repairs.items()))


def _references(root: Node) -> list[tuple[datetime, str]]:
    """Of each alert that this one names: when it was sent, and the id of its series."""
    triplets = (triplet.split(",") for triplet in root.value("references").split())
    return [(moment(sent) or _LAST, series_id(sender, own)) for sender, own, sent in triplets]


def _plain(node: Node) -> Plain:
    return Plain(node.name, node.text.strip(), tuple([_plain(child) for child in node.children]))
