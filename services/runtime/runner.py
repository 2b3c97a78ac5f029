"""The one loop: read, decide, send, remember, commit, in one transaction (ARCHITECTURE §5; reliability.md §2.2).

A stage's rule sees a record and a moment; everything else about being a slot is here: the group, the state's restore,
the barrier before every batch, the adaptive commit, abort and rewind, the limit on our own bugs, and a clean end. The
loop knows its broker by a port (services.runtime.ports), so that the in-memory twin runs this very code.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

import structlog

from services.core.answers import NO_ANSWERS, Answers
from services.core.reason import Reason
from services.core.stage import Moment
from services.runtime.acks import Acks
from services.runtime.clock import Clock
from services.runtime.codec import Codec
from services.runtime.control import CONTROL, Control
from services.runtime.lane import Lane
from services.runtime.observer import Observer
from services.runtime.ports import Aborted, Broker, Fatal, Message
from services.runtime.processor import Assignment, Processor
from services.runtime.settings import Limits
from services.runtime.step import Effects, Step
from services.runtime.store import Store

_log = structlog.get_logger()
_IDLE_SECONDS = 0.1
_REST = 3.0
"""After a commit records are gathered for so many times its length: a lone record never waits for it, and under load at
most a quarter of the time, here and at the broker, goes into transactions instead of records."""
_SHARE, _MOST = 0.1, 5.0
"""While there is a backlog, a transaction is kept open for a tenth of its records' age, up to so many times the limit:
it makes nobody wait noticeably longer, and the cost of a commit is shared by more records."""
_WORK = 100
"""Pieces of due work per partition between two batches."""
_SLICE = 0.05
"""Seconds of due work at a time: a live record never waits for more."""
_PAUSE = 2.0
"""After a whole slice only live records are taken, for so many times as long as it took with its commit: bulk work
fills the queues of the broker and of the stages behind this one, which live records share; the slower they are, the
more room it leaves."""
_ABORTS = 10
"""Aborts in a row after which only a new process can help: an output that is refused again and again."""


def longest(usual: float, behind: float) -> float:
    """Seconds for which a transaction may be open while records are `behind` seconds old when they are handled."""
    return max(usual, min(_MOST * usual, _SHARE * behind))


class Exit(IntEnum):
    """How a slot ended; also its process's exit code."""

    STOPPED = 0
    FATAL = 3
    BUGS = 4


@dataclass(frozen=True)
class Outside:
    """What a slot is connected to."""

    broker: Broker
    clock: Clock
    control: Control | None
    observer: Observer
    acks: Acks | None = None


