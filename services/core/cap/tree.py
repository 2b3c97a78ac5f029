"""An alert as plain data, with the lines at which its elements stand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from services.core.cap.dictionary import Version


class Node(NamedTuple):
    """One element. CAP's own names are bare, those of another namespace are written `{namespace}name`."""

    name: str
    text: str = ""
    """Its text as it stands; of an element with children whatever text lies between them, without the margins."""
    line: int = 0
    children: tuple[Node, ...] = ()
    attributes: tuple[str, ...] = ()
    """Names of its XML attributes, without those that only point to a schema."""

    def named(self, name: str) -> Iterator[Node]:
        """The children of that name."""
        return (child for child in self.children if child.name == name)

    def first(self, name: str) -> Node | None:
        """The first child of that name."""
        return next(self.named(name), None)

    def value(self, name: str) -> str:
        """The text of the first child of that name without margins; empty if there is none."""
        found = self.first(name)
        return "" if found is None else found.text.strip()

    @property
    def infos(self) -> Iterator[Node]:
        """The info blocks of an alert."""
        return self.named("info")


class Alert(NamedTuple):
    """One alert of a version."""

    version: Version
    root: Node
