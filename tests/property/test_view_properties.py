"""Promises about what leaves: allow-list, coarsening, anonymity, non-interference (consent.md §6; docs/rules.md §8)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from services.core.deliveries import items
from services.core.grouping import Link
from services.core.ids import Ids
from services.core.ledger import Entry, Incident
from services.core.project import account
from services.core.projection import FULL, Attribution, Fact, Place, Projection, Time
from services.core.reconcile import reconcile
from services.core.view import Released, build_view
from services.distribute.owed import Outlets, owed_records
from services.runtime.codec import Codec
from tests.registry import NOW, grant, officer, partner, policy, report

CODEC = Codec()
STEADY = settings(deadline=None)  # a machine that is busy breaks no promise
AREA = {"pcode": "", "cell": "", "found": "COORDINATES", "note": ""}

WORDS = st.sampled_from(["", "one", "two"])
MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  bounds
ORGS = st.sampled_from(["alder", "birch", "cedar"])
COUNTS = st.one_of(st.none(), st.integers(0, 4))
TEXTS = ("event", "event_scheme", "headline", "description", "advice", "actor", "means", "tearline", "source_note")
PROJECTIONS = st.builds(
    lambda facts, place, time, attribution: Projection(sum(facts), place, time, attribution),
    st.sets(st.sampled_from(Fact)), st.sampled_from(Place), st.sampled_from(Time), st.sampled_from(Attribution),
)  # fmt: skip
UPSTREAM = st.one_of(
    st.builds(lambda org: {"type": "ORGANISATION", "org": org, "series": "", "url": "", "licence": ""}, ORGS),
    st.builds(
        lambda url: {"type": "PUBLIC", "org": "", "series": "", "url": url, "licence": ""},
        st.sampled_from(["https://example.org/1", "https://example.org/2"]),
    ),
)


@st.composite
def reports(draw: st.DrawFn, originator: str = "alder") -> dict[str, Any]:
    coordinates = draw(st.booleans())
    return report(
        f"{originator}/s{draw(st.integers(1, 3))}",
        **{name: draw(WORDS) for name in TEXTS},
        version=draw(st.integers(1, 9)),
        occurred_from=draw(st.none() | MOMENTS), occurred_to=draw(st.none() | MOMENTS),
        reported_at=draw(st.none() | MOMENTS), received_at=draw(MOMENTS),
        time_precision=draw(st.sampled_from(["UNKNOWN", "EXACT", "DAY", "WEEK", "MONTH", "YEAR"])),
        place={
            "latitude": draw(st.floats(-90, 90)) if coordinates else None,
            "longitude": draw(st.floats(-180, 180)) if coordinates else None,
            "precision": draw(st.sampled_from([place.name for place in Place])),
            **{name: draw(WORDS) for name in ("country", "admin1", "admin2", "name")},
        },
        area=draw(st.none() | st.fixed_dictionaries(
            {name: WORDS for name in ("country", "admin1", "admin1_name")}
        ).map(lambda found: {**AREA, **found})),
        harm={"scheme": draw(WORDS),
              **{name: draw(COUNTS) for name in ("killed", "injured", "kidnapped", "detained")}},
        victims=draw(st.lists(WORDS, max_size=2)), attributes=draw(st.dictionaries(WORDS, WORDS, max_size=2)),
        personal=draw(st.dictionaries(WORDS, WORDS, max_size=2)), upstream=draw(st.lists(UPSTREAM, max_size=2)),
        on_behalf_of=draw(st.just("") | ORGS),
    )  # fmt: skip


# -- allow-list

_MARK = re.compile(r"zq-[a-z0-9_.]+")
_TEXT_FACTS = {
    "event": Fact.WHAT, "means": Fact.WHAT, "event_scheme": Fact.WHAT, "headline": Fact.NARRATIVE,
    "description": Fact.NARRATIVE, "attributes.key": Fact.NARRATIVE, "attributes.value": Fact.NARRATIVE,
    "upstream.url": Fact.NARRATIVE, "upstream.licence": Fact.NARRATIVE, "actor": Fact.WHO, "victims": Fact.WHO,
    "advice": Fact.ADVICE, "tearline": Fact.TEARLINE, "source_note": Fact.SOURCE_NOTE, "personal.key": Fact.PERSONAL,
    "personal.value": Fact.PERSONAL, "harm.scheme": Fact.HARM, "place.country": Fact.WHERE, "place.admin1": Fact.WHERE,
    "place.admin2": Fact.WHERE, "place.name": Fact.WHERE, "area.country": Fact.WHERE, "area.admin1_name": Fact.WHERE,
}  # fmt: skip
_WITHOUT_FACT = {"handling.external_reference", "originator", "series_id", "on_behalf_of", "upstream.org"}
_NAMED_ONLY = {*_WITHOUT_FACT, "event_scheme", "attributes.key", "attributes.value", "harm.scheme"}
_COARSEST = {
    "place.country": Place.COUNTRY, "area.country": Place.COUNTRY, "place.admin1": Place.ADMIN1,
    "area.admin1_name": Place.ADMIN1, "place.admin2": Place.ADMIN2, "place.name": Place.TOWN,
}  # fmt: skip


def marked() -> dict[str, Any]:
    """A report with a word of its own in every text of every field, those that never leave among them."""
    word = "zq-{}".format
    texts = {name: word(name) for name in TEXTS}
    upstream = {name: word(f"upstream.{name}") for name in ("org", "series", "url", "licence")}
    return {
        **report("alder/s"), **texts, "originator": word("originator"), "series_id": word("series_id"),
        "victims": [word("victims")], "on_behalf_of": word("on_behalf_of"), "supersedes": word("supersedes"),
        "initial_audience": [word("initial_audience")], "raw": {"topic": word("raw"), "partition": 0, "offset": 1},
        "attributes": {word("attributes.key"): word("attributes.value")},
        "personal": {word("personal.key"): word("personal.value")},
        "place": {"latitude": 1.0, "longitude": 2.0, "precision": "EXACT",
                  **{name: word(f"place.{name}") for name in ("country", "admin1", "admin2", "name")}},
        "area": {name: word(f"area.{name}")
                 for name in ("country", "admin1", "admin1_name", "pcode", "cell", "found", "note")},
        "harm": {"scheme": word("harm.scheme"), "killed": 1, "injured": 1, "kidnapped": 1, "detained": 1},
        "upstream": [{"type": "ORGANISATION", **upstream}, {"type": "PUBLIC", **upstream}],
        "handling": {**report("alder/s")["handling"], "external_reference": word("handling.external_reference")},
        "facts": [{"fact": word("facts"), "sensitivity": "", "above": None}],
    }  # fmt: skip


@STEADY
@given(PROJECTIONS)
def test_nothing_leaves_but_what_a_fact_of_the_projection_allows(projection: Projection) -> None:
    shown = account(marked(), projection, "INGO")
    named = projection.attribution == Attribution.NAMED
    allowed = {name for name, fact in _TEXT_FACTS.items() if projection.facts & fact}
    allowed |= _WITHOUT_FACT
    allowed = {name for name in allowed if (named or name not in _NAMED_ONLY)}
    allowed = {name for name in allowed if projection.place >= _COARSEST.get(name, Place.UNKNOWN)}
    found = {mark.removeprefix("zq-") for mark in _MARK.findall(json.dumps(shown, default=str))}
    assert found == allowed


# -- coarsening


def as_report(shown: dict[str, Any]) -> dict[str, Any]:
    """A report that says what an account says; a suppressed count is 1, because any small one is as good."""
    base = report("alder/s")
    nothing = {**base["place"], "country": ""}
    area = {**AREA, "country": shown.get("country", ""), "admin1": "", "admin1_name": shown.get("area", "")}
    harm = {**base["harm"], **shown.get("harm", {}), **dict.fromkeys(shown.get("suppressed", ()), 1)}
    upstream = [
        {"org": "", "url": "", "licence": "", **one, "type": "PUBLIC" if "url" in one else "ORGANISATION"}
        for one in shown.get("upstream", ())
    ]
    return {
        **base, "headline": "", **shown, "handling": {**base["handling"], **shown["handling"]}, "harm": harm,
        "place": {**nothing, **shown.get("place", {})}, "area": area, "upstream": upstream,
    }  # fmt: skip


def without_empty(shown: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in shown.items() if value not in ("", [], {}, None)}


@STEADY
@given(reports(), PROJECTIONS, PROJECTIONS)
def test_coarsening_never_widens(full: dict[str, Any], wide: Projection, other: Projection) -> None:
    """Whatever the narrower projection shows can be made from what the wider one shows."""
    narrow = wide.meet(other)
    # Months and years do not consist of whole weeks.
    assume(wide.time != Time.WEEK or narrow.time not in {Time.MONTH, Time.YEAR})
    assume(full["time_precision"] != "WEEK" or narrow.time not in {Time.MONTH, Time.YEAR})
    again = account(as_report(account(full, wide, "INGO")), narrow, "INGO")
    assert without_empty(again) == without_empty(account(full, narrow, "INGO"))


@STEADY
@given(reports(), PROJECTIONS)
def test_idempotent(full: dict[str, Any], projection: Projection) -> None:
    shown = account(full, projection, "INGO")
    assert without_empty(account(as_report(shown), projection, "INGO")) == without_empty(shown)


# -- anonymity

_OWN = {
    "version": 9, "epoch": 7, "raw": {"topic": "slt.in.cedar", "partition": 3, "offset": 99}, "content_hash": b"other",
    "initial_audience": ["cedar"], "event_scheme": "cedar-codes", "attributes": {"cedar-code": "7"}, "on_behalf_of": "",
    "supersedes": "cedar/old",
}  # fmt: skip


def of_another(full: dict[str, Any]) -> dict[str, Any]:
    """The same from another originator, with all that is its own; received later in the same day."""
    handling = {**full["handling"], "external_reference": "LOU of cedar"}
    harm = {**full["harm"], "scheme": "cedar-counting"}
    upstream = [source for source in full["upstream"] if source["type"] == "PUBLIC"]
    received = full["received_at"].replace(hour=23, minute=59, second=59)
    own = {**_OWN, "handling": handling, "harm": harm, "upstream": upstream, "received_at": received}
    return {**full, **own, "originator": "cedar", "series_id": "cedar/other"}


@STEADY
@given(
    reports(), PROJECTIONS, st.sampled_from([Attribution.ANONYMOUS, Attribution.CATEGORY]),
    st.lists(st.tuples(reports("birch") | reports("cedar"), PROJECTIONS), max_size=2),
)  # fmt: skip
def test_anonymous_is_anonymous(
    full: dict[str, Any],
    projection: Projection,
    attribution: Attribution,
    beside: list[tuple[dict[str, Any], Projection]],
) -> None:
    """Alone and beside others: equal bytes whoever it is, within the category if that is shown."""
    hidden = projection._replace(attribution=attribution)
    others = [Released(one, shown, "INGO") for one, shown in beside]
    mine, anothers = (
        CODEC.encode("view", build_view("Actual", [Released(one, hidden, "INGO"), *others]))
        for one in (full, of_another(full))
    )
    assert mine == anothers


# -- the view


@STEADY
@given(
    st.lists(
        st.tuples(reports() | reports("birch"), PROJECTIONS), max_size=4, unique_by=lambda one: one[0]["series_id"]
    ),
    st.randoms(use_true_random=False),
)
def test_order_independent(every: list[tuple[dict[str, Any], Projection]], chance: Any) -> None:
    released = [Released(one, shown, "INGO") for one, shown in every]
    shuffled = chance.sample(released, len(released))
    assert CODEC.encode("view", build_view("Actual", released)) == CODEC.encode("view", build_view("Actual", shuffled))


ORGANISATIONS = ("alder", "birch", "cedar")
BASE = (*map(partner, ORGANISATIONS), *map(officer, ORGANISATIONS), grant("cedar", recipients=["alder"]))
OUTLETS = Ids(b"a master key for tests, 32 bytes.")


def received(org: str, entries: Iterable[Entry], shown: Projection) -> list[tuple[Any, ...]]:
    """Everything that an organisation gets of an incident, alder having granted birch this much."""
    terms = {"facts": [f.name for f in Fact if f & shown.facts], "place": Place(shown.place).name,
             "time": Time(shown.time).name, "attribution": Attribution(shown.attribution).name}  # fmt: skip
    made = policy(*BASE, grant("alder", recipients=["birch"], projection=terms))
    incident = Incident("i", "Actual", {entry.report["series_id"]: entry for entry in entries}, {})
    owed = owed_records(reconcile(incident, made, NOW), Outlets(OUTLETS, CODEC.encode, made, NOW))
    return [
        (item["key"], item["header"], record["bodies"][item["body"]])
        for record in owed
        for item in items(record)
        if item["topic"] == f"slt.out.{org}"
    ]


@settings(STEADY, max_examples=50)
@given(
    st.lists(reports(), min_size=1, max_size=3, unique_by=lambda one: one["series_id"]), reports("cedar"), PROJECTIONS
)
def test_non_interference(every: list[dict[str, Any]], withheld: dict[str, Any], shown: Projection) -> None:
    """Bytes, ids and headers are those that would be if the report that is withheld did not exist."""
    mine = [Entry({**one, "upstream": [], "on_behalf_of": ""}, NOW) for one in every]
    links = tuple(Link(withheld["series_id"], one["series_id"]) for one in every)
    both = [*mine, Entry(withheld, NOW, links)]
    assert received("birch", both, shown) == received("birch", mine, shown)


def test_non_interference_is_about_something() -> None:
    """The setting above delivers, and what is withheld there is delivered to others."""
    both = [Entry(report("alder/s"), NOW), Entry(report("cedar/s"), NOW, (Link("alder/s", "cedar/s"),))]
    assert [len(received(org, both, FULL)) for org in ORGANISATIONS] == [1, 1, 0]
