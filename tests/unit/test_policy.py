"""Who may have what: a table of registries and reports with the verdict that the documents ask for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.core.consent import GrantStatus, status_of
from services.core.gates import Code, Target
from services.core.projection import Place
from tests.registry import END, NOW, START, fold, grant, officer, partner, policy, record, report

LATER = "2026-11-01T00:00:00+00:00"
BASE = (partner("alder"), officer("alder"), partner("birch"), officer("birch"))
ABROAD = {"country": "NOR", "admin1": "", "admin1_name": "", "pcode": "", "cell": "", "found": "COUNTRY_FIELD",
          "note": ""}  # fmt: skip
ENDED = {"type": "end", "version": 1, "grantor": "alder", "grant": "g", "state": "REVOKED"}

ROWS: dict[str, tuple[list[dict[str, Any]], dict[str, Any], Target, Code]] = {
    "no grant: nothing": ([], {}, Target.NONE, Code.DEN_NO_CONSENT),
    "a standing grant": ([grant("alder")], {}, Target.SHOW, Code.OK_GRANT),
    "addressed by its originator": ([], {"initial_audience": ["birch"]}, Target.SHOW, Code.OK_INITIAL_AUDIENCE),
    "a grant for another area": ([grant("alder", areas=["NOR"])], {}, Target.NONE, Code.DEN_NO_CONSENT),
    "a grant for another kind": ([grant("alder", kinds=["QUERY"])], {}, Target.NONE, Code.DEN_NO_CONSENT),
    "a grant for somebody else": ([grant("alder", recipients=["alder"])], {}, Target.NONE, Code.DEN_NO_CONSENT),
    "a grant for a category": ([grant("alder", recipients=["category:INGO"])], {}, Target.SHOW, Code.OK_GRANT),
    "a grant for another category": (
        [grant("alder", recipients=["category:IO"])], {}, Target.NONE, Code.DEN_NO_CONSENT,
    ),
    "an exercise grant covers exercises only": (
        [grant("alder", status="Exercise")], {}, Target.NONE, Code.DEN_NO_CONSENT,
    ),
    "a grant that names the series": (
        [grant("alder", series=["alder/s"], kinds=[], areas=[])], {}, Target.SHOW, Code.OK_GRANT,
    ),
    "a prohibition beats a permission": (
        [grant("alder"), grant("alder", grant="no", effect="PROHIBIT")], {}, Target.NONE, Code.DEN_PROHIBIT_ORIGINATOR,
    ),
    "a prohibition beats the initial audience": (
        [grant("alder", grant="no", effect="PROHIBIT")], {"initial_audience": ["birch"]}, Target.NONE,
        Code.DEN_PROHIBIT_ORIGINATOR,
    ),
    "a grant that has not begun": (
        [grant("alder", valid_from=LATER)], {}, Target.NONE, Code.DEN_CONSENT_NOT_YET_VALID,
    ),
    "a grant whose time is over: what is held is kept": (
        [grant("alder", valid_to="2026-05-01T00:00:00+00:00")], {}, Target.KEEP, Code.DEN_CONSENT_EXPIRED,
    ),
    "withdrawn with recall": (
        [grant("alder"), grant("alder", version=2, state="WITHDRAWN", mode="RECALL")], {}, Target.NONE,
        Code.DEN_CONSENT_WITHDRAWN,
    ),
    "withdrawn from now on": (
        [grant("alder"), grant("alder", version=2, state="WITHDRAWN", mode="PROSPECTIVE")], {}, Target.KEEP,
        Code.DEN_CONSENT_WITHDRAWN_PROSPECTIVE,
    ),
    "revoked by an authority": ([grant("alder"), ENDED], {}, Target.NONE, Code.DEN_CONSENT_REVOKED),
    "a report older than the grant": ([grant("alder")], {"epoch": 2}, Target.NONE, Code.DEN_NO_CONSENT),
    "a grant that covers earlier reports": (
        [grant("alder", covers_earlier=True)], {"epoch": 2}, Target.SHOW, Code.OK_GRANT,
    ),
    "expired report": ([grant("alder")], {"expires": NOW}, Target.KEEP, Code.DEN_EXPIRED),
    "expired and revoked: the recall is still due": (
        [grant("alder"), ENDED], {"expires": NOW}, Target.NONE, Code.DEN_EXPIRED,
    ),
    "suspended recipient": (
        [grant("alder"), partner("birch", version=2, status="SUSPENDED")], {}, Target.KEEP,
        Code.DEN_PARTNER_SUSPENDED,
    ),
    "recipient that left": (
        [grant("alder"), partner("birch", version=2, status="WITHDRAWN")], {}, Target.NONE,
        Code.DEN_PARTNER_NOT_ACTIVE,
    ),
    "recipient that takes no exercises": (
        [grant("alder", status="Exercise"), partner("birch", version=2, statuses=["Actual"])],
        {"status": "Exercise"}, Target.NONE, Code.DEN_STATUS_MISMATCH,
    ),
    "an area that the recipient did not subscribe to": (
        [grant("alder"), partner("birch", version=2, areas=["KEN"])], {"area": ABROAD}, Target.KEEP, Code.NRT_AREA,
    ),
    "a kind that the recipient did not subscribe to": (
        [grant("alder"), partner("birch", version=2, kinds=["QUERY"])], {}, Target.KEEP, Code.NRT_KIND,
    ),
    "addressed by name although not subscribed": (
        [partner("birch", version=2, areas=["NOR"])], {"initial_audience": ["birch"]}, Target.SHOW,
        Code.OK_INITIAL_AUDIENCE,
    ),
    "a contractor is never meant by everybody": (
        [grant("alder"), partner("birch", version=2, category="CONTRACTOR")], {}, Target.NONE,
        Code.DEN_PARTNER_CATEGORY,
    ),
    "a contractor that is named": (
        [grant("alder", recipients=["birch"]), partner("birch", version=2, category="CONTRACTOR")], {}, Target.SHOW,
        Code.OK_GRANT,
    ),
    "a person's data alone goes to nobody, although it is permitted": (
        [grant("alder", recipients=["birch"], actions=["READ", "PERSONAL"], projection={
            "facts": ["PERSONAL"], "place": "EXACT", "time": "EXACT", "attribution": "NAMED"})],
        {"personal": {"name": "A. Person"}}, Target.NONE, Code.DEN_PRIVACY,
    ),
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_the_verdict_for_a_recipient(row: str) -> None:
    changes, fields, target, code = ROWS[row]
    found = policy(*BASE, *changes).decide(report("alder/s", **fields), NOW).by_recipient["birch"]
    assert (found.target, found.primary) == (target, code)


def test_an_originator_does_not_get_its_own_report_back() -> None:
    found = policy(*BASE, grant("alder")).decide(report("alder/s"), NOW).by_recipient["alder"]
    assert (found.target, found.primary) == (Target.KEEP, Code.OK_SELF)


def test_a_grant_again_after_an_end_covers_nothing_of_before() -> None:
    withdrawn = grant("alder", version=2, state="WITHDRAWN", mode="PROSPECTIVE")
    again = policy(*BASE, grant("alder"), withdrawn, grant("alder", version=3))
    between, after = report("alder/between", epoch=6), report("alder/after", epoch=8)
    assert again.decide(between, NOW).by_recipient["birch"].target is Target.KEEP
    assert again.decide(after, NOW).by_recipient["birch"].target is Target.SHOW


def test_a_renewal_without_a_gap_goes_on_covering() -> None:
    renewed = policy(*BASE, grant("alder"), grant("alder", version=2, valid_to=END, kinds=["INCIDENT_REPORT"]))
    assert renewed.decide(report("alder/s", epoch=5), NOW).by_recipient["birch"].target is Target.SHOW


def test_a_renewal_that_narrows_takes_the_audience_back() -> None:
    narrowed = policy(*BASE, grant("alder"), grant("alder", version=2, recipients=["alder"]))
    assert narrowed.decide(report("alder/s"), NOW).by_recipient["birch"].target is Target.NONE


def test_an_older_version_that_comes_late_changes_nothing() -> None:
    made = fold(*BASE, grant("alder"), grant("alder", version=2, state="WITHDRAWN"))
    made.apply(record(grant("alder"), 99))
    assert made.compiled().decide(report("alder/s"), NOW).by_recipient["birch"].target is Target.NONE


def test_valid_until_is_the_first_moment_at_which_a_verdict_changes() -> None:
    expires = NOW + timedelta(hours=1)
    ends = (NOW + timedelta(minutes=30)).isoformat()
    made = policy(*BASE, grant("alder", valid_to=ends))
    decided = made.decide(report("alder/s", expires=expires), NOW)
    assert decided.valid_until == NOW + timedelta(minutes=30)
    assert made.decide(report("alder/s", expires=expires), NOW + timedelta(minutes=30)).valid_until == expires


def test_a_state_that_may_be_stale_releases_nothing_and_takes_nothing_back() -> None:
    made = policy(*BASE, grant("alder"), grant("alder", grant="no", status="Actual", recipients=["birch"]))
    found = made.decide(report("alder/s"), NOW, fresh=False).by_recipient["birch"]
    assert (found.target, found.primary) == (Target.KEEP, Code.HLD_CONSENT_STATE_STALE)


def test_a_control_record_that_does_not_hold_stops_release_and_names_itself() -> None:
    made = fold(*BASE, grant("alder"))
    forged = record(grant("alder", grant="forged"), 50)
    made._verify = lambda *_: False
    made.apply(forged)
    broken = made.compiled()
    assert broken.faults == ("grant/alder/forged",)
    assert broken.decide(report("alder/s"), NOW).by_recipient["birch"].target is Target.KEEP


def test_a_change_touches_whom_it_concerns() -> None:
    made = policy(*BASE, grant("alder"))
    touched = [(touch.originator, touch.area) for _, touch in made.touched(2)]
    assert touched == [(None, None), ("alder", None)]


STATUSES: dict[str, tuple[list[dict[str, Any]], GrantStatus]] = {
    "nobody gave it": ([], GrantStatus.UNKNOWN),
    "given": ([{}], GrantStatus.GIVEN),
    "renewed before it ended": ([{}, {}], GrantStatus.RENEWED),
    "given anew after an end": ([{}, {"state": "WITHDRAWN"}, {}], GrantStatus.GIVEN),
    "its time is over": ([{"valid_to": "2026-05-01T00:00:00+00:00"}], GrantStatus.EXPIRED),
    "withdrawn": ([{}, {"state": "WITHDRAWN", "mode": "PROSPECTIVE"}], GrantStatus.WITHDRAWN),
    "refused": ([{"state": "REFUSED"}], GrantStatus.REFUSED),
    "deferred": ([{"state": "DEFERRED"}], GrantStatus.DEFERRED),
}


@pytest.mark.parametrize("row", STATUSES)
def test_the_status_of_a_grant(row: str) -> None:
    versions, status = STATUSES[row]
    given = [grant("alder", **{**fields, "version": number}) for number, fields in enumerate(versions, 1)]
    assert status_of(policy(*BASE, *given).term("alder/g"), NOW) is status


@pytest.mark.parametrize(
    ("state", "status"), [("REVOKED", GrantStatus.REVOKED), ("INVALIDATED", GrantStatus.INVALIDATED)]
)
def test_the_status_says_who_ended_it(state: str, status: GrantStatus) -> None:
    made = policy(*BASE, grant("alder"), {**ENDED, "state": state})
    assert status_of(made.term("alder/g"), NOW) is status


def test_whoever_is_meant_through_two_groups_has_the_better_of_both() -> None:
    named = {"type": "group", "version": 1, "members": ["birch"], "valid_to": END}
    made = policy(
        *BASE, {**named, "group": "now", "valid_from": START}, {**named, "group": "later", "valid_from": LATER},
        grant("alder", recipients=["group:now", "group:later"], obligations=["ENCRYPT"]),
    )  # fmt: skip
    found = made.decide(report("alder/s"), NOW).by_recipient["birch"]
    assert found.primary is Code.DEN_OBLIGATION_UNSUPPORTED


HURT = {"imminent": True, "event": "shelling"}
STANDING = {"condition": "IMMINENT_ONLY", "covers_earlier": True}


@pytest.mark.parametrize(("text", "said"), [("", False), ("keep off the ford", True)])
def test_a_tear_line_is_named_only_where_there_is_one(text: str, said: bool) -> None:
    made = policy(*BASE, grant("alder", **STANDING))
    found = made.decide(report("alder/s", **HURT, tearline=text), NOW).by_recipient["birch"]
    assert Code.IMR_STANDING_GRANT in found.reasons
    assert (Code.IMR_TEARLINE in found.reasons) is said


def test_being_named_lifts_nobody_over_a_ceiling_of_its_own() -> None:
    made = policy(*BASE, partner("birch", version=2, ceiling="LOW"), partner("cedar"))
    place = {"latitude": 4.2, "longitude": 31.5, "precision": "EXACT", "country": "KEN", "admin1": "", "admin2": "",
             "name": ""}  # fmt: skip
    decided = made.decide(report("alder/s", place=place, initial_audience=["birch", "cedar"]), NOW)
    shown = {org: Place(found.projection.place) for org, found in decided.by_recipient.items()}
    assert (shown["birch"], shown["cedar"]) == (Place.ADMIN1, Place.EXACT)
    assert sorted(org for _, orgs in decided.groups for org in orgs) == ["alder", "birch", "cedar"]


def test_asking_for_consent_keeps_nothing_that_a_narrower_audience_takes_back() -> None:
    narrowed = grant("alder", version=2, recipients=["alder"])
    found = policy(*BASE, grant("alder"), narrowed).decide(report("alder/s", **HURT), NOW).by_recipient["birch"]
    assert Code.IMR_REQUEST_SENT in found.reasons
    assert found.target is Target.NONE
