"""What two sketches have in common, feature by feature, each as one of a few named classes.

The classes are what weights are fitted to and what an operator is told (`evidence`). Every comparison is symmetric.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from enum import StrEnum
from math import cos, radians, sqrt

from services.core.matching.sketch import UNKNOWN, Harm, Sketch
from services.core.matching.text import shared
from services.core.matching.vocabulary import FROM_A_DISTANCE, IN_PERSON, NGO, RED_CROSS

KM_PER_DEGREE = 111.2
COARSE_KM = 100
"""A radius from which on a point says little."""
KILOMETRES = (5, 20, 50, 120, 250)
NEAR = tuple(f"{limit} km" for limit in KILOMETRES)
NEAR_AREA = tuple(f"{limit} km of an area" for limit in KILOMETRES)
MOST_DAYS = 31
"""Reports of days further apart are not compared."""


class Feature(StrEnum):
    """What is compared."""

    TIME = "time"
    DISTANCE = "distance"
    AREA = "area"
    PLACE = "place"
    HARM = "harm"
    KINDS = "kinds"
    MEANS = "means"
    VICTIMS = "victims"
    ACTOR = "actor"
    NAMES = "names"
    WORDS = "words"


def compare(one: Sketch, other: Sketch) -> tuple[str, ...]:
    """The class of every feature, in the order of Feature."""
    return tuple([comparison(one, other) for comparison in COMPARISONS])


def time(one: Sketch, other: Sketch) -> str:
    """Days between, or how the longer of the two periods covers the shorter."""
    if not (one.first and other.first):
        return "unknown"
    gap = max(one.first, other.first) - min(one.last, other.last)
    return time_class(gap, max(one.last - one.first, other.last - other.first))


def time_class(gap: int, longest: int) -> str:
    """Days between two periods, at most 0 if they meet; `longest`: days of the longer one beyond its first."""
    if gap <= 0 and longest > 1:
        return "within month" if longest <= MOST_DAYS else "within year"
    if gap <= 1:
        return "same day" if gap <= 0 else "next day"
    for limit, name in ((3, "2-3 days"), (7, "4-7 days"), (MOST_DAYS, "8-31 days")):
        if gap <= limit:
            return name
    return "apart"


def distance_km(one: Sketch, other: Sketch) -> float | None:
    """Kilometres between the points (equirectangular: a few per cent off over 500 km); None without both."""
    if one.latitude is None or other.latitude is None or one.longitude is None or other.longitude is None:
        return None
    east = abs(one.longitude - other.longitude)
    east = min(east, 360 - east) * cos(radians((one.latitude + other.latitude) / 2))
    return KM_PER_DEGREE * sqrt(east * east + (one.latitude - other.latitude) ** 2)


def distance(one: Sketch, other: Sketch) -> str:
    """Kilometres, apart for points that stand for a whole area."""
    km = distance_km(one, other)
    if km is None:
        return "unknown"
    coarse = one.radius >= COARSE_KM or other.radius >= COARSE_KM
    nearness = bisect_left(KILOMETRES, km)
    if nearness < len(KILOMETRES):
        return (NEAR_AREA if coarse else NEAR)[nearness]
    return "far, of an area" if coarse and km <= one.radius + other.radius else "far"


def area(one: Sketch, other: Sketch) -> str:
    """First-level areas."""
    if not (one.admin1 and other.admin1):
        return "unknown"
    return "same" if one.admin1 == other.admin1 else "other"


def place(one: Sketch, other: Sketch) -> str:
    """Whether the place that one names is named by the other, in its place or in its text."""
    if not (one.places or other.places):
        return "unknown"
    if not (one.places & other.names or other.places & one.names):
        return "not named by both"
    found = max(shared(one.places, other.names), shared(other.places, one.names))
    return "named by both" if found >= 0.5 else "in part"


def harm(one: Sketch, other: Sketch) -> str:
    """Killed, injured, kidnapped and detained; registers count a death in captivity differently."""
    return harm_class(one.harm, other.harm)


def harm_class(mine: Harm, theirs: Harm) -> str:
    """Of two counts."""
    pairs = [(a, b) for a, b in zip(mine, theirs, strict=True) if UNKNOWN not in (a, b)]
    if not pairs:
        return "unknown"
    total, others = sum(a for a, _ in pairs), sum(b for _, b in pairs)
    if not (total and others):
        return "none" if total == others else "only one"
    differing = sum(abs(a - b) for a, b in pairs)
    if differing == 0:
        return "equal, 1" if total == 1 else "equal, 2" if total == 2 else "equal, 3 or more"
    return _unequal(total, others, differing)


def _unequal(total: int, others: int, differing: int) -> str:
    if total == others:
        return "equal in sum"
    if differing == 1:
        return "one more"
    return "differs by half" if differing * 2 <= max(total, others) else "differs"


def kinds(one: Sketch, other: Sketch) -> str:
    """Whether the same kinds of harm were done."""
    return kinds_class(one.harm, other.harm)


def kinds_class(one: Harm, other: Harm) -> str:
    """Of two counts."""
    mine = [n for n, count in enumerate(one) if count > 0]
    theirs = [n for n, count in enumerate(other) if count > 0]
    if not mine or not theirs:
        return "unknown"
    if mine == theirs:
        return "same" if len(mine) == 1 else "same, several"
    return "overlapping" if not set(mine).isdisjoint(theirs) else "other"


def means(one: Sketch, other: Sketch) -> str:
    """Kinds of attack."""
    return means_class(one.means, other.means)


def means_class(mine: int, theirs: int) -> str:
    """Of two sets of Means."""
    if not (mine and theirs):
        return "unknown"
    if mine & theirs:
        return "same"
    if (mine & FROM_A_DISTANCE and theirs & FROM_A_DISTANCE) or (mine & IN_PERSON and theirs & IN_PERSON):
        return "similar"
    return "other"


def victims(one: Sketch, other: Sketch) -> str:
    """Kinds of organisation that were hit."""
    return victims_class(one.victims, other.victims)


def victims_class(mine: int, theirs: int) -> str:
    """Of two sets of Victims."""
    if not (mine and theirs):
        return "unknown"
    if mine & theirs:
        return "same"
    return "similar" if (mine & NGO and theirs & NGO) or (mine & RED_CROSS and theirs & RED_CROSS) else "other"


def actor(one: Sketch, other: Sketch) -> str:
    """Perpetrators."""
    if not (one.actor and other.actor):
        return "unknown"
    return "same" if shared(one.actor, other.actor) >= 0.5 else "other"


def names(one: Sketch, other: Sketch) -> str:
    """Names and figures in both texts."""
    common = (one.names & other.names).bit_count()
    if not one.names or not other.names:
        return "unknown"
    if common >= 3:
        return "3 or more"
    return ("none", "one", "two")[common]


def words(one: Sketch, other: Sketch) -> str:
    """Share of the shorter text's words."""
    if one.words == other.words and one.words | one.names and _alike(one.names, other.names):
        return "same text"
    shorter = min(one.words.bit_count(), other.words.bit_count())
    if shorter < 3:
        return "unknown"
    found = (one.words & other.words).bit_count() / shorter
    for limit, name in ((0.65, "most"), (0.4, "many"), (0.25, "some"), (0.1, "few")):
        if found >= limit:
            return name
    return "hardly any"


