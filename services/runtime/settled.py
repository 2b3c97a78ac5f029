"""Waits until a change of slt.control has reached every recipient: what it takes back lies in their topics.

The same proof as CONFIRM's (services.core.confirmation), for whoever has to wait for it: a partner that was suspended
may read again only when every recall that it is owed is there (ARCHITECTURE §8).
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

from services.core.confirmation import Confirmations, ConsentStatus, End
from services.core.control import ADMIN
from services.core.outlet import Progress
from services.runtime.archive import Archive, ArchiveError
from services.runtime.settings import Settings

_PROGRESS, _DELIVERIES = "slt.progress", "slt.deliveries"
_STEP = 0.2
_ANYTIME = datetime(2000, 1, 1, tzinfo=UTC)


def wait_until_settled(settings: Settings, offset: int, seconds: float = 60.0) -> None:
    """Until the control record at the offset has reached every recipient; ArchiveError if that takes longer."""
    deadline = time.monotonic() + seconds
    with Archive(settings) as archive:
        rule = Confirmations(len(archive.spans(_DELIVERIES)))
        rule.ended(End(offset, ADMIN, "", _ANYTIME, recalls=True))
        while not _is_settled(rule, archive):
            if time.monotonic() > deadline:
                raise ArchiveError(
                    f"not settled within {seconds:.0f} s, so nothing was opened: an outlet is parked or a stage is "
                    "down; when all is well, repeat the command"
                )
            time.sleep(_STEP)


def _is_settled(rule: Confirmations, archive: Archive) -> bool:
    for record in archive.records(_PROGRESS):
        stage, _, partition = record.key.rpartition("/")
        if stage == "distribute/slt.incidents":
            rule.distributed(int(partition), record.value["epoch"])
        elif stage == f"deliver/{_DELIVERIES}":
            rule.delivered(int(partition), Progress.of(record.value))
    if rule.unmarked:
        rule.marked({number: span.end for number, span in archive.spans(_DELIVERIES).items()})
    return any(each.status is ConsentStatus.RECALLED for each in rule.due())
