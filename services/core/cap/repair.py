"""Lenient intake: what alerts in the field get wrong and everybody understands is mended, by name and counted.

What is mended is never a guess about the content: an alert whose scope is missing is taken as Private, the narrowest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple

from services.core.cap.dictionary import DICTIONARY, SIGNATURE_NAMESPACE, Element, Type, Version
from services.core.cap.tree import Alert, Node
from services.core.cap.values import moment


class Repair(StrEnum):
    """What was mended."""

    ZONE_LETTER = "ZONE_LETTER"  # `Z` for an offset
    ZONE_MISSING = "ZONE_MISSING"  # taken as UTC
    ZONE_FORM = "ZONE_FORM"  # +0100, +01, a comma for a sign
    FRACTION = "FRACTION"  # of a second
    TIME_SPACE = "TIME_SPACE"  # a blank for the T
    MARGIN = "MARGIN"  # white space around a word or a time
    WORD_CASE = "WORD_CASE"  # actual, ACTUAL
    ORDER = "ORDER"  # elements in another order
    STRANGE = "STRANGE"  # elements and attributes that the dictionary does not have, left out
    EMPTY = "EMPTY"  # an empty optional element, left out
    SCOPE = "SCOPE"  # missing, taken as Private


class Mended(NamedTuple):
    """An alert with what was mended in it."""

    alert: Alert
    repairs: Mapping[Repair, int]


_OFFSET = re.compile(r"([+\-,])(\d{2}):?(\d{2})?$")
_KEPT_EMPTY = frozenset({"value", "valueName"})


class _Mender:
    def __init__(self) -> None:
        self.counts: dict[Repair, int] = {}

    def count(self, repair: Repair) -> None:
        self.counts[repair] = self.counts.get(repair, 0) + 1

    def node(self, node: Node, entry: Element) -> Node:
        """The element mended, and all below it."""
        for _ in node.attributes:
            self.count(Repair.STRANGE)
        if not entry.children:
            return Node(node.name, self.text(node.text, entry), node.line)
        found = [self.node(child, below) for child, below in self._known(node, entry)]
        places = {child.name: index for index, child in enumerate(entry.children)}
        ordered = sorted(found, key=lambda child: places[child.name])
        if ordered != found:
            self.count(Repair.ORDER)
        return Node(node.name, node.text, node.line, tuple(ordered))

    def _known(self, node: Node, entry: Element) -> Iterator[tuple[Node, Element]]:
        for child in node.children:
            below = entry.child(child.name)
            if below is None:
                if not child.name.startswith(f"{{{SIGNATURE_NAMESPACE}}}"):
                    self.count(Repair.STRANGE)
            elif below.least == 0 and child.name not in _KEPT_EMPTY and not child.children and not child.text.strip():
                self.count(Repair.EMPTY)
            else:
                yield child, below

    def text(self, text: str, entry: Element) -> str:
        """A text as its type wants it; what is beyond repair stays as it is."""
        if entry.type is Type.STRING and not entry.words:
            return text
        bare = text.strip()
        if bare != text:
            self.count(Repair.MARGIN)
        if entry.words:
            return self._word(bare, entry.words)
        return self.time(bare) if entry.type is Type.CAP_TIME else bare

    def _word(self, text: str, words: tuple[str, ...]) -> str:
        found = next((word for word in words if word.lower() == text.lower()), text)
        if found != text:
            self.count(Repair.WORD_CASE)
        return found

    def time(self, text: str) -> str:
        """A time in the one form of CAP 1.2."""
        for repair, change in _TIME_REPAIRS:
            changed = change(text)
            if changed != text:
                self.count(repair)
                text = changed
        return text


def _offset(text: str) -> str:
    """`+0100`, `+01` and a comma for the sign become `+01:00`; only behind a time of day."""
    found = _OFFSET.search(text) if len(text) > 19 else None
    if found is None:
        return text
    sign = "+" if found[1] == "," else found[1]
    return f"{text[: found.start()]}{sign}{found[2]}:{found[3] or '00'}"


def _zone(text: str) -> str:
    return text if _OFFSET.search(text[19:]) or moment(text) is None else f"{text}+00:00"


_TIME_REPAIRS: tuple[tuple[Repair, Callable[[str], str]], ...] = (
    (Repair.TIME_SPACE, lambda text: re.sub(r"^(\d{4}-\d{2}-\d{2}) +(?=\d)", r"\1T", text)),
    (Repair.FRACTION, lambda text: re.sub(r"^(.{19})\.\d+", r"\1", text)),
    (Repair.ZONE_LETTER, lambda text: re.sub(r"^(.{19}) ?[Zz]$", r"\1+00:00", text)),
    (Repair.ZONE_FORM, _offset),
    (Repair.ZONE_MISSING, _zone),
)


def mend(alert: Alert) -> Mended:
    """The alert as its publisher meant it. Signatures and the older versions' forms of times stay what they are."""
    mender = _Mender()
    root = mender.node(alert.root, DICTIONARY[alert.version])
    if alert.version is not Version.V10 and root.first("scope") is None:
        places = [child.name for child in DICTIONARY[alert.version].children]
        children = sorted((*root.children, Node("scope", "Private", root.line)), key=lambda n: places.index(n.name))
        root = root._replace(children=tuple(children))
        mender.count(Repair.SCOPE)
    return Mended(Alert(alert.version, root), mender.counts)
