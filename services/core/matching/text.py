"""What can be compared of a text whatever its language: names and figures, and the other words, as sets of bits.

A set is an integer with one bit for each token (a Bloom filter of one hash): two of them are compared by one `&`, and
two chance words of a text share a bit in about one pair of texts in three. Stems are prefixes.
"""

from __future__ import annotations

import re
from functools import lru_cache, reduce
from operator import or_
from typing import NamedTuple
from zlib import crc32

from services.core.place_names import fold

BITS = 1024
_WORDS = (1 << BITS) - 1
LONGEST = 4000
"""Characters of a text that are looked at."""
_STEM = 5
_SHORTEST = 3
_ENDS = ".:;!?\n"
_OPENING = " \"'(“‘"
_TOKEN = re.compile(rf"(?:[{_ENDS}][{_OPENING}]{{0,3}})?(?<![\w'’-])\w[\w'’-]*")
"""A token, with the end of the sentence before it."""
_GENERIC = frozenset({
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "un", "ngo", "ngos",
    "ingo", "ingos", "nngo", "lngo", "lngos", "nrcs", "icrc", "ifrc", "red", "cross", "crescent", "unknown", "the",
    "state", "county", "district", "governorate", "province", "region", "village", "town", "city", "camp", "north",
    "south", "east", "west", "northern", "southern", "eastern", "western", "central", "road", "national", "male",
    "female", "staff", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
})  # fmt: skip
"""Words with a capital that name nothing in particular."""
_COMMON = frozenset({
    "were", "with", "their", "after", "they", "that", "from", "when", "which", "have", "been", "this", "while", "and",
    "was", "for", "had", "his", "her", "who", "the", "not", "but", "all", "also", "into", "said", "being", "other",
    "staff", "aid", "worke", "unide", "unkno", "armed", "membe", "local", "natio", "inter", "human", "organ", "agenc",
    "perpe", "kille", "injur", "attac", "gunme", "incid", "repor", "peopl", "worki", "area", "male", "femal", "one",
    "two", "three", "four", "five", "invol", "some", "place", "there", "them", "men", "group", "vehic",
})  # fmt: skip
"""Stems that most reports have: shared, they say nothing."""


class Features(NamedTuple):
    """The tokens of a text as bits."""

    names: int
    words: int


def features(text: str) -> Features:
    """Names, acronyms and figures apart from the other words; each token once."""
    found = reduce(or_, map(_token, _TOKEN.findall(f".{text[:LONGEST]}")), 0)
    return Features(found >> BITS, found & _WORDS)


@lru_cache(maxsize=65536)
def _token(found: str) -> int:
    """The bit of a token, as a name or as a word; where a sentence begins, every word has a capital."""
    token = found.lstrip(_ENDS + _OPENING)
    folded = fold_token(token)
    if len(folded) < _SHORTEST or folded in _GENERIC:
        return 0
    if token[0].isdigit():
        is_year = len(folded) == 4 and folded.startswith(("19", "20"))
        return 0 if is_year else _bit(folded) << BITS
    if token.isupper() or (token[0].isupper() and token is found):
        return _bit(folded) << BITS
    stem = folded[:_STEM]
    return 0 if stem in _COMMON else _bit(stem)


def fold_token(token: str) -> str:
    """One spelling of a word; a possessive's ending is cut off."""
    return fold(token.removesuffix("'s").removesuffix("’s"))


@lru_cache(maxsize=16384)
def name_bits(*names: str) -> int:
    """The bits of the words of names of places or groups."""
    tokens = {word for name in names for word in fold(name).split()}
    found = 0
    for word in tokens:
        if len(word) >= _SHORTEST and word not in _GENERIC:
            found |= _bit(word)
    return found


def _bit(token: str) -> int:
    return 1 << (crc32(token.encode("utf-8", "surrogatepass")) % BITS)


def shared(one: int, other: int) -> float:
    """Share of the smaller set that the other has too, between 0 and 1; 0 if one of them is empty."""
    smaller = min(one.bit_count(), other.bit_count())
    return (one & other).bit_count() / smaller if smaller else 0.0
