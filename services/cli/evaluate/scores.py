"""Precision, recall and their intervals; B-cubed; calibration; the baselines. A figure of nothing is None."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from services.cli.evaluate.gold import AID, AWSD, Gold, Labelled
from services.cli.evaluate.stream import Linked
from services.core.matching.sketch import Sketch

Figures = dict[str, Any]
_DRAWS = 1000
_SEED = 5


def figures(pairs: Sequence[Labelled], linked: Callable[[str, str], bool]) -> Figures:
    """Precision, recall and F1 of judged pairs, with 95 % bootstrap intervals over pairs."""
    said = np.array([linked(each.one, each.other) for each in pairs], dtype=bool)
    true = np.array([each.match for each in pairs], dtype=bool)
    counts = np.array([np.sum(said & true), np.sum(said & ~true), np.sum(~said & true), np.sum(~said & ~true)])
    found = dict(zip(("precision", "recall", "f1"), _rates(counts), strict=True))
    return {**found, "interval": _intervals(counts), "linked": int(said.sum()), "matches": int(true.sum()),
            "pairs": len(pairs)}  # fmt: skip


def _rates(counts: Any) -> tuple[float | None, float | None, float | None]:
    hits, false, missed = (float(one) for one in counts[:3])
    return (
        _share(hits, hits + false), _share(hits, hits + missed), _share(2 * hits, 2 * hits + false + missed),
    )  # fmt: skip


def _share(part: float, whole: float) -> float | None:
    return round(part / whole, 4) if whole else None


def _intervals(counts: Any) -> dict[str, list[float] | None]:
    """Drawing pairs again is drawing their four counts."""
    total = int(counts.sum())
    drawn: Any = np.random.default_rng(_SEED).multinomial(total, counts / total, _DRAWS) if total else []
    rates = [_rates(one) for one in drawn]
    return {name: _interval([rate[part] for rate in rates]) for part, name in enumerate(("precision", "recall", "f1"))}


def _interval(values: Iterable[float | None]) -> list[float] | None:
    known = [value for value in values if value is not None]
    return [round(float(bound), 4) for bound in np.quantile(known, (0.025, 0.975))] if known else None


def hard(each: Labelled, km: float = 50) -> bool:
    """Within one day and so many kilometres: what distance and day alone cannot tell apart."""
    return each.days is not None and each.km is not None and abs(each.days) <= 1 and each.km <= km


def dissimilar(each: Labelled) -> bool:
    """Texts that share little."""
    return each.similarity is not None and each.similarity < 0.3


def clusters_of(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Series -> the first series of its group, by transitive closure."""
    found: dict[str, str] = {}

    def root(one: str) -> str:
        while found.setdefault(one, one) != one:
            one = found[one]
        return one

    for one, other in pairs:
        first, second = sorted((root(one), root(other)))
        found[second] = first
    return {one: root(one) for one in list(found)}


def b_cubed(gold: Gold, linked: Linked) -> Figures:
    """Of the reports in the gold: how much of its incident belongs with a report, and how much of that is in it."""
    told = clusters_of([*(each[:2] for each in gold.pairs if each.match), *gold.cross, *gold.within])
    items = sorted({one for each in gold.pairs for one in each[:2]} | set(told))
    items = [one for one in items if one in linked.incident]
    truth, guess = ({one: names.get(one, one) for one in items} for names in (told, linked.incident))
    right, wrong = _groups(truth), _groups(guess)
    shares = [
        (len(right[truth[one]] & wrong[guess[one]]), len(wrong[guess[one]]), len(right[truth[one]])) for one in items
    ]
    if not shares:
        return {"precision": None, "recall": None, "f1": None, "reports": 0}
    precision = sum(both / mine for both, mine, _ in shares) / len(shares)
    recall = sum(both / its for both, _, its in shares) / len(shares)
    f1 = 2 * precision * recall / (precision + recall)
    return {"precision": round(precision, 4), "recall": round(recall, 4), "f1": round(f1, 4), "reports": len(items)}


def _groups(names: Mapping[str, str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for one, name in names.items():
        found[name].add(one)
    return found


def calibration(gold: Gold, linked: Linked) -> Figures:
    """In tenths: how many pairs, their mean probability, and the share that matches; and the mean squared error."""
    scored = [(linked.chance.get(each[:2], 0.0), each.match) for each in gold.pairs]
    bins: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    for chance, match in scored:
        bins[min(9, int(chance * 10))].append((chance, match))
    rows = [
        {"from": tenth / 10, "pairs": len(found), "probability": round(sum(one for one, _ in found) / len(found), 4),
         "matches": round(sum(match for _, match in found) / len(found), 4)}
        for tenth, found in sorted(bins.items())
    ]  # fmt: skip
    brier = round(sum((chance - match) ** 2 for chance, match in scored) / len(scored), 4) if scored else None
    return {"bins": rows, "brier": brier}


def curve(gold: Gold, linked: Linked) -> list[tuple[float, float]]:
    """Recall and precision of the judged pairs from each probability on, the surest first."""
    scored = sorted(((linked.chance.get(each[:2], 0.0), each.match) for each in gold.pairs), reverse=True)
    matches, hits, points = sum(match for _, match in scored), 0, []
    for count, (chance, match) in enumerate(scored, 1):
        hits += match
        if chance > 0 and match:
            points.append((hits / matches, hits / count))
    return points


def unlabelled(gold: Gold, linked: Linked) -> dict[str, int]:
    """Pairs of the two registers that are decided on but not judged: left out of the pair scores."""
    judged = {each[:2] for each in gold.pairs}
    found = [pair for pair in linked.chance
             if pair not in judged and {one.split("/")[0] for one in pair} == {AWSD, AID}]  # fmt: skip
    automatic = sum(linked.automatic(*pair) for pair in found)
    proposed = sum(linked.proposed(*pair) for pair in found)
    return {"automatic": automatic, "suggested": proposed, "of_which_unsure": sum(
        linked.proposed(*pair) for pair in gold.unsure)}  # fmt: skip


def baselines(gold: Gold, sketches: Mapping[str, Sketch]) -> dict[str, Figures]:
    """Simple rules on the same pairs; those by distance and by text use what the gold itself says of a pair."""

    def osac(each: Labelled) -> bool:
        if each.one not in sketches or each.other not in sketches:
            return False
        one, other = sketches[each.one], sketches[each.other]
        same = (one.first, one.admin1, one.harm.killed) == (other.first, other.admin1, other.harm.killed)
        return same and bool(one.admin1)

    rules: dict[str, Callable[[Labelled], bool]] = {
        "same day, area and killed": osac,
        "3 km and one day": lambda each: hard(each, 3),
        "50 km and one day": hard,
        "text similarity above 0.3": lambda each: each.similarity is not None and each.similarity > 0.3,
    }
    return {name: _baseline(gold.pairs, rule) for name, rule in rules.items()}


def _baseline(pairs: Sequence[Labelled], rule: Callable[[Labelled], bool]) -> Figures:
    said = {each[:2] for each in pairs if rule(each)}
    found = figures(pairs, lambda one, other: (one, other) in said)
    return {name: found[name] for name in ("precision", "recall", "f1")}
