"""`slt evaluate`: correlation against the gold, and the fitting of its weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console

from services.cli.evaluate.folder import EvaluateError, Feeds, read_feeds
from services.cli.evaluate.gold import Gold, read_gold
from services.cli.evaluate.report import evaluated, table
from services.cli.evaluate.stream import Linked, with_weights
from services.core.matching.weights import Weights
from services.runtime.matching import SHIPPED, load_weights

app = typer.Typer(no_args_is_help=True, help="Measure rules against data that people have judged.")
_EXTRA = "this needs the extra `evaluate`: pip install -e '.[evaluate]'"
_Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A folder with awsd, sind and dedup_gold in it.")]
_Geo = Annotated[Path | None, typer.Option(help="The tables of docs/places.md; DIR/geo if it is there.")]


@app.command()
def correlation(
    folder: _Folder,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    as_is: Annotated[
        bool, typer.Option("--as-is", help="The shipped weights; else refitted without each country.")
    ] = False,
    plot: Annotated[Path | None, typer.Option(help="Draw the precision-recall curve to this file (svg, png).")] = None,
    geo: _Geo = None,
) -> None:
    """Link the registers of DIR in the order of their days, and compare with what people judged."""
    feeds, gold, weights = read_feeds(folder, geo), read_gold(folder), load_weights()
    linked = with_weights(feeds, gold, weights) if as_is else _rounds(feeds, gold, weights)
    found = {
        "weights": "as shipped" if as_is else "refitted without the country",
        **evaluated(feeds, gold, linked, weights),
    }
    if plot is not None:
        _draw(found, plot)
    if as_json:
        typer.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
    else:
        Console().print(table(found))


@app.command()
def fit(
    folder: _Folder,
    out: Annotated[Path, typer.Option(help="Where the weights are written.")] = SHIPPED,
    geo: _Geo = None,
) -> None:
    """Fit the weights of matching to the gold of DIR: all of it; calibration and thresholds from out-of-fold scores."""
    rounds = _learning()
    rounds.written(rounds.fitted(read_feeds(folder, geo), read_gold(folder)), out)
    typer.echo(f"written to {out.name}")


def _rounds(feeds: Feeds, gold: Gold, weights: Weights) -> Linked:
    thresholds = {"automatic": weights.automatic, "suggest": weights.suggest}
    rounds = _learning()
    return rounds.rounds(feeds, gold, thresholds, rounds.Scale(*weights.calibration))  # type: ignore[no-any-return]


def _learning() -> Any:
    try:
        from services.cli.evaluate import rounds  # noqa: PLC0415  the extra may be missing
    except ImportError as error:
        raise EvaluateError(_EXTRA) from error
    return rounds


def _draw(found: dict[str, Any], path: Path) -> None:
    try:
        from services.cli.evaluate.plot import draw  # noqa: PLC0415  the extra may be missing
    except ImportError as error:
        raise EvaluateError(_EXTRA) from error
    draw(found, path)
