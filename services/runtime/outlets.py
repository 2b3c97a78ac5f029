"""The loop of DELIVER: from the delivery log to the outlets, outside transactions (ARCHITECTURE §5 rule 11).

One thread does everything but the reading for returning outlets and for order, which nobody may have to wait for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog
from confluent_kafka import Message

from services.core.deliveries import items
from services.core.outlet import Progress, Unconfirmed, misfit, progress_key
from services.core.reason import Reason
from services.runtime.codec import CodecError
from services.runtime.outlets_lane import Lane
from services.runtime.outlets_member import Member
from services.runtime.outlets_read import bounds, lies_there, outlets_of, read_progress, starts
from services.runtime.outlets_return import Returns
from services.runtime.outlets_send import Account, Entry, Outlet, State
from services.runtime.outlets_surroundings import Surroundings
from services.runtime.ports import Fatal, PortError
from services.runtime.processor import Assignment
from services.runtime.runner import Exit
from services.runtime.settings import Limits

_log = structlog.get_logger()
_AT_ONCE = 1000
"""Records handed out between two looks at reports, lease and group."""
_STUCK = 100
_DRAIN_SECONDS = 1.2
_NOTHING: Mapping[str, int] = {}


class Deliver:
    """One slot."""

    def __init__(self, outside: Surroundings, group: Mapping[str, Any], sources: Sequence[str], limits: Limits) -> None:
        """`group`: settings of a static member; `sources`: topics of `deliveries` records."""
        self.outside = outside
        self.lanes: dict[Assignment, Lane] = {}
        self.skipped = 0
        self._bugs_left = limits.bugs
        self._taken_over_at: float | None = None
        self.fresh: dict[Assignment, int] = {}
        """Where the outlets were read from at the last takeovers; emptied by whoever looks after their order."""
        self.returns = Returns(outside, self.lanes, self._returned, self._not_returned)
        self.member = Member(group, sources, self._assigned, self._revoked)

    def run(self, stopped: Callable[[], bool], chores: Callable[[float], None]) -> Exit:
        """Until `stopped`, or a failure that only a new process mends. `chores` is called in every turn."""
        try:
            while not stopped() and self._bugs_left > 0:
                self._turn(chores)
            self.member.close()  # gives up all partitions, after letting what is on its way arrive
        except PortError as error:
            self.outside.outlets.purge()
            if stopped():
                return Exit.STOPPED  # reading was broken off
            _log.error("slot cannot go on", code=error.code, **error.where)
            return Exit.FATAL
        self.outside.outlets.purge()
        return Exit.STOPPED if self._bugs_left > 0 else Exit.BUGS

    def _turn(self, chores: Callable[[float], None]) -> None:
        now = time.monotonic()
        self._settle(now)
        chores(now)
        self.returns.step()
        writable = self.member.holds(now)
        waiting = self.outside.outlets.pump() if writable else 0
        if writable and waiting < _AT_ONCE:
            self._hand_out()
            # One outlet after another, not one input after another: a batch is one outlet's, and the fuller the fewer.
            waiting = self.outside.outlets.pump()
        self.member.renew(now, {part: lane.durable for part, lane in self.lanes.items()})
        self._read(writable, waiting)

    def _settle(self, now: float) -> None:
        """Take in what the broker reported: troubles first, then what has passed."""
        self.outside.outlets.poll()
        self.outside.journal.poll()
        if self.outside.outlets.troubled:
            self._troubles(now)
        writable = self.member.holds(now)
        for lane in self.lanes.values():
            if lane.advance():
                self._caught_up(now)
            lane.note(tuple(topic for topic in lane.owed if self.outside.outlets.at(topic).writing))
            progress = lane.due(now, self.outside.outlets.floors) if writable else None
            if progress is not None:
                self._write(lane, progress)

    def _caught_up(self, now: float) -> None:
        if self._taken_over_at is not None and all(lane.there is None for lane in self.lanes.values()):
            self.outside.observer.catch_up(now - self._taken_over_at)
            self._taken_over_at = None

    def _write(self, lane: Lane, progress: Progress) -> None:
        def written() -> None:
            lane.written(progress.offset)
            self.outside.observer.progress_written()

        self.outside.journal.progress(progress_key(*lane.part), progress, written)

    # What comes in, and where it goes

    def _read(self, writable: bool, waiting: int) -> None:
        ready = False
        for lane in self.lanes.values():
            can = writable and lane.may_send()
            ready |= can
            if lane.paused != (stuck := len(lane.waiting) > _STUCK and not can):
                self.member.pause(lane.part, on=stuck)
                lane.paused = stuck
        if waiting >= _AT_ONCE:
            self.outside.outlets.wait(0.002)
            return
        reporting = waiting or self.outside.outlets.busy()
        messages = self.member.poll(0 if ready else 0.001 if reporting else 0.02)
        counts: dict[Assignment, int] = {}
        for message in messages:
            self._arrived(message, counts)
        for (topic, number), count in counts.items():
            self.outside.observer.inputs(topic, number, count)

    def _arrived(self, message: Message, counts: dict[Assignment, int]) -> None:
        part = Assignment(str(message.topic()), int(message.partition() or 0))
        lane = self.lanes.get(part)
        if lane is None:
            return
        if message.error() is not None:  # the end of the partition; every other error stopped at the member
            lane.ended(int(message.offset() or 0))
        else:
            lane.waiting.append(message)
            counts[part] = counts.get(part, 0) + 1

    def _hand_out(self) -> None:
        for lane in self.lanes.values():
            left = _AT_ONCE
            while left > 0 and lane.may_send() and self.member.holds(time.monotonic()):
                message, account = lane.take()
                lane.seen_at = message.timestamp()[1]
                left -= self._fan_out(lane, message, account) + 1

    def _fan_out(self, lane: Lane, message: Message, account: Account) -> int:
        record = self._decoded(message)
        if record is None:
            self._unreadable(message, account)
            return 0
        there, bodies, known = lane.there, record["bodies"], self.outside.outlets.by_topic
        for item in record["items"]:
            topic = item["topic"]
            if there is not None and item["sequence"] <= there.get(topic, _NOTHING).get(item["key"], 0):
                self.skipped += 1
                continue
            outlet, entry = known[topic], (account, item, bodies[item["body"]])
            if outlet.state is State.OPEN:
                account.left += 1
                outlet.pending.append(entry)
            elif outlet.state is State.JOINING:
                account.left += 1
                outlet.held.append(entry)
            else:
                lane.owe(topic, entry, listed=False)
        return len(record["items"])

    def _decoded(self, message: Message) -> Mapping[str, Any] | None:
        """The record, every outlet of it known; None if it is none of ours."""
        try:
            kind, record = self.outside.codec.decode(message.value() or b"")
        except CodecError:
            return None
        if kind != "deliveries":
            return None
        record["items"] = items(record)
        known, count = self.outside.outlets.by_topic, len(record["bodies"])
        if any(item["topic"] not in known or not 0 <= item["body"] < count for item in record["items"]):
            if misfit(record):
                return None
            for item in record["items"]:
                self.outside.outlets.at(item["topic"])
        self.outside.formats.apply(record)
        return record

    def _unreadable(self, message: Message, account: Account) -> None:
        self._bugs_left -= 1
        account.left += 1
        self.outside.observer.undeliverable(1)
        part = Assignment(str(message.topic()), int(message.partition() or 0))
        _log.error("delivery record cannot be read", **part._asdict(), offset=account.offset)
        value = message.value() or b""
        self.outside.journal.dead(part, account, Reason.BUG_RECORD, value, self.outside.clock.now)

    # Outlets in trouble

    def _troubles(self, now: float) -> None:
        troubled = list(dict.fromkeys(self.outside.outlets.troubled))
        self.outside.outlets.troubled.clear()
        for outlet in troubled:
            while outlet.hopeless:
                self._undeliverable(outlet, outlet.hopeless.pop())
            if outlet.broken is not None:
                self.park(outlet, now, outlet.broken)
            elif outlet.refused and outlet.inflight:
                self.outside.outlets.troubled.append(outlet)
            elif outlet.refused:
                outlet.retry()

    def _undeliverable(self, outlet: Outlet, entry: Entry) -> None:
        """Refused alone: no fault of the outlet's, and the next deliveries go on."""
        account, item, body = entry
        self.outside.observer.undeliverable(1)
        _log.error("delivery refused by the broker", topic=outlet.topic, bytes=len(body))
        part = Assignment(outlet.topic, 0)
        self.outside.journal.dead(part, account, Reason.BAD_SIZE, item["header"] or b"", self.outside.clock.now)

    def park(self, outlet: Outlet, now: float, code: int) -> None:
        """The outlet is broken; its part of every input is owed from here on. Fatal if it may be us who are cut off."""
        if not self.member.holds(now):
            raise Fatal("LEASE_LOST", topic=outlet.topic)
        self.returns.stop(outlet)
        _log.warning("outlet parked", topic=outlet.topic, code=code, count=len(outlet.inflight) + len(outlet.refused))
        self._part_with(outlet)

    def _returned(self, outlet: Outlet, needless: int) -> None:
        self.skipped += needless
        self.outside.observer.reopened(outlet.topic)
        _log.info("outlet open again", topic=outlet.topic, count=needless)

    def _not_returned(self, outlet: Outlet, error: str) -> None:
        self._part_with(outlet)
        _log.warning("outlet stays parked", topic=outlet.topic, error=error)

    # Partitions come and go

    def _assigned(self, parts: Sequence[Assignment]) -> Mapping[Assignment, int]:
        """Resume each partition: its point from slt.progress, and what a predecessor has sent since."""
        outside, began = self.outside, time.monotonic()
        known = read_progress(outside.reader, outside.codec)
        resumed = {part: known.get(progress_key(*part)) or Progress(self.member.first(part)) for part in parts}
        limits = bounds(outside.admin, outlets_of(outside.admin))
        where = starts(_lowest(list(resumed.values()), limits), limits)
        there = lies_there(outside.reader, where)
        for topic, (_, end) in limits.items():
            outlet = outside.outlets.at(topic)
            outlet.end = max(outlet.end, end)
        for part, progress in resumed.items():
            self.lanes[part] = Lane(part, progress, there)
        self._park_again(resumed, began)
        self.fresh.update(where)
        self._taken_over_at = began
        _log.info("partitions taken over", count=len(parts), seconds=round(time.monotonic() - began, 3))
        return {part: progress.offset for part, progress in resumed.items()}

    def _park_again(self, resumed: Mapping[Assignment, Progress], now: float) -> None:
        """Outlets that were parked, or could not be read now."""
        self._stop_returns()
        unread, self.outside.reader.refused = self.outside.reader.refused, set()
        for part, progress in resumed.items():
            blind = [Unconfirmed(topic, "", 0, progress.offset) for topic in sorted(unread)]
            for each in (*progress.parked, *blind):
                self.lanes[part].owed.setdefault(each.topic, []).append(each)
                outlet = self.outside.outlets.at(each.topic)
                if outlet.state is not State.PARKED:
                    self._part_with(outlet)
                outlet.frozen = min(outlet.floor, progress.floors.get(each.topic, 0))

    def _part_with(self, outlet: Outlet) -> None:
        sent, unsent = outlet.park()
        for entries, listed in ((sent, True), (unsent, False)):
            for entry in entries:
                if entry[0].lane is not None:
                    entry[0].lane.owe(outlet.topic, entry, listed=listed)
        self.outside.observer.parked(outlet.topic)

    def _stop_returns(self) -> None:
        for outlet in self.returns.stop_all():
            self._part_with(outlet)

    def _revoked(self, parts: Sequence[Assignment]) -> None:
        self._drain([self.lanes[part] for part in parts if part in self.lanes])
        self._stop_returns()
        for part in parts:
            if self.lanes.pop(part, None) is not None:
                self.outside.observer.forget(*part)

    def _drain(self, lanes: Sequence[Lane]) -> None:
        """Let what is on its way arrive, and write the last resume points; what does not make it is met again."""
        deadline = time.monotonic() + _DRAIN_SECONDS
        for lane in lanes:
            lane.waiting.clear()
            lane.finish()
        while (now := time.monotonic()) < deadline and self.member.holds(now):
            self._settle(now)
            self.outside.outlets.pump()
            if all(lane.there is not None or lane.rests() for lane in lanes):
                break
            time.sleep(0.001)


def _lowest(resumed: Sequence[Progress], limits: Mapping[str, tuple[int, int]]) -> dict[str, int]:
    """The lowest floor of each outlet over these resume points; its beginning where one does not know it."""
    return {
        topic: min((progress.floors.get(topic, first) for progress in resumed), default=first)
        for topic, (first, _) in limits.items()
    }