CLASSES: dict[Feature, tuple[str, ...]] = {
    Feature.TIME: (
        "apart", "8-31 days", "4-7 days", "within year", "2-3 days", "within month", "unknown", "next day", "same day",
    ),
    Feature.DISTANCE: (
        "far", "far, of an area", "250 km", "250 km of an area", "120 km", "120 km of an area", "unknown",
        "50 km of an area", "50 km", "20 km of an area", "20 km", "5 km of an area", "5 km",
    ),
    Feature.AREA: ("other", "unknown", "same"),
    Feature.PLACE: ("not named by both", "unknown", "in part", "named by both"),
    Feature.HARM: (
        "differs", "equal in sum", "only one", "differs by half", "one more", "none", "unknown", "equal, 1",
        "equal, 2", "equal, 3 or more",
    ),
    Feature.KINDS: ("other", "unknown", "overlapping", "same", "same, several"),
    Feature.MEANS: ("other", "unknown", "similar", "same"),
    Feature.VICTIMS: ("other", "unknown", "similar", "same"),
    Feature.ACTOR: ("other", "unknown", "same"),
    Feature.NAMES: ("none", "unknown", "one", "two", "3 or more"),
    Feature.WORDS: ("hardly any", "few", "unknown", "some", "many", "most", "same text"),
}  # fmt: skip
"""Every class of every feature, from what speaks most against to what speaks most for: weights rise in this order."""


def _alike(one: int, other: int) -> bool:
    """Whether one set holds the other: the names of a place may be told beside the text."""
    return one & other in (one, other)


_BY_FEATURE: dict[Feature, Callable[[Sketch, Sketch], str]] = {
    Feature.TIME: time, Feature.DISTANCE: distance, Feature.AREA: area, Feature.PLACE: place, Feature.HARM: harm,
    Feature.KINDS: kinds, Feature.MEANS: means, Feature.VICTIMS: victims, Feature.ACTOR: actor, Feature.NAMES: names,
    Feature.WORDS: words,
}  # fmt: skip
COMPARISONS = tuple(_BY_FEATURE[feature] for feature in Feature)
"""In the order of Feature."""
