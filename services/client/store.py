"""What an organisation holds, in one SQLite file that its owner alone may read: content, recalls and the position.

Content and position change in one transaction, so a crash at any point leaves both before a record or both behind it.
What was recalled is overwritten in the file, not only unlinked.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from services.client.errors import ClientError, Problem
from services.client.record import Delivery, Family
from services.core.report import Answer

_VERSION = 1
_REMEMBERED = timedelta(days=40)
"""Longer than any topic of a partner keeps a record, which is as long as one can be repeated."""
_TABLES = """
CREATE TABLE position (family TEXT PRIMARY KEY, offset INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE seen (family TEXT, id TEXT, at INTEGER NOT NULL, PRIMARY KEY (family, id)) WITHOUT ROWID;
CREATE TABLE last (family TEXT, key TEXT, sequence INTEGER NOT NULL, PRIMARY KEY (family, key)) WITHOUT ROWID;
CREATE TABLE held (family TEXT, key TEXT, sequence INTEGER, message_id TEXT NOT NULL, type TEXT NOT NULL,
  status TEXT NOT NULL, at INTEGER NOT NULL, state TEXT NOT NULL, body BLOB NOT NULL,
  PRIMARY KEY (family, key, sequence));
CREATE TABLE recall (message_id TEXT PRIMARY KEY, key TEXT NOT NULL, sequence INTEGER NOT NULL,
  reason_class TEXT NOT NULL, deadline INTEGER, at INTEGER NOT NULL, removed INTEGER NOT NULL,
  reminded INTEGER NOT NULL DEFAULT 0, answer TEXT NOT NULL DEFAULT '', note TEXT NOT NULL DEFAULT '',
  sent INTEGER NOT NULL DEFAULT 0);
CREATE TABLE notice (id TEXT PRIMARY KEY, kind TEXT NOT NULL, at INTEGER NOT NULL, status TEXT NOT NULL,
  body BLOB NOT NULL);
"""


class State(StrEnum):
    """What may be done with what is held."""

    HELD = "HELD"
    KEPT = "KEPT"  # it may be kept, and nothing more follows for it
    QUARANTINED = "QUARANTINED"  # a recall asks to set it aside; do not use it


class Held(NamedTuple):
    """One sequence of one key."""

    family: Family
    key: str
    sequence: int
    message_id: str
    type: str
    status: str
    at: datetime
    state: State
    body: bytes
    """The record as it travelled (services.runtime.codec reads it)."""


class Recalled(NamedTuple):
    """One recall and the organisation's answer to it."""

    message_id: str
    key: str
    """Empty: it came while READ was taken away, and names itself only; the recall with its key follows on `out`."""
    sequence: int
    reason_class: str
    deadline: datetime | None
    at: datetime
    removed: int
    """How many records it took out of this store."""
    reminded: int
    answer: str
    note: str
    sent: bool
    """True once the relay's broker has the answer."""


class Store:
    """One file. Use it from one thread; another process may read it at the same time."""

    def __init__(self, path: Path) -> None:
        """Opened, and made if it is missing; ClientError if it is of another version of this program."""
        if not path.exists():
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
        self._db = sqlite3.connect(path, timeout=30.0, isolation_level=None)
        self._erased = False
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA secure_delete = ON")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._prepare(path)

    def close(self) -> None:
        """What was not committed is gone, and will be read again."""
        self._db.close()

    @property
    def connection(self) -> sqlite3.Connection:
        """For tables of your own: what you write between two records is committed with the record, or not at all."""
        return self._db

    # -- records

    def position(self, family: Family) -> int | None:
        """The offset to go on from; None: nothing was read yet."""
        row = self._db.execute("SELECT offset FROM position WHERE family = ?", (family,)).fetchone()
        return None if row is None else int(row[0])

    def apply(self, delivery: Delivery) -> bool:
        """Take in one record and its position, uncommitted. False: nothing new (a repeat, or overtaken)."""
        if not self._db.in_transaction:
            self._db.execute("BEGIN IMMEDIATE")
        self._db.execute(
            "INSERT INTO position VALUES (?, ?) ON CONFLICT DO UPDATE SET offset = max(offset, excluded.offset)",
            (delivery.family, delivery.offset + 1),
        )
        if delivery.envelope is None:
            return True
        if self._known(delivery):
            return False
        if delivery.family is Family.NOTICES:
            self._notice(delivery)
        else:
            self._obey(delivery)
        return True

    def commit(self) -> None:
        """For good, on disk."""
        if not self._db.in_transaction:
            return
        self._db.execute("COMMIT")
        if self._erased:
            self._erased = False
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # the journal has copies of what was deleted

    def _prepare(self, path: Path) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            self._db.executescript(f"BEGIN IMMEDIATE; {_TABLES} PRAGMA user_version = {_VERSION}; COMMIT;")
        elif version != _VERSION:
            self._db.close()
            text = f"{path} is of another version of this program ({version}): update it, or remove the file."
            raise ClientError(Problem.CONFIG, text)
        newest = self._db.execute("SELECT max(at) FROM seen").fetchone()[0] or 0
        self._db.execute("DELETE FROM seen WHERE at < ?", (newest - _REMEMBERED // timedelta(milliseconds=1),))

    def _known(self, delivery: Delivery) -> bool:
        """A repeated id, or a sequence not above the last of its key; remembers both if not."""
        envelope = delivery.envelope
        assert envelope is not None  # noqa: S101  the caller has looked
        last = self._db.execute(
            "SELECT sequence FROM last WHERE family = ? AND key = ?", (delivery.family, delivery.key)
        ).fetchone()
        if last is not None and envelope.sequence <= last[0]:
            return True
        added = self._db.execute(
            "INSERT OR IGNORE INTO seen VALUES (?, ?, ?)", (delivery.family, envelope.message_id, _stamp(delivery.at))
        )
        if not added.rowcount:
            return True
        self._db.execute(
            "INSERT INTO last VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET sequence = excluded.sequence",
            (delivery.family, delivery.key, envelope.sequence),
        )
        return False

    def _obey(self, delivery: Delivery) -> None:
        """The three marks, then the record itself (ARCHITECTURE §4)."""
        envelope = delivery.envelope
        assert envelope is not None  # noqa: S101  the caller has looked
        until = (delivery.family, delivery.key)
        removed = 0
        if delivery.is_recall and delivery.value.get("action") == "QUARANTINE":
            removed = self._change("UPDATE held SET state = 'QUARANTINED'", (*until, envelope.delete_to))
        elif envelope.delete_to:
            removed = self._change("DELETE FROM held", (*until, envelope.delete_to))
            self._erased = self._erased or bool(removed)
        self._change("DELETE FROM held", (*until, envelope.replace_to), "AND state <> 'QUARANTINED'")
        self._change("UPDATE held SET state = 'KEPT'", (*until, envelope.keep_to), "AND state = 'HELD'")
        if delivery.is_recall:
            self._recalled(delivery, delivery.key, removed)
        elif delivery.kind != "replaced":
            row = (*until, envelope.sequence, envelope.message_id, envelope.type, envelope.status)
            values = (*row, _stamp(delivery.at), State.HELD, delivery.body)
            self._db.execute("INSERT OR REPLACE INTO held VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)

    def _change(self, what: str, until: tuple[str, str, int], only: str = "") -> int:
        where = f"WHERE family = ? AND key = ? AND sequence <= ? {only}"
        return self._db.execute(f"{what} {where}", until).rowcount

    # -- recalls

    def _recalled(self, delivery: Delivery, key: str, removed: int) -> None:
        envelope, value = delivery.envelope, delivery.value
        assert envelope is not None  # noqa: S101  a recall has one
        self._db.execute(
            "INSERT INTO recall (message_id, key, sequence, reason_class, deadline, at, removed)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " key = excluded.key, removed = recall.removed + excluded.removed",
            (
                envelope.message_id, key, envelope.sequence, value.get("reason_class", ""),
                _stamp(value["deadline"]) if "deadline" in value else None, _stamp(delivery.at), removed,
            ),
        )  # fmt: skip

    def _notice(self, delivery: Delivery) -> None:
        envelope = delivery.envelope
        assert envelope is not None  # noqa: S101  the caller has looked
        if delivery.is_recall:
            known = self._db.execute("SELECT 1 FROM recall WHERE message_id = ?", (envelope.message_id,)).fetchone()
            if known is None:
                self._recalled(delivery, "", 0)
            return
        if delivery.kind == "reminder":
            self._db.execute(
                "UPDATE recall SET reminded = max(reminded, ?) WHERE message_id = ?",
                (delivery.value["times"], delivery.value["message_id"]),
            )
        row = (envelope.message_id, delivery.kind, _stamp(delivery.at), envelope.status, delivery.body)
        self._db.execute("INSERT OR REPLACE INTO notice VALUES (?, ?, ?, ?, ?)", row)

    def answer(self, message_id: str, answer: Answer, note: str = "") -> None:
        """Answer a recall: to be sent; within the open transaction if there is one."""
        self._db.execute(
            "UPDATE recall SET answer = ?, note = ?, sent = 0 WHERE message_id = ?", (answer, note, message_id)
        )

    def sent(self, message_id: str, answer: str) -> None:
        """The relay's broker has this answer."""
        self._db.execute("UPDATE recall SET sent = 1 WHERE message_id = ? AND answer = ?", (message_id, answer))

    # -- reading

    def held(self) -> list[Held]:
        """Everything held, the oldest first."""
        rows = self._db.execute(
            "SELECT family, key, sequence, message_id, type, status, at, state, body FROM held ORDER BY at, key"
        )
        return [_held(*row) for row in rows]

    def recalls(self) -> list[Recalled]:
        """Every recall received, the oldest first."""
        return self._recalls("ORDER BY at")

    def unsent(self) -> list[Recalled]:
        """Recalls whose answer the relay does not have yet, and that can be answered."""
        return self._recalls("WHERE answer <> '' AND NOT sent AND key <> ''")

    def recall(self, message_id: str) -> Recalled | None:
        """One recall; None: no such recall was received."""
        found = self._recalls("WHERE message_id = ?", message_id)
        return found[0] if found else None

    def _recalls(self, which: str, *given: str) -> list[Recalled]:
        rows = self._db.execute(f"SELECT {', '.join(Recalled._fields)} FROM recall {which}", given)  # noqa: S608
        return [_recall(dict(zip(Recalled._fields, row, strict=True))) for row in rows]

    def notices(self, kinds: Iterable[str]) -> list[tuple[str, datetime, str, bytes]]:
        """Id, time, status and bytes of the notices of these record types, the oldest first."""
        wanted = set(kinds)
        rows = self._db.execute("SELECT id, kind, at, status, body FROM notice ORDER BY at")
        return [(row[0], _moment(row[2]), row[3], row[4]) for row in rows if row[1] in wanted]


def _held(family: str, key: str, sequence: int, *rest: Any) -> Held:
    message_id, kind, status, at, state, body = rest
    return Held(Family(family), key, sequence, message_id, kind, status, _moment(at), State(state), body)


def _recall(row: Mapping[str, Any]) -> Recalled:
    deadline = None if row["deadline"] is None else _moment(row["deadline"])
    return Recalled(**{**row, "deadline": deadline, "at": _moment(row["at"]), "sent": bool(row["sent"])})


def _stamp(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _moment(stamp: int) -> datetime:
    return datetime.fromtimestamp(stamp / 1000, UTC)
