"""The request for consent in an imminent risk: once, a reminder at half of the time, the end (consent.md §7)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.core.gates import Code
from services.core.ledger import Entry, Incident
from services.core.reconcile import Reconciled, reconcile
from services.core.request import RequestStage
from tests.registry import NOW, grant, officer, partner, policy, report

BASE = tuple(record for org in ("alder", "birch", "cedar") for record in (partner(org), officer(org)))
POLICY = policy(*BASE)
MINUTE = timedelta(minutes=1)
REQUEST, REMINDER, FINAL, GLASS_BROKEN = RequestStage


def incident() -> Incident:
    """A report that nobody is permitted, and somebody may be hurt soon."""
    return Incident("i", "Actual", {"alder/s": Entry(report("alder/s", imminent=True), NOW)}, {})


def asked(minutes: list[float], answer_time: timedelta = 10 * MINUTE) -> list[RequestStage]:
    """What the originator was told when its report was looked at at these moments."""
    held = incident()
    told: list[RequestStage] = []
    for minute in minutes:
        found = reconcile(held, POLICY, NOW + minute * MINUTE, answer_time=answer_time)
        told += [one.stage for one in found.requests]
        held = found.incident
    return told


@pytest.mark.parametrize(
    ("minutes", "told"),
    [
        ([0], [REQUEST]),
        ([0, 0, 4.9], [REQUEST]),
        ([0, 5], [REQUEST, REMINDER]),
        ([0, 5, 9.9], [REQUEST, REMINDER]),
        ([0, 5, 10, 11, 60], [REQUEST, REMINDER, FINAL]),
        ([0, 12, 13], [REQUEST, FINAL]),  # a reminder that was slept through is passed over
    ],
)
def test_each_stage_is_told_once_when_its_time_has_come(minutes: list[float], told: list[RequestStage]) -> None:
    assert asked(minutes) == told


def test_an_installation_may_give_another_time() -> None:
    assert asked([0, 0.9, 1, 2], 2 * MINUTE) == [REQUEST, REMINDER, FINAL]
    assert asked([0, 5, 10], 30 * MINUTE) == [REQUEST]


def first() -> Reconciled:
    return reconcile(incident(), POLICY, NOW)


def test_it_is_looked_at_again_when_the_next_stage_is_due() -> None:
    assert first().incident.next_change_at == NOW + 5 * MINUTE
    reminded = reconcile(first().incident, POLICY, NOW + 5 * MINUTE)
    assert reminded.incident.next_change_at == NOW + 10 * MINUTE


@pytest.mark.parametrize("answer", [{}, {"state": "REFUSED"}])
def test_an_answer_ends_the_asking(answer: dict[str, str]) -> None:
    answered = policy(*BASE, grant("alder", series=["alder/s"], covers_earlier=True, **answer))
    later = reconcile(first().incident, answered, NOW + 10 * MINUTE)
    assert later.requests == ()
    codes = {code for decision in later.decisions for found, _ in decision.groups for code in found.reasons}
    assert (Code.IMR_REFUSED if answer else Code.OK_GRANT) in codes


def test_the_request_says_how_many_wait_and_until_when() -> None:
    (one,) = first().requests
    assert (one.series_id, one.waiting, one.deadline) == ("alder/s", 2, NOW + 10 * MINUTE)


def test_a_broken_glass_is_told_once_with_the_day_of_its_review() -> None:
    letter = {"type": "lou", "version": 1, "lou": "open", "text_version": "1", "break_glass": True}
    broken = [{"type": "breakglass", "version": 1, "series": "alder/s", "org": org, "confirmer": "officer"}
              for org in ("birch", "cedar")]  # fmt: skip
    made = policy(
        letter, partner("alder", lou="open"), partner("birch", category="UNSMS"), partner("cedar"),
        *(officer(org) for org in ("alder", "birch", "cedar")), *broken,
    )  # fmt: skip
    waited = reconcile(incident(), made, NOW).incident
    told = reconcile(waited, made, NOW + 10 * MINUTE)
    again = reconcile(told.incident, made, NOW + 11 * MINUTE)
    assert [(one.stage, one.waiting, one.deadline - NOW) for one in told.requests] == [
        (GLASS_BROKEN, 2, 10 * MINUTE + timedelta(days=7))
    ]
    assert again.requests == ()
