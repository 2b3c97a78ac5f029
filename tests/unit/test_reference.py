"""Every code of docs/rules.md §5 by hand against the reference, and the reach of its random cases."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from tests.reference import main as differential
from tests.reference.cases import RECIPIENTS, Ask, World, world
from tests.reference.codes import ORDER
from tests.reference.decide import PURPOSE, Decision, decide
from tests.reference.facts import Fields
from tests.reference.reconcile import Incident, Item, Link, Moment, replay
from tests.reference.registry import Entry, fold
from tests.registry import END, NOW, grant, partner, report

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
IMMINENT = {"kind": "SECURITY_ALERT", "imminent": True}
OF_RECONCILIATION = {"DEN_CANCELLED", "NRT_BACKFILL", "NRT_DUPLICATE"}


def plain(**fields: Any) -> Fields:
    """A lesson learnt without place or person, so that nothing of §6 speaks unless it is asked to."""
    new = {
        "kind": "LESSON_LEARNT", "tearline": "", "personal": {}, "source_note": "", "facts": [], "upstream": [],
        "on_behalf_of": "", "attribution": "NAMED", "imminent": False, "supersedes": "",
        "handling": {"tlp": "AMBER_STRICT", "attribution": "MAY"},
    }  # fmt: skip
    return report("orig/s1", **{**new, **fields})


def handling(**fields: str) -> Fields:
    return {"handling": {"tlp": "AMBER_STRICT", "attribution": "MAY", **fields}}


def upstream(org: str, series: str = "", kind: str = "ORGANISATION") -> Fields:
    return {"upstream": [{"type": kind, "org": org, "series": series, "url": "", "licence": ""}]}


def mark(fact: str, sensitivity: str) -> Fields:
    return {"facts": [{"fact": fact, "sensitivity": sensitivity, "above": None}]}


def logged(*payloads: Fields, holds: bool = True) -> list[Entry]:
    """Entered a day ago in this order; the last one's signature may not hold."""
    authors = {"grant": "grantor", "withdrawal": "originator", "breakglass": "org"}
    return [
        Entry(n, NOW - DAY, payload.get(authors.get(payload["type"], ""), "admin"), -1, payload,
              holds or n + 1 < len(payloads))
        for n, payload in enumerate(payloads)
    ]  # fmt: skip


ORIG, REC = partner("orig"), partner("rec")
GIVEN = grant("orig")
LATER = {"valid_from": "2026-07-01T00:00:00+00:00"}
OVER = {"valid_to": "2026-05-31T00:00:00+00:00"}
STANDING = grant("orig", condition="IMMINENT_ONLY")
LOU = {"type": "lou", "version": 1, "lou": "l", "text_version": "1", "offers": [], "withheld_kinds": [],
       "break_glass": True}  # fmt: skip
EXACT = {"place": {"latitude": 1.0, "longitude": 36.0, "precision": "EXACT", "country": "KEN", "admin1": "",
                   "admin2": "", "name": ""}}  # fmt: skip
ONE_KILLED = {"harm": {"scheme": "", "killed": 1, "injured": None, "kidnapped": None, "detained": None}}
PERSON = {"personal": {"name": "A. Person"}}


def glass(org: str) -> Fields:
    return {"type": "breakglass", "version": 1, "series": "orig/s1", "org": org, "confirmer": "one"}


CONFIRMED = (partner("orig", lou="l"), REC, LOU, partner("up", category="UNSMS"), glass("up"), glass("rec"))


def ended(state: str) -> Fields:
    return {"type": "end", "version": 1, "grantor": "orig", "grant": "g", "state": state}


def withdrawn(mode: str) -> Fields:
    return {"type": "withdrawal", "version": 1, "originator": "orig", "series": "orig/s1", "mode": mode}


def overlay(projection: str | None) -> Fields:
    rule = {"kinds": ["*"], "recipients": ["rec"], "projection": projection}
    return {"type": "overlay", "version": 1, "area": "KEN", "rules": [rule]}


@dataclass(frozen=True)
class Row:
    """Control records, a report and a question, with the reasons that the page gives and their effect and target."""

    reasons: str
    answer: str
    control: tuple[Fields, ...] = (ORIG, REC, GIVEN)
    report: Fields = field(default_factory=dict)
    ask: dict[str, Any] = field(default_factory=dict)


def asked(row: Row, recipient: str = "rec") -> Decision:
    ask = {"action": "READ", "purpose": PURPOSE, "as_of": NOW, "fresh": True, **row.ask}
    holds = ask.pop("holds", True)
    return decide(
        plain(**row.report), ask.pop("recipient", recipient), entries=logged(*row.control, holds=holds), **ask
    )


