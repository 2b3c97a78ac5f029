"""A partner's configuration: one TOML file with the connection and the credential, which its owner alone may read."""

from __future__ import annotations

import json
import os
import stat
import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.client.errors import ClientError, Problem
from services.client.record import Family
from services.runtime.kafka import COMMON, CONSUMER, PRODUCER
from services.runtime.secrets import private_folder, write_private
from services.runtime.signing import sign

_DAY = 86400.0
_PATHS = frozenset({"ca", "signing_key"})
QUIET = {"log_level": 2}
"""What the client library says of retries is nothing for a terminal: what lasts is raised."""


@dataclass(frozen=True)
class Access:
    """How one credential of one organisation reaches the relay."""

    bootstrap: str
    """The partners' listener (SASL_SSL), host:port[,host:port]."""
    org: str
    """The organisation's id."""
    username: str
    password: str = field(repr=False)
    ca: Path | None = None
    """Certificate authority of the relay (PEM); None: those of the operating system."""
    signer: str = ""
    """The representative who signs consents from here."""
    signing_key: Path | None = None
    """The representative's Ed25519 private key: 64 hexadecimal digits in a file."""
    path: Path = field(default=Path(), repr=False)
    """Where this was read from; the local stores lie beside it."""

    @classmethod
    def load(cls, path: Path) -> Access:
        """Read one file; ClientError names what is wrong: missing, readable by others, an unknown or missing key."""
        if not path.is_file():
            raise ClientError(Problem.CONFIG, f"There is no configuration at {path}: make one with `slt login`.")
        refuse_shared(path)
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except tomllib.TOMLDecodeError as error:
            raise ClientError(Problem.CONFIG, f"{path} is no TOML: {error}.") from error
        _check(path, values)
        located = {key: path.parent / value if key in _PATHS else value for key, value in values.items()}
        return cls(**located, path=path)

    def save(self, path: Path) -> Access:
        """Write the file so that its owner alone can read it; what it replaces is gone."""
        if not path.parent.is_dir():
            private_folder(path.parent)
        values = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "path"}
        lines = [f"{key} = {_quoted(str(value))}" for key, value in values.items() if value]
        temporary = path.with_name(path.name + ".new")
        write_private(temporary, "\n".join(lines) + "\n")
        temporary.replace(path)
        return self.load(path)

    def topic(self, family: Family) -> str:
        """The organisation's topic of a family."""
        return f"slt.{family}.{self.org}"

    def store(self, name: str = "held") -> Path:
        """Where a local store of this name lies."""
        return self.path.parent / f"{self.org}.{name}.sqlite"

    def consumer(self, **extra: Any) -> dict[str, Any]:
        """Client configuration of a reader that assigns its partitions itself, reads committed and never commits."""
        return {**self._client(), **CONSUMER, "group.id": f"{self.org}.client", "enable.partition.eof": True, **extra}

    def producer(self, **extra: Any) -> dict[str, Any]:
        """Client configuration of an idempotent producer."""
        return {**self._client(), **PRODUCER, **extra}

    def signed(self, payload: Mapping[str, Any]) -> bytes:
        """The payload with the representative's signature, for slt.consent.<org>; ClientError without a key."""
        if self.signing_key is None or not self.signer:
            raise ClientError(
                Problem.CONFIG,
                "A consent is signed by a registered representative: name the person and the key file with "
                "`slt login --signer NAME --signing-key FILE`.",
            )
        return sign(payload, self.signer, _private_key(self.signing_key))

    def accepted(self) -> None:
        """Remember that the relay has taken this file's credential just now."""
        self._mark.touch(mode=0o600)

    def idle_days(self) -> float | None:
        """Days since the relay took this file's credential, unchanged since; None: it never did."""
        mark = self._mark
        if not mark.exists() or mark.stat().st_mtime < self.path.stat().st_mtime:
            return None
        return (time.time() - mark.stat().st_mtime) / _DAY

    @property
    def _mark(self) -> Path:
        return self.path.with_name(self.path.name + ".accepted")

    def _client(self) -> dict[str, Any]:
        found = {
            **COMMON, **QUIET, "bootstrap.servers": self.bootstrap, "security.protocol": "SASL_SSL",
            "sasl.mechanism": "SCRAM-SHA-512", "sasl.username": self.username, "sasl.password": self.password,
            "client.id": f"{self.org}.slt",
        }  # fmt: skip
        return {**found, "ssl.ca.location": str(self.ca)} if self.ca else found


def refuse_shared(path: Path) -> None:
    """ClientError if others than the owner may read the file. Windows has no such bits; a profile is private there."""
    if os.name != "nt" and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ClientError(Problem.CONFIG, f"Others may read {path}, which holds a secret: chmod 600 it.")


def _check(path: Path, values: Mapping[str, Any]) -> None:
    known = {each.name for each in fields(Access)} - {"path"}
    unknown, missing = values.keys() - known, {"bootstrap", "org", "username", "password"} - values.keys()
    if unknown:
        raise ClientError(
            Problem.CONFIG, f"{path}: unknown key `{min(unknown)}`; known are {', '.join(sorted(known))}."
        )
    if missing:
        raise ClientError(Problem.CONFIG, f"{path}: `{min(missing)}` is missing; `slt login` writes it.")
    wrong = [key for key, value in values.items() if not isinstance(value, str) or not value]
    if wrong:
        raise ClientError(Problem.CONFIG, f"{path}: `{wrong[0]}` must be a text that is not empty.")


def _private_key(path: Path) -> Ed25519PrivateKey:
    if not path.is_file():
        raise ClientError(Problem.CONFIG, f"There is no signing key at {path}.")
    refuse_shared(path)
    try:
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(path.read_text(encoding="ascii").strip()))
    except ValueError as error:
        raise ClientError(Problem.CONFIG, f"{path} holds no Ed25519 private key: 64 hexadecimal digits.") from error


def _quoted(text: str) -> str:
    """A TOML basic string: JSON's, but for one character."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
