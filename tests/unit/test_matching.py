"""Matching: real pairs by their ids, and what must not be linked, with invented organisations, places and texts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from services.cli.evaluate.folder import read_feeds
from services.core.matching.candidates import Candidates
from services.core.matching.cluster import Pair, relative
from services.core.matching.compare import CLASSES, Feature, compare
from services.core.matching.evidence import in_words
from services.core.matching.score import NEVER, probability, probable, score
from services.core.matching.sketch import FORMAT, Sketch, pack, sketch, unpack
from services.core.matching.text import features, shared
from services.core.matching.weights import Verdict, Weights, WeightsError, read_weights, verdict
from services.core.report import Relation
from services.runtime.matching import SHIPPED, load_weights
from tests.registry import report

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
WEIGHTS = load_weights()
DAY = datetime(2026, 3, 4, tzinfo=UTC)


def told(series: str, text: str = "", **changes: Any) -> Sketch:
    """A report of an invented ambush near an invented town, changed at will."""
    place = {"latitude": 4.5, "longitude": 33.3, "precision": "TOWN", "country": "SSD", "admin1": "", "admin2": "",
             "name": "Ledokor"}  # fmt: skip
    harm = {"scheme": "", "killed": 1, "injured": 2, "kidnapped": 0, "detained": 0}
    base = report(series, description=text, occurred_from=DAY, occurred_to=DAY + timedelta(hours=23), means="Shooting")
    base |= {"time_precision": "DAY", "victims": ["INGO"], "place": place, "harm": harm}
    base["area"] = base["area"] | {"country": "SSD", "admin1": "SS-EE"}
    for name, value in changes.items():
        base[name] = base[name] | value if isinstance(value, dict) else value
    return sketch(base)


AMBUSH = "Armed men stopped a convoy of an INGO on the Ledokor-Tamul road and shot the driver dead; two were injured."
OTHER_WORDS = (
    "An aid worker died and two colleagues were wounded when gunmen opened fire on their vehicles near Ledokor."
)


@pytest.fixture(scope="module")
def real() -> dict[str, Sketch]:
    if not (DATA / "dedup_gold").is_dir():
        pytest.skip("the public data sets are not in ../shared/data")
    return read_feeds(DATA).sketches


@pytest.mark.parametrize(
    ("awsd", "sind", "least", "most"),
    [
        (3920, 40494, 0.5, 1.0),  # one place and day, nearly no common word
        (3145, 26916, 0.5, 1.0),
        (3928, 42309, 0.5, 1.0),  # 119 km apart: a town against the middle of its district
        (3902, 40380, 0.5, 1.0),
        (3379, 29123, 0.5, 1.0),  # a day apart
        (2930, 24280, 0.0, WEIGHTS.automatic),  # one day, 41 km, two attacks
        (4690, 44147, 0.0, WEIGHTS.automatic),  # coordinates are withheld
    ],
)
def test_real_pairs(real: dict[str, Sketch], awsd: int, sind: int, least: float, most: float) -> None:
    one, other = real[f"awsd/awsd-{awsd}"], real[f"sind-aidworker/sind-aidworker-{sind}"]
    assert least <= probability(one, other, WEIGHTS) <= most


def test_two_organisations_words_for_one_ambush() -> None:
    found = score(told("alder/1", AMBUSH), told("birch/1", OTHER_WORDS, means="Firearms"), WEIGHTS)
    assert found.relation_hint is Relation.SAME
    assert verdict(found.probability, WEIGHTS) is Verdict.AUTOMATIC
    assert any(line.startswith("for: time: same day") for line in in_words(found.evidence))


@pytest.mark.parametrize(
    "changes",
    [
        {"place": {"latitude": 9.5, "longitude": 28.4, "name": "Bimrok"}, "area": {"admin1": "SS-WR"}},
        {"occurred_from": DAY + timedelta(days=20), "occurred_to": DAY + timedelta(days=20, hours=23)},
    ],
    ids=["same text, another town", "same text, weeks later"],
)
def test_a_text_alone_links_nothing(changes: dict[str, Any]) -> None:
    here = probability(told("alder/1", AMBUSH), told("birch/1", AMBUSH), WEIGHTS)
    assert probability(told("alder/1", AMBUSH), told("birch/1", AMBUSH, **changes), WEIGHTS) < here


def test_two_attacks_an_hour_apart_on_one_road_are_weighed_against_each_other() -> None:
    """Each fits both of another register: none of the four pairs is left probable."""
    early, late = told("alder/1", AMBUSH), told("alder/2", AMBUSH, occurred_from=DAY + timedelta(hours=1))
    others = [told("birch/1", OTHER_WORDS), told("birch/2", OTHER_WORDS)]
    pairs = [Pair(a.series_id, b.series_id, probability(a, b, WEIGHTS)) for a in (early, late) for b in others]
    assert all(each.probability > 0.8 for each in pairs)
    assert all(each.probability < 0.5 for each in relative(pairs))


def test_rivals_are_those_of_one_originator() -> None:
    pairs = [Pair("alder/1", "birch/1", 0.9), Pair("alder/1", "cedar/1", 0.9), Pair("alder/1", "cedar/2", 0.8)]
    chances = {each.other: each.probability for each in relative(pairs)}
    assert chances["birch/1"] == pytest.approx(0.9)
    assert chances["cedar/1"] == pytest.approx(9 / 14)
    assert chances["cedar/2"] == pytest.approx(4 / 14)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"occurred_to": DAY + timedelta(days=27), "time_precision": "MONTH"}, "within month"),
        ({"occurred_from": DAY.replace(month=1, day=1), "occurred_to": DAY.replace(month=12)}, "within year"),
        ({"occurred_from": None, "occurred_to": None}, "unknown"),
        ({}, "same day"),
    ],
    ids=["a month's row", "1 January for some time this year", "no date", "a day"],
)  # fmt: skip
def test_a_wide_period_says_less_than_a_day(changes: dict[str, Any], expected: str) -> None:
    one, other = told("alder/1", AMBUSH), told("birch/1", OTHER_WORDS, **changes)
    assert compare(one, other)[0] == expected
    exact = probability(one, told("birch/1", OTHER_WORDS), WEIGHTS)
    assert probability(one, other, WEIGHTS) <= exact


def test_withheld_coordinates_speak_neither_for_nor_against() -> None:
    hidden = {"place": {"latitude": None, "longitude": None, "precision": "UNKNOWN", "name": ""}}
    found = score(told("alder/1", AMBUSH, **hidden), told("birch/1", OTHER_WORDS, **hidden), WEIGHTS)
    (distance,) = (each for each in found.evidence if each.feature is Feature.DISTANCE)
    assert (distance.value, distance.weight) == ("unknown", 0.0)


@pytest.mark.parametrize("changes", [{"status": "Exercise"}, {"area": {"country": "UGA"}}])
def test_status_and_country_never_mix(changes: dict[str, Any]) -> None:
    one, other = told("alder/1", AMBUSH), told("birch/1", AMBUSH, **changes)
    assert probability(one, other, WEIGHTS) == NEVER
    assert score(one, other, WEIGHTS).relation_hint is None
    index = Candidates()
    index.add(one)
    assert index.near(other) == []


COUNTS = st.none() | st.integers(0, 5)
REPORTS = st.builds(
    told,
    st.sampled_from(["alder/1", "birch/1", "birch/2"]),
    st.sampled_from([AMBUSH, OTHER_WORDS, "", "Tamul 2026 ИНЦИДЕНТ в городе", "حادث في المدينة"]),
    occurred_from=st.none() | st.integers(0, 60).map(lambda days: DAY + timedelta(days=days)),
    occurred_to=st.none(),
    harm=st.fixed_dictionaries({name: COUNTS for name in ("killed", "injured", "kidnapped", "detained")}),
    place=st.fixed_dictionaries({
        "latitude": st.none() | st.floats(-90, 90), "longitude": st.none() | st.floats(-180, 180),
        "precision": st.sampled_from(["EXACT", "TOWN", "ADMIN1", "COUNTRY", "UNKNOWN"]),
        "name": st.sampled_from(["", "Ledokor", "Bimrok"]),
    }),
    means=st.sampled_from(["", "Shelling", "Kidnapping", "Explosions/Remote violence"]),
    victims=st.lists(st.sampled_from(["UN", "NGO", "ICRC", "elsewhere"]), max_size=2),
)  # fmt: skip


@given(REPORTS, REPORTS)
def test_a_score_is_symmetric_and_a_probability(one: Sketch, other: Sketch) -> None:
    found = score(one, other, WEIGHTS)
    assert found == score(other, one, WEIGHTS)
    assert found.probability == pytest.approx(probability(one, other, WEIGHTS))
    assert 0 <= found.probability < 1


def telling_by_place() -> Weights:
    """The shipped weights say nothing by the names of places; others may."""
    found = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    found["weights"]["place"] |= {"in part": 0.7, "named by both": 1.4}
    return read_weights(found)


@pytest.mark.parametrize("weights", [WEIGHTS, telling_by_place()], ids=["shipped", "place counts"])
@given(one=REPORTS, other=REPORTS, least=st.sampled_from([0.01, 0.12, 0.82, 0.995]))
def test_what_is_rejected_before_its_text_is_looked_at_was_too_improbable(
    weights: Weights, one: Sketch, other: Sketch, least: float
) -> None:
    chance = score(one, other, weights).probability
    found = probable(one, other, weights, least)
    assert found == (pytest.approx(chance) if chance >= least + 1e-9 else NEVER) or abs(chance - least) < 1e-9


@given(REPORTS)
def test_a_sketch_comes_back_from_its_bytes(one: Sketch) -> None:
    assert unpack(pack(one)) == one


def test_a_sketch_of_another_format_is_none() -> None:
    assert unpack(pack(told("alder/1")).replace(f"[{FORMAT},".encode(), b"[0,", 1)) is None


@given(st.lists(REPORTS, max_size=6), st.randoms(use_true_random=False))
def test_candidates_do_not_depend_on_the_order_of_adding(reports: list[Sketch], random: Any) -> None:
    distinct = [each._replace(series_id=f"{each.series_id}-{number}") for number, each in enumerate(reports)]
    first, second = Candidates(), Candidates()
    for each in distinct:
        first.add(each)
    gone = told("gone/1", AMBUSH)
    second.add(gone)
    random.shuffle(distinct)
    for each in distinct:
        second.add(each)
    second.discard(gone.series_id)
    for each in distinct:
        assert first.near(each) == second.near(each)


def test_a_revision_takes_the_place_of_its_earlier_version() -> None:
    index = Candidates()
    index.add(told("alder/1", AMBUSH))
    later = told("alder/1", AMBUSH, harm={"killed": 2})
    index.add(later)
    assert len(index) == 1
    assert index.near(told("birch/1", AMBUSH)) == [later]


def test_candidates_stay_few_however_many_reports_are_alike() -> None:
    index = Candidates()
    for number in range(500):
        index.add(told(f"alder/{number}", AMBUSH))
    assert len(index.near(told("birch/1", AMBUSH))) <= 12


@pytest.mark.parametrize(
    ("one", "other", "share"),
    [
        ("near Ledokor", "at Ledokor on 3 May", 1.0),
        ("near Ledokor", "near Bimrok", 0.0),
        ("near Lédokor", "in LEDOKOR", 1.0),
    ],
)
def test_names_are_known_again_in_any_spelling_of_case_and_accent(one: str, other: str, share: float) -> None:
    assert shared(features(one).names, features(other).names) == share


def test_weights_never_say_what_a_reader_would_not_believe() -> None:
    for feature in Feature:
        weights = [WEIGHTS.evidence[feature][value].weight for value in CLASSES[feature]]
        assert weights == sorted(weights), feature
        if "unknown" in CLASSES[feature]:
            assert WEIGHTS.evidence[feature]["unknown"].weight == 0


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("base",), "high"), (("thresholds", "automatic"), 1.5), (("thresholds", "suggest"), None),
        (("weights", "time", "same day"), None), (("weights", "time", "yesterday"), 1.0), (("weights", "smell"), {}),
        (("extra",), 1),
    ],
)  # fmt: skip
def test_weights_that_cannot_be_used_are_refused(path: tuple[str, ...], value: Any) -> None:
    found = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    at = found
    for name in path[:-1]:
        at = at[name]
    at[path[-1]] = value
    with pytest.raises(WeightsError, match="matching weights"):
        read_weights(found)


def test_a_verdict_goes_by_the_thresholds() -> None:
    chances = (WEIGHTS.automatic, (WEIGHTS.automatic + WEIGHTS.suggest) / 2, WEIGHTS.suggest / 2)
    assert [verdict(each, WEIGHTS) for each in chances] == [Verdict.AUTOMATIC, Verdict.SUGGESTED, Verdict.APART]
