"""Evidence in words for an operator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from services.core.matching.compare import Feature
from services.core.matching.weights import Evidence

LEAST = 0.15
"""Log-odds; what says less is left out."""
_WORDS: Mapping[Feature, str] = {
    Feature.TIME: "time", Feature.DISTANCE: "distance", Feature.AREA: "first-level area", Feature.PLACE: "place name",
    Feature.HARM: "numbers of people harmed", Feature.KINDS: "kinds of harm", Feature.MEANS: "means of attack",
    Feature.VICTIMS: "kind of organisation hit", Feature.ACTOR: "perpetrator", Feature.NAMES: "names in the texts",
    Feature.WORDS: "words that the texts share",
}  # fmt: skip


def in_words(evidence: Iterable[Evidence]) -> list[str]:
    """For and against, the weightiest first: "for: time: same day (+1.9)"."""
    said = sorted((one for one in evidence if abs(one.weight) >= LEAST), key=lambda one: (-abs(one.weight), one))
    return [f"{'for' if one.weight > 0 else 'against'}: {_WORDS[one.feature]}: {one.value} ({one.weight:+.1f})"
            for one in said]  # fmt: skip
