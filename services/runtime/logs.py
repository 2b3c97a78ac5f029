"""Logs: one JSON line per event on standard error, by allow-list, so that no report's content and no secret can enter.

An event is a fixed lower-case phrase in the code, its fields are those of `FIELDS`, a value is a number, a time, an
enum, an exception or one token. Anything else is withheld and the line says so by the field's name: a log must neither
leak nor stop a stage.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

import orjson
import structlog

FIELDS = frozenset({
    "stage", "slot", "topic", "partition", "offset", "key_hash", "reason", "outcome", "error", "code", "seconds",
    "count", "limit", "bytes", "epoch", "version", "org", "port", "pid", "signal", "attempt", "now", "transactional_id",
})  # fmt: skip
"""Every field that a log line may have; `error` is an exception's class, `code` a client library's name for it."""

_PROCESSOR = frozenset({"event", "level", "at"})
_EVENT = re.compile(r"[a-z][a-z0-9 _,.:;()'-]{0,119}")
_WITHHELD = object()
_TOKEN = re.compile(r"[A-Za-z0-9_.:/-]{0,249}")


def configure(stage: str, slot: int) -> structlog.typing.FilteringBoundLogger:
    """Set the one log format of this process and return its logger, bound to stage and slot."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            only_known,
            structlog.processors.JSONRenderer(serializer=orjson.dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.BytesLoggerFactory(sys.stderr.buffer),
        cache_logger_on_first_use=True,
    )
    log: structlog.typing.FilteringBoundLogger = structlog.get_logger(stage=stage, slot=slot)
    return log


def only_known(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """The processor that withholds what is not on the list; `withheld` then names the fields, never a value."""
    found = {name: value if name in _PROCESSOR else _allowed(name, value) for name, value in line.items()}
    if not _EVENT.fullmatch(str(line.get("event", ""))):
        found["event"] = _WITHHELD
    withheld = sorted(name for name, value in found.items() if value is _WITHHELD)
    known = {name: value for name, value in found.items() if value is not _WITHHELD}
    return {**known, "withheld": withheld} if withheld else known


def _allowed(name: str, value: Any) -> Any:
    if name not in FIELDS:
        return _WITHHELD
    reduced = _reduced(value)
    plain = reduced is None or isinstance(reduced, bool | int | float | datetime)
    return reduced if plain or (isinstance(reduced, str) and _TOKEN.fullmatch(reduced)) else _WITHHELD


def _reduced(value: Any) -> Any:
    """An exception to its class's name, an enum to its value, a duration to seconds."""
    match value:
        case BaseException():
            return type(value).__name__
        case Enum():
            return str(value.value)
        case timedelta():
            return value.total_seconds()
    return value
