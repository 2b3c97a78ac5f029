"""One vocabulary for what registers call differently: AWSD, Insecurity Insight, ACLED event types, CAP events.

Each table maps the beginning of a folded word to bits, so that singular, plural and most spellings meet; what is in no
table is unknown, which speaks neither for nor against.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntFlag
from functools import lru_cache

from services.core.place_names import fold


class Means(IntFlag):
    """How an attack was made."""

    SHOOTING = 1
    ASSAULT = 2
    KIDNAPPING = 4
    DETENTION = 8
    SEXUAL = 16
    FIRE = 32
    AIR = 64
    SHELLING = 128
    BLAST = 256
    NATURAL = 512


class Victims(IntFlag):
    """Kinds of organisation that were hit."""

    UN = 1
    INGO = 2
    NATIONAL_NGO = 4
    RED_CROSS_NATIONAL = 8
    RED_CROSS_INTERNATIONAL = 16
    SERVICE = 32
    """Schools, clinics and offices of the country's own."""


FROM_A_DISTANCE = Means.AIR | Means.SHELLING | Means.BLAST
IN_PERSON = Means.SHOOTING | Means.ASSAULT | Means.KIDNAPPING | Means.DETENTION | Means.SEXUAL
NGO = Victims.INGO | Victims.NATIONAL_NGO
RED_CROSS = Victims.RED_CROSS_NATIONAL | Victims.RED_CROSS_INTERNATIONAL

_MEANS: Mapping[str, Means] = {
    "shoot": Means.SHOOTING, "shot": Means.SHOOTING, "firearm": Means.SHOOTING, "gun": Means.SHOOTING,
    "fire arm": Means.SHOOTING, "sniper": Means.SHOOTING, "armed clash": Means.SHOOTING,
    "assault": Means.ASSAULT, "knife": Means.ASSAULT, "fist": Means.ASSAULT, "stone": Means.ASSAULT,
    "stick": Means.ASSAULT, "unarmed": Means.ASSAULT, "blunt": Means.ASSAULT, "dagger": Means.ASSAULT,
    "mob violence": Means.ASSAULT,
    "kidnap": Means.KIDNAPPING, "abduct": Means.KIDNAPPING, "hostage": Means.KIDNAPPING,
    "arrest": Means.DETENTION, "detention": Means.DETENTION, "detain": Means.DETENTION,
    "rape": Means.SEXUAL, "sexual": Means.SEXUAL,
    "arson": Means.FIRE,
    "aerial": Means.AIR, "air drone": Means.AIR, "airstrike": Means.AIR, "air strike": Means.AIR, "drone": Means.AIR,
    "missile": Means.AIR | Means.SHELLING,
    "shelling": Means.SHELLING, "artillery": Means.SHELLING, "mortar": Means.SHELLING, "rocket": Means.SHELLING,
    "rpg": Means.SHELLING,
    "ied": Means.BLAST, "vbied": Means.BLAST, "rcied": Means.BLAST, "svied": Means.BLAST, "explosi": Means.BLAST,
    "mine": Means.BLAST, "landmine": Means.BLAST, "grenade": Means.BLAST, "uxo": Means.BLAST, "suicide": Means.BLAST,
    "remote explosive": Means.BLAST, "cluster bomb": Means.BLAST, "complex attack": Means.BLAST | Means.SHOOTING,
    "flood": Means.NATURAL, "earthquake": Means.NATURAL, "cyclone": Means.NATURAL, "storm": Means.NATURAL,
    "wind": Means.NATURAL, "rain": Means.NATURAL, "snow": Means.NATURAL, "heat": Means.NATURAL,
    "volcan": Means.NATURAL, "tsunami": Means.NATURAL, "drought": Means.NATURAL, "avalanche": Means.NATURAL,
    "wildfire": Means.NATURAL, "forest fire": Means.NATURAL, "hurricane": Means.NATURAL, "typhoon": Means.NATURAL,
}  # fmt: skip
_VICTIMS: Mapping[str, Victims] = {
    "un": Victims.UN, "un agency": Victims.UN, "united nations": Victims.UN,
    "ingo": Victims.INGO, "ngo": NGO, "lngo": Victims.NATIONAL_NGO, "nngo": Victims.NATIONAL_NGO,
    "lngo nrcs": Victims.NATIONAL_NGO | Victims.RED_CROSS_NATIONAL,
    "red cross nat soc": Victims.RED_CROSS_NATIONAL, "nrcs and ifrc": RED_CROSS,
    "national red cross society": Victims.RED_CROSS_NATIONAL, "nrcs": Victims.RED_CROSS_NATIONAL,
    "red cross icrc ifrc": RED_CROSS, "icrc": Victims.RED_CROSS_INTERNATIONAL,
    "ifrc": Victims.RED_CROSS_INTERNATIONAL | Victims.RED_CROSS_NATIONAL,
    "local health care provider": Victims.SERVICE, "local education provider": Victims.SERVICE,
    "government aid agency": Victims.SERVICE,
}  # fmt: skip


@lru_cache(maxsize=4096)
def means_of(text: str) -> int:
    """The Means that a text names, as bits; 0: unknown."""
    words = f" {fold(text)}"
    found = 0
    for word, means in _MEANS.items():
        if f" {word}" in words:
            found |= means
    return found


@lru_cache(maxsize=4096)
def victims_of(text: str) -> int:
    """The Victims that one entry names, several joined by commas; 0: unknown."""
    found = 0
    for part in text.split(","):
        found |= _VICTIMS.get(fold(part), 0)
    return found
