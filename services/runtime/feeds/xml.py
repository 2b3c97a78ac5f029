"""XML files: single CAP alerts, EDXL-DE, Atom and RSS, GDACS.

The parser is hardened: no network, no entities, no oversized trees, and any DOCTYPE is refused. A file that is refused,
or in which no record is found, is one record that cannot be read: it is sent as it is and counted by intake.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from services.core.feeds.cap import CAP, alert_row, index_row, is_index_entry
from services.core.feeds.gdacs import GDACS, is_item, item_row
from services.core.feeds.tree import Node, flatten, joined
from services.runtime.feeds.items import Item

_CAP = (
    "urn:oasis:names:tc:emergency:cap:1.2",
    "urn:oasis:names:tc:emergency:cap:1.1",
    "http://www.incident.com/cap/1.0",
)
_ATOM = "http://www.w3.org/2005/Atom"
_EDXL = "urn:oasis:names:tc:emergency:EDXL:DE:1.0"
_PREFIXES = {
    **dict.fromkeys(_CAP, "cap:"), _ATOM: "atom:", _EDXL: "", "http://www.gdacs.org": "gdacs:",
    "http://www.w3.org/2003/01/geo/wgs84_pos#": "geo:", "http://www.georss.org/georss": "georss:",
    "http://purl.org/dc/elements/1.1/": "dc:", "http://www.w3.org/2001/XMLSchema-instance": "xsi:",
    "http://www.w3.org/2000/09/xmldsig#": "ds:",
}  # fmt: skip
_ALERTS = tuple(f"{{{namespace}}}alert" for namespace in _CAP)
_ENTRIES = (f"{{{_ATOM}}}entry", "item")
_CONTENTS = f"{{{_EDXL}}}contentObject"
_DISTRIBUTION = f"{{{_EDXL}}}EDXLDistribution"


def read_xml(path: Path) -> list[Item]:
    """Every alert and every feed entry of a file; the whole file as one unreadable record if there is none."""
    data = path.read_bytes()
    return list(_records(data)) or [Item(None, {}, data)]


def _records(data: bytes) -> Iterator[Item]:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError:
        return
    if root.getroottree().docinfo.doctype:
        return
    for element in root.iter(*_ALERTS, *_ENTRIES, _CONTENTS):
        if element.tag in _ALERTS:
            yield Item(CAP, alert_row(_node(element), _wrapper(element)), etree.tostring(element, with_tail=False))
        elif next(element.iter(*_ALERTS), None) is None:
            yield _entry(element)


def _entry(element: etree._Element) -> Item:
    """A feed entry, or a content object, in which no alert lies."""
    raw = etree.tostring(element, with_tail=False)
    node = _node(element)
    if is_item(node):
        return Item(GDACS, item_row(node), raw)
    if is_index_entry(node):
        return Item(CAP, index_row(node), raw)
    return Item(None, {}, raw)


def _wrapper(alert: etree._Element) -> dict[str, str]:
    """What the EDXL-DE envelope or the feed entry around an alert says."""
    row: dict[str, list[str]] = {}
    for around in alert.iterancestors(_DISTRIBUTION, *_ENTRIES):
        fields = _node(around, without=(_CONTENTS, *_ALERTS))
        flatten(fields, "edxl/" if around.tag == _DISTRIBUTION else "entry/", row)
    return joined(row)


def _node(element: etree._Element, without: tuple[str, ...] = ()) -> Node:
    attributes = tuple(Node(f"@{_name(name)}", value) for name, value in element.attrib.items())
    children = tuple(_node(child, without) for child in element.iterchildren(etree.Element) if child.tag not in without)
    return Node(_name(element.tag), (element.text or "").strip(), attributes + children)


def _name(tag: str) -> str:
    name = etree.QName(tag)
    prefix = _PREFIXES.get(name.namespace, "other:") if name.namespace else ""
    return f"{prefix}{name.localname}"
