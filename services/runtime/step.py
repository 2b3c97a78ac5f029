"""One record through one rule: decode, decide, encode. The only place where an exception of a rule is caught.

Whatever the rule decided is encoded whole before any of it is sent, so that a value that does not fit its schema, or a
record too large for its topic, is one refused record and never a transaction that aborts for ever (reliability.md R12).
"""

from __future__ import annotations

import hashlib
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import structlog

from services.core.reason import Reason
from services.core.stage import Moment, Outcome, Output, Record, Refusal, Result, Source, Task
from services.runtime.codec import Codec, CodecError
from services.runtime.ports import Message
from services.runtime.processor import Stage

_log = structlog.get_logger()
DEAD = "slt.dead"
KEPT_BYTES = 64 * 1024
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SUBMITTED = ("slt.in.", "slt.consent.")


class Send(NamedTuple):
    """One encoded output."""

    topic: str
    key: bytes
    value: bytes
    partition: int | None


class Effects(NamedTuple):
    """What one result does, ready to be sent; `reason` is what the metrics count."""

    result: Result
    sends: list[Send]
    changes: list[tuple[str, bytes | None]]
    reason: Reason | None
    bug: str = ""
    """Class and place of an exception of ours, for the log; no content."""


class OversizeError(ValueError):
    """A rule made a record that its topic does not take."""


class UnreadableError(ValueError):
    """A record of ours that we cannot read."""


class Step:
    """Turns messages into effects for one stage."""

    def __init__(self, stage: Stage, codec: Codec, *, raw: bool, size_limit: Callable[[str], int]) -> None:
        """`size_limit`: the largest key and value, in bytes, that a topic takes."""
        self._stage = stage.value
        self._codec = codec
        self._raw = raw
        self._limit_of = size_limit
        self._limits: dict[str, int] = {}

    def handle(self, task: Task, message: Message, moment: Moment) -> Effects:
        """What the rule makes of one record; a bug of ours becomes a refusal that names the exception's class."""
        found = _attempt(self._handle, task, message, moment)
        if isinstance(found, Exception):
            return self.refuse(message, moment, found)
        effects: Effects = found
        return effects

    def work(self, pending: Iterator[Result]) -> Effects | None:
        """The next piece of due work, or None. A bug has no record to refuse: its effects are empty."""
        found = _attempt(self._next, pending)
        if isinstance(found, Exception):
            return Effects(Result(None), [], [], Reason.BUG_STEP, _place(found))
        effects: Effects | None = found
        return effects

    @staticmethod
    def due(task: Task, moment: Moment, limit: int) -> Iterator[Result]:
        """The rule's due work, asked for when the first piece is taken (so that `work` catches that too)."""
        yield from task.work(moment, limit)

    def applied(self, task: Task, result: Result) -> Exception | None:
        """Tell the rule that its result is in the state; the exception if its indexes cannot be trusted now."""
        failed = _attempt(task.applied, result)
        return failed if isinstance(failed, Exception) else None

    def refuse(self, message: Message, moment: Moment, bug: Exception) -> Effects:
        """A bug of ours met this record: it is kept, its submitter has nothing to mend."""
        reason = Reason.BUG_RECORD if isinstance(bug, UnreadableError) else Reason.BUG_STEP
        name = type(bug).__name__
        advice = f"{name} in {self._stage}: a fault of the relay, nothing to change; its operators have been told"
        result = Result(Outcome.REFUSED, refusal=Refusal(reason, advice))
        return self._effects(result, message, moment)._replace(bug=_place(bug))

    def _handle(self, task: Task, message: Message, moment: Moment) -> Effects:
        record = raw_record(message) if self._raw else read_record(self._codec, message)
        return self._effects(task.handle(record, moment), message, moment)

    def _next(self, pending: Iterator[Result]) -> Effects | None:
        result = next(pending, None)
        if result is None:
            return None
        self._tell(result)
        return Effects(result, self._sends(result), self._changes(result), result.note)

    def _effects(self, result: Result, message: Message, moment: Moment) -> Effects:
        self._tell(result)
        sends = self._sends(result)
        reason = result.note
        if result.refusal is not None:
            sends.append(self._dead(message, result.refusal, moment.now))
            reason = result.refusal.reason
        return Effects(result, sends, self._changes(result), reason)

    def _tell(self, result: Result) -> None:
        if result.fault:
            _log.error("a rule of ours failed", stage=self._stage, error=result.fault)

    def _sends(self, result: Result) -> list[Send]:
        return [self._send(output) for output in result.outputs]

    def _send(self, output: Output) -> Send:
        topic, key, kind, value, partition = output
        data = value if isinstance(value, bytes) else self._codec.encode(kind, value)
        name = key.encode()
        limit = self._limits.get(topic) or self._limits.setdefault(topic, self._limit_of(topic))
        if len(data) + len(name) > limit:
            raise OversizeError(f"{topic}: {len(data)} bytes")
        return Send(topic, name, data, partition)

    def _changes(self, result: Result) -> list[tuple[str, bytes | None]]:
        encode = self._codec.encode
        return [(key, None if value is None else encode(kind, value)) for key, kind, value in result.changes]

    def _dead(self, message: Message, refusal: Refusal, now: datetime) -> Send:
        value = message.value or b""
        letter = Output(
            DEAD,
            f"{message.topic}/{message.partition}/{message.offset}",
            "dead",
            {
                "stage": self._stage, "topic": message.topic, "partition": message.partition, "offset": message.offset,
                "submitter": _submitter(message.topic), "reason": refusal.reason.value, "advice": refusal.advice,
                "field": refusal.field, "first_bytes": value[:KEPT_BYTES], "length": len(value),
                "sha256": hashlib.sha256(value).digest(), "at": now,
            },
        )  # fmt: skip
        return self._send(letter)


def read_record(codec: Codec, message: Message) -> Record:
    """A record of ours as a rule sees it; UnreadableError if it is none."""
    topic, partition, offset, appended, key, value = message
    if value is None:
        raise UnreadableError("a tombstone")
    try:
        kind, fields = codec.decode(value)
    except CodecError as error:
        raise UnreadableError(str(error)) from error
    return Record(Source(topic, partition, offset), _moment(appended), _text(key), kind, fields)


def raw_record(message: Message) -> Record:
    """A partner's record as intake sees it: bytes, whatever they are."""
    topic, partition, offset, appended, key, value = message
    return Record(Source(topic, partition, offset), _moment(appended), _text(key), "raw", value or b"")


def _moment(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)


def _text(key: bytes | None) -> str:
    return key.decode("utf-8", "replace") if key else ""


def _submitter(topic: str) -> str:
    """The organisation whose topic it is: the broker's ACL says who may write there."""
    return next((topic.removeprefix(prefix) for prefix in _SUBMITTED if topic.startswith(prefix)), "")


def _place(bug: Exception) -> str:
    where = traceback.extract_tb(bug.__traceback__)[-1]
    return f"{type(bug).__name__}:{Path(where.filename).name}:{where.lineno}"


def _attempt(rule: Callable[..., Any], *arguments: Any) -> Any:
    """What the rule returns, or the exception that it raised."""
    try:
        return rule(*arguments)
    except Exception as error:  # noqa: BLE001  a bug of ours is recorded, counted and limited; it never stops the stream
        return error
