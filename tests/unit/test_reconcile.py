"""What each recipient holds follows from the policy and the clock, and what is sent is the difference."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from services.core.decide import GATES
from services.core.envelope import DeliveryType as Type
from services.core.gates import Code
from services.core.grouping import Link
from services.core.ledger import Entry, Incident
from services.core.policy import Policy
from services.core.reconcile import Reconciled, reconcile
from tests.registry import NOW, grant, officer, partner, policy, report

BASE = tuple(record for org in ("alder", "birch", "cedar") for record in (partner(org), officer(org)))

TOWN = {"latitude": None, "longitude": None, "precision": "TOWN", "country": "KEN", "admin1": "One", "admin2": "",
        "name": "Somewhere"}  # fmt: skip


def incident(*reports: dict[str, object], links: tuple[Link, ...] = (), decided_at: datetime = NOW) -> Incident:
    entries = {str(one["series_id"]): Entry(one, decided_at, links) for one in reports}
    return Incident("i", "Actual", entries, {})


def sent(found: Reconciled) -> dict[str, list[Type]]:
    types: dict[str, list[Type]] = {}
    for delivery in found.deliveries:
        for recipient in delivery.recipients:
            types.setdefault(recipient, []).append(delivery.send.type)
    return types


def again(found: Reconciled, made: Policy, now: datetime = NOW, *, fresh: bool = True) -> Reconciled:
    return reconcile(found.incident, made, now, fresh=fresh)


def test_a_report_goes_to_those_who_may_have_it() -> None:
    found = reconcile(incident(report("alder/s")), policy(*BASE, grant("alder", recipients=["birch"])), NOW)
    assert sent(found) == {"birch": [Type.ALERT]}
    assert sent(again(found, policy(*BASE, grant("alder", recipients=["birch"])))) == {}


def test_a_late_grant_delivers_and_a_revocation_recalls_exactly_that() -> None:
    none = reconcile(incident(report("alder/s", epoch=1)), policy(*BASE), NOW)
    late = again(none, policy(*BASE, grant("alder", recipients=["cedar"], covers_earlier=True)))
    assert sent(late) == {"cedar": [Type.ALERT]}
    ended = {"type": "end", "version": 1, "grantor": "alder", "grant": "g", "state": "REVOKED"}
    gone = again(late, policy(*BASE, grant("alder", recipients=["cedar"], covers_earlier=True), ended))
    assert sent(gone) == {"cedar": [Type.RECALL]}


def test_a_late_grant_brings_no_old_news() -> None:
    none = reconcile(incident(report("alder/s", epoch=1), decided_at=NOW - timedelta(hours=73)), policy(*BASE), NOW)
    late = again(none, policy(*BASE, grant("alder", covers_earlier=True)))
    assert sent(late) == {}


def test_who_loses_the_same_report_for_different_reasons_is_told_its_own() -> None:
    given = [grant("alder", grant=name, recipients=[name]) for name in ("birch", "cedar")]
    first = reconcile(incident(report("alder/s")), policy(*BASE, *given), NOW)
    ended = {"type": "end", "version": 1, "grantor": "alder", "grant": "birch", "state": "REVOKED"}
    taken = again(first, policy(*BASE, *given, ended, {**given[1], "version": 2, "state": "WITHDRAWN"}))
    told = {one.recipients: one.send.reasons for one in taken.deliveries}
    assert told == {("birch",): (Code.DEN_CONSENT_REVOKED,), ("cedar",): (Code.DEN_CONSENT_WITHDRAWN,)}


@pytest.mark.parametrize(("less", "types"), [(False, []), (True, [Type.RECALL])])
def test_what_is_held_of_a_closed_report_goes_where_less_of_it_is_permitted(less: bool, types: list[Type]) -> None:
    """What would be left cannot be sent any more: its content is dropped."""
    first = reconcile(incident(report("alder/s", place=TOWN)), policy(*BASE, grant("alder", recipients=["birch"])), NOW)
    (entry,) = first.incident.entries.values()
    closed = first.incident._replace(entries={"alder/s": entry._replace(closed=True)})
    narrow = {"version": 2, "projection": "COARSE_GEO"} if less else {}
    made = policy(*BASE, grant("alder", recipients=["birch"]), grant("alder", recipients=["birch"], **narrow))
    assert sent(reconcile(closed, made, NOW)).get("birch", []) == types


def test_a_time_box_that_ends_sends_nothing_and_its_moment_is_known() -> None:
    ends = NOW + timedelta(hours=1)
    made = policy(*BASE, grant("alder", valid_to=ends.isoformat()))
    first = reconcile(incident(report("alder/s")), made, NOW)
    assert first.incident.next_change_at == ends
    assert sent(again(first, made, ends)) == {}


def test_while_the_state_may_be_stale_nothing_is_released_recalls_go_on_and_it_stays_due() -> None:
    made = policy(*BASE, grant("alder"))
    stale = reconcile(incident(report("alder/s")), made, NOW, fresh=False)
    assert (sent(stale), stale.incident.next_change_at) == ({}, NOW)
    shown = again(stale, made)
    assert sent(shown) == {"birch": [Type.ALERT], "cedar": [Type.ALERT]}
    withdrawn = policy(*BASE, grant("alder"), grant("alder", version=2, state="WITHDRAWN"))
    assert sent(again(shown, withdrawn, fresh=False)) == {"birch": [Type.RECALL], "cedar": [Type.RECALL]}


def test_a_cancelled_report_is_cancelled_where_it_is_held_and_begun_nowhere() -> None:
    narrow = policy(*BASE, grant("alder", recipients=["birch"]))
    first = reconcile(incident(report("alder/s")), narrow, NOW)
    over = Entry(report("alder/s", version=2, message="CANCEL"), NOW)
    wide = policy(*BASE, grant("alder", recipients=["birch", "cedar"]))
    assert sent(reconcile(first.incident._replace(entries={"alder/s": over}), wide, NOW)) == {"birch": [Type.CANCEL]}


def test_a_hidden_report_changes_nothing_that_is_sent() -> None:
    """Non-interference: the sends to birch are the same with cedar's report in the incident and without it."""
    made = policy(*BASE, grant("alder", recipients=["birch"]))
    alone = reconcile(incident(report("alder/s")), made, NOW)
    link = (Link("alder/s", "cedar/hidden"),)
    beside = reconcile(incident(report("alder/s"), report("cedar/hidden"), links=link), made, NOW)
    assert [d for d in beside.deliveries if "birch" in d.recipients] == list(alone.deliveries)