ROWS = [
    Row("OK_GRANT", "PERMIT SHOW"),
    # Gate 0
    Row("DEN_INTEGRITY_SCHEMA OK_GRANT", "DENY NONE", report={"version": 0}),
    Row("DEN_INTEGRITY_SCHEMA OK_GRANT", "DENY NONE", report={"series_id": "other/s1"}),
    Row("DEN_INTEGRITY_SIGNATURE HLD_CONSENT_STATE_STALE OK_GRANT", "DENY KEEP",
        (ORIG, REC, GIVEN, grant("orig", grant="h")), ask={"holds": False}),
    Row("DEN_INTEGRITY_UNKNOWN_SENDER OK_GRANT", "DENY NONE", (REC, GIVEN)),
    Row("DEN_INTEGRITY_TIME OK_GRANT", "DENY NONE",
        report={"kind": "SITUATION_REPORT", "occurred_from": NOW + DAY + MINUTE}),
    # Gates 1 and 2
    Row("DEN_STATUS_MISMATCH OK_GRANT", "DENY NONE", (ORIG, partner("rec", statuses=["Exercise"]), GIVEN)),
    Row("DEN_RECALLED OK_GRANT", "DENY NONE", (ORIG, REC, GIVEN, withdrawn("RECALL")),
        {"epoch": 3}),
    Row("DEN_RECALLED OK_GRANT", "DENY KEEP", (ORIG, REC, GIVEN, withdrawn("PROSPECTIVE")), {"epoch": 3}),
    Row("DEN_UPDATE_OF_RECALLED OK_GRANT", "DENY NONE", (ORIG, REC, GIVEN, withdrawn("RECALL")), {"epoch": 4}),
    Row("DEN_EXPIRED OK_GRANT", "DENY KEEP", report={"expires": NOW}),
    Row("DEN_SUPERSEDED OK_GRANT", "DENY KEEP", ask={"superseded": True}),
    # Gates 3 and 4
    Row("DEN_PARTNER_UNKNOWN", "DENY NONE", ask={"recipient": "nobody", "fresh": False}),
    Row("DEN_PARTNER_NOT_ACTIVE OK_GRANT", "DENY NONE", (ORIG, partner("rec", status="APPLIED"), GIVEN)),
    Row("DEN_PARTNER_NOT_ACTIVE OK_GRANT", "DENY NONE", (ORIG, partner("rec", valid_to=NOW.isoformat()), GIVEN)),
    Row("DEN_PARTNER_SUSPENDED OK_GRANT", "DENY KEEP", (ORIG, partner("rec", status="SUSPENDED"), GIVEN)),
    Row("DEN_PARTNER_AREA OK_GRANT", "DENY NONE",
        (ORIG, partner("rec", category="FIELD_PARTNER", presence=["UGA"], admitted_by="orig", valid_to=END), GIVEN)),
    Row("DEN_PARTNER_CATEGORY OK_GRANT", "DENY NONE",
        (ORIG, partner("rec", category="MEDIA"), grant("orig", recipients=["category:MEDIA"]))),
    Row("DEN_OBSERVER_SCOPE OK_GRANT", "DENY NONE",
        (ORIG, partner("rec", category="OBSERVER"), grant("orig", recipients=["rec"]))),
    Row("DEN_PURPOSE OK_GRANT", "DENY NONE", ask={"purpose": "FUNDRAISING"}),
    # Gate 5
    Row("DEN_PROHIBIT_ORIGINATOR OK_GRANT", "DENY NONE",
        (ORIG, REC, GIVEN, grant("orig", grant="h", effect="PROHIBIT"))),
    Row("DEN_PROHIBIT_ORIGINATOR OK_GRANT", "DENY NONE", report=handling(tlp="RED")),
    Row("DEN_PROHIBIT_UPSTREAM OK_GRANT", "DENY NONE",
        (ORIG, REC, GIVEN, partner("up"), grant("up"), grant("up", grant="h", effect="PROHIBIT")), upstream("up")),
    Row("DEN_PROHIBIT_LOU OK_GRANT", "DENY NONE",
        (ORIG, partner("rec", lou="l"), GIVEN, {**LOU, "withheld_kinds": ["LESSON_LEARNT"]})),
    Row("DEN_PROHIBIT_AREA OK_GRANT", "DENY NONE", (ORIG, REC, GIVEN, overlay(None))),
    # Gate 6
    Row("DEN_CONSENT_REVOKED", "DENY NONE", (ORIG, REC, GIVEN, ended("REVOKED"))),
    Row("DEN_CONSENT_INVALID", "DENY NONE", (ORIG, REC, GIVEN, ended("INVALIDATED"))),
    Row("DEN_CONSENT_WITHDRAWN", "DENY NONE", (ORIG, REC, GIVEN, grant("orig", version=2, state="WITHDRAWN"))),
    Row("DEN_CONSENT_WITHDRAWN_PROSPECTIVE", "DENY KEEP",
        (ORIG, REC, GIVEN, grant("orig", version=2, state="WITHDRAWN", mode="PROSPECTIVE"))),
    Row("DEN_CONSENT_REFUSED", "DENY NONE", (ORIG, REC, grant("orig", state="REFUSED"))),
    Row("DEN_CONSENT_EXPIRED", "DENY KEEP", (ORIG, REC, grant("orig", **OVER))),
    Row("DEN_CONSENT_NOT_YET_VALID", "DENY NONE", (ORIG, REC, grant("orig", **LATER))),
    Row("DEN_NO_CONSENT", "DENY NONE", (ORIG, REC)),
    Row("DEN_NO_CONSENT", "DENY NONE", report={"epoch": 2}),
    Row("HLD_CONSENT_PENDING", "HOLD KEEP", (ORIG, REC, grant("orig", state="DEFERRED"))),
    Row("HLD_CONSENT_STATE_STALE OK_GRANT", "HOLD KEEP", ask={"fresh": False}),
    Row("HLD_CONSENT_STATE_STALE OK_GRANT", "HOLD KEEP", (ORIG, REC, GIVEN, {"type": "area"})),
    # Gates 7 and 8
    Row("DEN_UPSTREAM_UNKNOWN OK_GRANT", "DENY NONE", report=upstream("", kind="UNKNOWN")),
    Row("DEN_UPSTREAM_NO_CONSENT OK_GRANT", "DENY NONE", report=upstream("up")),
    Row("DEN_UPSTREAM_NO_CONSENT OK_GRANT", "DENY KEEP", (ORIG, REC, GIVEN, grant("up", **OVER)),
        {"on_behalf_of": "up"}),
    Row("DEN_ECHO_OF_RECEIVED OK_GRANT", "DENY NONE", ask={"echo": (("up", "up/s1"),)}),
    Row("OK_GRANT", "PERMIT SHOW", (ORIG, REC, GIVEN, grant("up", series=["up/s1"])), upstream("up", "up/s1")),
    # Gates 9 to 13
    Row("DEN_LEVEL DEN_SENSITIVITY_CEILING OK_GRANT", "DENY NONE", (ORIG, partner("rec", ceiling="LOW"), GIVEN),
        {"kind": "OPERATIONAL_PLANNING"}),
    Row("DEN_LEVEL OK_GRANT", "DENY NONE", report={"kind": "OPERATIONAL_PLANNING"}),
    Row("DEN_PRIVACY RED_PERSONAL OK_GRANT", "DENY NONE", report={**PERSON, "headline": "", "area": {"country": ""},
        "place": {**EXACT["place"], "latitude": None, "precision": "UNKNOWN", "country": ""}}),
    Row("DEN_OBLIGATION_UNSUPPORTED", "DENY NONE", (ORIG, REC, grant("orig", obligations=["ENCRYPT"]))),
    Row("RED_GEO_COARSENED OK_GRANT", "PERMIT SHOW", (ORIG, partner("rec", ceiling="LOW"), GIVEN), EXACT),
    Row("RED_TIME_COARSENED OK_GRANT", "PERMIT SHOW", report={"reported_at": NOW, **mark("WHEN", "SEVERE")}),
    Row("RED_SENSITIVE_FACT OK_GRANT", "PERMIT SHOW", report=mark("NARRATIVE", "SEVERE")),
    Row("RED_PERSONAL OK_GRANT", "PERMIT SHOW", report=PERSON),
    Row("RED_SMALL_NUMBER OK_GRANT", "PERMIT SHOW", report={**EXACT, **ONE_KILLED}),
    Row("RED_SOURCE_CATEGORY OK_GRANT", "PERMIT SHOW", report={"attribution": "CATEGORY"}),
    Row("RED_SOURCE_ANONYMOUS OK_GRANT", "PERMIT SHOW", report=handling(attribution="MUST_NOT")),
    Row("OK_SELF", "PERMIT KEEP", ask={"recipient": "orig"}),
    Row("OK_INITIAL_AUDIENCE", "PERMIT SHOW", (ORIG, REC), {"initial_audience": ["rec"]}),
    Row("OK_PUBLIC_SOURCE OK_GRANT", "PERMIT SHOW", report=upstream("", kind="PUBLIC")),
    # Gate I
    Row("IMR_HOLD", "HOLD KEEP", (ORIG, REC, STANDING)),
    Row("IMR_REFUSED DEN_CONSENT_REFUSED", "DENY NONE", (ORIG, REC, grant("orig", state="REFUSED")), IMMINENT),
    Row("HLD_CONSENT_PENDING IMR_REQUEST_SENT", "HOLD NONE", (ORIG, REC), IMMINENT,
        {"requested_at": NOW - 9 * MINUTE}),
    Row("HLD_CONSENT_PENDING IMR_UNREACHABLE IMR_HOLD", "HOLD NONE", (ORIG, REC), IMMINENT,
        {"requested_at": NOW - 10 * MINUTE}),
    Row("IMR_STANDING_GRANT IMR_TEARLINE OK_GRANT RED_SOURCE_ANONYMOUS", "PERMIT SHOW", (ORIG, REC, STANDING),
        {**IMMINENT, "tearline": "Avoid the road"}),
    Row("IMR_BREAK_GLASS RED_SOURCE_ANONYMOUS", "PERMIT SHOW", CONFIRMED, IMMINENT,
        {"requested_at": NOW - 11 * MINUTE, "as_of": NOW - MINUTE}),
    Row("HLD_CONSENT_PENDING IMR_UNREACHABLE IMR_HOLD", "HOLD NONE", CONFIRMED, IMMINENT,
        {"requested_at": NOW - 11 * MINUTE}),
    Row("HLD_CONSENT_PENDING IMR_UNREACHABLE IMR_HOLD", "HOLD NONE", CONFIRMED[:-1], IMMINENT,
        {"requested_at": NOW - 11 * MINUTE, "as_of": NOW - MINUTE}),
    # Routing
    Row("NRT_AREA OK_GRANT", "PERMIT KEEP", (ORIG, partner("rec", areas=["UGA"]), GIVEN)),
    Row("NRT_KIND OK_GRANT", "PERMIT KEEP", (ORIG, partner("rec", kinds=["QUERY"]), GIVEN)),
    Row("NRT_THRESHOLD OK_GRANT", "PERMIT KEEP", (ORIG, partner("rec", threshold="Minor"), GIVEN)),
    Row("NRT_SUBSCRIPTION OK_GRANT", "PERMIT KEEP", (ORIG, partner("rec", paused=True), GIVEN)),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.reasons.split()[0]}-{row.answer.split()[1]}")
