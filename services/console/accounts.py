"""Local accounts, invitations and tokens of the console, in one file that its owner alone can read.

Passwords are kept as argon2id, invitations and tokens as SHA-256 of 256 random bits: nothing in the file opens a door.
There is no default password: an account begins with an invitation, a link that works once and for a day (SLT-66).
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from services.runtime.secrets import write_private

FILE = "console.accounts"
"""In the secrets folder."""
INVITED = timedelta(days=1)
SHORTEST = 12
"""Characters of a password; there is no other rule, because a rule makes passwords worse."""
LONGEST_TOKEN = timedelta(days=366)
_HASHER = PasswordHasher()
_NOBODY = _HASHER.hash(secrets.token_hex(16))
"""Checked for names that do not exist, so that the time tells nothing."""


class Role(StrEnum):
    """What a user of the console may do; all but the auditor may also view."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"


class AccountError(Exception):
    """It cannot be done; the text says what to do."""


class Token(NamedTuple):
    """A key for another tool; it may at most what its owner may."""

    id: str
    name: str
    owner: str
    scopes: tuple[str, ...]
    expires_at: datetime


class Accounts:
    """Every account; each question reads the file again if it has changed, so an end of a role holds at once."""

    def __init__(self, folder: Path) -> None:
        """`folder`: of the secrets."""
        self._path = folder / FILE
        self._read: tuple[int, dict[str, Any]] = (-1, _EMPTY)

    def names(self) -> Mapping[str, tuple[Role, ...]]:
        """Every account that has not ended, with its roles."""
        return {name: _roles(told) for name, told in self._all()["accounts"].items()}

    @property
    def is_untouched(self) -> bool:
        """Nobody has ever chosen a password."""
        return not any(told.get("password") for told in self._all()["accounts"].values())

    def roles(self, name: str) -> tuple[Role, ...]:
        """Of one account; none if it has ended or never was."""
        told = self._all()["accounts"].get(name)
        return _roles(told) if told else ()

    def invite(self, name: str, roles: tuple[Role, ...], now: datetime) -> str:
        """A new account, or a new password for one; returns the invitation, which is shown once."""
        secret = secrets.token_urlsafe(32)
        invitation = {"hash": _digest(secret), "until": (now + INVITED).isoformat()}
        with self._changed() as found:
            old = found["accounts"].get(name, {})
            found["accounts"][name] = {**old, "roles": list(roles), "invitation": invitation}
        return secret

    def accept(self, secret: str, password: str, now: datetime) -> str:
        """Set the password with an invitation; returns the account's name. AccountError: it does not work any more."""
        if len(password) < SHORTEST:
            raise AccountError(f"The password has fewer than {SHORTEST} characters: choose a longer one.")
        hashed = _HASHER.hash(password)
        with self._changed() as found:
            for name, told in found["accounts"].items():
                invitation = told.get("invitation")
                if invitation and secrets.compare_digest(invitation["hash"], _digest(secret)):
                    if datetime.fromisoformat(invitation["until"]) < now:
                        break
                    told["invitation"], told["password"] = None, hashed
                    return str(name)
        raise AccountError("This invitation does not work any more: ask an administrator for a new one.")

    def check(self, name: str, password: str) -> bool:
        """Whether the password is the account's; takes as long for a name that nobody has."""
        stored = self._all()["accounts"].get(name, {}).get("password")
        try:
            return _HASHER.verify(stored or _NOBODY, password) and stored is not None
        except VerificationError:
            return False

    def end(self, name: str) -> None:
        """The account, its sessions and its tokens are over. AccountError: there is none of that name."""
        with self._changed() as found:
            if found["accounts"].pop(name, None) is None:
                raise AccountError(f"there is no account {name}")
            found["tokens"] = {key: token for key, token in found["tokens"].items() if token["owner"] != name}

    def new_token(self, token: Token) -> str:
        """Keep a token; returns its secret, which is shown once."""
        secret = f"{token.id}.{secrets.token_urlsafe(32)}"
        told = {**token._asdict(), "expires_at": token.expires_at.isoformat(), "hash": _digest(secret)}
        with self._changed() as found:
            found["tokens"][token.id] = told
        return secret

    def end_token(self, key: str, owner: str) -> None:
        """A token of this owner is over; one of anybody else stays."""
        with self._changed() as found:
            if found["tokens"].get(key, {}).get("owner") == owner:
                del found["tokens"][key]

    def tokens(self, owner: str) -> list[Token]:
        """An account's own."""
        return [_token(told) for told in self._all()["tokens"].values() if told["owner"] == owner]

    def token(self, secret: str, now: datetime) -> Token | None:
        """The token with this secret, if it is still valid."""
        told = self._all()["tokens"].get(secret.partition(".")[0])
        if told is None or not secrets.compare_digest(told["hash"], _digest(secret)):
            return None
        found = _token(told)
        return found if found.expires_at > now else None

    def _all(self) -> dict[str, Any]:
        try:
            changed = self._path.stat().st_mtime_ns
        except FileNotFoundError:
            return _EMPTY
        if changed != self._read[0]:
            self._read = (changed, orjson.loads(self._path.read_bytes()))
        return self._read[1]

    @contextmanager
    def _changed(self) -> Iterator[dict[str, Any]]:
        """What is changed in it is written whole, or not at all; one process after another."""
        with self._path.with_suffix(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            found = orjson.loads(orjson.dumps(self._all()))
            yield found
            new = self._path.with_suffix(".new")
            write_private(new, orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
            os.replace(new, self._path)


_EMPTY: dict[str, Any] = {"accounts": {}, "tokens": {}}


def first_link(accounts: Accounts, address: str, now: datetime) -> str | None:
    """At the first start, where there is no account yet: the link that makes an administrator's."""
    everything = (Role.OPERATOR, Role.APPROVER, Role.ADMINISTRATOR, Role.AUDITOR)
    return None if accounts.names() else invitation_link(address, accounts.invite("administrator", everything, now))


def invitation_link(address: str, secret: str) -> str:
    """What an invited person opens; the secret stands after # so that no log of any server has it."""
    return f"{address}/invitation#{secret}"


def _roles(told: Mapping[str, Any]) -> tuple[Role, ...]:
    return tuple(Role(role) for role in told["roles"])


def _token(told: Mapping[str, Any]) -> Token:
    until = datetime.fromisoformat(told["expires_at"])
    return Token(told["id"], told["name"], told["owner"], tuple(told["scopes"]), until)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
