"""One input partition that a slot owns: its state, its rule, and what of it is in the open transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from services.core.stage import Outcome, State, Task
from services.runtime.observer import Observer
from services.runtime.ports import Message
from services.runtime.processor import Assignment
from services.runtime.store import Store


class Lane:
    """A partition between its assignment and its end; the runner sends and commits for it."""

    def __init__(self, part: Assignment, store: Store, build: Callable[[Assignment, State], Task]) -> None:
        """`store` is restored to the end of its changelog; the rule is made from it."""
        self.part = part
        self.store = store
        self._build = build
        self.task = build(part, store)
        self.next: int | None = None
        """Offset to commit; None when no input of this partition is in the open transaction."""
        self.touched = False
        """Whether the open transaction holds anything of this partition."""
        self._outcomes: Counter[Outcome] = Counter()
        self._unseen = 0
        self.handled_count = 0
        """Inputs of this partition in the open transaction."""

    def arrived(self, messages: Sequence[Message]) -> int:
        """How many of them were never read before (after an abort they come again)."""
        first, last = messages[0].offset, messages[-1].offset
        again = sum(message.offset < self._unseen for message in messages) if first < self._unseen else 0
        self._unseen = max(self._unseen, last + 1)
        return len(messages) - again

    def handled(self, offset: int, outcome: Outcome | None) -> None:
        """The input at `offset` is in the open transaction."""
        self.next = offset + 1
        self.handled_count += 1
        if outcome is not None:
            self._outcomes[outcome] += 1

    def settle(self, observer: Observer) -> int:
        """The transaction is committed; how many inputs it had."""
        topic, partition = self.part
        self.store.settle()
        for outcome, count in self._outcomes.items():
            observer.outcome(topic, partition, outcome, count)
        observer.state_keys(partition, len(self.store))
        count = self.handled_count
        self._clear()
        return count

    def undo(self) -> None:
        """The transaction is aborted: the state is what it was, and the rule is made from it again."""
        self.store.rollback()
        self.task = self._build(self.part, self.store)
        self._clear()

    def _clear(self) -> None:
        self.next = None
        self.touched = False
        self.handled_count = 0
        self._outcomes.clear()