def test_each_code_as_the_page_says(row: Row) -> None:
    decision = asked(row)
    assert decision.reasons == set(row.reasons.split())
    assert f"{decision.effect} {decision.target}" == row.answer
    assert decision.primary == min(row.reasons.split(), key=ORDER.index)


def test_the_tables_name_every_code() -> None:
    assert {code for row in ROWS for code in row.reasons.split()} | OF_RECONCILIATION == set(ORDER)


@pytest.mark.parametrize(
    ("control", "fields", "ask", "text"),
    [
        ((ORIG, REC, GIVEN), {}, {}, "NARRATIVE+WHERE+CORROBORATION/COUNTRY/UNKNOWN/NAMED"),
        ((ORIG, REC, grant("orig", actions=["READ"])), {}, {}, "NARRATIVE+WHERE/COUNTRY/UNKNOWN/CATEGORY"),
        ((ORIG, REC, GIVEN, overlay("TEARLINE")), {}, {}, "WHERE+CORROBORATION/COUNTRY/UNKNOWN/NAMED"),
        (
            (ORIG, REC, STANDING),
            {**IMMINENT, **EXACT, "advice": "Stay in"},
            {},
            "WHERE+ADVICE/ADMIN1/UNKNOWN/ANONYMOUS",
        ),
        ((ORIG, REC, GIVEN, grant("up")), {}, {"echo": (("up", "up/s1"),)}, "NARRATIVE+WHERE/COUNTRY/UNKNOWN/NAMED"),
        ((ORIG, REC, GIVEN), {}, {"fresh": False}, ""),
    ],
)
def test_what_is_shown(control: tuple[Fields, ...], fields: Fields, ask: Fields, text: str) -> None:
    assert asked(Row("", "", control, fields, ask)).projection.text == text


