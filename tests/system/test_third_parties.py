"""Sources, echoes, platforms, observers, authorities, field partners (SLT-05, SLT-29, SLT-46 to SLT-48, SLT-56)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from services.runtime.local import LocalStack
from services.runtime.supervisor import Supervisor
from tests.support import ALWAYS, Verdict, World, partner_record, until

pytestmark = pytest.mark.kafka

PARTNERS: dict[str, dict[str, Any]] = {
    "alder": {},
    "birch": {},
    "cedar": {},
    "dogwood": {},
    "elm": {},
    "host": {"category": "HOST_AUTHORITY"},
    "watcher": {
        "category": "OBSERVER",
        "entitlements": [{"forum": "Invented forum", "kinds": ["SITUATION_REPORT"], "areas": ["KEN"], **ALWAYS}],
    },
    "local": {
        "category": "FIELD_PARTNER", "admitted_by": "An invented official", "valid_to": ALWAYS["valid_to"],
        "presence": ["KEN"],
    },
    "platform": {"category": "COORDINATION_PLATFORM", "members": ["elm"]},
}  # fmt: skip
"""Invented organisations; all subscribe to everything."""
STAGES = {"intake": 1, "enrich": 1, "correlate": 1, "distribute": 1, "deliver": 1}
STORY = "An invented story with quite enough words in it that whoever tells it again is recognised by them. "


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("third-parties")
    orgs = tuple(PARTNERS)
    with LocalStack.start(folder, orgs=orgs) as stack, Supervisor(stack.settings_file, folder, STAGES) as supervisor:
        made = World(stack, orgs)
        made.supervisor = supervisor
        made.register(*(partner_record(org, **fields) for org, fields in PARTNERS.items()))
        yield made
        made.close()


def granted(world: World, org: str, series: str, *recipients: str, **fields: Any) -> int:
    """A grant of one series, named like it; offset of its record."""
    world.consent(org, grant=series, series=[f"{org}/{series}"], recipients=list(recipients), **fields)
    return world.entered(f"grant/{org}/{series}")


def told(world: World, org: str, series: str, **fields: Any) -> dict[str, Verdict]:
    """A report, named like its headline, and the first decision on it."""
    world.report(org, series, **{"kind": "SITUATION_REPORT", "headline": f"headline-{series}", **fields})
    return world.verdicts(f"{org}/{series}")


def holders(world: World, series: str) -> set[str]:
    """Everybody whose outlet has ever had the report's headline in it."""
    return {org for org in PARTNERS for read in world.out(org) if f"headline-{series}" in str(read.value)}


def arrived(world: World, series: str, *orgs: str) -> None:
    """Wait until these hold the report."""
    until(lambda: holders(world, series) >= set(orgs), f"{series} at {orgs}")


def test_an_upstream_organisation_has_to_consent_as_well(world: World) -> None:
    granted(world, "alder", "passed-on", "cedar", "dogwood")
    source = {"type": "ORGANISATION", "org": "birch", "series": "birch/source"}
    verdicts = told(world, "alder", "passed-on", upstream=[source])
    assert {verdicts[org].target for org in ("cedar", "dogwood")} == {"NONE"}
    assert all("DEN_UPSTREAM_NO_CONSENT" in verdicts[org].reasons for org in ("cedar", "dogwood"))
    assert holders(world, "passed-on") == set()
    granted(world, "birch", "source", "cedar", covers_earlier=True)
    arrived(world, "passed-on", "cedar")
    assert "DEN_UPSTREAM_NO_CONSENT" in world.verdicts("alder/passed-on")["dogwood"].reasons
    assert holders(world, "passed-on") == {"cedar"}


def test_a_report_of_unknown_source_reaches_nobody(world: World) -> None:
    granted(world, "alder", "hearsay", "*")
    verdicts = told(world, "alder", "hearsay", upstream=[{"type": "UNKNOWN"}], initial_audience=["birch"])
    others = set(PARTNERS) - {"alder"}
    assert {org for org in others if "DEN_UPSTREAM_UNKNOWN" in verdicts[org].reasons} == others
    assert {verdicts[org].target for org in others} == {"NONE"}
    assert holders(world, "hearsay") == set()


