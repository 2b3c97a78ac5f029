"""Rounds of leave-one-country-out, the calibration, and the thresholds that their out-of-fold scores allow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize

from services.cli.evaluate.fit import PLAIN, Examples, Scale, examples, fit
from services.cli.evaluate.folder import Feeds
from services.cli.evaluate.gold import Gold
from services.cli.evaluate.stream import Linked, by_country, link, scored_countries, together
from services.core.matching.weights import Weights, read_weights

AUTOMATIC_PRECISION, SUGGEST_PRECISION = 0.99, 0.95
"""Asked for out of fold. Above the targets (0.95, 0.70), because countries that are not in the data differ."""
MARGIN = 1.5
"""Log-odds by which the automatic threshold lies above the least that keeps its precision."""
_THRESHOLDS = {"automatic": 0.6, "suggest": 0.2}
"""Before there are any."""


def rounds(feeds: Feeds, gold: Gold, thresholds: Mapping[str, float], scale: Scale = PLAIN) -> Linked:
    """Each country linked with weights that are fitted to the other countries."""
    known, reports = examples(feeds.sketches, gold), by_country(feeds)
    return together(
        link(reports[one], _weights(fit(known, [one], scale), thresholds)) for one in scored_countries(feeds, gold)
    )


def _weights(found: Mapping[str, Any], thresholds: Mapping[str, float]) -> Weights:
    return read_weights({"training": "", "calibration": PLAIN._asdict(), "thresholds": thresholds, **found})


def fitted(feeds: Feeds, gold: Gold) -> dict[str, Any]:
    """The content of a weights file: all examples, calibrated and cut by out-of-fold scores."""
    known = examples(feeds.sketches, gold)
    scale = _calibration(*_out_of_fold(rounds(feeds, gold, _THRESHOLDS), gold))
    logit, match = _out_of_fold(rounds(feeds, gold, _THRESHOLDS, scale), gold)
    automatic = _least(logit, match, AUTOMATIC_PRECISION) + MARGIN
    suggest = min(automatic, _least(logit, match, SUGGEST_PRECISION))
    return {
        "training": digest(known),
        "calibration": {"slope": scale.slope, "offset": scale.offset},
        "thresholds": {"automatic": round(_sigmoid(automatic), 2), "suggest": round(_sigmoid(suggest), 2)},
        **fit(known, (), scale),
    }


def _out_of_fold(linked: Linked, gold: Gold) -> tuple[Any, Any]:
    """Log-odds and labels of judged pairs that were compared."""
    found = [(linked.chance[each[:2]], each.match) for each in gold.pairs if 0 < linked.chance.get(each[:2], 0) < 1]
    chance, match = (np.array([each[part] for each in found], dtype=float) for part in (0, 1))
    return np.log(chance / (1 - chance)), match


def _calibration(logit: Any, match: Any) -> Scale:
    """Slope and offset of a logistic curve (Platt); held near 1 and 0 by a weak penalty."""

    def loss(at: Any) -> float:
        moved = at[0] * logit + at[1]
        return float(np.sum(np.logaddexp(0, moved) - match * moved) + (at[0] - 1) ** 2 + at[1] ** 2)

    found = minimize(loss, np.array([1.0, 0.0]), bounds=[(0.5, 2.0), (-2.0, 2.0)])
    return Scale(round(float(found.x[0]), 2), round(float(found.x[1]), 2))


def _least(logit: Any, match: Any, precision: float) -> float:
    """The least log-odds from which on the precision is kept."""
    order = np.argsort(-logit)
    kept = np.cumsum(match[order]) / np.arange(1, len(order) + 1) >= precision
    return float(logit[order][np.flatnonzero(kept)[-1]]) if kept.any() else float(logit.max())


def _sigmoid(logit: float) -> float:
    return float(1 / (1 + np.exp(-logit)))


def digest(known: Examples) -> str:
    """SHA-256 over what the weights were fitted to."""
    return sha256(known.rows.tobytes() + known.match.tobytes() + known.weight.tobytes()).hexdigest()


def written(content: Mapping[str, Any], path: Path) -> None:
    """The weights file, to be read by people too."""
    path.write_text("\n".join(_lines(content)) + "\n", encoding="utf-8")


def _lines(content: Mapping[str, Any]) -> Iterator[str]:
    yield "# Weights of matching in log-odds: above 0 for one incident, below 0 against; written by `slt evaluate fit`."
    yield f"training: {content['training']}"
    yield f"base: {content['base']}"
    for part in ("calibration", "thresholds"):
        yield f"{part}:"
        yield from (f"  {name}: {value}" for name, value in content[part].items())
    yield "weights:"
    for feature, classes in content["weights"].items():
        yield f"  {feature}:"
        yield from (f'    "{value}": {weight}' for value, weight in classes.items())
