"""The evaluation as one value for JSON, and as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table

from services.cli.evaluate.folder import Feeds
from services.cli.evaluate.gold import Gold
from services.cli.evaluate.scores import (
    Figures,
    b_cubed,
    baselines,
    calibration,
    curve,
    dissimilar,
    figures,
    hard,
    unlabelled,
)
from services.cli.evaluate.stream import Linked
from services.core.matching.evidence import in_words
from services.core.matching.score import score
from services.core.matching.sketch import Sketch
from services.core.matching.weights import Weights

MISSES = 50


def evaluated(feeds: Feeds, gold: Gold, linked: Linked, weights: Weights) -> dict[str, Any]:
    """All figures; docs/correlation.md explains them."""
    known = feeds.sketches
    return {
        "automatic": figures(gold.pairs, linked.automatic),
        "suggested": figures(gold.pairs, linked.proposed),
        "hard": _both([each for each in gold.pairs if hard(each)], linked),
        "dissimilar": _both([each for each in gold.pairs if dissimilar(each)], linked),
        "b_cubed": b_cubed(gold, linked),
        "countries": _countries(gold, linked),
        "calibration": calibration(gold, linked),
        "unlabelled": unlabelled(gold, linked),
        "baselines": baselines(gold, known),
        "cross_feed": _told(gold.cross, known, linked),
        "within_feed": _told(gold.within, known, linked),
        "across_a_border": sum(
            known[one].country != known[other].country
            for one, other, match, *_ in gold.pairs if match and one in known and other in known
        ),
        "reports": len(feeds.reports),
        "refused": feeds.refused,
        "judged_without_record": sum(not (each.one in known and each.other in known) for each in gold.pairs),
        "curve": [[round(recall, 4), round(precision, 4)] for recall, precision in curve(gold, linked)],
        "missed": list(_missed(gold, linked, known, weights)),
    }  # fmt: skip


def _both(pairs: list[Any], linked: Linked) -> Figures:
    """Of automatic links, with those of suggestions beside them."""
    return {**figures(pairs, linked.automatic), "suggested": figures(pairs, linked.proposed)}


def _countries(gold: Gold, linked: Linked) -> dict[str, Figures]:
    names = sorted({each.country for each in gold.pairs})
    return {name: _both([each for each in gold.pairs if each.country == name], linked) for name in names}


def _told(pairs: tuple[tuple[str, str], ...], known: Mapping[str, Sketch], linked: Linked) -> Figures:
    """Of pairs that all match, as the publisher's own ids say."""
    there = [pair for pair in pairs if pair[0] in known and pair[1] in known]
    automatic, proposed = (sum(rule(*pair) for pair in there) for rule in (linked.automatic, linked.proposed))
    return {"pairs": len(there), "automatic": automatic, "suggested": proposed}


def _missed(gold: Gold, linked: Linked, known: Mapping[str, Sketch], weights: Weights) -> Iterator[dict[str, Any]]:
    """Matches that are not linked and links that are none, by id, with what speaks against and for."""
    wrong = [each for each in gold.pairs if each.match != linked.automatic(each.one, each.other)]
    for each in wrong[:MISSES]:
        there = each.one in known and each.other in known
        found = score(known[each.one], known[each.other], weights) if there else None
        yield {
            "one": each.one, "other": each.other, "match": each.match, "days": each.days, "km": each.km,
            "alone": round(found.probability, 3) if found else None,
            "beside rivals": round(linked.chance.get(each[:2], 0.0), 3),
            "suggested": linked.proposed(each.one, each.other),
            "evidence": in_words(found.evidence)[:4] if found else ["no such record, or it was refused"],
        }  # fmt: skip


def table(found: Mapping[str, Any]) -> Table:
    """The figures that count."""
    shown = Table("what", "precision", "recall", "F1", "pairs", "matches", title="Correlation against the gold")
    for name, part in _rows(found):
        cells = [_cell(part, rate) for rate in ("precision", "recall", "f1")]
        shown.add_row(name, *cells, str(part.get("pairs", part.get("reports", ""))), str(part.get("matches", "")))
    return shown


def _rows(found: Mapping[str, Any]) -> Iterator[tuple[str, Figures]]:
    yield "automatic", found["automatic"]
    yield "automatic + suggested", found["suggested"]
    for name in ("hard", "dissimilar"):
        yield f"{name}, automatic", found[name]
        yield f"{name}, + suggested", found[name]["suggested"]
    yield "B-cubed (reports)", found["b_cubed"]
    for name, part in found["baselines"].items():
        yield f"baseline: {name}", part
    for name, part in found["countries"].items():
        yield name or "no country", part


def _cell(part: Figures, rate: str) -> str:
    value, bounds = part[rate], (part.get("interval") or {}).get(rate)
    if value is None:
        return "-"
    return f"{value:.3f}" + (f" ({bounds[0]:.2f}-{bounds[1]:.2f})" if bounds else "")
