"""What operators say of reports: that they tell of one incident, or of two (ARCHITECTURE §8 "Operators' words")."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class LinkWord(StrEnum):
    """How an operator says it."""

    CONFIRM = "CONFIRM"
    REJECT = "REJECT"
    SPLIT = "SPLIT"
    MERGE = "MERGE"


class LinkSaid(NamedTuple):
    """An operator's word: every report of `one` and every report of `other` tell of one incident, or of two."""

    link: str
    word: LinkWord
    one: frozenset[str]
    """Series ids."""
    other: frozenset[str]
    note: str
    """Why, for those who look at it later."""

    @property
    def same(self) -> bool:
        """Whether they are one incident."""
        return self.word in {LinkWord.CONFIRM, LinkWord.MERGE}
