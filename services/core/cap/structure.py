"""Does an alert follow the data dictionary? The same verdict as the schema's, said so that somebody can mend it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from services.core.cap.dictionary import DICTIONARY, SIGNATURE_NAMESPACE, SIGNED, Element, Version
from services.core.cap.findings import Finding, Rule
from services.core.cap.tree import Alert, Node
from services.core.cap.values import wrong

_SIGNATURE = f"{{{SIGNATURE_NAMESPACE}}}"


def structure(alert: Alert) -> Iterator[Finding]:
    """Every way in which the alert leaves the dictionary."""
    entry = DICTIONARY[alert.version]
    yield from _within(alert.root, entry, entry.name, alert.version)


def _within(node: Node, entry: Element, where: str, version: Version) -> Iterator[Finding]:
    for name in node.attributes:
        yield Finding(Rule.UNSUPPORTED_ATTRIBUTE, node.line, where, f"leave out the attribute {_shown(name)}")
    if not entry.children:
        yield from _value(node, entry, where)
        return
    if node.text:
        yield Finding(Rule.INVALID_CHARACTERS, node.line, where, "remove the text between the elements")
    known = _known(node, entry, version)
    yield from _strange(node, known, where, version)
    yield from _counted(node, entry, where)
    yield from _ordered(node, entry, where)
    for child, below in known:
        yield from _within(child, below, f"{where}/{child.name}", version)


def _known(node: Node, entry: Element, version: Version) -> list[tuple[Node, Element]]:
    by_name = {child.name: child for child in entry.children}
    return [(child, by_name[child.name]) for child in node.children if child.name in by_name]


def _strange(node: Node, known: list[tuple[Node, Element]], where: str, version: Version) -> Iterator[Finding]:
    """Elements that do not belong here; a signature may follow the last `info`."""
    own = {id(child) for child, _ in known}
    signable = version in SIGNED and where == "alert"
    for index, child in enumerate(node.children):
        if id(child) in own:
            continue
        if not (signable and child.name.startswith(_SIGNATURE)):
            advice = f"{_shown(child.name)} does not belong in {where}: check its spelling, or leave it out"
            yield Finding(Rule.UNSUPPORTED_ELEMENT, child.line, f"{where}/{_shown(child.name)}", advice)
        elif any(id(after) in own for after in node.children[index:]):
            advice = "move the signature behind the last info"
            yield Finding(Rule.INVALID_SEQUENCE, child.line, f"{where}/Signature", advice)


def _counted(node: Node, entry: Element, where: str) -> Iterator[Finding]:
    seen: Counter[str] = Counter()
    for child in node.children:
        seen[child.name] += 1
        below = entry.child(child.name)
        if below is not None and seen[child.name] > below.most:
            advice = f"keep one {child.name}, remove the others"
            yield Finding(Rule.DUPLICATE_ELEMENT, child.line, f"{where}/{child.name}", advice)
    for below in entry.children:
        if seen[below.name] < below.least:
            advice = f"add {below.name}" + (f", one of {', '.join(below.words)}" if below.words else "")
            yield Finding(Rule.MISSING_REQUIRED_ELEMENT, node.line, f"{where}/{below.name}", advice)


def _ordered(node: Node, entry: Element, where: str) -> Iterator[Finding]:
    places = {child.name: index for index, child in enumerate(entry.children)}
    latest, before = -1, ""
    for child in node.children:
        place = places.get(child.name)
        if place is None:
            continue
        if place < latest:
            yield Finding(
                Rule.INVALID_SEQUENCE, child.line, f"{where}/{child.name}", f"move {child.name} before {before}"
            )
        else:
            latest, before = place, child.name


def _value(node: Node, entry: Element, where: str) -> Iterator[Finding]:
    if node.children:
        below = f"{where}/{_shown(node.children[0].name)}"
        yield Finding(Rule.UNSUPPORTED_ELEMENT, node.children[0].line, below, f"{entry.name} holds text only")
    if entry.words and node.text not in entry.words:
        shown = "leave out the white space around it" if node.text.strip() in entry.words else "use"
        advice = f"{shown} one of {', '.join(entry.words)}" if shown == "use" else shown
        yield Finding(Rule.INVALID_ENUM_VALUE, node.line, where, advice)
    advice = "" if entry.words else wrong(entry.type, node.text)
    if advice:
        rule = Rule.INVALID_DATE if entry.type.endswith("Time") else Rule.INVALID_VALUE
        yield Finding(rule, node.line, where, advice)


def _shown(name: str) -> str:
    """A name without its namespace, and no longer than a name is."""
    return name.rpartition("}")[2][:40]
