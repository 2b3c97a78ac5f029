"""Single gates where random worlds seldom look: a row of docs/rules.md §5 each."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from services.core.control import Action
from services.core.decide import Ask, Context
from services.core.gates import Code, Target, Verdict
from services.core.projection import Place
from tests.registry import NOW, fold, grant, officer, partner, policy, record, report

EXACT = {"latitude": 4.2, "longitude": 31.5, "precision": "EXACT", "country": "KEN", "admin1": "", "admin2": "",
         "name": ""}  # fmt: skip
HOUR = timedelta(hours=1)


def known(*orgs: str) -> list[dict[str, Any]]:
    """Partners with an officer each."""
    return [made(org) for org in orgs for made in (partner, officer)]


def test_a_record_with_a_signature_that_does_not_hold_is_told_of_its_author_s_reports_only() -> None:
    made = fold(*known("alder", "birch"), grant("alder"), grant("birch"))
    made._verify = lambda *_: False
    made.apply(record(grant("alder", grant="forged"), 50))
    broken = made.compiled()
    of_alder, of_birch = (broken.decide(report(series), NOW).by_recipient for series in ("alder/s", "birch/s"))
    assert of_alder["birch"].primary is Code.DEN_INTEGRITY_SIGNATURE
    assert of_birch["alder"].primary is Code.HLD_CONSENT_STATE_STALE
    assert Code.DEN_INTEGRITY_SIGNATURE not in of_birch["alder"].reasons


GROUP_TIMES = {
    "not yet": (NOW + HOUR, NOW + 2 * HOUR, False),
    "from now on": (NOW, NOW + HOUR, True),
    "for long": (NOW - HOUR, NOW + HOUR, True),
    "until now": (NOW - HOUR, NOW, False),
}


@pytest.mark.parametrize("row", GROUP_TIMES)
def test_an_overlay_means_the_members_of_a_group_while_it_lasts(row: str) -> None:
    start, end, meant = GROUP_TIMES[row]
    group = {"type": "group", "version": 1, "group": "g", "members": ["birch"], "valid_from": start.isoformat(),
             "valid_to": end.isoformat()}  # fmt: skip
    rule = {"kinds": ["*"], "recipients": ["group:g"], "projection": None}
    overlay = {"type": "overlay", "version": 1, "area": "KEN", "rules": [rule]}
    made = policy(*known("alder", "birch", "cedar"), grant("cedar"), group, overlay)
    found = made.decide(report("cedar/s"), NOW).by_recipient
    assert {org: found[org].target for org in ("alder", "birch")} == {
        "alder": Target.SHOW, "birch": Target.NONE if meant else Target.SHOW,
    }  # fmt: skip
    assert (Code.DEN_PROHIBIT_AREA in found["birch"].reasons) is meant


def test_what_an_upstream_organisation_permits_limits_everybody_but_itself_and_its_repeater() -> None:
    source = {"type": "ORGANISATION", "org": "birch", "series": "", "url": "", "licence": ""}
    made = policy(
        *known("alder", "birch", "cedar", "dogwood"), grant("alder"), grant("birch", projection="COARSE_GEO"),
        grant("birch", grant="more", recipients=["dogwood"]),
    )  # fmt: skip
    found = made.decide(report("alder/s", place=EXACT, upstream=[source]), NOW).by_recipient
    # A built-in ceiling of HIGH lets a place of an incident be EXACT (docs/rules.md §6).
    assert {org: Place(found[org].projection.place) for org in ("birch", "cedar", "dogwood")} == {
        "birch": Place.EXACT, "cedar": Place.ADMIN1, "dogwood": Place.EXACT,
    }  # fmt: skip
    assert {org: set(found[org].grants) for org in ("birch", "cedar", "dogwood")} == {
        "birch": {"alder/g"}, "cedar": {"alder/g", "birch/g"}, "dogwood": {"alder/g", "birch/g", "birch/more"},
    }  # fmt: skip


ELSEWHERE = {"areas": ["NOR"], "presence": ["KEN"]}
"""Works where the report comes from, and subscribes to another country."""


def broken_glass(now: datetime, action: Action = Action.READ, **fields: Any) -> dict[str, Verdict]:
    """Maple's report, for which cedar (UNSMS) and birch (INGO) broke the glass at NOW; alder is refused."""
    letter = {"type": "lou", "version": 1, "lou": "l", "text_version": "1", "offers": [], "break_glass": True}
    words = ({"type": "breakglass", "version": 1, "series": "maple/s", "org": org, "confirmer": "officer"}
             for org in ("cedar", "birch"))  # fmt: skip
    made = policy(
        partner("alder", **ELSEWHERE), partner("birch", **ELSEWHERE), partner("cedar", category="UNSMS"),
        partner("dogwood", **ELSEWHERE), partner("elm"), partner("maple", lou="l"), officer("maple"), letter,
        grant("maple", state="REFUSED", recipients=["alder"]), *words,
    )  # fmt: skip
    asked = Context(requested_at=NOW - timedelta(minutes=10))
    alert = report("maple/s", imminent=True, initial_audience=["dogwood"], **fields)
    return dict(made.decide(alert, now, ask=Ask(action), context=asked).by_recipient)


def test_routing_is_asked_of_those_for_whom_the_glass_is_broken() -> None:
    found = broken_glass(NOW)
    routed = {org for org, verdict in found.items() if Code.NRT_AREA in verdict.reasons}
    assert routed == {"birch"}
    assert {org for org, verdict in found.items() if Code.IMR_BREAK_GLASS in verdict.reasons} == {
        "birch", "cedar", "elm",
    }  # fmt: skip
    assert {org: found[org].target for org in ("alder", "birch", "cedar", "dogwood", "elm")} == {
        "alder": Target.NONE, "birch": Target.KEEP, "cedar": Target.SHOW, "dogwood": Target.SHOW, "elm": Target.SHOW,
    }  # fmt: skip


@pytest.mark.parametrize(("hours", "broken"), [(0, True), (23, True), (24, False)])
def test_broken_glass_is_whole_again_after_a_day(hours: int, broken: bool) -> None:
    found = broken_glass(NOW + hours * HOUR)["cedar"]
    assert (Code.IMR_BREAK_GLASS in found.reasons) is broken


def test_broken_glass_shows_and_permits_nothing_else() -> None:
    found = broken_glass(NOW, Action.ATTRIBUTE)
    assert found["birch"].primary is Code.DEN_NO_CONSENT
    assert Code.NRT_AREA not in found["birch"].reasons


def test_a_group_whose_time_is_over_says_so_of_its_members_and_of_nobody_else() -> None:
    group = {"type": "group", "version": 1, "group": "g", "members": ["birch"],
             "valid_from": (NOW - 2 * HOUR).isoformat(), "valid_to": (NOW - HOUR).isoformat()}  # fmt: skip
    made = policy(*known("alder", "birch", "maple"), group, grant("maple", recipients=["group:g"]))
    found = made.decide(report("maple/s"), NOW).by_recipient
    assert {org: found[org].primary for org in ("alder", "birch")} == {
        "alder": Code.DEN_NO_CONSENT, "birch": Code.DEN_CONSENT_EXPIRED,
    }  # fmt: skip