def test_a_renewal_without_a_gap_keeps_its_beginning_and_one_after_an_end_does_not() -> None:
    renewal = grant("orig", version=2)
    after_end = grant("orig", version=3)
    taken = grant("orig", version=2, state="WITHDRAWN")
    assert [life.covers_from for life in fold(logged(GIVEN, renewal)).lives["orig", "g"]] == [0]
    lives = fold(logged(GIVEN, taken, after_end)).lives["orig", "g"]
    assert [(life.covers_from, life.ended) for life in lives] == [(0, "RECALL"), (2, "")]


def item(series: str, at: int = 0, **fields: Any) -> Item:
    return Item({**plain(**fields), "series_id": f"orig/{series}"}, NOW + at * DAY)


def step(incident: Incident, *control: Fields, at: int = 0) -> Moment:
    return Moment(incident, logged(*(control or (ORIG, REC, GIVEN))), NOW + at * DAY)


def held(outcome: Any) -> list[tuple[str, set[tuple[str, int]]]]:
    return [(key.founder, {(one.series, one.version) for one in key.held}) for key in outcome.keys]


@pytest.mark.parametrize(
    ("code", "moment", "series"),
    [
        ("DEN_CANCELLED", step(Incident((item("s1", message="CANCEL"),))), "orig/s1"),
        ("NRT_BACKFILL", step(Incident((item("s1"),)), at=4), "orig/s1"),
        (
            "NRT_DUPLICATE",
            step(Incident((item("s1"), item("s2")), (Link("orig/s1", "orig/s2", "DUPLICATE"),))),
            "orig/s2",
        ),
    ],
)
def test_codes_of_reconciliation(code: str, moment: Moment, series: str) -> None:
    decision = replay([moment], "rec").decisions[series]
    assert code in decision.reasons
    assert decision.target == "KEEP"
    assert series not in {one.series for key in replay([moment], "rec").keys for one in key.held}


