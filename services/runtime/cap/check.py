"""The verdict on a file or record: which alerts lie in it, and everything that is wrong with it, by line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from lxml import etree

from services.core.cap.feed import ATOM, atom, rss
from services.core.cap.findings import Finding, Rule, refused
from services.core.cap.rules import semantics
from services.core.cap.structure import structure
from services.core.cap.tree import Alert
from services.runtime.cap.parse import ALERTS, MOST_BYTES, alert_of, parse, plain
from services.runtime.cap.schema import against_schema, follows_schema


class Verdict(NamedTuple):
    """What a check found."""

    kind: str
    """cap, atom, rss, wrapped (alerts inside another document), or empty."""
    alerts: tuple[Alert, ...]
    findings: tuple[Finding, ...]
    elements: tuple[etree._Element, ...] = ()
    """Of the alerts, in their order."""

    @property
    def accepted(self) -> bool:
        """Nothing refuses it."""
        return not refused(self.findings)


def check(data: bytes, most: int = MOST_BYTES) -> Verdict:
    """The strict verdict."""
    root = parse(data, most)
    if isinstance(root, Finding):
        return Verdict("", (), (root,))
    if root.tag == f"{{{ATOM}}}feed":
        return _feed(root, "atom")
    if root.tag == "rss":
        return _feed(root, "rss")
    if root.tag not in ALERTS and next(root.iter(*ALERTS), None) is not None:
        return _verdict("wrapped", list(root.iter(*ALERTS)), ())
    return _verdict("cap", [root], ())


def _verdict(kind: str, elements: Sequence[etree._Element], others: Sequence[Finding]) -> Verdict:
    alerts, findings = [], list(others)
    for element in elements:
        alert = alert_of(element)
        if isinstance(alert, Finding):
            findings.append(alert)
        else:
            alerts.append(alert)
            findings += faults(alert, element)
    findings.sort(key=lambda finding: finding.line)
    return Verdict(kind, tuple(alerts), tuple(findings), tuple(elements))


def faults(alert: Alert, element: etree._Element) -> list[Finding]:
    """Everything that is wrong with one alert. The schema is quick to say that all is well, the dictionary why not."""
    if follows_schema(alert, element):
        return [*semantics(alert)]
    return [*([*structure(alert)] or against_schema(element, alert.version)), *semantics(alert)]


def _feed(root: etree._Element, kind: str) -> Verdict:
    above = root if kind == "atom" else root.find("channel")
    if above is None:
        return Verdict(kind, (), (Finding(Rule.FEED_MISSING_ELEMENT, root.sourceline or 0, "rss/channel", "add it"),))
    entries = list(above.iterchildren(f"{{{ATOM}}}entry" if kind == "atom" else "item"))
    inside = [list(_in_entry(entry)) for entry in entries]
    holding = frozenset(index for index, alerts in enumerate(inside) if alerts)
    node = plain(above, f"{{{ATOM}}}" if kind == "atom" else "")
    others = [*(atom if kind == "atom" else rss)(node, holding)]
    return _verdict(kind, [alert for alerts in inside for alert in alerts], others)


def _in_entry(entry: etree._Element) -> Iterator[etree._Element]:
    """The alerts of an entry, and what looks like one in a namespace that is no version's."""
    yield from entry.iter(*ALERTS, "{*}alert")