class Runner:
    """One slot of one stage. `run` is its life; `turn` is one round of it."""

    def __init__(self, processor: Processor, outside: Outside, step: Step, codec: Codec, limits: Limits) -> None:
        """ValueError if the processor is not one that the loop can keep its promises for."""
        if processor.state and len(processor.sources) != 1:
            raise ValueError(f"{processor.stage}: a stage with state has one source topic, whose partitions it follows")
        self._processor = processor
        self.broker, self._clock = outside.broker, outside.clock
        self._control, self._observer = outside.control, outside.observer
        self._acks = outside.acks
        self._step = step
        self._codec = codec
        self._limits = limits
        self._lanes: dict[Assignment, Lane] = {}
        self._open: float | None = None
        self._displaced = self._controlled = self._working = False
        self._rested = self._paused = 0.0
        self._sliced: float | None = None
        self._behind = 0.0
        """Seconds: age of the newest record handled."""
        self._aborts = self._bugs = self._open_bugs = 0
        self._poisoned: dict[tuple[str, int, int], Exception] = {}
        self._reasons: list[Reason] = []
        self._lagging: set[Assignment] = set()

    # --- life ---------------------------------------------------------------------------------------------------------

    def run(self, stopped: Callable[[], bool]) -> Exit:
        """Until `stopped`, the limit on bugs, or a fatal error; what is open is committed unless it was fatal."""
        try:
            self.start(stopped)
            while not stopped() and not self.broken:
                self.turn()
            self.stop()
        except Fatal as error:
            _log.error("slot failed", code=error.code, **error.where)
            return Exit.FATAL  # as it is, like a killed process: a client in this state may not come back from close
        self.broker.close()
        return Exit.BUGS if self.broken else Exit.STOPPED

    @property
    def broken(self) -> bool:
        """Whether our own code failed as often as the limit allows."""
        return self._bugs + self._open_bugs >= self._limits.bugs

    @property
    def owned(self) -> frozenset[Assignment]:
        """The partitions of this slot."""
        return frozenset(self._lanes)

    @property
    def pending(self) -> int:
        """Inputs in the open transaction."""
        return sum(lane.handled_count for lane in self._lanes.values())

    def start(self, stopped: Callable[[], bool]) -> None:
        """The clock, the policy and the answers first, then the group: no record comes before all are there."""
        self._clock.wait(stopped)
        if self._control:
            self._control.load(stopped)
        if self._acks:
            self._acks.load(stopped, self._limits.barrier_seconds)
        self.broker.open(self._processor.sources, self)

    def turn(self) -> None:
        """One batch and the work that is due; commits when nothing more is ready or the time is up."""
        try:
            self._rewind()
            messages = self.broker.poll(self._limits.batch, self._patience(), self._rested)
            if self._displaced:
                return  # a rebalance came in between: these records come again
            if self._open is not None and not messages and not self._working:
                self._commit()
                return
            self._take(messages, self._moment())
            if self._late() or self._controlled or self.broken or self._pausing():
                self._commit()
        except Aborted as error:
            self._abort(error.code)

    def _patience(self) -> float:
        """Seconds to wait for a record."""
        if self._open is not None:
            return 0.0
        if self._working:
            return min(_IDLE_SECONDS, max(0.0, self._paused - time.monotonic()))
        return _IDLE_SECONDS

    def _pausing(self) -> bool:
        return self._sliced is not None or time.monotonic() < self._paused

    def _take(self, messages: Sequence[Message], moment: Moment) -> None:
        if messages:
            self._batch(messages, moment)
        else:
            self._caught_up()
        self._working = self._work(moment)

    def _late(self) -> bool:
        allowed = longest(self._limits.commit_seconds, self._behind)
        return self._open is not None and time.monotonic() - self._open >= allowed

    def stop(self) -> None:
        """Commit what is open, or take it back."""
        try:
            self._commit()
        except Aborted as error:
            self._abort(error.code)

    # --- partitions ---------------------------------------------------------------------------------------------------

    def assigned(self, parts: Sequence[Assignment]) -> None:
        """Restore each partition's state to the end and make its rule."""
        for part in parts:
            store = Store(self._codec)
            if self._processor.state:
                for key, value in self.broker.restore(self._processor.state, part.partition):
                    store.restore(key, value)
            self._lanes[part] = Lane(part, store, self._processor.task)
            self._observer.state_keys(part.partition, len(store))

    def revoked(self, parts: Sequence[Assignment]) -> None:
        """Commit what is open, then give the partitions up."""
        self.stop()
        self._drop(parts)
        self._displaced = True  # what this poll has fetched is read again rather than sorted by owner

    def lost(self, parts: Sequence[Assignment]) -> None:
        """Take back what is open: another slot may have these partitions."""
        self._abort("partitions_lost")
        self._drop(parts)

    def _drop(self, parts: Iterable[Assignment]) -> None:
        for part in parts:
            if self._lanes.pop(part, None):
                self._lagging.discard(part)
                self._observer.forget(*part)

    # --- one turn -----------------------------------------------------------------------------------------------------

    def _moment(self) -> Moment:
        self._clock.tick()
        now, fresh = self._clock.now, self._clock.fresh
        self._observer.now(now)
        if self._control is None:
            self._observer.stale(not fresh)
            return Moment(now, fresh, answers=self._answers())
        if not self._control.barrier():
            self._observer.barrier_failed()
            fresh = False
        self._observer.stale(not fresh)
        return Moment(now, fresh, self._control.policy, self._control.epoch, self._answers())

    def _answers(self) -> Answers:
        if self._acks is None:
            return NO_ANSWERS
        self._acks.take()
        return self._acks.answers

    def _batch(self, messages: Sequence[Message], moment: Moment) -> None:
        """Runs of one partition at a time; records of a partition that was given up meanwhile are another's."""
        start, size = 0, len(messages)
        while start < size and not self.broken:
            first = messages[start]
            end = start + 1
            while end < size and messages[end][1] == first[1] and messages[end][0] == first[0]:
                end += 1
            lane = self._lanes.get(Assignment(first[0], first[1]))
            if lane is not None:
                self._run(lane, messages[start:end], moment)
            start = end

    def _run(self, lane: Lane, messages: Sequence[Message], moment: Moment) -> None:
        self._begin()
        topic, partition = lane.part
        self._observer.inputs(topic, partition, lane.arrived(messages))
        handle, apply, handled = self._step.handle, self._apply, lane.handled
        for message in messages:
            bug = self._poisoned.get(message[:3]) if self._poisoned else None
            effects = self._step.refuse(message, moment, bug) if bug else handle(lane.task, message, moment)
            apply(lane, effects, message)
            handled(message.offset, effects.result.outcome)
            if effects.bug and self._broke(effects, message):
                break
        # A record may be newer than the last heartbeat.
        self._behind = max(0.0, moment.now.timestamp() - messages[-1].appended / 1000)
        self._observer.position_lag(topic, partition, self._behind)
        self._lagging.add(lane.part)

    def _caught_up(self) -> None:
        """No record waits."""
        self._behind = 0.0
        for topic, partition in self._lagging:
            self._observer.position_lag(topic, partition, 0.0)
        self._lagging.clear()

    def _work(self, moment: Moment) -> bool:
        """Due work of every partition, whether records came or not; True if there was any, or some is left."""
        if self._pausing():
            return self._working
        busy, started = False, time.monotonic()
        for lane in list(self._lanes.values()):
            pending = self._step.due(lane.task, moment, _WORK)
            while not self.broken and (effects := self._step.work(pending)) is not None:
                if effects.bug:
                    self._bugs += 1  # no abort takes it back: it would be due again at once
                    _log.error("bug in due work", error=effects.bug, partition=lane.part.partition)
                    break
                self._begin()
                self._apply(lane, effects, None)
                busy = True
                if time.monotonic() - started >= _SLICE:
                    self._pause(lane, started)
                    return True
        return busy

    def _pause(self, lane: Lane, started: float) -> None:
        """A slice is over, and is committed now; the next one begins with another partition."""
        self._sliced = started
        if self._lanes.pop(lane.part, None):
            self._lanes[lane.part] = lane

    def _apply(self, lane: Lane, effects: Effects, message: Message | None) -> None:
        """Send, remember, tell the rule; all of it belongs to the open transaction."""
        lane.touched = True
        send = self.broker.send
        for output in effects.sends:
            send(*output)
            if output.topic == CONTROL:
                self._controlled = True
        for key, data in effects.changes:
            send(self._processor.state or "", key.encode(), data, lane.part.partition)
            lane.store.put(key, data)
        if effects.reason:
            self._reasons.append(effects.reason)
        bug = self._step.applied(lane.task, effects.result)
        if bug is not None:
            self._poison(message, bug)

    def _broke(self, effects: Effects, message: Message) -> bool:
        """Count a bug of ours that met a record; True at the limit: nothing after this record is taken."""
        self._open_bugs += 1
        _log.error(
            "bug in a step", error=effects.bug, topic=message.topic, partition=message.partition, offset=message.offset
        )
        return self.broken

    def _poison(self, message: Message | None, bug: Exception) -> None:
        """The rule could not take its own result in: undo it all; next time this record is refused."""
        if message is None:
            raise Fatal(type(bug).__name__) from bug
        self._poisoned[message[:3]] = bug
        raise Aborted(type(bug).__name__) from bug

    # --- transactions -------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        if self._open is None:
            self.broker.begin()
            self._open = time.monotonic()

    def _commit(self) -> None:
        if self._open is None:
            return
        touched = [lane for lane in self._lanes.values() if lane.touched]
        started = time.monotonic()
        self.broker.commit({lane.part: lane.next for lane in touched if lane.next is not None})
        ended = time.monotonic()
        self._rested = ended + min(_REST * (ended - started), self._limits.commit_seconds)
        if self._sliced is not None:
            self._paused = ended + _PAUSE * (ended - self._sliced)
        records = sum(lane.settle(self._observer) for lane in touched)
        self._observer.committed(ended - started, records)
        for reason in self._reasons:
            self._observer.refused(reason)
        self._bugs += self._open_bugs
        self._aborts = 0
        self._poisoned.clear()
        self._clear()

    def _abort(self, why: str) -> None:
        """Take the open transaction back and read every partition again from what is committed."""
        if self._open is None:
            return
        _log.warning("transaction aborted", reason=why)
        self.broker.abort()
        for lane in self._lanes.values():
            if lane.touched:
                lane.undo()
        self._observer.aborted()
        self._clear()
        self._displaced = True
        self._aborts += 1
        if self._aborts >= _ABORTS:
            raise Fatal(why, count=self._aborts)

    def _clear(self) -> None:
        self._open = self._sliced = None
        self._controlled = False
        self._open_bugs = 0
        self._reasons.clear()

    def _rewind(self) -> None:
        if self._displaced:
            self.broker.rewind()
            self._displaced = False
