"""Two ledger incidents become one, and what is known of their pairs changes. Nothing is sent for it: reconcile does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from services.core.grouping import Link
from services.core.ledger import Entry, Incident, Slot, Slots
from services.core.plan import founder_of


def merged(incident: Incident, others: Iterable[Incident]) -> Incident:
    """All reports, and all that is held of them, under the first one's id; keys in the order in which they began.

    Whether two incidents became one early or late leaves no trace: what was hidden when it was done stays hidden.
    """
    for other in others:
        entries = {**incident.entries, **other.entries}
        recipients = dict.fromkeys((*incident.holdings, *other.holdings))
        holdings = {one: _both(incident.holdings.get(one, ()), other.holdings.get(one, ())) for one in recipients}
        incident = incident._replace(entries=entries, holdings=holdings)
    return incident


def _both(mine: Slots, theirs: Slots) -> Slots:
    return tuple(sorted(mine + theirs, key=_age))


def _age(slot: Slot) -> tuple[int, str, str]:
    return slot.begun, founder_of(slot.name), slot.name


def relinked(entries: Mapping[str, Entry], series: str, links: Iterable[Link]) -> dict[str, Entry]:
    """`links` is all that is known of the series now (of none: ""), and of other pairs: it replaces what was."""
    fresh = [link for link in links if link.one in entries and link.other in entries]
    spoken = {frozenset(link[:2]) for link in fresh}
    added: dict[str, list[Link]] = {}
    for link in fresh:
        added.setdefault(link.one, []).append(link)
    return {one: _linked(entry, series, spoken, added.get(one, [])) for one, entry in entries.items()}


def _linked(entry: Entry, series: str, spoken: set[frozenset[str]], added: list[Link]) -> Entry:
    kept = tuple(link for link in entry.links if series not in link[:2] and frozenset(link[:2]) not in spoken)
    links = (*kept, *added)
    return entry if links == entry.links else entry._replace(links=links)
