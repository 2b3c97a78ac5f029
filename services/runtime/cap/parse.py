"""Bytes to an XML tree, for input of which nothing is known (libraries.md §4).

No network, no entities, no DTD, no huge trees; the size is looked at before anything is parsed. The parser's own limits
hold nesting to 256 levels. lxml stays in `runtime`, as for the feeds: `core` sees plain data.
"""

from __future__ import annotations

from lxml import etree

from services.core.cap.dictionary import NAMESPACES, Version
from services.core.cap.findings import Finding, Rule
from services.core.cap.tree import Alert, Node

MOST_BYTES = 8 << 20
"""A feed with all its alerts; a record on a topic is held to 1 MiB by intake."""
VERSIONS = {namespace: version for version, namespace in NAMESPACES.items()}
ALERTS = {f"{{{namespace}}}alert": version for namespace, version in VERSIONS.items()}
_HINTS = "{http://www.w3.org/2001/XMLSchema-instance}"
_HINTED = frozenset({f"{_HINTS}schemaLocation", f"{_HINTS}noNamespaceSchemaLocation"})
_PARSER_SETTINGS = {
    "resolve_entities": False, "no_network": True, "huge_tree": False, "load_dtd": False, "dtd_validation": False,
}  # fmt: skip


def parse(data: bytes, most: int = MOST_BYTES) -> etree._Element | Finding:
    """The root element, or why there is none."""
    if len(data) > most:
        return Finding(Rule.TOO_LARGE, 0, "", f"send at most {most} bytes")
    try:
        root = etree.fromstring(data, etree.XMLParser(**_PARSER_SETTINGS))
    except etree.XMLSyntaxError as error:
        return Finding(Rule.NOT_WELL_FORMED, error.lineno or 0, "", _syntax(error))
    except (ValueError, LookupError):
        return Finding(Rule.NOT_WELL_FORMED, 0, "", "send XML in the encoding that its first line names, best UTF-8")
    if b"\0" in data[:2]:
        return Finding(Rule.NOT_WELL_FORMED, 1, "", "begin UTF-16 with its byte order mark, or send UTF-8")
    if root.getroottree().docinfo.doctype:
        return Finding(Rule.DOCTYPE, 1, "", "remove the DOCTYPE: entities and DTDs are never read")
    return root


def _syntax(error: etree.XMLSyntaxError) -> str:
    """What kind of error: the parser's own words may quote the content."""
    name = error.code and etree.ErrorTypes._getName(error.code, "")
    words = str(name or "").removeprefix("ERR_").replace("_", " ").lower()
    return f"mend the XML: {words}" if words else "mend the XML"


def alert_of(element: etree._Element) -> Alert | Finding:
    """The alert that an element is, or why it is none."""
    version = ALERTS.get(element.tag) if isinstance(element.tag, str) else None
    if version is None:
        name = etree.QName(element)
        advice = "the namespace names no version of CAP" if name.localname == "alert" else "this is not a CAP alert"
        advice += f': use <alert xmlns="{NAMESPACES[Version.V12]}">'
        return Finding(Rule.NOT_CAP, element.sourceline or 0, "", advice)
    return Alert(version, plain(element, f"{{{NAMESPACES[version]}}}"))


def plain(element: etree._Element, own: str) -> Node:
    """The element and all below as plain data; `own`: the namespace in braces whose names are bare."""
    children = [child for child in element if isinstance(child.tag, str)]
    text = "".join((element.text or "", *((child.tail or "") for child in element)))
    return Node(
        element.tag.removeprefix(own),
        text.strip() if children else text,
        element.sourceline or 0,
        tuple([plain(child, own) for child in children]),
        tuple([str(name) for name in element.attrib if name not in _HINTED]) if element.attrib else (),
    )
