"""A draft goes through the same functions as a report, so its preview is what the pipeline would decide."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from services.core.draft import Arrival, normalised
from services.core.place import Area
from services.core.reason import Reason
from services.core.stage import Refusal, Source
from services.core.submission import read_submission
from services.runtime.preview import Preview, preview
from tests.registry import NOW, grant, officer, partner, policy
from tests.support import submission

BASE = tuple(record for org in ("alder", "birch", "cedar") for record in (partner(org), officer(org)))
POLICY = policy(*BASE, grant("alder", recipients=["birch"], areas=["KEN"]))
ELSEWHERE = Refusal(Reason.BAD_COUNTRY, "correct the country", "place.country")


def located(place: Mapping[str, Any]) -> Area | Refusal:
    if place["country"] == "contradiction":
        return ELSEWHERE
    return Area(place["country"], "", "", "", "", "COUNTRY_FIELD" if place["country"] else "NOT_FOUND", "")


def asked(org: str = "alder", **fields: Any) -> Preview:
    return preview(submission("draft", **fields), org, POLICY, NOW, located)


def outcomes(found: Preview) -> dict[str, tuple[str, str]]:
    return {org: (told["target"], told["primary"]) for told in found.rows for org in told["recipients"]}


def test_who_would_get_it_and_why_not() -> None:
    found = asked()
    assert (found.refusal, found.country) == (None, "KEN")
    assert outcomes(found) == {
        "alder": ("KEEP", "OK_SELF"), "birch": ("SHOW", "OK_GRANT"), "cedar": ("NONE", "DEN_NO_CONSENT"),
    }  # fmt: skip


def test_an_empty_audience_is_nobody() -> None:
    assert {target for target, _ in outcomes(asked("birch")).values()} == {"KEEP", "NONE"}


def test_the_country_decides_as_it_would() -> None:
    assert outcomes(asked(place={"country": "NOR"}))["birch"] == ("NONE", "DEN_NO_CONSENT")


def test_what_would_be_refused_says_so() -> None:
    assert asked(kind="GOSSIP").refusal is not None
    assert asked(place={"country": "contradiction"}).refusal == ELSEWHERE
    stranger = asked("stranger")
    assert stranger.refusal is not None
    assert (stranger.refusal.reason, stranger.rows) == (Reason.NOT_ACTIVE, ())


def test_a_report_is_what_was_sent_and_where_it_came_from() -> None:
    found = read_submission(orjson.loads(orjson.dumps(submission("s", originator="birch"))), NOW)
    assert not isinstance(found, Refusal)
    made = normalised(found, "alder", Arrival(Source("slt.in.alder", 0, 7), NOW, 12))
    assert (made["originator"], made["series_id"], made["epoch"], made["received_at"]) == ("alder", "alder/s", 12, NOW)
    assert made["raw"] == {"topic": "slt.in.alder", "partition": 0, "offset": 7}
    assert (made["area"], made["home"], made["headline"]) == (None, 0, found["headline"])
