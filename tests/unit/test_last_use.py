"""The last use of a login, from the brokers' access logs."""

from __future__ import annotations

import gzip
import os
from datetime import UTC, datetime
from pathlib import Path

from services.runtime.last_use import last_uses

BOTH = ("alder.laptop", "birch.feed")


def line(at: str, login: str, what: str = "Allowed") -> str:
    return f"{at} Principal = User:{login} is {what} operation = DESCRIBE from host = 127.0.0.1 on resource = …\n"


def at(day: int, hour: int = 12) -> datetime:
    return datetime(2026, 11, day, hour, tzinfo=UTC)


def test_the_newest_line_of_any_broker_counts(tmp_path: Path) -> None:
    (tmp_path / "kafka-1.access.log").write_text(line("2026-11-02T12:00:00", "alder.laptop") * 2)
    (tmp_path / "kafka-2.access.log").write_text(
        line("2026-11-03T12:00:00", "alder.laptop") + line("2026-11-01T12:00:00", "alder.laptop")
    )
    assert last_uses(tmp_path, BOTH) == {"alder.laptop": at(3)}


def test_packed_days_are_searched_from_the_newest_on(tmp_path: Path) -> None:
    (tmp_path / "kafka-1.access.log").write_text("")
    for day in (1, 2, 3):
        path = tmp_path / f"kafka-1.access.log.2026-11-0{day}.1.gz"
        with gzip.open(path, "wt") as log:
            log.write(line(f"2026-11-0{day}T12:00:00", "alder.laptop"))
            log.write(line("2026-11-01T12:00:00", "birch.feed") if day == 1 else "")
        os.utime(path, (day, day))
    assert last_uses(tmp_path, BOTH) == {"alder.laptop": at(3), "birch.feed": at(1)}
    assert last_uses(tmp_path, BOTH[:1]) == {"alder.laptop": at(3)}


def test_other_lines_and_other_logins_say_nothing(tmp_path: Path) -> None:
    (tmp_path / "kafka-1.access.log").write_text(
        line("2026-11-02T12:00:00", "alder.other") + line("2026-11-02T12:00:00", "alder.laptop", "Denied") + "torn"
    )
    assert last_uses(tmp_path, BOTH) == {}


def test_without_a_log_nothing_is_known(tmp_path: Path) -> None:
    assert last_uses(None, BOTH) is None
    assert last_uses(tmp_path, BOTH) is None
