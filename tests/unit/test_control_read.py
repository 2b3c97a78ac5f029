"""Every type of control record: what is filled in, what is read, and what is refused with which advice."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.core.control import (
    ID_FIELDS,
    PURPOSE,
    Action,
    Approval,
    Area,
    BreakGlass,
    Condition,
    Control,
    ControlType,
    Entitlement,
    Grant,
    GrantState,
    Group,
    Level,
    Lou,
    Obligation,
    Overlay,
    OverlayRule,
    Partner,
    PartnerStatus,
    Sensitivity,
    SensitivityRow,
    SensitivityTable,
    SrmLevel,
    Withdrawal,
    WithdrawalMode,
    control_id,
)
from services.core.control_read import read_control
from services.core.credential import Credential, CredentialState, Scope
from services.core.link import LinkSaid, LinkWord
from services.core.projection import Attribution, Fact, Place, Point, Projection, Time
from services.core.reason import Reason
from services.core.stage import Refusal
from services.runtime.registry import control_key
from tests.registry import END, START, grant, officer, partner

JANUARY, DECEMBER = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
TIMES = {"valid_from": START, "valid_to": END}
FIELD = {"category": "FIELD_PARTNER", "areas": ["SSD"], "admitted_by": "the DO", "valid_to": END}
OBSERVED = {"forum": "cell", "kinds": ["QUERY"], "areas": ["KEN"], **TIMES}
POINT = {"facts": ["WHAT", "WHERE"], "place": "ADMIN1", "time": "DAY", "attribution": "CATEGORY"}
OFFER = {"grant": "life", "status": "Actual", "kinds": ["*"], "areas": ["*"], "recipients": ["present"]}


def record(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, "version": 1, **fields}


WITHDRAWAL = record("withdrawal", originator="alder", series="alder/s")
AREA = record("area", area="KEN", level="ENHANCED", valid_from=START, approver="the DO")
TABLE = record("sensitivity", area="*", rows=[{"kind": "*", "precision": "TOWN", "level": "HIGH"}])
OVERLAY = record("overlay", area="KEN", rules=[{"kinds": ["*"], "recipients": ["category:DONOR"]}])
LOU = record("lou", lou="2026", text_version="1.2")
GROUP = record("group", group="convoy", members=["alder", "birch"], **TIMES)
LINK = record("link", link="word-1", word="CONFIRM", one=["alder/s"], other=["birch/t"])
GLASS = record("breakglass", series="alder/s", org="birch", confirmer="officer")
REVOKED = record("end", grantor="alder", grant="g", state="REVOKED")
APPROVAL = record("approval", org="alder", confirmer="chair", status="SUSPENDED", standing=2)
CREDENTIAL = record("credential", org="alder", name="laptop", scopes=["read", "consent"], state="ISSUED", issue=1)
EVERY = (partner("alder"), officer("alder"), grant("alder"), WITHDRAWAL, AREA, TABLE, OVERLAY, LOU, GROUP, GLASS,
         REVOKED, LINK, record("outlet", org="alder", state="OPEN"), APPROVAL, CREDENTIAL)  # fmt: skip


def some(*words: Any) -> frozenset[Any]:
    return frozenset(words)


def read(payload: dict[str, Any]) -> Control:
    found = read_control(json.loads(json.dumps(payload)))
    assert not isinstance(found, Refusal), found
    assert (found[0], found[1]) == (payload["type"], payload["version"])
    return found[2]


def test_a_partner_without_the_newer_fields_is_as_it_was() -> None:
    found = read(partner("alder", areas=["KEN"]))
    assert isinstance(found, Partner)
    assert found[6:] == (
        frozenset({"KEN"}), frozenset(), Sensitivity.HIGH, frozenset(), (), "", None, "", False, "", "", (),
    )  # fmt: skip


def test_a_grant_without_the_newer_fields_is_as_it_was() -> None:
    found = read(grant("alder"))
    assert isinstance(found, Grant)
    assert found[13:] == (
        some(Action.READ, Action.ATTRIBUTE, Action.AGGREGATE), Point.FULL, Attribution.NAMED, Condition.NONE,
        frozenset(), Level.REGULAR, PURPOSE,
    )  # fmt: skip


def test_a_prohibition_is_of_every_action_unless_it_says_of_which() -> None:
    every, one = read(grant("alder", effect="PROHIBIT")), read(grant("alder", effect="PROHIBIT", actions=["ONWARD"]))
    assert isinstance(every, Grant)
    assert isinstance(one, Grant)
    assert (every.actions, one.actions) == (frozenset(Action), some(Action.ONWARD))


def test_a_full_partner() -> None:
    found = read(
        partner(
            "alder", category="OBSERVER", presence=["*"], ceiling="SEVERE", capabilities=["ENCRYPT", "DELETE_BY"],
            entitlements=[OBSERVED], valid_to=None, threshold="Severe", paused=True, lou="2026",
            evidence="an agreement",
        )
    )  # fmt: skip
    entitled = Entitlement("cell", frozenset({"QUERY"}), frozenset({"KEN"}), JANUARY, DECEMBER)
    assert isinstance(found, Partner)
    assert found[6:] == (
        some("*"), frozenset(), Sensitivity.SEVERE, some(Obligation.ENCRYPT, Obligation.DELETE_BY), (entitled,), "",
        None, "Severe", True, "2026", "an agreement", (),
    )  # fmt: skip


def test_a_full_grant() -> None:
    words = ["*", "present", "category:MEDIA", "group:convoy", "platform:forum", "platform:forum/members", "birch"]
    found = read(
        grant(
            "alder", recipients=words, actions=["READ", "PERSONAL"], projection=POINT, attribution="ANONYMOUS",
            condition="IMMINENT_ONLY", obligations=["ACK_RECALL"], level="ENHANCED", purpose=PURPOSE,
        )
    )  # fmt: skip
    shown = Projection(Fact.WHAT | Fact.WHERE, Place.ADMIN1, Time.DAY, Attribution.CATEGORY)
    assert isinstance(found, Grant)
    assert found.recipients == frozenset(words)
    assert found[13:] == (
        some(Action.READ, Action.PERSONAL), shown, Attribution.ANONYMOUS, Condition.IMMINENT_ONLY,
        some(Obligation.ACK_RECALL), Level.ENHANCED, PURPOSE,
    )  # fmt: skip


@pytest.mark.parametrize("state", ["GIVEN", "WITHDRAWN", "REFUSED", "DEFERRED"])
def test_what_a_grantor_may_answer(state: str) -> None:
    found = read(grant("alder", state=state))
    assert isinstance(found, Grant)
    assert found.state is GrantState(state)


READ: dict[str, tuple[dict[str, Any], Control]] = {
    "withdrawal": (WITHDRAWAL, Withdrawal("alder", "alder/s", WithdrawalMode.RECALL)),
    "withdrawal for the future": (
        {**WITHDRAWAL, "mode": "PROSPECTIVE"}, Withdrawal("alder", "alder/s", WithdrawalMode.PROSPECTIVE),
    ),
    "area": (AREA, Area("KEN", Level.ENHANCED, JANUARY, SrmLevel.UNKNOWN, "the DO")),
    "area with its risk": (
        {**AREA, "srm_level": "VERY_HIGH"}, Area("KEN", Level.ENHANCED, JANUARY, SrmLevel.VERY_HIGH, "the DO"),
    ),
    "sensitivity": (TABLE, SensitivityTable("*", (SensitivityRow("*", Place.TOWN, Sensitivity.HIGH),))),
    "overlay": (
        OVERLAY, Overlay("KEN", (OverlayRule(frozenset({"*"}), frozenset({"category:DONOR"}), None),)),
    ),
    "overlay that narrows": (
        {**OVERLAY, "rules": [{"kinds": ["*"], "recipients": ["*"], "projection": "COARSE_GEO"}]},
        Overlay("KEN", (OverlayRule(frozenset({"*"}), frozenset({"*"}), Point.COARSE_GEO),)),
    ),
    "lou": (LOU, Lou("2026", "1.2", (), frozenset(), False)),
    "lou with an offer": (
        {**LOU, "offers": [OFFER], "withheld_kinds": ["QUERY"], "break_glass": True},
        Lou("2026", "1.2", (OFFER,), frozenset({"QUERY"}), True),
    ),
    "group": (GROUP, Group("convoy", frozenset({"alder", "birch"}), PURPOSE, JANUARY, DECEMBER)),
    "link": (LINK, LinkSaid("word-1", LinkWord.CONFIRM, frozenset({"alder/s"}), frozenset({"birch/t"}), "")),
    "breakglass": (GLASS, BreakGlass("alder/s", "birch", "officer")),
    "approval": (APPROVAL, Approval("alder", "chair", PartnerStatus.SUSPENDED, 2)),
    "credential": (
        CREDENTIAL, Credential("alder", "laptop", some(Scope.READ, Scope.CONSENT), CredentialState.ISSUED, 1),
    ),
}  # fmt: skip


@pytest.mark.parametrize("row", READ)
def test_the_record_of_a_payload(row: str) -> None:
    payload, expected = READ[row]
    assert read(payload) == expected


def test_every_type_has_an_id_and_the_registry_computes_the_same_one() -> None:
    ids = {
        "partner": "alder", "representative": "alder/officer", "grant": "alder/g", "end": "alder/g", "outlet": "alder",
        "withdrawal": "alder/s", "area": "KEN", "sensitivity": "*", "overlay": "KEN", "lou": "2026", "group": "convoy",
        "breakglass": "alder/s/birch/officer", "approval": "alder/chair", "credential": "alder/laptop",
        "link": "word-1",
    }  # fmt: skip
    assert {payload["type"]: control_id(read(payload)) for payload in EVERY} == ids
    assert {control_key(payload) for payload in EVERY} == {f"{kind}/{name}" for kind, name in ids.items()}
    assert set(ids) == set(ControlType) == set(ID_FIELDS)


def _projected(**fields: Any) -> dict[str, Any]:
    return grant("alder", projection={**POINT, **fields})


BAD: dict[str, tuple[dict[str, Any], Reason, str]] = {
    "unknown action": (grant("alder", actions=["FORWARD"]), Reason.BAD_VOCABULARY, "actions"),
    "no action": (grant("alder", actions=[]), Reason.BAD_GRANT, "actions"),
    "action that is a list": (grant("alder", actions=[["READ"]]), Reason.BAD_VOCABULARY, "actions"),
    "unknown category": (grant("alder", recipients=["category:NGO"]), Reason.BAD_VOCABULARY, "recipients"),
    "unknown word for recipients": (grant("alder", recipients=["team:x"]), Reason.BAD_VOCABULARY, "recipients"),
    "group without a name": (grant("alder", recipients=["group:"]), Reason.BAD_VOCABULARY, "recipients"),
    "part of a platform": (grant("alder", recipients=["platform:p/x"]), Reason.BAD_VOCABULARY, "recipients"),
    "unknown area": (grant("alder", areas=["Kenya"]), Reason.BAD_VOCABULARY, "areas"),
    "a series that is none": (grant("alder", series=["alder/a b"]), Reason.BAD_VOCABULARY, "series"),
    "unknown point": (grant("alder", projection="HALF"), Reason.BAD_VOCABULARY, "projection"),
    "no point": (grant("alder", projection=None), Reason.BAD_VOCABULARY, "projection"),
    "unknown fact": (_projected(facts=["GOSSIP"]), Reason.BAD_VOCABULARY, "projection.facts"),
    "unknown place": (_projected(place="STREET"), Reason.BAD_VOCABULARY, "projection.place"),
    "unknown field of a projection": (_projected(depth=1), Reason.BAD_FIELD_UNKNOWN, "projection.depth"),
    "unknown attribution": (grant("alder", attribution="SECRET"), Reason.BAD_VOCABULARY, "attribution"),
    "unknown condition": (grant("alder", condition="RAIN"), Reason.BAD_VOCABULARY, "condition"),
    "unknown obligation": (grant("alder", obligations=["SHRED"]), Reason.BAD_VOCABULARY, "obligations"),
    "unknown level": (grant("alder", level="HIGH"), Reason.BAD_VOCABULARY, "level"),
    "another purpose": (grant("alder", purpose="MARKETING"), Reason.BAD_GRANT, "purpose"),
    "without an end": (
        {name: value for name, value in grant("alder").items() if name != "valid_to"}, Reason.BAD_FIELD_MISSING,
        "valid_to",
    ),
    "standing for over a year": (grant("alder", valid_to="2027-01-03T00:00:00Z"), Reason.BAD_GRANT, "valid_to"),
    "beyond the calendar": (grant("alder", valid_to="9999-12-31T23:59:59-23:00"), Reason.BAD_TIME, "valid_to"),
    "prohibition of a level": (grant("alder", effect="PROHIBIT", level="ENHANCED"), Reason.BAD_GRANT, "level"),
    "prohibition at times": (
        grant("alder", effect="PROHIBIT", condition="IMMINENT_ONLY"), Reason.BAD_GRANT, "condition",
    ),
    "a grantor that says REQUESTED": (grant("alder", state="REQUESTED"), Reason.BAD_VOCABULARY, "state"),
    "a grantor that invalidates": (grant("alder", state="INVALIDATED"), Reason.BAD_AUTHOR, "state"),
    "an end that refuses": (
        record("end", grantor="alder", grant="g", state="REFUSED"), Reason.BAD_VOCABULARY, "state",
    ),
    "field partner of nobody": (partner("alder", **{**FIELD, "admitted_by": " "}), Reason.BAD_STANDING, "admitted_by"),
    "field partner for ever": (partner("alder", **{**FIELD, "valid_to": None}), Reason.BAD_STANDING, "valid_to"),
    "field partner everywhere": (partner("alder", **{**FIELD, "areas": ["*"]}), Reason.BAD_STANDING, "presence"),
    "field partner nowhere": (partner("alder", **{**FIELD, "presence": []}), Reason.BAD_STANDING, "presence"),
    "members of no platform": (partner("alder", members=["birch"]), Reason.BAD_STANDING, "members"),
    "an id that is a word": (partner("present"), Reason.BAD_VOCABULARY, "org"),
    "an id that is the administrators'": (partner("admin"), Reason.BAD_VOCABULARY, "org"),
    "unknown ceiling": (partner("alder", ceiling="EXTREME"), Reason.BAD_VOCABULARY, "ceiling"),
    "unknown capability": (partner("alder", capabilities=["FLY"]), Reason.BAD_VOCABULARY, "capabilities"),
    "unknown threshold": (partner("alder", threshold="HIGH"), Reason.BAD_VOCABULARY, "threshold"),
    "entitlement without a forum": (
        partner("alder", entitlements=[{**OBSERVED, "forum": ""}]), Reason.BAD_FIELD_MISSING, "entitlements.forum",
    ),
    "entitlement that is none": (partner("alder", entitlements=[1]), Reason.BAD_FIELD_TYPE, "entitlements"),
    "entitlement reversed": (
        partner("alder", entitlements=[{**OBSERVED, "valid_to": START}]), Reason.BAD_GRANT, "entitlements.valid_to",
    ),
    "anothers' series": ({**WITHDRAWAL, "series": "birch/s"}, Reason.BAD_AUTHOR, "series"),
    "a series by its own id": ({**WITHDRAWAL, "series": "s"}, Reason.BAD_VOCABULARY, "series"),
    "level without approver": (
        {name: value for name, value in AREA.items() if name != "approver"}, Reason.BAD_FIELD_MISSING, "approver",
    ),
    "level of no area": ({**AREA, "area": "*"}, Reason.BAD_VOCABULARY, "area"),
    "unknown risk": ({**AREA, "srm_level": "EXTREME"}, Reason.BAD_VOCABULARY, "srm_level"),
    "two rows for one": ({**TABLE, "rows": TABLE["rows"] * 2}, Reason.BAD_VOCABULARY, "rows"),
    "a row for no place": (
        {**TABLE, "rows": [{"kind": "*", "precision": "UNKNOWN", "level": "LOW"}]}, Reason.BAD_VOCABULARY,
        "rows.precision",
    ),
    "a row for no kind": (
        {**TABLE, "rows": [{"kind": "RUMOUR", "precision": "TOWN", "level": "LOW"}]}, Reason.BAD_VOCABULARY,
        "rows.kind",
    ),
    "a rule for nobody": (
        {**OVERLAY, "rules": [{"kinds": ["*"], "recipients": []}]}, Reason.BAD_VOCABULARY, "rules.kinds",
    ),
    "an lou without a text": ({**LOU, "text_version": ""}, Reason.BAD_FIELD_MISSING, "text_version"),
    "an offer with times": ({**LOU, "offers": [{**OFFER, **TIMES}]}, Reason.BAD_FIELD_UNKNOWN, "offers.valid_from"),
    "an offer of an unknown action": (
        {**LOU, "offers": [{**OFFER, "actions": ["FLY"]}]}, Reason.BAD_VOCABULARY, "offers.actions",
    ),
    "an offer that is none": ({**LOU, "offers": ["READ"]}, Reason.BAD_FIELD_TYPE, "offers"),
    "a group of nobody": ({**GROUP, "members": []}, Reason.BAD_GRANT, "members"),
    "a group for another purpose": ({**GROUP, "purpose": "LOBBYING"}, Reason.BAD_GRANT, "purpose"),
    "a group for ever": (
        {name: value for name, value in GROUP.items() if name != "valid_to"}, Reason.BAD_FIELD_MISSING, "valid_to",
    ),
    "a confirmation by nobody": ({**GLASS, "confirmer": ""}, Reason.BAD_VOCABULARY, "confirmer"),
}  # fmt: skip


@pytest.mark.parametrize("row", BAD)
def test_a_bad_payload_names_its_field_and_what_to_change(row: str) -> None:
    payload, reason, field = BAD[row]
    found = read_control(json.loads(json.dumps(payload)))
    assert isinstance(found, Refusal)
    assert (found.reason, found.field, bool(found.advice)) == (reason, field, True)


def test_a_standing_grant_may_last_366_days() -> None:
    end = (JANUARY + timedelta(days=366)).isoformat()
    assert isinstance(read(grant("alder", valid_to=end)), Grant)


_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([START, END, "0001-01-01T00:00:00+23:59", "*", "KEN", "alder/s", "READ", "FULL", "PROHIBIT"])
)
_JSON = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)  # fmt: skip
_NAMES = st.sampled_from(sorted({name for payload in EVERY for name in payload} | set(Grant._fields + Partner._fields)))


@settings(max_examples=400, deadline=None)
@given(_JSON | st.builds(
    lambda payload, wrong: {**payload, **wrong}, st.sampled_from(EVERY), st.dictionaries(_NAMES, _JSON, max_size=3),
))  # fmt: skip
def test_any_json_is_a_record_or_a_refusal(payload: Any) -> None:
    found = read_control(payload)
    if isinstance(found, Refusal):
        assert found.advice
    else:
        assert control_id(found[2])
