"""One input partition of DELIVER: what of it is on its way, and its resume point."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

from confluent_kafka import Message

from services.core.outlet import WINDOW, Progress, There, Unconfirmed
from services.runtime.outlets_send import Account, Entry
from services.runtime.processor import Assignment

_PAUSE = 0.2
_REFRESH = 3.0
"""Seconds after which an idle partition's floors are written anew if the ends have moved: a successor reads less."""

Floors = Callable[[], Mapping[str, int]]


class Lane:
    """A partition between its assignment and its end.

    While it may still meet deliveries that a predecessor has sent (`there` is set) it writes no resume point at all: a
    kill in that phase leaves offset and floors as they were. The phase is bounded, because nobody sends an input that
    lies WINDOW or more above the durable offset.
    """

    def __init__(self, part: Assignment, progress: Progress, there: There) -> None:
        """`there`: what lies in the outlets, read from the floors of `progress` or lower."""
        self.part = part
        self.next = self.durable = self.passed = progress.offset
        self.there: There | None = there
        self.waiting: deque[Message] = deque()
        self.owed: dict[str, list[Unconfirmed]] = {}
        self.paused = False
        self.seen_at = 0
        """Append time of the newest input taken up, milliseconds since 1970."""
        self.at_end = False
        self._end = -1
        self.writing = False
        self._inputs: deque[Account] = deque()
        self._mark: tuple[int, Mapping[str, int]] | None = None
        self._not_before = 0.0
        self._pause = _PAUSE
        self._refresh_at = 0.0
        self._floors: Mapping[str, int] = progress.floors
        self._changed = False
        self._writing: tuple[str, ...] = ()

    def may_send(self) -> bool:
        """Whether the next waiting input lies within the window."""
        return bool(self.waiting) and int(self.waiting[0].offset() or 0) < self.durable + WINDOW

    def take(self) -> tuple[Message, Account]:
        """The next waiting input, and its account."""
        message = self.waiting.popleft()
        offset = int(message.offset() or 0)
        account = Account(self, offset)
        self._inputs.append(account)
        self.next, self.at_end = offset + 1, False
        self._reach_end()
        return message, account

    def ended(self, offset: int) -> None:
        """The partition's end was met: nothing lies below `offset` that is not waiting or taken."""
        self._end = offset
        self._reach_end()

    def _reach_end(self) -> None:
        if not self.waiting and self._end >= self.next:
            self._inputs.append(Account(self, self._end - 1))  # past the markers of transactions too
            self.next, self.at_end = self._end, True

    def unpassed(self) -> int:
        """How many inputs are on their way."""
        return len(self._inputs)

    def owe(self, topic: str, entry: Entry, *, listed: bool) -> None:
        """An outlet is parked and this delivery not confirmed; `listed`: it may have got there."""
        if listed or topic not in self.owed:
            account, item, _ = entry
            unconfirmed = Unconfirmed(topic, item["key"], item["sequence"], account.offset)
            self.owed.setdefault(topic, []).append(unconfirmed)
            self._changed = True

    def settle(self, topic: str) -> None:
        """The outlet has all that it was owed."""
        if self.owed.pop(topic, None) is not None:
            self._changed = True

    def note(self, writing: tuple[str, ...]) -> None:
        """Which of the parked outlets may still get records of inputs that are passed already."""
        if writing != self._writing:
            self._writing, self._changed = writing, True

    def advance(self) -> bool:
        """Pass what is confirmed; True when everything a predecessor may have sent has just been met."""
        while self._inputs and not self._inputs[0].left:
            self.passed = self._inputs.popleft().offset + 1
        if self.there is None or self._inputs:
            return False
        if self.at_end or (self.waiting and not self.may_send()):
            self.there = None
            return True
        return False

    def due(self, now: float, floors: Floors) -> Progress | None:
        """The resume point to write now, if any.

        Floors are noted together with the next input's offset, and written when everything before it is passed: what
        belongs to later inputs is sent after that note, so above those floors.
        """
        if self.there is not None or self.writing:
            return None
        if self._mark is None and now >= self._not_before and self._news(now, floors):
            self._mark = (self.next, floors())
        if self._mark is None or self.passed < self._mark[0]:
            return None
        offset, noted = self._mark if self.passed < self.next else (self.next, floors())
        self._mark, self._not_before, self._refresh_at = None, now + self._pause, now + _REFRESH
        self._changed, self.writing, self._floors = False, True, noted
        parked = tuple(each for listed in self.owed.values() for each in listed)
        return Progress(offset, noted, parked, self._writing)

    def _news(self, now: float, floors: Floors) -> bool:
        if self._changed or self.next > self.durable:
            return True
        if now < self._refresh_at:
            return False
        self._refresh_at = now + _REFRESH
        return floors() != self._floors

    def written(self, offset: int) -> None:
        """The resume point is durable."""
        self.writing = False
        self.durable = offset

    def finish(self) -> None:
        """Write the next resume points without waiting."""
        self._pause = self._not_before = 0.0
        self._changed = True

    def rests(self) -> bool:
        """Whether all that was taken is passed and the resume point says so."""
        return not self.writing and not self._changed and self.durable == self.next