def test_every_recipient_has_a_verdict_on_every_report() -> None:
    made = policy(*BASE, grant("alder", recipients=["birch"]))
    found = reconcile(incident(report("alder/s"), report("cedar/t")), made, NOW)
    for decision in found.decisions:
        judged = [org for _, recipients in decision.groups for org in recipients]
        assert sorted(judged) == ["alder", "birch", "cedar"]


def test_an_originator_is_asked_once_reminded_once_and_told_the_end_and_nobody_asks_while_it_may_be_stale() -> None:
    made = policy(*BASE)
    urgent = report("alder/s", urgency="Immediate", severity="Severe", certainty="Observed")
    stale = reconcile(incident(urgent), made, NOW, fresh=False)
    assert stale.requests == ()
    found, stages = stale, []
    for minutes in (0, 0, 1, 5, 6, 10, 11):
        found = again(found, made, NOW + timedelta(minutes=minutes))
        stages += [(minutes, one.stage.value, one.waiting, one.requested_at) for one in found.requests]
    assert stages == [(0, "REQUEST", 2, NOW), (5, "REMINDER", 2, NOW), (10, "FINAL", 2, NOW)]
    assert again(found, made, NOW + timedelta(minutes=1)).incident.next_change_at == NOW + timedelta(minutes=5)


def test_a_holder_that_is_no_longer_in_the_registry_is_recalled() -> None:
    first = reconcile(incident(report("alder/s")), policy(*BASE, grant("alder", recipients=["birch"])), NOW)
    gone = policy(*(one for one in BASE if one["org"] != "birch"), grant("alder", recipients=["*"]))
    assert sent(again(first, gone)) == {"birch": [Type.RECALL], "cedar": [Type.ALERT]}


def test_a_gate_that_raises_denies_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def _broken(_: object) -> None:
        raise ArithmeticError

    made = policy(*BASE, grant("alder"))
    monkeypatch.setattr("services.core.judge.GATES", (*GATES, _broken))
    found = reconcile(incident(report("alder/s")), made, NOW)
    assert (sent(found), found.failed) == ({}, ("broken:ArithmeticError",))
    assert found.incident.next_change_at == NOW + timedelta(minutes=1)
