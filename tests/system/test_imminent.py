"""Somebody may be hurt soon: the originator is asked, and nothing is released without its word (consent.md §7)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from services.runtime.local import LocalStack
from services.runtime.supervisor import Supervisor
from tests.support import Read, World, partner_record, until

pytestmark = pytest.mark.kafka

ORGS = ("alder", "birch", "cedar", "dogwood", "elm", "fir")
"""Invented organisations."""
STAGES = {"intake": 1, "enrich": 1, "correlate": 1, "distribute": 1, "deliver": 1}
LIMITS = "\n[limits]\nanswer_minutes = 0.2\n"
"""12 s for an answer, the reminder after 6 s."""
WAITED = ("birch", "cedar", "dogwood", "fir")
"""Active where alder's reports come from; elm works elsewhere."""
KNOWN = {"series_id", "kind", "area", "deadline", "waiting", "stage"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A relay whose originators have seconds to answer; what will take its time is already under way."""
    folder = tmp_path_factory.mktemp("imminent")
    with LocalStack.start(folder, orgs=ORGS) as stack:
        with stack.settings_file.open("a", encoding="utf-8") as file:
            file.write(LIMITS)
        with Supervisor(stack.settings_file, folder, STAGES) as supervisor:
            made = World(stack, ORGS)
            made.supervisor = supervisor
            register(made)
            for series in ("silent", "refused", "answered"):
                risk(made, "alder", series)
            for series in ("glass", "one-side"):
                risk(made, "dogwood", series)
            refuse(made)
            yield made
            made.close()


def register(world: World) -> None:
    """Dogwood's letter of understanding lets two persons break the glass, alder's does not."""
    letters = ({"type": "lou", "version": 1, "lou": name, "text_version": "1", "break_glass": name == "glass"}
               for name in ("plain", "glass"))  # fmt: skip
    world.register(
        partner_record("alder", lou="plain"),
        partner_record("birch"),
        partner_record("cedar", category="UNSMS"),
        partner_record("dogwood", lou="glass"),
        partner_record("elm", presence=["SSD"]),
        partner_record("fir"),
        before=letters,
    )


def risk(world: World, org: str, series: str) -> None:
    """An alert that nobody is permitted yet; each of its texts has the series' name in it."""
    world.report(
        org, series, kind="SECURITY_ALERT", imminent=True, headline=f"headline-{series}",
        description=f"description-{series}", tearline=f"tearline-{series}", actor=f"actor-{series}",
        place={"country": "KEN", "admin1": f"admin1-{series}", "name": f"town-{series}"},
    )  # fmt: skip


def asked(world: World, org: str, series: str) -> list[Read]:
    """What the originator was asked about the series, in order."""
    notices = (read for read in world.out(org, "notices") if read.kind == "consent_request")
    return [read for read in notices if read.value["series_id"] == f"{org}/{series}"]


def stages(world: World, org: str, series: str) -> list[str]:
    return [read.value["stage"] for read in asked(world, org, series)]


def refuse(world: World) -> None:
    """Alder's answer as soon as it is asked."""
    until(lambda: asked(world, "alder", "refused"), "the request")
    world.consent("alder", grant="refusal", state="REFUSED", series=["alder/refused"], recipients=["*"])


def confirm(world: World, series: str, *orgs: str) -> int:
    """Persons of these organisations would break the glass; offset of the last of their words."""
    for org in orgs:
        world.word(org, {"type": "breakglass", "version": 1, "series": series, "org": org, "confirmer": "officer"})
    return max(world.entered(f"breakglass/{series}/{org}/officer") for org in orgs)


def holders(world: World, series: str) -> set[str]:
    """Everybody whose outlet has ever had a word of the series in it."""
    return {org for org in ORGS for read in world.out(org) if series in str(read.value)}


def assert_saves_lives_only(world: World, org: str, series: str) -> None:
    (account,) = world.shown(org, f"tearline-{series}")
    assert (account["attribution"], account["series_id"], account["source"]) == ("ANONYMOUS", "", "")
    assert account["place"]["admin1"] == f"admin1-{series}"
    hidden = ("headline", "description", "actor", "town")
    assert [word for word in hidden if f"{word}-{series}" in str(account)] == []


def test_the_originator_is_asked_once_and_an_answer_releases_to_those_who_waited(world: World) -> None:
    until(lambda: asked(world, "alder", "answered"), "the request")
    (request,) = [read for read in asked(world, "alder", "answered") if read.value["stage"] == "REQUEST"]
    assert set(request.value) == KNOWN
    assert (request.value["kind"], request.value["area"], request.value["waiting"]) == ("SECURITY_ALERT", "KEN", "3+")
    before = world.verdicts("alder/answered")
    assert {org for org, one in before.items() if "HLD_CONSENT_PENDING" in one.reasons} == set(WAITED)
    assert before["elm"].reasons == ("DEN_NO_CONSENT",)
    assert holders(world, "answered") == set()
    world.consent("alder", grant="answer", series=["alder/answered"], recipients=["present"], covers_earlier=True,
                  projection="LIFE_SAFETY")  # fmt: skip
    for org in WAITED:
        until(lambda org=org: world.shown(org, "tearline-answered"), f"the answer's release at {org}")  # type: ignore[misc]
        assert_saves_lives_only(world, org, "answered")
    assert holders(world, "answered") == set(WAITED)


def test_a_standing_grant_for_imminent_risk_releases_at_once_and_nothing_else(world: World) -> None:
    world.consent("elm", grant="standing", kinds=["*"], areas=["*"], recipients=["*"], condition="IMMINENT_ONLY")
    world.entered("grant/elm/standing")
    risk(world, "elm", "standing")
    world.report("elm", "calm", kind="LESSON_LEARNT", headline="headline-calm")
    until(lambda: world.shown("birch", "tearline-standing"), "the tear-line at birch")
    assert_saves_lives_only(world, "birch", "standing")
    assert {"IMR_STANDING_GRANT", "IMR_TEARLINE"} <= set(world.verdicts("elm/standing")["birch"].reasons)
    assert world.verdicts("elm/calm")["birch"].target == "KEEP"
    assert holders(world, "headline-calm") == set()
    assert asked(world, "elm", "standing") == asked(world, "elm", "calm") == []


def test_a_refusal_is_final_and_no_glass_is_broken_against_it(world: World) -> None:
    refused = world.entered("grant/alder/refusal")
    confirmed = confirm(world, "alder/refused", "birch", "cedar")
    until(lambda: "FINAL" in stages(world, "alder", "silent"), "the end of the time to answer")
    for after in (refused, confirmed):
        verdicts = world.verdicts("alder/refused", after)
        for org in WAITED:
            assert verdicts[org].target == "NONE"
            assert {"DEN_CONSENT_REFUSED", "IMR_REFUSED"} <= set(verdicts[org].reasons)
    assert "FINAL" not in stages(world, "alder", "refused")
    assert holders(world, "refused") == set()


def test_silence_is_no(world: World) -> None:
    until(lambda: "FINAL" in stages(world, "alder", "silent"), "the end of the time to answer")
    assert stages(world, "alder", "silent") == ["REQUEST", "REMINDER", "FINAL"]
    assert len({read.value["deadline"] for read in asked(world, "alder", "silent")}) == 1
    confirmed = confirm(world, "alder/silent", "birch", "cedar")
    verdicts = world.verdicts("alder/silent", confirmed)
    assert all({"IMR_UNREACHABLE", "IMR_HOLD"} <= set(verdicts[org].reasons) for org in WAITED)
    assert holders(world, "silent") == set()


def test_two_sides_break_the_glass_where_the_originator_has_agreed_to_it(world: World) -> None:
    alone = confirm(world, "dogwood/glass", "cedar")
    one_side = confirm(world, "dogwood/one-side", "birch", "fir")
    for series in ("glass", "one-side"):
        until(lambda series=series: "FINAL" in stages(world, "dogwood", series), "the end of the time")  # type: ignore[misc]
    for series, after in (("glass", alone), ("one-side", one_side)):
        assert "IMR_HOLD" in world.verdicts(f"dogwood/{series}", after)["birch"].reasons
        assert holders(world, series) == set()
    confirm(world, "dogwood/glass", "birch")
    for org in ("alder", "birch", "cedar", "fir"):
        until(lambda org=org: world.shown(org, "tearline-glass"), f"the release at {org}")  # type: ignore[misc]
        assert_saves_lives_only(world, org, "glass")
    assert "IMR_BREAK_GLASS" in world.verdicts("dogwood/glass")["birch"].reasons
    assert holders(world, "one-side") == set()
