"""Names of countries, first-level areas and towns: folded words in, codes out. Unknown and ambiguous give nothing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

_DROPPED = str.maketrans("", "", "'`´‘’ʻʼʽʾʿˈ")
_GAPS = re.compile(r"[\W_]+")
_GENERIC = frozenset({
    "province", "provincia", "provinsi", "governorate", "gouvernorat", "muhafazat", "state", "estado", "region",
    "oblast", "district", "department", "departement", "departamento", "county", "prefecture", "wilaya",
    "wilayat", "division", "republic", "autonomous", "of", "the", "de", "du", "la", "al", "ad", "an", "ar", "as", "at",
    "az", "el",
})  # fmt: skip


@lru_cache(maxsize=16384)
def fold(text: str) -> str:
    """One spelling for all of a name's: lower case, without accents, apostrophes and punctuation."""
    plain = text.translate(_DROPPED)
    if not plain.isascii():
        plain = "".join(c for c in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(c))
    return _GAPS.sub(" ", plain.casefold()).strip()


@lru_cache(maxsize=16384)
def bare(text: str) -> str:
    """The folded name without words for its kind ("province", "al"); folded alone if nothing else is left."""
    folded = fold(text)
    return "".join(word for word in folded.split() if word not in _GENERIC) or folded


class AreaName(NamedTuple):
    """A first-level area, also for the names of what lies in it."""

    code: str
    """ISO 3166-2; its name where it has no code."""
    name: str


@dataclass(frozen=True)
class Names:
    """Every name that the tables know. Keys are folded; `areas` has the bare spelling too where it is unambiguous."""

    countries: Mapping[str, str] = field(default_factory=dict)
    """Code or name -> ISO 3166-1 alpha-3."""
    areas: Mapping[tuple[str, str], AreaName] = field(default_factory=dict)
    """(alpha-3, name or code) -> area."""
    holders: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Name of a country, area or town -> the countries that it may stand for."""
    towns: Mapping[tuple[str, str], tuple[float, float]] = field(default_factory=dict)
    """(alpha-3, name) -> longitude, latitude; only names that the country has once."""

    def country(self, word: str) -> str:
        """Alpha-3 code of a code or name, or empty."""
        return self.countries.get(fold(word), "") if word else ""

    def area(self, country: str, word: str) -> AreaName | None:
        """The country's area of that name or code."""
        if not word:
            return None
        return self.areas.get((country, fold(word))) or self.areas.get((country, bare(word)))

    def town(self, country: str, word: str) -> tuple[float, float] | None:
        """Longitude and latitude of the country's only town of that name."""
        return self.towns.get((country, fold(word))) if word else None

    def holding(self, word: str) -> frozenset[str]:
        """The countries that a place name may stand for."""
        return self.holders.get(fold(word), frozenset())


@dataclass(frozen=True)
class PCodes:
    """OCHA's P-codes of first- and second-level areas, where the user supplied the list."""

    areas: Mapping[str, str] = field(default_factory=dict)
    """ISO 3166-2 code -> P-code (the crosswalk)."""
    first: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """(alpha-3, bare name) -> P-code."""
    second: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """(P-code of the first level, bare name) -> P-code."""

    def find(self, country: str, area: AreaName, admin2: str) -> str:
        """P-code of the deepest level that is known, or empty."""
        first = self.areas.get(area.code) or self.first.get((country, bare(area.name)), "")
        return (self.second.get((first, bare(admin2))) if first and admin2 else None) or first
