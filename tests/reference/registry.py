"""The control records, folded naively (docs/rules.md §3): computed anew for every question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from tests.reference.facts import Fields, moment


class Entry(NamedTuple):
    """One record of slt.control; `holds` is False if its signature does not hold."""

    offset: int
    appended: datetime
    author: str
    covers_from: int
    payload: Fields
    holds: bool = True


class Life(NamedTuple):
    """One life of a grant; `ended` is "" or why: DEFERRED PROSPECTIVE RECALL REFUSED REVOKED INVALIDATED."""

    grant: Fields
    covers_from: int
    ended: str


TAKEN_BACK = ("RECALL", "REFUSED", "REVOKED", "INVALIDATED")
_IDS = {
    "partner": ("org",),
    "representative": ("org", "name"),
    "grant": ("grantor", "grant"),
    "end": ("grantor", "grant"),
    "outlet": ("org",),
    "withdrawal": ("originator", "series"),
    "area": ("area",),
    "sensitivity": ("area",),
    "overlay": ("area",),
    "lou": ("lou",),
    "group": ("group",),
    "breakglass": ("series", "org", "confirmer"),
}


@dataclass
class Registry:
    """What the records say together."""

    newest: dict[tuple[str, ...], Fields] = field(default_factory=dict)
    """type and id -> the newest version."""
    lives: dict[tuple[str, str], list[Life]] = field(default_factory=dict)
    """grantor and grant -> its lives in their order."""
    withdrawals: dict[str, tuple[int, str]] = field(default_factory=dict)
    """series -> offset of the first withdrawal, and mode: RECALL once one of them said so."""
    areas: list[Fields] = field(default_factory=list)
    confirmations: list[tuple[str, str, datetime]] = field(default_factory=list)
    """series, organisation and time of each confirmation that the glass be broken."""
    unsigned: dict[tuple[str, ...], str] = field(default_factory=dict)
    """Type and id of a record whose signature does not hold -> its author, until one that holds follows."""
    unread: bool = False
    """A record is none."""

    @property
    def forged(self) -> set[str]:
        """Authors of records whose signature does not hold."""
        return set(self.unsigned.values())

    @property
    def broken(self) -> bool:
        """A record does not load."""
        return self.unread or bool(self.unsigned)

    def partner(self, org: str) -> Fields | None:
        """The newest record of an organisation."""
        return self.newest.get(("partner", org))


def loads(payload: Fields) -> bool:
    """A record loads if it has a known type, a version, and its id."""
    return (
        payload.get("type") in _IDS and "version" in payload and all(name in payload for name in _IDS[payload["type"]])
    )


def key(payload: Fields) -> tuple[str, ...]:
    """Type and id."""
    return (payload["type"], *(payload[name] for name in _IDS[payload["type"]]))


def fold(entries: Sequence[Entry]) -> Registry:
    """All records in the order of slt.control."""
    registry = Registry()
    for entry in sorted(entries, key=lambda one: one.offset):
        if not loads(entry.payload):
            registry.unread = True
        elif _is_newer(registry, entry.payload):
            if entry.holds:
                _apply(registry, entry)
                registry.newest[key(entry.payload)] = entry.payload
                registry.unsigned.pop(key(entry.payload), None)
            else:
                registry.unsigned[key(entry.payload)] = entry.author
    return registry


def _is_newer(registry: Registry, payload: Fields) -> bool:
    before = registry.newest.get(key(payload))
    return before is None or bool(payload["version"] > before["version"])


def _apply(registry: Registry, entry: Entry) -> None:
    payload = entry.payload
    match payload["type"]:
        case "grant":
            _grant(registry, entry)
        case "end":
            grant = (payload["grantor"], payload["grant"])
            registry.lives[grant] = [life._replace(ended=payload["state"]) for life in registry.lives.get(grant, [])]
        case "withdrawal":
            since, mode = registry.withdrawals.get(payload["series"], (entry.offset, payload["mode"]))
            registry.withdrawals[payload["series"]] = (since, "RECALL" if mode == "RECALL" else payload["mode"])
        case "area":
            registry.areas.append(payload)
        case "breakglass":
            registry.confirmations.append((payload["series"], payload["org"], entry.appended))


def _grant(registry: Registry, entry: Entry) -> None:
    """§3 "Lives of a grant"."""
    payload = entry.payload
    lives = registry.lives.setdefault((payload["grantor"], payload["grant"]), [])
    state = payload.get("state", "GIVEN")
    ended = payload.get("mode", "RECALL") if state == "WITHDRAWN" else state
    if not lives:
        since = entry.covers_from if entry.covers_from >= 0 else entry.offset
        lives.append(_life(payload, since, "") if state == "GIVEN" else Life(payload, -1, ended))
    elif state != "GIVEN":
        lives[:] = [_end(life, ended, entry, life is lives[-1]) for life in lives]
    elif _continues(lives[-1], payload, entry):
        lives[-1] = _life(payload, lives[-1].covers_from, "")
    else:
        lives.append(_life(payload, entry.offset, ""))


def _life(payload: Fields, since: int, ended: str) -> Life:
    return Life(payload, -1 if payload.get("covers_earlier") else since, ended)


def _continues(life: Life, payload: Fields, entry: Entry) -> bool:
    until = moment(life.grant["valid_to"])
    return life.ended in ("", "DEFERRED") and moment(payload["valid_from"]) <= until and entry.appended <= until


def _end(life: Life, ended: str, entry: Entry, newest: bool) -> Life:
    """The newest life, and any other that still runs, ends as the record says; none comes back to life so."""
    runs = life.ended in ("", "DEFERRED") and moment(life.grant["valid_to"]) > entry.appended
    if life.ended in TAKEN_BACK or not (newest or runs):
        return life
    if life.ended == "PROSPECTIVE" and ended == "DEFERRED":
        return life
    return life._replace(ended=ended)


def level(registry: Registry, area: str, at: datetime) -> str:
    """The level of a country at a moment: that of the latest `valid_from` not after it; unknown: REGULAR."""
    found, since = "REGULAR", None
    for payload in registry.areas:
        start = moment(payload["valid_from"])
        if payload["area"] == area and start <= at and (since is None or start >= since):
            found, since = payload["level"], start
    return found


def lou(registry: Registry, org: str) -> Fields:
    """The LOU of an organisation, or nothing."""
    partner = registry.partner(org) or {}
    return registry.newest.get(("lou", partner.get("lou", "")), {})
