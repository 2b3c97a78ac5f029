"""Atom and RSS feeds of alerts: what a reader needs of the feed itself (RFC 4287; RSS 2.0).

Elements of other namespaces are allowed anywhere and mean nothing: an alert that lies outside every entry is not in
the feed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime

from services.core.cap.findings import Finding, Rule, Weight
from services.core.cap.tree import Node

ATOM = "http://www.w3.org/2005/Atom"
_COMMON = frozenset({"author", "category", "contributor", "id", "link", "rights", "title", "updated"})
_IN_FEED = _COMMON | {"generator", "icon", "logo", "subtitle", "entry"}
_IN_ENTRY = _COMMON | {"content", "published", "source", "summary"}


def atom(feed: Node, with_alert: frozenset[int]) -> Iterator[Finding]:
    """What is wrong with an Atom feed; names of Atom are bare. `with_alert`: indexes of entries that hold an alert."""
    yield from _atom_level(feed, "feed", _IN_FEED)
    for index, entry in enumerate(feed.named("entry")):
        yield from _atom_level(entry, "feed/entry", _IN_ENTRY)
        linked = any("href" in link.attributes for link in entry.named("link"))
        outside = any("src" in content.attributes for content in entry.named("content"))
        if not (linked or outside or index in with_alert):
            advice = "link the alert of this entry, or put it into content"
            yield Finding(Rule.FEED_NO_ALERT, entry.line, "feed/entry/link", advice)


def _atom_level(node: Node, where: str, allowed: frozenset[str]) -> Iterator[Finding]:
    for child in node.children:
        if not child.name.startswith("{") and child.name not in allowed:
            advice = "Atom has no such element here: leave it out, or give it a namespace of its own"
            yield Finding(Rule.FEED_UNSUPPORTED_ELEMENT, child.line, f"{where}/{child.name[:40]}", advice)
    for name in ("id", "title", "updated"):
        found = list(node.named(name))
        if not found or (name == "id" and not found[0].text.strip()):
            yield Finding(Rule.FEED_MISSING_ELEMENT, node.line, f"{where}/{name}", f"add {name}")
        elif len(found) > 1:
            yield Finding(Rule.FEED_DUPLICATE_ELEMENT, found[1].line, f"{where}/{name}", f"keep one {name}")
    yield from _atom_dates(node, where)


def _atom_dates(node: Node, where: str) -> Iterator[Finding]:
    for name in ("updated", "published"):
        for found_time in node.named(name):
            if not _is_iso(found_time.text.strip()):
                advice = "write a time as 2026-03-01T06:30:00+00:00 or with Z"
                yield Finding(Rule.FEED_INVALID_DATE, found_time.line, f"{where}/{name}", advice)


def rss(channel: Node, with_alert: frozenset[int]) -> Iterator[Finding]:
    """What is wrong with the channel of an RSS 2.0 feed. `with_alert`: indexes of items that hold an alert."""
    for name in ("title", "link", "description"):
        if channel.first(name) is None:
            where = f"rss/channel/{name}"
            yield Finding(Rule.FEED_MISSING_ELEMENT, channel.line, where, f"add {name}", Weight.ADVICE)
    yield from _rss_dates(channel, "rss/channel", ("pubDate", "lastBuildDate"))
    for index, item in enumerate(channel.named("item")):
        if not (item.value("title") or item.value("description")):
            advice = "add a title or a description"
            yield Finding(Rule.FEED_MISSING_ELEMENT, item.line, "rss/channel/item/title", advice)
        if not (item.value("link") or item.value("guid") or item.first("enclosure") or index in with_alert):
            yield Finding(Rule.FEED_NO_ALERT, item.line, "rss/channel/item/link", "link the alert of this item")
        yield from _rss_dates(item, "rss/channel/item", ("pubDate",))


def _rss_dates(node: Node, where: str, names: tuple[str, ...]) -> Iterator[Finding]:
    for name in names:
        for found in node.named(name):
            if not _is_rfc822(found.text.strip()):
                advice = "write a date as Sun, 01 Mar 2026 06:30:00 GMT"
                yield Finding(Rule.FEED_INVALID_DATE, found.line, f"{where}/{name}", advice, Weight.ADVICE)


def _is_iso(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _is_rfc822(text: str) -> bool:
    try:
        parsedate_to_datetime(text)
    except (ValueError, IndexError, OverflowError):
        return False
    return True
