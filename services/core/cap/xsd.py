"""The dictionary as an XML Schema: the files under schemas/cap, `slt cap schema VERSION`.

One thing is tighter than in the schema that OASIS publishes: a comma is no sign of an offset.
"""

from __future__ import annotations

from collections.abc import Iterator

from services.core.cap.dictionary import (
    DICTIONARY,
    MANY,
    NAMESPACES,
    SIGNATURE_NAMESPACE,
    SIGNED,
    Element,
    Type,
    Version,
)

_TIME = r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}[+\-]\d{2}:\d{2}"


def render(version: Version) -> str:
    """The schema of one version."""
    lines = (
        '<?xml version="1.0" encoding="UTF-8"?>',
        f"<!-- CAP {version}, made from services/core/cap/dictionary.py by `slt cap schema {version}`. -->",
        f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="{NAMESPACES[version]}"',
        '    elementFormDefault="qualified">',
        *_element(DICTIONARY[version], 1, version, top=True),
        "</xs:schema>",
    )
    return "\n".join(lines) + "\n"


def _element(element: Element, depth: int, version: Version, top: bool = False) -> Iterator[str]:
    margin = "  " * depth
    often = "" if top else _often(element)
    preset = ' default="en-US"' if element.type is Type.LANGUAGE else ""
    if element.children:
        yield f'{margin}<xs:element name="{element.name}"{often}><xs:complexType><xs:sequence>'
        for child in element.children:
            yield from _element(child, depth + 1, version)
        if top and version in SIGNED:
            every = f'minOccurs="0" maxOccurs="unbounded" namespace="{SIGNATURE_NAMESPACE}" processContents="lax"'
            yield f"{margin}  <xs:any {every}/>"
        yield f"{margin}</xs:sequence></xs:complexType></xs:element>"
    elif element.words:
        yield f'{margin}<xs:element name="{element.name}"{often}><xs:simpleType><xs:restriction base="xs:string">'
        yield from (f'{margin}  <xs:enumeration value="{word}"/>' for word in element.words)
        yield f"{margin}</xs:restriction></xs:simpleType></xs:element>"
    elif element.type is Type.CAP_TIME:
        yield f'{margin}<xs:element name="{element.name}"{often}><xs:simpleType><xs:restriction base="xs:dateTime">'
        yield f'{margin}  <xs:pattern value="{_TIME}"/>'
        yield f"{margin}</xs:restriction></xs:simpleType></xs:element>"
    else:
        yield f'{margin}<xs:element name="{element.name}" type="xs:{element.type}"{often}{preset}/>'


def _often(element: Element) -> str:
    least = "" if element.least else ' minOccurs="0"'
    return least + (' maxOccurs="unbounded"' if element.most == MANY else "")
