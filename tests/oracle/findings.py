"""What the oracle reports: every broken promise with where it was seen, and never any content."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """The promises (reliability §8), each named by how it breaks."""

    LOST = "lost"  # a submission that the broker took, without an outcome
    DUPLICATED = "duplicated"  # one delivery twice in a partner's topic, or one submission with two outcomes
    ALIEN = "alien"  # a record that no committed decision or submission stands behind
    MISSING = "missing"  # decided and owed, never arrived
    LEAKED = "leaked"  # shown to somebody whom its originator had not permitted
    RECALL = "recall"  # not taken back though permission ended, or taken back without a reason
    DIVERGED = "diverged"  # a recipient does not hold what it should hold now
    ORDER = "order"  # sequences, marks or versions that go backwards
    BALANCE = "balance"  # a stage whose inputs are not its outcomes
    CHAIN = "chain"  # the decisions' hash chain is broken
    HANGING = "hanging"  # a transaction that nobody ended: committed readers do not see the end


class Finding(NamedTuple):
    """One broken promise; `where` is a topic with coordinates or a key."""

    kind: Kind
    where: str
    what: str


@dataclass(frozen=True)
class Findings:
    """All that an audit found, with the totals that it counted on the way."""

    found: tuple[Finding, ...]
    totals: Mapping[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """True if a promise was broken."""
        return bool(self.found)

    def kinds(self) -> frozenset[Kind]:
        """The kinds that occur."""
        return frozenset(finding.kind for finding in self.found)

    def table(self, examples: int = 5) -> str:
        """The totals, then the number of findings per kind with a few examples of each."""
        return "\n".join([*self._totals(), *self._counts(), *self._examples(examples)])

    def _totals(self) -> Iterator[str]:
        for name, count in self.totals.items():
            yield f"{name:<32}{count:>12,}"

    def _counts(self) -> Iterator[str]:
        counts = Counter(finding.kind for finding in self.found)
        for kind in Kind:
            yield f"{kind:<32}{counts[kind]:>12,}"

    def _examples(self, most: int) -> Iterator[str]:
        for kind in Kind:
            for finding in [each for each in self.found if each.kind is kind][:most]:
                yield f"  {finding.kind}: {finding.where}: {finding.what}"