def test_what_is_held_when_links_come_and_go_and_consent_ends() -> None:
    one, two = item("s1"), item("s2")
    apart, linked = Incident((one, two)), Incident((one, two), (Link("orig/s1", "orig/s2"),))
    taken = (ORIG, REC, GIVEN, withdrawn("RECALL"))
    old = Incident((item("s1", epoch=3), two), linked.links)
    both = {("orig/s1", 1), ("orig/s2", 1)}
    alone = [("orig/s1", {("orig/s1", 1)}), ("orig/s2", {("orig/s2", 1)})]
    history = [step(apart)]
    assert held(replay(history, "rec")) == alone
    history.append(step(linked))
    assert held(replay(history, "rec")) == [("orig/s1", both), ("orig/s2", set())]
    assert held(replay([*history, step(apart)], "rec")) == alone
    outcome = replay([*history, step(old, *taken)], "rec")
    assert held(outcome) == [("orig/s1", {("orig/s2", 1)}), ("orig/s2", set())]
    assert outcome.recalled == {"orig/s1"}


def test_what_is_over_stays_and_what_is_narrowed_by_a_decision_is_recalled() -> None:
    one = Incident((item("s1"),))
    kept = replay([step(one), step(one, at=300)], "rec")
    assert held(kept) == [("orig/s1", {("orig/s1", 1)})]
    assert not kept.recalled
    narrowed = replay([step(one), step(one, ORIG, REC, GIVEN, overlay("TEARLINE"))], "rec")
    assert held(narrowed) == [("orig/s1", {("orig/s1", 1)})]
    assert narrowed.recalled == {"orig/s1"}
    newer = Incident((item("s1", version=2, attribution="ANONYMOUS"),))
    assert replay([step(one), step(newer)], "rec").recalled == set()


def answers(world: World, ask: Ask) -> dict[str, Any]:
    return {recipient: differential.reference(world.entries, ask, recipient) for recipient in RECIPIENTS}


def test_random_cases_reach_every_code() -> None:
    missing = set(ORDER) - OF_RECONCILIATION
    for number in range(400):
        made = world(Random(f"reach/{number}"))
        missing -= {code for ask in made.asks for answer in answers(made, ask).values() for code in answer[3]}
        if not missing:
            return
    raise AssertionError(f"never said: {sorted(missing)}")


class Twin:
    """An engine that is the reference itself, except that it may forget the time that a report expires."""

    forgets = False

    def __init__(self, made: World) -> None:
        self.made = made

    def answers(self, ask: Ask) -> dict[str, Any]:
        fields = {"expires": None} if self.forgets else {}
        return answers(self.made, ask._replace(report={**ask.report, **fields}))


def test_the_comparison_counts_every_case_and_shows_the_least_of_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(differential, "Engine", Twin)
    assert differential.compare(differential.Batch(1, 0, 500)) == (500, 0, [])
    monkeypatch.setattr(Twin, "forgets", True)
    count, differences, texts = differential.compare(differential.Batch(1, 0, 500))
    assert count == 500
    assert differences > 0
    assert "'expires'" in texts[0]
    assert texts[0].count("  control ") == 1
