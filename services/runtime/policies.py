"""Policies of any time, as slt.control gives them; and as it would, had further records been entered.

A record that is only supposed is not signed and enters nothing: it exists in one process, for shadow evaluation.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from services.core.control import ADMIN, control_id
from services.core.control_read import read_control
from services.core.fold import PolicyFold
from services.core.policy import Policy
from services.core.stage import Record, Refusal, Source
from services.runtime.archive import Archive, ArchiveError
from services.runtime.control import CONTROL
from services.runtime.inbound import verify_ed25519
from services.runtime.settings import Settings

_SUPPOSED = b"supposed, not signed"
"""Compared by identity: no signature that was read is this object."""
NOW = "now"


class Past(NamedTuple):
    """slt.control in memory, once for every policy that is made of it."""

    root_key: bytes
    records: tuple[Record, ...]
    end: int
    """The epoch of everything that is entered."""
    now: datetime


def load_past(settings: Settings, archive: Archive, since: Past | None = None) -> Past:
    """slt.control, all or what came since; ArchiveError if a record cannot be read: then release stops as well."""
    end = archive.spans(CONTROL)[0].end
    root_key = bytes.fromhex(settings.administrator_public_key)
    start = {0: since.end} if since else None
    records = () if since and since.end >= end else tuple(archive.records(CONTROL, start))
    return Past(root_key, records, end, archive.now())


def policy_of(past: Past, wanted: str) -> Policy:
    """The policy that `wanted` names: an epoch, `now`, or a file of payloads added on top of now.

    ArchiveError says what is wrong with the name or the file.
    """
    if wanted == NOW:
        return _folded(past, past.end).compiled()
    if wanted.isdecimal():
        if int(wanted) > past.end:
            raise ArchiveError(f"epoch {wanted} has not come: the newest is {past.end}; give a lower one, or `{NOW}`")
        return _folded(past, int(wanted)).compiled()
    path = Path(wanted)
    if not path.is_file():
        raise ArchiveError(f"{wanted} is neither an epoch, nor `{NOW}`, nor a file of control payloads")
    return _supposed(past, path)


def payload_of(policy: Policy, key: str) -> dict[str, Any] | None:
    """What was signed as the newest record of a control key; None if there is none."""
    text = policy.payload(key)
    found: dict[str, Any] | None = orjson.loads(text) if text else None
    return found


def _folded(past: Past, end: int) -> PolicyFold:
    fold = PolicyFold(past.root_key, _verify)
    for record in past.records:
        if record.source.offset < end:
            fold.apply(record)
    return fold


def _verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    return signature is _SUPPOSED or verify_ed25519(public_key, message, signature)


def _supposed(past: Past, path: Path) -> Policy:
    fold = _folded(past, past.end)
    for offset, (number, payload) in enumerate(_payloads(path), past.end):
        fold.apply(_record(payload, offset, past.now, f"{path.name}, line {number}", fold.compiled()))
    return fold.compiled()


def _payloads(path: Path) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if line.strip():
            try:
                yield number, orjson.loads(line)
            except orjson.JSONDecodeError as error:
                raise ArchiveError(f"{path.name}, line {number}: send one JSON object a line") from error


def _record(payload: Any, offset: int, at: datetime, where: str, before: Policy) -> Record:
    """As intake would enter it, but that a new grant covers what came before it: as if it had been there all along."""
    found = read_control(payload)
    if isinstance(found, Refusal):
        raise ArchiveError(f"{where}: {found.reason} {found.field}: {found.advice}")
    kind, version, control = found
    name = control_id(control)
    key = f"{kind}/{name}"
    if version <= before.version(key):
        raise ArchiveError(f"{where}: version {before.version(key)} of {key} is entered: give a higher one")
    value = {
        "type": kind.value, "id": name, "version": version, "author": ADMIN, "signer": "root",
        "payload": orjson.dumps(payload).decode(), "signature": _SUPPOSED, "covers_from": 0,
    }  # fmt: skip
    return Record(Source(CONTROL, 0, offset), at, key, "control", value)
