"""Consent of one organisation for a recipient and an action (docs/rules.md §3 "Code", "Scope", "Whom", and §4)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from tests.reference.codes import TARGET, first
from tests.reference.facts import Fields, country, imminent, moment
from tests.reference.lattice import EMPTY, Projection, join, meet, named, read, without
from tests.reference.registry import Life, Registry, level

THIRD_PARTIES = ("HOST_AUTHORITY", "CONTRACTOR", "ARMED_ACTOR", "DONOR", "MEDIA")
ACTIONS = ("READ", "ONWARD", "DERIVE", "ATTRIBUTE", "AGGREGATE", "PERSONAL", "PUBLISH")
_ENDED = {
    "RECALL": "DEN_CONSENT_WITHDRAWN",
    "PROSPECTIVE": "DEN_CONSENT_WITHDRAWN_PROSPECTIVE",
    "REVOKED": "DEN_CONSENT_REVOKED",
    "INVALIDATED": "DEN_CONSENT_INVALID",
    "REFUSED": "DEN_CONSENT_REFUSED",
    "DEFERRED": "HLD_CONSENT_PENDING",
}


class Question(NamedTuple):
    """Everything that a decision depends on."""

    report: Fields
    recipient: str
    action: str
    purpose: str
    registry: Registry
    as_of: datetime
    fresh: bool
    echo: tuple[tuple[str, str], ...]
    superseded: bool
    requested_at: datetime | None

    @property
    def partner(self) -> Fields:
        """The recipient's record."""
        found = self.registry.partner(self.recipient)
        assert found is not None
        return found

    @property
    def is_originator(self) -> bool:
        """True if the recipient is the originator itself."""
        return bool(self.recipient == self.report["originator"])


class Consent(NamedTuple):
    """What the lives of one organisation permit; `code` says why if none does."""

    permits: tuple[Life, ...]
    projection: Projection
    code: str


def holds(words: Iterable[str], word: str) -> bool:
    """True if the words hold this one or `*`; an unknown word is held by `*` alone."""
    return "*" in words or (word != "" and word in words)


def presence(q: Question) -> list[str]:
    """§3: where the recipient works; by default the areas that it asks for."""
    found: list[str] = q.partner["presence"] if "presence" in q.partner else q.partner["areas"]
    return found


def all_mean(q: Question) -> bool:
    """§3: `*` means the recipient."""
    return q.partner["category"] not in (*THIRD_PARTIES, "OBSERVER")


def present_means(q: Question) -> bool:
    """§3: `present` means the recipient."""
    return all_mean(q) and holds(presence(q), country(q.report))


def way(q: Question, word: str) -> str:
    """The code of the way in which one word means the recipient; "" if it does not."""
    if word.startswith("group:"):
        return _group(q, word.removeprefix("group:"))
    if word == "*":
        meant = all_mean(q)
    elif word == "present":
        meant = present_means(q)
    elif word.startswith("category:"):
        meant = q.partner["category"] == word.removeprefix("category:")
    elif word.startswith("platform:"):
        meant = _platform(q, word.removeprefix("platform:"))
    else:
        meant = word == q.recipient
    return "OK_GRANT" if meant else ""


def _group(q: Question, group: str) -> str:
    found = q.registry.newest.get(("group", group))
    if found is None or q.recipient not in found["members"]:
        return ""
    if q.as_of < moment(found["valid_from"]):
        return "DEN_CONSENT_NOT_YET_VALID"
    return "OK_GRANT" if q.as_of < moment(found["valid_to"]) else "DEN_CONSENT_EXPIRED"


def _platform(q: Question, word: str) -> bool:
    if not word.endswith("/members"):
        return word == q.recipient
    platform = q.registry.partner(word.removesuffix("/members")) or {}
    return q.recipient in platform.get("members", [])


def best_way(q: Question, words: Iterable[str]) -> str:
    """The best of several ways to be meant; "" if there is none."""
    ways = [way(q, word) for word in words]
    for code in ("OK_GRANT", "DEN_CONSENT_EXPIRED", "DEN_CONSENT_NOT_YET_VALID"):
        if code in ways:
            return code
    return ""


