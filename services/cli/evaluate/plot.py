"""The precision-recall curve with the baselines on it. matplotlib comes with the extra `evaluate`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt

PUBLISHED = {"gradient boosting over simple features (published beside the gold)": (0.77, 0.90)}
"""Precision and recall on the same pairs, with those held out."""


def draw(found: Mapping[str, Any], path: Path) -> None:
    """Write the plot; the file's ending says which kind (svg, png)."""
    plt.rcParams["svg.hashsalt"] = "correlation"  # the same figures give the same file
    figure, axes = plt.subplots(figsize=(6.4, 4.4))
    axes.plot(*zip(*found["curve"], strict=True) if found["curve"] else ((), ()), label="pairs beside their rivals")
    for name, marker in (("automatic", "o"), ("suggested", "s")):
        _point(axes, found[name], f"stage: {name}", marker)
    for name, part in found["baselines"].items():
        _point(axes, part, name, "x")
    for name, (precision, recall) in PUBLISHED.items():
        axes.plot([recall], [precision], "^", label=name)
    axes.set(xlabel="recall", ylabel="precision", xlim=(0.3, 1.01), ylim=(0.5, 1.01))
    axes.legend(loc="lower left", fontsize=7)
    axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    plt.close(figure)


def _point(axes: Any, part: Mapping[str, Any], name: str, marker: str) -> None:
    if part["precision"] is not None and part["recall"] is not None:
        axes.plot([part["recall"]], [part["precision"]], marker, label=name)
