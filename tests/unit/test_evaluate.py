"""`slt evaluate correlation` over a small folder with invented incidents; and what it says of bad ones."""

from __future__ import annotations

import csv
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from services.cli.evaluate.command import app
from services.cli.evaluate.folder import EvaluateError
from services.cli.evaluate.gold import Labelled
from services.cli.evaluate.scores import clusters_of, figures

AWSD = ("Incident ID", "Year", "Month", "Day", "Country Code", "Country", "Region", "City", "INGO", "Total killed",
        "Total wounded", "Total kidnapped", "Total detained", "Means of attack", "Latitude", "Longitude",
        "Details")  # fmt: skip
GOLD = (
    "sind_event_id",
    "awsd_incident_id",
    "label",
    "day_diff_awsd_minus_sind",
    "km",
    "text_tfidf_cosine",
    "country_iso3",
)


def write(path: Path, columns: tuple[str, ...], rows: list[tuple[object, ...]]) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *rows])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two incidents of invented organisations in Kenya, the first told by both registers."""
    rows: list[tuple[object, ...]] = [
        (
            1,
            2022,
            3,
            4,
            "KE",
            "Kenya",
            "Turkana",
            "Lodwar",
            1,
            2,
            1,
            0,
            0,
            "Shooting",
            3.11,
            35.59,
            "Two drivers were shot.",
        ),
        (
            2,
            2022,
            3,
            9,
            "KE",
            "Kenya",
            "Garissa",
            "Garissa",
            1,
            0,
            0,
            3,
            0,
            "Kidnapping",
            -0.45,
            39.64,
            "Three were taken.",
        ),
    ]
    write(tmp_path / "awsd" / "awsd_2025.csv", AWSD, rows)
    event = {
        "Date": "2022-03-04", "Event Description": "March 2022: Gunmen killed two aid workers.", "Country": "Kenya",
        "Country ISO": "KEN", "Admin 1": "Turkana", "Latitude": "3.12", "Longitude": "35.60",
        "Geo Precision": "(2) 25 km",
        "Weapon Carried/Used": "Firearms", "Organisation Affected": "INGO", "Aid Workers Killed": "2",
        "Aid Workers Injured": "1", "Aid Workers Kidnapped": "0", "Aid Workers Arrested": "0", "SiND Event ID": 7,
        "Reported Perpetrator": "", "Reported Perpetrator Name": "", "Location of Incident": "", "Programme Focus": "",
    }  # fmt: skip
    (tmp_path / "sind").mkdir()
    (tmp_path / "sind" / "aidWorkerKIKA.json").write_bytes(orjson.dumps([event]))
    pairs: list[tuple[object, ...]] = [(7, 1, "match", 0, 1.6, 0.2, "KEN"), (7, 2, "nonmatch", 5, 600, 0.1, "KEN")]
    write(tmp_path / "dedup_gold" / "awsd_sind_pairs.csv", GOLD, pairs)
    return tmp_path


def run(folder: Path, *options: str) -> dict[str, object]:
    geo = folder / "geo"
    geo.mkdir(exist_ok=True)
    found = CliRunner().invoke(app, ["correlation", str(folder), "--json", "--as-is", *options], catch_exceptions=False)
    assert found.exit_code == 0
    return dict(orjson.loads(found.stdout))


def test_a_folder_is_run_through_the_stage_and_scored(folder: Path) -> None:
    found = run(folder)
    keys = {"automatic", "suggested", "hard", "dissimilar", "b_cubed", "countries", "calibration", "unlabelled"}
    assert keys <= set(found)
    automatic = found["automatic"]
    assert isinstance(automatic, dict)
    assert (automatic["precision"], automatic["recall"], automatic["pairs"]) == (1.0, 1.0, 2)
    assert isinstance(found["countries"], dict)
    assert list(found["countries"]) == ["KEN"]


def test_what_the_gold_has_none_of_is_an_empty_part(folder: Path) -> None:
    write(folder / "dedup_gold" / "awsd_sind_pairs.csv", GOLD[:3], [(7, 1, "unsure")])
    found = run(folder)
    for part in ("automatic", "suggested", "hard", "dissimilar"):
        figure = found[part]
        assert isinstance(figure, dict)
        assert (figure["precision"], figure["recall"], figure["pairs"]) == (None, None, 0)


@pytest.mark.parametrize(
    ("remove", "said"),
    [
        ("dedup_gold/awsd_sind_pairs.csv", "nothing to score"),
        ("awsd/awsd_2025.csv", None),
        ("sind/aidWorkerKIKA.json", None),
    ],
)
def test_a_missing_file_is_named_or_does_without(folder: Path, remove: str, said: str | None) -> None:
    (folder / remove).unlink()
    if said:
        with pytest.raises(EvaluateError, match=said):
            run(folder)
    else:
        assert run(folder)["judged_without_record"] == 2


def test_a_missing_column_is_named(folder: Path) -> None:
    write(folder / "dedup_gold" / "awsd_sind_pairs.csv", ("sind_event_id", "label"), [(7, "match")])
    with pytest.raises(EvaluateError, match="awsd_incident_id"):
        run(folder)


def test_one_country_cannot_be_left_out_of_itself(folder: Path) -> None:
    pytest.importorskip("scipy", reason="the extra `evaluate` is not installed")
    (folder / "geo").mkdir(exist_ok=True)
    with pytest.raises(EvaluateError, match="--as-is"):
        CliRunner().invoke(app, ["correlation", str(folder)], catch_exceptions=False)


def test_precision_and_recall_by_hand() -> None:
    pairs = [Labelled("a", str(n), match, "KEN", 0, 0, 0) for n, match in enumerate((True, True, True, False, False))]
    found = figures(pairs, lambda _, other: other in {"0", "1", "3"})
    assert (found["precision"], found["recall"], found["f1"]) == (0.6667, 0.6667, 0.6667)
    low, high = found["interval"]["precision"]
    assert 0 <= low < 0.6667 < high <= 1


def test_groups_are_closed_over_chains() -> None:
    assert clusters_of([("b", "c"), ("a", "b"), ("x", "y")]) == {"a": "a", "b": "a", "c": "a", "x": "x", "y": "x"}
