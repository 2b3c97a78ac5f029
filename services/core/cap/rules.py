"""The rules of CAP that a schema cannot say: one function each, in the order of the data dictionary.

A rule refuses where the standard's dictionary says what a value has to be, or where a reader would have to guess; it
advises where the standard says "should", or where alerts that everybody reads have long been otherwise.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator

from services.core.cap.findings import Finding, Rule, Weight
from services.core.cap.tree import Alert, Node
from services.core.cap.values import circle_fault, moment, number, polygon_fault, quoted

_UNFIT = re.compile(r"[\s,<&]")
_BREAKS_REFERENCES = re.compile(r"[,<&]")
_MIME = re.compile(r"[\w.+-]+/[\w.+*-]+(\s*;.*)?", re.DOTALL)
_SHA1 = re.compile(r"[0-9a-fA-F]{40}")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")
_REFERRING = frozenset({"Update", "Cancel", "Ack", "Error"})


def semantics(alert: Alert) -> Iterator[Finding]:
    """Every rule that the alert breaks."""
    yield from _all(_OF_ALERT, alert.root)
    for info in alert.root.infos:
        yield from _all(_OF_INFO, info)
        for area in info.named("area"):
            yield from _all(_OF_AREA, area)
        for resource in info.named("resource"):
            yield from _resource(resource)


def _all(rules: tuple[Callable[[Node], Iterator[Finding]], ...], node: Node) -> Iterator[Finding]:
    for rule in rules:
        yield from rule(node)


def _ids(alert: Node) -> Iterator[Finding]:
    for name, rule in (("identifier", Rule.INVALID_IDENTIFIER), ("sender", Rule.INVALID_SENDER)):
        for node in alert.named(name):
            if not node.text.strip():
                yield Finding(rule, node.line, f"alert/{name}", f"fill in the {name}")
            elif _UNFIT.search(node.text.strip()):
                alone = name == "sender" and not _BREAKS_REFERENCES.search(node.text)
                weight = Weight.ADVICE if alone else Weight.REFUSED
                yield Finding(rule, node.line, f"alert/{name}", "use no spaces, commas, < or &", weight)


def _restriction(alert: Node) -> Iterator[Finding]:
    """`restriction` says to whom a Restricted alert may go, and means nothing in another."""
    scope, found = alert.value("scope"), alert.first("restriction")
    if scope == "Restricted" and (found is None or not found.text.strip()):
        advice = "say in restriction to whom it may go, or change the scope"
        yield Finding(Rule.INVALID_RESTRICTION, _line(alert, "scope"), "alert/restriction", advice)
    elif scope and scope != "Restricted" and found is not None and found.text.strip():
        advice = "restriction goes with the scope Restricted: change the scope, or leave it out"
        yield Finding(Rule.INVALID_RESTRICTION, found.line, "alert/restriction", advice)


def _addresses(alert: Node) -> Iterator[Finding]:
    found = alert.first("addresses")
    if alert.value("scope") == "Private" and not alert.value("addresses"):
        advice = "name the recipients of a Private alert in addresses"
        yield Finding(Rule.INVALID_ADDRESSES, _line(alert, "scope"), "alert/addresses", advice, Weight.ADVICE)
    if found is not None and quoted(found.text) is None:
        yield Finding(Rule.INVALID_ADDRESSES, found.line, "alert/addresses", "close the double quotes")


def _incidents(alert: Node) -> Iterator[Finding]:
    for node in alert.named("incidents"):
        if quoted(node.text) is None:
            yield Finding(Rule.INVALID_INCIDENTS, node.line, "alert/incidents", "close the double quotes")


def _references(alert: Node) -> Iterator[Finding]:
    where = "alert/references"
    for node in alert.named("references"):
        for triplet in node.text.split():
            parts = triplet.split(",")
            if len(parts) != 3 or not all(parts) or "T" not in parts[2] or moment(parts[2]) is None:
                advice = "write each as sender,identifier,sent, with white space between them"
                yield Finding(Rule.INVALID_REFERENCES, node.line, where, advice)
                break
    kind = alert.value("msgType")
    if kind in _REFERRING and not alert.value("references"):
        advice = f"say in references which alerts this {kind} is about"
        yield Finding(Rule.INVALID_REFERENCES, _line(alert, "msgType"), where, advice, Weight.ADVICE)


def _note(alert: Node) -> Iterator[Finding]:
    if alert.value("note"):
        return
    if alert.value("status") == "Exercise":
        advice = "name the exercise in note"
        yield Finding(Rule.MISSING_NOTE, _line(alert, "status"), "alert/note", advice, Weight.ADVICE)
    if alert.value("msgType") == "Error":
        advice = "explain the rejection in note"
        yield Finding(Rule.MISSING_NOTE, _line(alert, "msgType"), "alert/note", advice, Weight.ADVICE)


def _times(info: Node) -> Iterator[Finding]:
    """An alert that has expired before it takes effect is nothing; `onset` may lie after `expires`."""
    begin, end = info.first("effective"), info.first("expires")
    if begin is None or end is None:
        return
    first, last = moment(begin.text.strip()), moment(end.text.strip())
    if first and last and last < first:
        advice = "expires lies before effective: check both"
        yield Finding(Rule.INVALID_TIMES, end.line, "alert/info/expires", advice, Weight.ADVICE)


def _event(info: Node) -> Iterator[Finding]:
    for node in info.named("event"):
        if not node.text.strip():
            advice = "say what kind of event it is"
            yield Finding(Rule.INVALID_VALUE, node.line, "alert/info/event", advice, Weight.ADVICE)


def _web(info: Node) -> Iterator[Finding]:
    for node in info.named("web"):
        if not _ABSOLUTE.fullmatch(node.text.strip()):
            advice = "give a full, absolute URI such as https://example.org/alert"
            yield Finding(Rule.INVALID_URI, node.line, "alert/info/web", advice, Weight.ADVICE)


def _shapes(area: Node) -> Iterator[Finding]:
    for name, rule, fault in (
        ("polygon", Rule.INVALID_POLYGON, polygon_fault),
        ("circle", Rule.INVALID_CIRCLE, circle_fault),
    ):
        for node in area.named(name):
            found = fault(node.text)
            if found:
                weight = Weight.ADVICE if found.readable else Weight.REFUSED
                yield Finding(rule, node.line, f"alert/info/area/{name}", found.advice, weight)


def _heights(area: Node) -> Iterator[Finding]:
    """In feet above mean sea level; a ceiling is the top of what begins at an altitude."""
    found = {name: area.first(name) for name in ("altitude", "ceiling")}
    values = {name: None if node is None else number(node.text.strip()) for name, node in found.items()}
    for name, node in found.items():
        value = values[name]
        if node is not None and (value is None or value < 0):
            yield Finding(Rule.INVALID_VALUE, node.line, f"alert/info/area/{name}", "give feet as a number from 0 up")
    ceiling, altitude = found["ceiling"], found["altitude"]
    if ceiling is None:
        return
    if altitude is None:
        yield Finding(Rule.INVALID_AREA, ceiling.line, "alert/info/area", "a ceiling needs an altitude: add it")
    elif (values["ceiling"] or 0) < (values["altitude"] or 0):
        advice = "the ceiling lies below the altitude: swap them"
        yield Finding(Rule.INVALID_ALTITUDE_CEILING_RANGE, ceiling.line, "alert/info/area/ceiling", advice)


def _resource(resource: Node) -> Iterator[Finding]:
    where = "alert/info/resource"
    for name, wrong, advice in _OF_RESOURCE:
        node = resource.first(name)
        if node is not None and wrong(node.text.strip()):
            yield Finding(Rule.INVALID_RESOURCE, node.line, f"{where}/{name}", advice, Weight.ADVICE)
    size = resource.first("size")
    if size is not None and size.text.strip().startswith("-"):
        yield Finding(Rule.INVALID_RESOURCE, size.line, f"{where}/size", "give the size in bytes, not below 0")
    embedded = resource.first("derefUri")
    if embedded is not None and not _is_base64(embedded.text):
        yield Finding(Rule.INVALID_RESOURCE, embedded.line, f"{where}/derefUri", "embed the file in base64")


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _line(alert: Node, name: str) -> int:
    found = alert.first(name)
    return alert.line if found is None else found.line


_OF_RESOURCE: tuple[tuple[str, Callable[[str], bool], str], ...] = (
    ("mimeType", lambda text: not _MIME.fullmatch(text), "give a media type such as image/png"),
    ("digest", lambda text: not _SHA1.fullmatch(text), "give the SHA-1 of the file, 40 hexadecimal digits"),
)
_OF_ALERT = (_ids, _restriction, _addresses, _references, _note, _incidents)
_OF_INFO = (_event, _times, _web)
_OF_AREA = (_shapes, _heights)
