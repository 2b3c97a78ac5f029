"""GDACS, the Global Disaster Alert and Coordination System: the items of its RSS feed."""

from __future__ import annotations

from services.core.feeds.cap import moment
from services.core.feeds.table import Feed, Row, Rule, Submission, drop, keep, set_headline, to
from services.core.feeds.tree import Node, flatten, joined

_SEVERITY = {"Green": "Moderate", "Orange": "Severe", "Red": "Extreme"}
"""As in GDACS's own CAP messages, where a green alert is Moderate."""
_POINT_EVENTS = frozenset({"EQ", "VO"})
"""Earthquakes and volcanoes are where their point is; that of a storm, flood or drought stands for an area."""

_RULES: tuple[Rule, ...] = (
    to("guid", "series_id", note="`gdacs-<guid>`"),
    drop("guid@isPermaLink", "about the RSS element"),
    to("title", "headline"),
    to("description", "description"),
    to("pubDate", "reported_at"),
    to("gdacs:fromdate", "occurred_from"),
    to("gdacs:todate", "occurred_to"),
    to("gdacs:eventtype", "event", "place.precision", note="EQ, VO: the point is EXACT; others stand for an area"),
    to("gdacs:alertlevel", "severity", "attributes", note="Green Moderate, Orange Severe, Red Extreme"),
    to("geo:Point/geo:lat", "place.latitude"),
    to("geo:Point/geo:long", "place.longitude"),
    drop("georss:point", "the same point as geo:Point"),
    to("gdacs:iso3", "place.country"),
    to("gdacs:country", "place.country", "attributes", note="names, several for some; the place's where iso3 is empty"),
    *keep("link", "dc:subject", "gdacs:bbox", "gdacs:cap", "gdacs:temporary", "gdacs:iscurrent", "gdacs:version"),
    *keep("gdacs:durationinweek", "gdacs:year", "gdacs:alertscore", "gdacs:episodealertlevel"),
    *keep("gdacs:episodealertscore", "gdacs:eventname", "gdacs:eventid", "gdacs:episodeid", "gdacs:calculationtype"),
    *keep("gdacs:severity", "gdacs:severity@unit", "gdacs:severity@value", "gdacs:population"),
    *keep("gdacs:population@unit", "gdacs:population@value", "gdacs:vulnerability", "gdacs:vulnerability@value"),
    *keep("gdacs:glide"),
    drop("enclosure", "a thumbnail"),
    drop("enclosure@type", "a thumbnail"),
    drop("enclosure@length", "a thumbnail"),
    drop("enclosure@url", "a thumbnail"),
    drop("gdacs:icon", "a picture of the alert level"),
    drop("gdacs:mapimage", "empty in every item seen"),
    drop("gdacs:maplink", "empty in every item seen"),
    drop("gdacs:gtsimage", "empty in every item seen"),
    drop("gdacs:gtslink", "empty in every item seen"),
    drop("gdacs:resources/*", "links to products, about 20 an item, that the report behind `link` lists"),
    drop("gdacs:identifiers", "empty"),
    drop("gdacs:identifiers/*", "keys of other systems without a name of their own; `gdacs:glide` is kept"),
)


def is_item(item: Node) -> bool:
    """True for an RSS item of GDACS."""
    return any(child.name.startswith("gdacs:") for child in item.children)


def item_row(item: Node) -> Row:
    """The flat row of an item."""
    return joined(flatten(item, "", {}))


def _series(row: Row) -> str:
    guid = row.get("guid", "").strip()
    return f"gdacs-{guid}" if guid else ""


def _derive(row: Row, found: Submission) -> None:
    level = row.get("gdacs:alertlevel", "").strip()
    found["severity"] = _SEVERITY.get(level, "Unknown")
    times = {"occurred_from": "gdacs:fromdate", "occurred_to": "gdacs:todate", "reported_at": "pubDate"}
    for field, name in times.items():
        if row.get(name, "").strip():
            found[field] = moment(row[name].strip())
    if "occurred_from" in found:
        found["time_precision"] = "EXACT"
    place = found["place"]
    if "latitude" in place and "longitude" in place:
        place["precision"] = "EXACT" if found.get("event") in _POINT_EVENTS else "UNKNOWN"
    set_headline(found, found.get("event", ""), place.get("country", ""))


GDACS = Feed(
    name="gdacs",
    title="Global Disaster Alert and Coordination System",
    scheme="GDACS",
    kind="SECURITY_ALERT",
    marks=frozenset(),
    rules=_RULES,
    series=_series,
    derive=_derive,
)
