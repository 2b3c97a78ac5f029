"""The schemas of CAP, compiled once: the net below the rules, and the proof of what we write."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from lxml import etree

from services.core.cap.dictionary import Version
from services.core.cap.findings import Finding, Rule
from services.core.cap.tree import Alert
from services.core.cap.xsd import render


@cache
def schema(version: Version) -> etree.XMLSchema:
    """The compiled schema of one version."""
    return etree.XMLSchema(etree.fromstring(render(version).encode()))


def follows_schema(alert: Alert, element: etree._Element) -> bool:
    """Whether nothing is left to ask the dictionary. Of signatures libxml2 also lets one stand before an info."""
    signed = any(child.name.startswith("{") for child in alert.root.children)
    return not signed and bool(schema(alert.version).validate(element))


def against_schema(element: etree._Element, version: Version) -> Iterator[Finding]:
    """What the schema refuses of an alert element, without the values that it quotes."""
    own = schema(version)
    own.validate(element)
    for error in own.error_log:
        advice = f"does not follow the schema of CAP {version}: {error.type_name.removeprefix('SCHEMAV_').lower()}"
        yield Finding(Rule.INVALID_SCHEMA, error.line, error.path or "alert", advice)
