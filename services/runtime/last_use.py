"""When a login was last used, as the brokers saw it: from the access log that their authorizer writes.

Every client asks for the metadata of its topics when it connects and every few minutes from then on, whatever else it
does; the brokers write that one request of partners' logins down (deploy/kafka/log4j2.xml). A reader that never commits
and a producer are seen like everyone else, and nothing is told of what they read.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

_LINE = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\S* Principal = User:([a-z0-9-]+\.[a-z0-9-]+) is Allowed ")


def last_uses(folder: Path | None, principals: Iterable[str]) -> Mapping[str, datetime] | None:
    """Login -> its last use, to the second; None where no access log is kept, so that nothing is known.

    The brokers' present logs are read, then packed ones from the newest on, until every login was found; a login that
    is in none is left out.
    """
    if folder is None or not (logs := _newest_first(folder)):
        return None
    wanted = set(principals)
    found: dict[str, datetime] = {}
    for log in logs:
        if wanted <= found.keys() and log.suffix == ".gz":
            break
        for at, principal in _lines(log):
            if principal in wanted and at > found.get(principal, datetime.min.replace(tzinfo=UTC)):
                found[principal] = at
    return found


def _newest_first(folder: Path) -> list[Path]:
    packed = sorted(folder.glob("*.access.log.*.gz"), key=lambda path: path.stat().st_mtime, reverse=True)
    return [*folder.glob("*.access.log"), *packed]


def _lines(log: Path) -> Iterable[tuple[datetime, str]]:
    with gzip.open(log, "rt") if log.suffix == ".gz" else log.open(encoding="utf-8") as lines:
        for line in lines:
            found = _LINE.match(line)
            if found:
                yield datetime.fromisoformat(found[1]).replace(tzinfo=UTC), found[2]