def code_of(q: Question, life: Life) -> str:
    """§3 "Code of a life at as_of", with the group through which it means the recipient; "" if it does not."""
    meant = best_way(q, life.grant["recipients"])
    if not meant:
        return ""
    if life.ended:
        return _ENDED[life.ended]
    if q.as_of < moment(life.grant["valid_from"]):
        return "DEN_CONSENT_NOT_YET_VALID"
    if q.as_of >= moment(life.grant["valid_to"]):
        return "DEN_CONSENT_EXPIRED"
    return meant


def in_scope(q: Question, life: Life, series: str) -> bool:
    """§3 "Scope of a life"; `series` is the grantor's: the report's own, or the one that upstream names."""
    grant, report = life.grant, q.report
    if grant["status"] != report["status"]:
        return False
    if grant.get("level") == "ENHANCED" and level(q.registry, country(report), report["received_at"]) != "ENHANCED":
        return False
    if grant.get("series"):
        return series in grant["series"]
    return holds(grant.get("kinds", []), report["kind"]) and holds(grant.get("areas", []), country(report))


def lives_of(q: Question, grantor: str, series: str, effect: str, action: str) -> list[Life]:
    """The grantor's lives of this effect that are in scope and speak of the action."""
    default = ACTIONS if effect == "PROHIBIT" else ("READ", "ATTRIBUTE", "AGGREGATE")
    return [
        life
        for (one, _), lives in q.registry.lives.items()
        for life in lives
        if one == grantor
        and life.grant.get("effect", "PERMIT") == effect
        and action in life.grant.get("actions", default)
        and in_scope(q, life, series)
    ]


def prohibited(q: Question, grantor: str, series: str) -> bool:
    """§5 gate 5: a PROHIBIT in force means the recipient and the action."""
    return any(code_of(q, life) == "OK_GRANT" for life in lives_of(q, grantor, series, "PROHIBIT", q.action))


def permit_code(q: Question, life: Life) -> str:
    """The code of a PERMIT life: its own, IMR_HOLD by its condition, or what the recipient cannot discharge."""
    code = code_of(q, life)
    if code != "OK_GRANT":
        return code
    if life.grant.get("condition") == "IMMINENT_ONLY" and not imminent(q.report):
        return "IMR_HOLD"
    if not set(life.grant.get("obligations", [])) <= set(q.partner.get("capabilities", [])):
        return "DEN_OBLIGATION_UNSUPPORTED"
    return "OK_GRANT"


def permitted(life: Life, report: Fields) -> Projection:
    """§4: what one life permits."""
    grant = life.grant
    actions = grant.get("actions", ("READ", "ATTRIBUTE", "AGGREGATE"))
    found = read(grant.get("projection", "FULL"), report)
    if "PERSONAL" not in actions:
        found = without(found, "PERSONAL")
    if "AGGREGATE" not in actions:
        found = without(found, "CORROBORATION")
    for most in (grant.get("attribution", "NAMED"), "NAMED" if "ATTRIBUTE" in actions else "CATEGORY"):
        found = meet(found, named("FULL", report)._replace(attribution=most))
    return meet(found, named("LIFE_SAFETY", report)) if grant.get("condition") == "IMMINENT_ONLY" else found


def consent(q: Question, grantor: str, series: str, action: str) -> Consent:
    """§4: the join of what the grantor's lives permit, or the one code that says why none does."""
    permits, codes, projection = [], [], EMPTY
    for life in lives_of(q, grantor, series, "PERMIT", action):
        code = permit_code(q, life) if q.report["epoch"] > life.covers_from else ""
        if code == "OK_GRANT":
            permits.append(life)
            projection = join(projection, permitted(life, q.report))
        elif code:
            codes.append(code)
    if permits:
        return Consent(tuple(permits), projection, "")
    keep = [code for code in codes if TARGET[code] == "KEEP"]
    return Consent((), EMPTY, first(keep or codes or ["DEN_NO_CONSENT"]))
