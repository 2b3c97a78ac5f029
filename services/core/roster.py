"""The registry of recipients as sets of bits: a question about everybody costs as much as one about somebody.

Recipient number i is the bit 1 << i. Made once per state of the registry, asked by the gates (docs/rules.md §3).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import cached_property
from typing import NamedTuple

from services.core.control import (
    ANY,
    THIRD_PARTIES,
    Category,
    Group,
    Lou,
    Obligation,
    Partner,
    PartnerStatus,
    Sensitivity,
)
from services.core.features import SEVERITIES

PRESENT, CATEGORY, GROUP, PLATFORM, MEMBERS = "present", "category:", "group:", "platform:", "/members"

SMALLEST_CROWD = 3
"""Active organisations: one of two would know the other."""


class Meant(NamedTuple):
    """Whom the words of a grant mean: at any time, and through a group within its time."""

    always: int
    grouped: tuple[tuple[int, datetime, datetime], ...]


class Roster:
    """Every recipient, by what the gates ask of it."""

    def __init__(self, partners: Mapping[str, Partner], groups: Mapping[str, Group], lous: Mapping[str, Lou]) -> None:
        """The newest record of each."""
        self.orgs = tuple(sorted(partners))
        self.everybody = (1 << len(self.orgs)) - 1
        self._bits = {org: 1 << number for number, org in enumerate(self.orgs)}
        self._partners, self._groups, self._lous = partners, groups, lous
        self._meant: dict[tuple[frozenset[str], str], Meant] = {}
        self._asked: dict[tuple[str, str], int] = {}
        where = self._where
        self._ends = [(self._bits[org], one.valid_to) for org, one in partners.items() if one.valid_to is not None]
        self.active = where(lambda one: one.status is PartnerStatus.ACTIVE)
        self.suspended = where(lambda one: one.status is PartnerStatus.SUSPENDED)
        self.third_parties = where(lambda one: one.category in THIRD_PARTIES)
        self.observers = where(lambda one: one.category is Category.OBSERVER)
        self.field_partners = where(lambda one: one.category is Category.FIELD_PARTNER)
        self.paused = where(lambda one: one.paused)
        active = Counter(one.category for one in partners.values() if one.status is PartnerStatus.ACTIVE)
        self.crowds = frozenset(category for category, count in active.items() if count >= SMALLEST_CROWD)
        """Categories that can stand for an organisation without telling which it is."""
        self.common = self.everybody & ~self.third_parties & ~self.observers
        """Whom `*` means."""
        self.ceilings = {level: where(lambda one, level=level: one.ceiling is level) for level in Sensitivity}  # type: ignore[misc]

    def bit(self, org: str) -> int:
        """The organisation's bit; 0 if it is not in the registry."""
        return self._bits.get(org, 0)

    def bits(self, orgs: Iterable[str]) -> int:
        """Those of these that are in the registry."""
        found = 0
        for org in orgs:
            found |= self._bits.get(org, 0)
        return found

    def names(self, recipients: int) -> tuple[str, ...]:
        """The organisations of a set, sorted."""
        found = []
        while recipients:
            bit = recipients & -recipients
            found.append(self.orgs[bit.bit_length() - 1])
            recipients ^= bit
        return tuple(found)

    def ended(self, now: datetime) -> int:
        """Those whose time as a partner is over."""
        found = 0
        for bit, until in self._ends:
            found |= bit if until <= now else 0
        return found

    def entitled(self, kind: str, country: str, now: datetime) -> int:
        """Observers that may see this kind from this country now (SLT-47, SLT-48)."""
        return self._where(
            lambda one: any(
                each.valid_from <= now < each.valid_to and _holds(each.kinds, kind) and _holds(each.areas, country)
                for each in one.entitlements
            )
        )

    @cached_property
    def bounds(self) -> tuple[datetime, ...]:
        """Moments at which `ended`, `entitled` or a group changes."""
        return tuple(self._bounds())

    def _bounds(self) -> Iterator[datetime]:
        for one in self._partners.values():
            if one.valid_to is not None:
                yield one.valid_to
            for each in one.entitlements:
                yield from (each.valid_from, each.valid_to)
        for group in self._groups.values():
            yield from (group.valid_from, group.valid_to)

    def present(self, country: str) -> int:
        """Those who work in the country."""
        return self._once(PRESENT, country, lambda one: _holds(one.presence, country))

    def takes_area(self, country: str) -> int:
        """Those who subscribe to the country."""
        return self._once("area", country, lambda one: _holds(one.areas, country))

    def takes_kind(self, kind: str) -> int:
        """Those who subscribe to the kind."""
        return self._once("kind", kind, lambda one: _holds(one.kinds, kind))

    def takes_status(self, status: str) -> int:
        """Those who take Actual, Exercise or Test."""
        return self._once("status", status, lambda one: status in one.statuses)

    def wants(self, severity: int) -> int:
        """Those whose threshold is not above it."""
        return self._once("severity", str(severity), lambda one: SEVERITIES.get(one.threshold, 0) <= severity)

    def withheld(self, kind: str) -> int:
        """Those whose letter of understanding withholds the kind."""
        return self._once("lou", kind, lambda one: one.lou in self._lous and kind in self._lous[one.lou].withheld_kinds)

    def able(self, obligations: frozenset[Obligation]) -> int:
        """Those who can discharge all of these."""
        if not obligations:
            return self.everybody
        return self._once("able", "+".join(sorted(obligations)), lambda one: obligations <= one.capabilities)

    def meant(self, words: frozenset[str], country: str) -> Meant:
        """Whom the words of a grant, a prohibition or an overlay mean for a report from the country."""
        found = self._meant.get((words, country))
        if found is None:
            found = self._meant[words, country] = self._mean(words, country)
        return found

    def _mean(self, words: frozenset[str], country: str) -> Meant:
        always = 0
        grouped = []
        for word in words:
            if word.startswith(GROUP):
                group = self._groups.get(word.removeprefix(GROUP))
                if group:
                    grouped.append((self.bits(group.members), group.valid_from, group.valid_to))
            else:
                always |= self._word(word, country)
        return Meant(always, tuple(sorted(grouped)))

    def _word(self, word: str, country: str) -> int:
        if word == ANY:
            return self.common
        if word == PRESENT:
            return self.common & self.present(country)
        if word.startswith(CATEGORY):
            category = word.removeprefix(CATEGORY)
            return self._once(CATEGORY, category, lambda one: one.category == category)
        if word.startswith(PLATFORM):
            platform, slash, _ = word.removeprefix(PLATFORM).partition("/")
            partner = self._partners.get(platform)
            return self.bits(partner.members) if slash and partner else 0 if slash else self.bit(platform)
        return self.bit(word)

    def _once(self, about: str, what: str, holds: Callable[[Partner], bool]) -> int:
        found = self._asked.get((about, what))
        if found is None:
            found = self._asked[about, what] = self._where(holds)
        return found

    def _where(self, holds: Callable[[Partner], bool]) -> int:
        found = 0
        for org, bit in self._bits.items():
            if holds(self._partners[org]):
                found |= bit
        return found


def _holds(words: frozenset[str], word: str) -> bool:
    return ANY in words or word in words
