"""Does a reader do what the relay asks of readers? It is given small histories, and says what it then has of each.

The histories are made here (conform_cases), so a partner tests its own reader alone, without the relay.
"""

from __future__ import annotations

import base64
import shlex
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import orjson

from services.client.acknowledge import acknowledgement
from services.client.conform_cases import Check, Outcome, checks
from services.client.record import Family, Raw, opened
from services.client.store import State, Store
from services.client.subscription import take_in
from services.runtime.codec import Codec

_SECONDS = 60.0
_CODEC = Codec()


Reader = Callable[[Sequence[Raw]], Outcome]
"""Begins with nothing, reads these records, and says what it then has."""


class ReaderError(Exception):
    """A reader that ended without an outcome; the text says how."""


class Verdict(NamedTuple):
    """One line of the report."""

    name: str
    passed: bool
    advice: str
    """What to do; empty when it passed."""


def judge(reader: Reader) -> list[Verdict]:
    """Every check, each with a reader that begins anew."""
    return [_judged(check, reader) for check in checks()]


def _judged(check: Check, reader: Reader) -> Verdict:
    try:
        told = reader(check.records)
    except ReaderError as error:
        return Verdict(check.name, False, f"{check.advice} ({error})")
    wrong = [name for name in Outcome._fields if getattr(told, name) != getattr(check.right, name)]
    return Verdict(check.name, not wrong, f"{check.advice} (wrong: {', '.join(wrong)})" if wrong else "")


def own_reader(records: Sequence[Raw]) -> Outcome:
    """The reader of this package (services.client.Subscription), without its connection."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "conform.sqlite")
        try:
            return _read(store, records)
        finally:
            store.close()


def _read(store: Store, records: Sequence[Raw]) -> Outcome:
    shown = []
    for raw in records:
        delivery = opened(raw, _CODEC)
        if take_in(store, delivery) and delivery.envelope and delivery.is_actual:
            shown.append(delivery.envelope.message_id)
        store.commit()
    held = [each for each in store.held() if each.family is Family.OUT and each.state is not State.QUARANTINED]
    answers = [orjson.loads(acknowledgement(each)) for each in store.unsent()]
    return Outcome(
        frozenset(f"{each.key}/{each.sequence}" for each in held), tuple(shown),
        frozenset(f"{each['message_id']}/{each['key']}/{each['sequence']}" for each in answers),
    )  # fmt: skip


def command_reader(command: str) -> Reader:
    """A partner's own reader: it gets a line of JSON for each record on its input, and prints its outcome as JSON.

    In: `topic`, `offset`, `key`, `header` (null or text), `value` (base64). Out: `held`, `shown`, `answered` (lists).
    """

    def read(records: Sequence[Raw]) -> Outcome:
        try:
            done = subprocess.run(  # noqa: S603  the user's own command
                shlex.split(command), input=b"".join(map(_line, records)), capture_output=True, timeout=_SECONDS,
                check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ReaderError(f"the reader did not run: {type(error).__name__}") from error
        return _outcome(done)

    return read


def _line(raw: Raw) -> bytes:
    told = {
        "topic": raw.topic, "offset": raw.offset, "key": raw.key.decode(),
        "header": raw.header.decode() if raw.header else None, "value": base64.b64encode(raw.value).decode(),
    }  # fmt: skip
    return orjson.dumps(told, option=orjson.OPT_APPEND_NEWLINE)


def _outcome(done: subprocess.CompletedProcess[bytes]) -> Outcome:
    if done.returncode:
        raise ReaderError(f"the reader ended with {done.returncode}")
    try:
        told = orjson.loads(done.stdout)
        return Outcome(frozenset(told["held"]), tuple(told["shown"]), frozenset(told["answered"]))
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise ReaderError("its output is no JSON object with the lists held, shown and answered") from error
