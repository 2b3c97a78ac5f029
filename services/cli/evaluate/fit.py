"""Fits the weights of matching: logistic regression over the classes of `compare`, rising in their order.

For each feature the class "unknown" weighs nothing, and a class further on in CLASSES never weighs less than one before
it: so no weight says what a reader would not believe. scipy comes with the extra `evaluate`; no process of the pipeline
loads it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import minimize

from services.cli.evaluate.folder import EvaluateError
from services.cli.evaluate.gold import Gold
from services.core.matching.candidates import Candidates
from services.core.matching.compare import CLASSES, Feature, compare
from services.core.matching.sketch import Sketch

PENALTY = 1.0
"""Of squared weights, against the sum of the examples' losses."""
MOST_OF_A_COUNTRY = 500
"""Examples of one country count as so many at most: one of them is half of the open pairs."""
CROSS_SHARE = 0.35
"""Weight of a pair of two feeds of one publisher: half of them share their text, unlike pairs of two publishers."""
_UNKNOWN = "unknown"
_COLUMNS = [(feature, value) for feature in Feature for value in CLASSES[feature]]
_INDEX = {column: number for number, column in enumerate(_COLUMNS)}
_APART = -8.0


class Examples(NamedTuple):
    """What is learnt from; row by row."""

    rows: Any
    """0 or 1 for each of _COLUMNS."""
    match: Any
    weight: Any
    country: Any


def examples(sketches: Mapping[str, Sketch], gold: Gold) -> Examples:
    """The judged pairs, and pairs of different feeds under one event id against their neighbours under others."""
    found = [(each.one, each.other, each.match, 1.0) for each in gold.pairs] + list(_cross(sketches, gold))
    known = [
        (sketches[a], sketches[b], match, weight) for a, b, match, weight in found if a in sketches and b in sketches
    ]
    if not any(each[2] for each in known) or all(each[2] for each in known):
        raise EvaluateError("nothing to fit to: the gold has no pair of each kind whose records are in the feeds")
    rows = np.zeros((len(known), len(_COLUMNS)))
    for number, (one, other, *_) in enumerate(known):
        for column in zip(Feature, compare(one, other), strict=True):
            rows[number, _INDEX[column]] = 1
    match, weight = (np.array([each[part] for each in known], dtype=float) for part in (2, 3))
    return Examples(rows, match, weight, np.array([each[0].country for each in known]))


def _cross(sketches: Mapping[str, Sketch], gold: Gold) -> Iterable[tuple[str, str, bool, float]]:
    same = {pair for pair in gold.cross if pair[0] in sketches and pair[1] in sketches}
    index = Candidates()
    for each in sketches.values():
        index.add(each)
    against = [(one, other) for one in sorted({one for pair in same for one in pair})
               for other in _neighbours(index, sketches[one])]  # fmt: skip
    share = CROSS_SHARE * min(1.0, 5 * len(same) / max(1, len(against)))
    yield from ((one, other, True, CROSS_SHARE) for one, other in sorted(same))
    yield from ((one, other, False, share) for one, other in against)


def _neighbours(index: Candidates, one: Sketch) -> Iterable[str]:
    """Reports of the publisher's other feeds that are candidates under other event ids."""
    number = one.series_id.rpartition("-")[2]
    for each in index.near(one):
        other = each.series_id.rpartition("-")[2]
        if each.originator.startswith("sind-") and each.originator != one.originator and other != number:
            yield each.series_id


class Scale(NamedTuple):
    """What the calibration makes of log-odds."""

    slope: float
    offset: float


PLAIN = Scale(1.0, 0.0)


def fit(known: Examples, without: Collection[str] = (), scale: Scale = PLAIN) -> dict[str, Any]:
    """Base and weights, rounded as they are stored, from all examples but those of some countries."""
    use = ~np.isin(known.country, list(without))
    rows, match = known.rows[use], known.match[use]
    if not (match.any() and (1 - match).any()):
        raise EvaluateError("too few judged pairs in other countries to fit to: use --as-is")
    weight = known.weight[use] * _balance(known.country[use])
    steps = _steps()
    rows, match, weight = _grouped(rows, match, weight)
    design = rows @ steps

    def loss(at: Any) -> tuple[float, Any]:
        logit = at[0] + design @ at[1:]
        weights = steps @ at[1:]
        error = weight * (1 / (1 + np.exp(-logit)) - match)
        value = float(np.sum(weight * (np.logaddexp(0, logit) - match * logit)) + PENALTY / 2 * weights @ weights)
        return value, np.concatenate(([error.sum()], design.T @ error + PENALTY * steps.T @ weights))

    bounds = [(None, None)] + [(0, None)] * steps.shape[1]
    found = minimize(loss, np.zeros(1 + steps.shape[1]), jac=True, bounds=bounds, method="L-BFGS-B")
    return _stored(scale.slope * found.x[0] + scale.offset, scale.slope * (steps @ found.x[1:]))


def _grouped(rows: Any, match: Any, weight: Any) -> tuple[Any, Any, Any]:
    """Equal rows as one, with the share that matches: ten times fewer."""
    kept, place = np.unique(rows, axis=0, return_inverse=True)
    place = place.reshape(-1)
    total = np.bincount(place, weight)
    return kept, np.bincount(place, weight * match) / total, total


def _balance(country: Any) -> Any:
    names, counts = np.unique(country, return_counts=True)
    share = {name: min(1.0, MOST_OF_A_COUNTRY / count) for name, count in zip(names, counts, strict=True)}
    return np.array([share[name] for name in country])


def _steps() -> Any:
    """Weights from steps, each at least 0: up from "unknown" for the classes after it, down for those before."""
    columns = []
    for feature, classes in CLASSES.items():
        middle = classes.index(_UNKNOWN)
        for number in range(len(classes)):
            if number == middle:
                continue
            moved = classes[number:] if number > middle else classes[: number + 1]
            column = np.zeros(len(_COLUMNS))
            column[[_INDEX[feature, value] for value in moved]] = 1 if number > middle else -1
            columns.append(column)
    return np.array(columns).T


def _stored(base: float, weights: Sequence[float]) -> dict[str, Any]:
    tables: dict[str, dict[str, float]] = {feature.value: {} for feature in Feature}
    for (feature, value), weight in zip(_COLUMNS, weights, strict=True):
        tables[feature.value][value] = round(float(weight), 2) + 0.0
    tables[Feature.TIME]["apart"] = min(_APART, tables[Feature.TIME]["apart"])
    return {"base": round(float(base), 2), "weights": tables}
