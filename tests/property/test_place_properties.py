"""Promises of enrich, for any place and any history of a series."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.core.home import home_partition
from services.core.place import Area, Found, Note, locate
from services.core.stage import Outcome, Refusal
from services.enrich.processor import Enrich, Tools
from services.runtime.codec import Codec
from tests.places import MOMENT, Memory, fields, place, record, report, tables

CODEC = Codec()
WORLD, DRAWN = tables(), tables(areas=True)
PRECISIONS = ("EXACT", "TOWN", "ADMIN2", "ADMIN1", "COUNTRY", "UNKNOWN")
WORDS = st.sampled_from(["", "AAA", "bbb", "DDD", "SDN", "Northmark", "Easton", "Twinford", "AA-SO"]) | st.text()
DEGREES = st.none() | st.floats() | st.floats(-200, 200)


@st.composite
def places(draw: st.DrawFn) -> dict[str, Any]:
    words = {part: draw(WORDS) for part in ("country", "admin1", "admin2", "name")}
    return place(draw(DEGREES), draw(DEGREES), precision=draw(st.sampled_from(PRECISIONS)), **words)


@given(places(), st.sampled_from(["", "AAA", "BBB", "SDN"]), st.booleans())
def test_any_place_gets_an_area_or_advice_the_same_each_time(where: dict[str, Any], series: str, drawn: bool) -> None:
    world = DRAWN if drawn else WORLD
    found = locate(where, world, series)
    assert locate(where, world, series) == found
    if isinstance(found, Area):
        assert CODEC.encode("report", report(1, place(), area=found._asdict()))


@given(places())
def test_what_stays_unknown_has_a_reason(where: dict[str, Any]) -> None:
    area = locate(where, WORLD)
    if isinstance(area, Area):
        assert (area.country == "") == (area.found == Found.NOT_FOUND)
        assert area.country or area.note
        assert area.admin1 or Note.NO_AREA in area.note


@given(places(), st.sampled_from(["AAA", "BBB"]))
def test_a_series_with_a_country_never_gets_another(where: dict[str, Any], series: str) -> None:
    area = locate(where, WORLD, series)
    assert isinstance(area, Refusal) or area.country == series


@given(places())
def test_a_country_found_from_coordinates_is_accepted_when_it_is_named(where: dict[str, Any]) -> None:
    first = locate(where, WORLD)
    if isinstance(first, Area) and first.found == Found.COORDINATES:
        again = locate({**where, "country": first.country}, WORLD)
        assert isinstance(again, Area)
        assert again.country == first.country


@given(st.lists(st.tuples(st.integers(1, 6), places(), st.sampled_from(["Actual", "Exercise"])), max_size=12))
def test_a_series_leaves_its_provisional_home_once_and_lives_where_its_country_says(
    history: list[tuple[int, dict[str, Any], str]],
) -> None:
    lanes, state = 7, Memory()
    task = Enrich(Tools(WORLD, lanes, CODEC.encode), state)
    newest, countries, moves = 0, set(), 0
    for version, where, status in history:
        result = task.handle(record(report(version, where, status=status)), MOMENT)
        state.apply(result.changes)
        if result.outcome is Outcome.REFUSED:
            assert result.changes == ()
            continue
        assert version >= newest
        newest, moves = version, moves + (result.outcome is Outcome.MOVED)
        located = [output for output in result.outputs if output.topic == "slt.located"]
        country = fields(located[-1])["area"]["country"]
        countries.add(country)
        assert located[-1].partition == home_partition(country, "alder/1", lanes)
        assert fields(located[-1])["home"] == (country != "")
        assert len(located) == 1 or result.outcome is Outcome.MOVED
    assert len(countries - {""}) <= 1
    assert moves == (len(countries) == 2)
