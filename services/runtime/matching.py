"""Reads the weights of matching."""

from __future__ import annotations

from pathlib import Path

import yaml

import services.core.matching
from services.core.matching.weights import Weights, WeightsError, read_weights

SHIPPED = Path(services.core.matching.__file__).parent / "weights.yaml"


def load_weights(path: Path = SHIPPED) -> Weights:
    """The weights of a file; WeightsError if it cannot be read or holds none."""
    try:
        return read_weights(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError) as error:
        raise WeightsError(f"matching weights: cannot read {path.name}: {error}") from error
