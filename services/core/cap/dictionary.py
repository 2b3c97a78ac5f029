"""The data dictionary of CAP 1.0, 1.1 and 1.2 as one table: which elements, in which order, how often, of what type.

The schemas under schemas/cap are made from it (`slt cap schema`), and it says what is wrong with an alert that does
not follow it, which a schema says less well. Later versions add to and tighten the earlier ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple


class Version(StrEnum):
    """All are read; 1.2 is written."""

    V10 = "1.0"
    V11 = "1.1"
    V12 = "1.2"


NAMESPACES = {
    Version.V10: "http://www.incident.com/cap/1.0",
    Version.V11: "urn:oasis:names:tc:emergency:cap:1.1",
    Version.V12: "urn:oasis:names:tc:emergency:cap:1.2",
}
SIGNATURE_NAMESPACE = "http://www.w3.org/2000/09/xmldsig#"
MANY = 1_000_000


class Type(StrEnum):
    """What the text of an element may be: types of XML Schema, and the date-time that CAP 1.2 allows."""

    STRING = "string"
    DATE_TIME = "dateTime"
    CAP_TIME = "capTime"
    LANGUAGE = "language"
    URI = "anyURI"
    INTEGER = "integer"
    DECIMAL = "decimal"


class Element(NamedTuple):
    """One entry of the dictionary."""

    name: str
    type: Type = Type.STRING
    least: int = 1
    most: int = 1
    words: tuple[str, ...] = ()
    """The only values; empty: any."""
    children: tuple[Element, ...] = ()

    def child(self, name: str) -> Element | None:
        """The entry below this one, or None."""
        return next((child for child in self.children if child.name == name), None)


_STATUS = ("Actual", "Exercise", "System", "Test", "Draft")
_MESSAGE = ("Alert", "Update", "Cancel", "Ack", "Error")
_SCOPE = ("Public", "Restricted", "Private")
_CATEGORY = (
    "Geo",
    "Met",
    "Safety",
    "Security",
    "Rescue",
    "Fire",
    "Health",
    "Env",
    "Transport",
    "Infra",
    "CBRNE",
    "Other",
)
_RESPONSE = ("Shelter", "Evacuate", "Prepare", "Execute", "Avoid", "Monitor", "Assess", "AllClear", "None")
_URGENCY = ("Immediate", "Expected", "Future", "Past", "Unknown")
_SEVERITY = ("Extreme", "Severe", "Moderate", "Minor", "Unknown")
_CERTAINTY = ("Observed", "Likely", "Possible", "Unlikely", "Unknown")


def _some(name: str, type_: Type = Type.STRING, words: tuple[str, ...] = ()) -> Element:
    return Element(name, type_, 0, 1, words)


def _many(name: str, words: tuple[str, ...] = (), least: int = 0, children: tuple[Element, ...] = ()) -> Element:
    return Element(name, Type.STRING, least, MANY, words, children)


def _pair(name: str, version: Version) -> Element:
    """A list of named values; CAP 1.0 wrote `name=value` in one text."""
    return _many(name, children=() if version is Version.V10 else (Element("valueName"), Element("value")))


def _without(words: tuple[str, ...], *left_out: str) -> tuple[str, ...]:
    return tuple(word for word in words if word not in left_out)


def _resource(version: Version) -> Element:
    first = version is Version.V10
    deref = () if first else (_some("derefUri"),)
    mime = Element("mimeType") if version is Version.V12 else _some("mimeType")
    parts = (Element("resourceDesc"), mime, _some("size", Type.INTEGER), _some("uri", Type.URI), *deref)
    return _many("resource", children=(*parts, _some("digest")))


def _area(version: Version) -> Element:
    height = Type.DECIMAL if version is Version.V12 else Type.STRING
    shapes = (Element("areaDesc"), _many("polygon"), _many("circle"), _pair("geocode", version))
    return _many("area", children=(*shapes, _some("altitude", height), _some("ceiling", height)))


def _info(version: Version) -> Element:
    first, last = version is Version.V10, version is Version.V12
    category = _many("category", _without(_CATEGORY, "CBRNE") if first else _CATEGORY, 0 if first else 1)
    response = _many("responseType", _RESPONSE if last else _without(_RESPONSE, "Avoid", "AllClear"))
    certainty = ("Very Likely", *_CERTAINTY[1:]) if first else _CERTAINTY
    time = Type.CAP_TIME if last else Type.DATE_TIME
    return _many("info", children=(
        _some("language", Type.LANGUAGE), category, Element("event"), *(() if first else (response,)),
        Element("urgency", words=_URGENCY), Element("severity", words=_SEVERITY), Element("certainty", words=certainty),
        _some("audience"), _pair("eventCode", version), _some("effective", time), _some("onset", time),
        _some("expires", time), _some("senderName"), _some("headline"), _some("description"), _some("instruction"),
        _some("web", Type.URI), _some("contact"), _pair("parameter", version), _resource(version), _area(version),
    ))  # fmt: skip


def _alert(version: Version) -> Element:
    first = version is Version.V10
    status = _without(_STATUS, "Draft") if first else _STATUS
    time = Type.CAP_TIME if version is Version.V12 else Type.DATE_TIME
    return Element("alert", children=(
        Element("identifier"), Element("sender"), Element("sent", time), Element("status", words=status),
        Element("msgType", words=_MESSAGE), *((_some("password"),) if first else ()), _some("source"),
        Element("scope", least=0 if first else 1, words=_SCOPE), _some("restriction"), _some("addresses"),
        _many("code"), _some("note"), _some("references"), _some("incidents"), _info(version),
    ))  # fmt: skip


DICTIONARY = {version: _alert(version) for version in Version}
SIGNED = frozenset({Version.V12})
"""Versions whose schema lets a signature follow the last `info`."""


def names(element: Element) -> Iterator[str]:
    """Every element name at and below this entry."""
    yield element.name
    for child in element.children:
        yield from names(child)
