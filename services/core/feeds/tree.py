"""An XML element as plain data, and the way from a tree to a flat row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

JOINT = "; "
"""Between the values of a field that occurs more than once."""
_SIGNATURE = "ds:Signature"


class Node(NamedTuple):
    """One element. Names carry a known prefix (`cap:event`, `gdacs:eventid`); XML attributes are children (`@unit`)."""

    name: str
    text: str
    children: tuple[Node, ...] = ()

    def named(self, name: str) -> Iterator[Node]:
        """The children of that name, with or without a prefix of CAP or Atom."""
        return (child for child in self.children if local(child.name) == name)

    def first(self, name: str) -> str:
        """The text of the first child of that name; empty if there is none."""
        return next((child.text for child in self.named(name)), "")


def local(name: str) -> str:
    """The name without the prefix of CAP or Atom, whose element names a table uses bare."""
    return name.removeprefix("cap:").removeprefix("atom:")


def flatten(node: Node, prefix: str, row: dict[str, list[str]]) -> dict[str, list[str]]:
    """Every leaf below `node` under its path; a pair `valueName`, `value` is one entry `name=value` of its parent."""
    for child in node.children:
        path = prefix + local(child.name)
        if child.name == _SIGNATURE:
            row.setdefault("Signature", ["present"])
        elif next(child.named("valueName"), None) is not None:
            row.setdefault(path, []).extend(_pairs(child))
        else:
            if child.text or not child.children:
                row.setdefault(path, []).append(child.text)
            flatten(child, path + ("" if _only_attributes(child) else "/"), row)
    return row


def _only_attributes(node: Node) -> bool:
    return bool(node.children) and all(child.name.startswith("@") for child in node.children)


def _pairs(node: Node) -> list[str]:
    names = [child.text for child in node.named("valueName")]
    values = [child.text for child in node.named("value")]
    values += [""] * (len(names) - len(values))
    return [f"{name}={value}" for name, value in zip(names, values, strict=False)]


def joined(row: dict[str, list[str]]) -> dict[str, str]:
    """The row with the values of each field in one text."""
    return {name: JOINT.join(value for value in values if value) for name, values in row.items()}
