"""The oracle's naive decider: what happens in slt.control and to a report, and what birch should then have of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.oracle.entitlement import History, Target
from tests.oracle.handmade import START, Logs
from tests.oracle.world import Entry

_HOUR = timedelta(hours=1)
ENTITLED: list[tuple[str, Callable[[Logs], Any], Target]] = [
    ("nobody consented", lambda log: log.report(), Target.NONE),
    ("a grant", lambda log: (log.grant(), log.report()), Target.SHOW),
    ("a grant that came late", lambda log: (log.report(), log.grant()), Target.NONE),
    ("a late grant of earlier ones", lambda log: (log.report(), log.grant(covers_earlier=True)), Target.SHOW),
    ("a renewal covers what the grant covered", lambda log: (log.grant(), log.report(), log.grant(2)), Target.SHOW),
    ("an older version changes nothing", lambda log: (log.grant(2), log.report(), _away(log, 1)), Target.SHOW),
    ("withdrawn with recall", lambda log: (log.grant(), log.report(), _away(log, 2)), Target.NONE),
    ("withdrawn for the future", lambda log: (log.grant(), log.report(), _away(log, 2, "PROSPECTIVE")), Target.KEEP),
    ("given again", lambda log: (log.grant(), log.report(), _away(log, 2), log.grant(3)), Target.NONE),
    ("kept, and given again", lambda log: (log.grant(), log.report(), _away(log, 2, "PROSPECTIVE"), log.grant(3)),
     Target.KEEP),
    ("revoked", lambda log: (log.grant(), log.report(), _end(log)), Target.NONE),
    ("revoked after it was withdrawn for the future",
     lambda log: (log.grant(), log.report(), _away(log, 2, "PROSPECTIVE"), _end(log)), Target.NONE),
    ("its time box ended", lambda log: (_boxed(log, 3), log.report(), _wait(log)), Target.KEEP),
    ("not yet valid", lambda log: (log.grant(valid_from=(START + _HOUR).isoformat()), log.report()), Target.NONE),
    ("prohibited", lambda log: (log.grant(), _named(log, effect="PROHIBIT"), log.report()), Target.NONE),
    ("one of two permits revoked", lambda log: (log.grant(), _named(log), log.report(), _end(log)), Target.SHOW),
    ("one permit ran out, the other was withdrawn",
     lambda log: (log.grant(), _named(log, valid_to=_later(5)), log.report(), _away(log, 2), _wait(log)),
     Target.KEEP),
    ("by category", lambda log: (log.grant(recipients=["category:INGO"]), log.report()), Target.SHOW),
    ("by all", lambda log: (log.grant(recipients=["*"]), log.report()), Target.SHOW),
    ("a third party is not among all",
     lambda log: (log.partner("birch", 2, category="MEDIA"), log.grant(recipients=["*"]), log.report()), Target.NONE),
    ("another kind", lambda log: (log.grant(kinds=["QUERY"]), log.report()), Target.NONE),
    ("another area", lambda log: (log.grant(areas=["SSD"]), log.report()), Target.NONE),
    ("no area known", lambda log: (log.grant(areas=["KEN"]), log.report(area=None)), Target.NONE),
    ("by series", lambda log: (log.grant(series=["alder/s1"], kinds=[], areas=[]), log.report()), Target.SHOW),
    ("an exercise grant", lambda log: (log.grant(status="Exercise"), log.report()), Target.NONE),
    ("addressed by the originator", lambda log: log.report(initial_audience=["birch"]), Target.SHOW),
    ("addressed, and prohibited",
     lambda log: (log.grant(effect="PROHIBIT"), log.report(initial_audience=["birch"])), Target.NONE),
    ("expired", lambda log: (log.grant(), log.report(expires=START)), Target.KEEP),
    ("expired, and revoked", lambda log: (log.grant(), log.report(expires=START), _end(log)), Target.NONE),
    ("cancelled", lambda log: (log.grant(), log.report(message="CANCEL")), Target.KEEP),
    ("suspended", lambda log: (log.grant(), log.report(), log.partner("birch", 2, status="SUSPENDED")), Target.KEEP),
    ("left", lambda log: (log.grant(), log.report(), log.partner("birch", 2, status="TERMINATED")), Target.NONE),
    ("takes no such status", lambda log: (log.grant(), log.report(), log.partner("birch", 2, statuses=["Test"])),
     Target.NONE),
    ("wants another area", lambda log: (log.grant(), log.report(), log.partner("birch", 2, areas=["SSD"])),
     Target.KEEP),
    ("wants another kind", lambda log: (log.grant(), log.report(), log.partner("birch", 2, kinds=["QUERY"])),
     Target.KEEP),
]  # fmt: skip


def _away(logs: Logs, version: int, mode: str = "RECALL") -> Entry:
    return logs.grant(version, state="WITHDRAWN", mode=mode)


def _end(logs: Logs) -> Entry:
    return logs.control("admin", {"type": "end", "version": 1, "grantor": "alder", "grant": "g", "state": "REVOKED"})


def _boxed(logs: Logs, minutes: int) -> Entry:
    return logs.grant(valid_to=_later(minutes))


def _named(logs: Logs, **changes: Any) -> Entry:
    return logs.grant(grant="h", **changes)


def _later(minutes: int) -> str:
    return (START + timedelta(minutes=minutes)).isoformat()


def _wait(logs: Logs) -> datetime:
    logs.now += _HOUR
    return logs.now


@pytest.mark.parametrize(("happens", "target"), [case[1:] for case in ENTITLED], ids=[case[0] for case in ENTITLED])
def test_entitlement(happens: Callable[[Logs], Any], target: Target) -> None:
    logs = Logs()
    logs.partner("birch")
    happens(logs)
    report = logs.topics["slt.incidents"][0].value["report"]

    decider = History(logs.topics["slt.control"]).at(logs.epoch)

    assert decider.target(report, "birch", logs.now) is target


def test_nobody_gets_its_own_report_back() -> None:
    logs = Logs()
    logs.partner("alder")
    logs.grant(recipients=["*"])

    decider = History(logs.topics["slt.control"]).at(logs.epoch)

    assert decider.target(logs.report(), "alder", logs.now) is Target.KEEP