def test_an_echo_is_onward_distribution_and_no_second_source(world: World) -> None:
    """Birch repeats what it received, cedar tells the same without having received it."""
    granted(world, "alder", "original", "birch", "dogwood")
    told(world, "alder", "original", description=STORY)
    arrived(world, "original", "birch", "dogwood")
    granted(world, "birch", "echo", "dogwood", "elm")
    verdicts = told(world, "birch", "echo", description=STORY)
    assert (verdicts["elm"].target, "DEN_ECHO_OF_RECEIVED" in verdicts["elm"].reasons) == ("NONE", True)
    arrived(world, "echo", "dogwood")
    assert sources(world, "dogwood", "headline-echo") == "1"
    granted(world, "cedar", "own", "dogwood", "elm")
    told(world, "cedar", "own", description=STORY)
    arrived(world, "own", "dogwood", "elm")
    assert sources(world, "dogwood", "headline-own") == "2"
    assert sources(world, "elm", "headline-own") == "1"
    assert holders(world, "echo") == {"dogwood"}
    assert holders(world, "original") == {"birch", "dogwood"}


def sources(world: World, org: str, word: str) -> str:
    """How many sources the newest view with the word in it shows."""
    return [str(read.value["sources"]) for read in world.out(org) if word in str(read.value)][-1]


def test_a_platform_is_not_its_members(world: World) -> None:
    granted(world, "alder", "to-the-platform", "platform:platform")
    granted(world, "alder", "to-its-members", "platform:platform/members")
    to_it, to_them = told(world, "alder", "to-the-platform"), told(world, "alder", "to-its-members")
    arrived(world, "to-the-platform", "platform")
    arrived(world, "to-its-members", "elm")
    assert (to_it["elm"].target, to_them["platform"].target) == ("NONE", "NONE")
    assert holders(world, "to-the-platform") == {"platform"}
    assert holders(world, "to-its-members") == {"elm"}


def test_a_platform_needs_the_consent_of_the_member_that_it_submits_for(world: World) -> None:
    granted(world, "platform", "for-a-member", "cedar")
    verdicts = told(world, "platform", "for-a-member", on_behalf_of="elm")
    assert (verdicts["cedar"].target, "DEN_UPSTREAM_NO_CONSENT" in verdicts["cedar"].reasons) == ("NONE", True)
    assert holders(world, "for-a-member") == set()
    world.consent("elm", grant="by-platform", kinds=["*"], areas=["*"], recipients=["cedar"], covers_earlier=True)
    arrived(world, "for-a-member", "cedar")
    (account,) = world.shown("cedar", "headline-for-a-member")
    assert (account["originator"], account["on_behalf_of"]) == ("platform", "elm")


@pytest.mark.parametrize(
    ("series", "fields"),
    [("other-kind", {"kind": "SECURITY_ALERT"}), ("other-area", {"place": {"country": "SSD"}})],
)
def test_an_observer_sees_its_portion_and_nothing_else(world: World, series: str, fields: dict[str, Any]) -> None:
    granted(world, "alder", f"portion-{series}", "watcher", "cedar")
    granted(world, "alder", series, "watcher", "cedar")
    told(world, "alder", f"portion-{series}")
    verdicts = told(world, "alder", series, **fields)
    assert (verdicts["watcher"].target, "DEN_OBSERVER_SCOPE" in verdicts["watcher"].reasons) == ("NONE", True)
    arrived(world, f"portion-{series}", "watcher", "cedar")
    arrived(world, series, "cedar")
    assert holders(world, series) == {"cedar"}


def test_a_host_authority_has_what_it_is_named_for_and_never_by_category(world: World) -> None:
    granted(world, "alder", "by-category", "category:HOST_AUTHORITY", "present", "*")
    granted(world, "alder", "by-name", "host")
    verdicts = told(world, "alder", "by-category")
    told(world, "alder", "by-name")
    assert (verdicts["host"].target, "DEN_PARTNER_CATEGORY" in verdicts["host"].reasons) == ("NONE", True)
    arrived(world, "by-name", "host")
    arrived(world, "by-category", "birch", "cedar")
    assert "host" not in holders(world, "by-category")


def test_a_field_partner_has_nothing_from_outside_its_areas(world: World) -> None:
    granted(world, "alder", "inside", "local")
    granted(world, "alder", "outside", "local", "cedar")
    told(world, "alder", "inside")
    verdicts = told(world, "alder", "outside", place={"country": "SSD"})
    assert (verdicts["local"].target, "DEN_PARTNER_AREA" in verdicts["local"].reasons) == ("NONE", True)
    arrived(world, "inside", "local")
    arrived(world, "outside", "cedar")
    assert holders(world, "outside") == {"cedar"}
