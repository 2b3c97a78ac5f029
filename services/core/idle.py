"""Rules that matched nothing: a consent that permits nothing, or a prohibition of nothing, may be a mistake (L3).

A permission has matched if a decision names it. Prohibitions and an area's rules are in no decision by name; they have
matched if a report that was decided lies in their scope and they mean somebody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from services.core.control import ANY, Grant, GrantEffect, OverlayRule
from services.core.policy import Policy


class Rule(NamedTuple):
    """One rule in force."""

    kind: str
    """grant, prohibition or overlay."""
    key: str
    """grantor/grant; area and number of the rule."""
    terms: Grant | OverlayRule
    area: str = ""
    """Of an overlay."""


class Watch:
    """Which of a policy's rules have matched something."""

    def __init__(self, policy: Policy, since: datetime, now: datetime) -> None:
        """Rules that are in force now and were so at `since`: a younger one has not had its time."""
        self._policy = policy
        self._idle = {(rule.kind, rule.key): rule for rule in _rules(policy, since, now)}

    @property
    def idle(self) -> tuple[Rule, ...]:
        """Those that have matched nothing yet."""
        return tuple(self._idle[key] for key in sorted(self._idle))

    def named(self, grants: Iterable[str]) -> None:
        """A decision names these."""
        for grant in grants:
            self._idle.pop(("grant", grant), None)

    def decided(self, report: Mapping[str, Any]) -> None:
        """A located report has been decided."""
        country = report["area"]["country"] if report["area"] else ""
        matched = [key for key, rule in self._idle.items() if self._matches(rule, report, country)]
        for key in matched:
            del self._idle[key]

    def _matches(self, rule: Rule, report: Mapping[str, Any], country: str) -> bool:
        terms = rule.terms
        if isinstance(terms, Grant):
            if rule.kind == "grant" or (terms.grantor, terms.status) != (report["originator"], report["status"]):
                return False
            areas = terms.areas
        else:
            areas = frozenset({rule.area})
        meant = self._policy.roster.meant(terms.recipients, country)
        return _holds(areas, country) and _holds(terms.kinds, report["kind"]) and bool(meant.always or meant.grouped)


def _holds(words: frozenset[str], word: str) -> bool:
    return ANY in words or word in words


def _rules(policy: Policy, since: datetime, now: datetime) -> Iterator[Rule]:
    for term in policy.terms():
        grant = term.grant
        if grant.series or term.ended or not grant.valid_from <= since <= now < grant.valid_to:
            continue
        kind = "grant" if grant.effect is GrantEffect.PERMIT else "prohibition"
        yield Rule(kind, f"{grant.grantor}/{grant.grant}", grant)
    for overlay in policy.overlays():
        for number, rule in enumerate(overlay.rules, 1):
            yield Rule("overlay", f"{overlay.area} rule {number}", rule, overlay.area)
