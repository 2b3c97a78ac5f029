"""The fitted numbers of matching: a weight for every class of every feature, and the thresholds.

The file (weights.yaml beside this module; read by runtime) is written by `slt evaluate fit` and small enough to read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, NamedTuple

from services.core.matching.compare import CLASSES, Feature
from services.core.matching.quick import Quick


class Verdict(StrEnum):
    """What becomes of a pair."""

    AUTOMATIC = "AUTOMATIC"
    SUGGESTED = "SUGGESTED"
    APART = "APART"


class Evidence(NamedTuple):
    """What one feature says of a pair."""

    feature: Feature
    value: str
    """The class that services.core.matching.compare gives."""
    weight: float
    """In log-odds: above 0 for the same incident, below 0 against."""


class WeightsError(ValueError):
    """The weights are not usable; the text says which part and what to do."""


@dataclass(frozen=True)
class Weights:
    """As loaded."""

    base: float
    """Log-odds of a pair of which nothing is known."""
    evidence: Mapping[Feature, Mapping[str, Evidence]]
    calibration: tuple[float, float]
    """Slope and offset that are in base and weights already: a refit without a country applies them again."""
    automatic: float
    """Least probability for a link that nobody has to confirm."""
    suggest: float
    """Least probability for a suggestion to an operator."""
    training: str
    """SHA-256 of the data that the weights were fitted to."""

    @cached_property
    def quick(self) -> Quick:
        """The same numbers as tables for scoring many pairs."""
        return Quick(self.base, {
            feature: {value: one.weight for value, one in table.items()} for feature, table in self.evidence.items()
        })  # fmt: skip


_KEYS = {"training", "base", "calibration", "thresholds", "weights"}


def read_weights(found: Any) -> Weights:
    """The weights of a parsed file; WeightsError if something is missing, unknown or out of range."""
    if not isinstance(found, Mapping) or set(found) != _KEYS:
        raise WeightsError(f"matching weights: expected the keys {sorted(_KEYS)}: fit them again")
    automatic, suggest = (_number(found["thresholds"], name) for name in ("automatic", "suggest"))
    if not 0 < suggest <= automatic < 1:
        raise WeightsError("matching weights: thresholds must be 0 < suggest <= automatic < 1")
    if set(found["weights"]) != {feature.value for feature in Feature}:
        raise WeightsError("matching weights: features missing or unknown: fit them again")
    evidence = {feature: _evidence(feature, found["weights"][feature.value]) for feature in Feature}
    scale = (_number(found["calibration"], "slope"), _number(found["calibration"], "offset"))
    return Weights(_number(found, "base"), evidence, scale, automatic, suggest, str(found["training"]))


def _evidence(feature: Feature, classes: Mapping[str, Any]) -> dict[str, Evidence]:
    if set(classes) != set(CLASSES[feature]):
        raise WeightsError(f"matching weights: classes missing or unknown at {feature}: fit them again")
    return {value: Evidence(feature, value, _number(classes, value)) for value in CLASSES[feature]}


def _number(found: Any, name: str) -> float:
    value = found.get(name) if isinstance(found, Mapping) else None
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise WeightsError(f"matching weights: {name} must be a number")
    return float(value)


def verdict(probability: float, weights: Weights) -> Verdict:
    """Link, ask, or leave apart."""
    if probability >= weights.automatic:
        return Verdict.AUTOMATIC
    return Verdict.SUGGESTED if probability >= weights.suggest else Verdict.APART
