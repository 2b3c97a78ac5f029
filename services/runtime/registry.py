"""A registry of partners as one YAML file: who takes part, and a demonstration key for each representative.

It is for demonstrations and tests on one's own machine. A real partner's key is made by the person who signs with it
and never comes here (ARCHITECTURE §8 "Who acts").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.core.control import ADMIN, ANY, ID_FIELDS, Category, ControlType, PartnerStatus
from services.core.report import Status
from services.runtime.secrets import administrator_key, secret
from services.runtime.signing import sign
from services.runtime.topics import CANARY

OFFICER = "officer"
"""Name of each organisation's one representative."""
_NOMINATED = {"valid_from": "2025-01-01T00:00:00+00:00", "valid_to": "2045-01-01T00:00:00+00:00"}


class RegistryError(Exception):
    """The file is no registry; the text names the entry and what is wrong with it."""


class Entitled(BaseModel):
    """What an observer may see: kinds and areas of one forum's material, for a time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    forum: str
    kinds: tuple[str, ...]
    areas: tuple[str, ...]
    valid_from: datetime
    valid_to: datetime


class Entry(BaseModel):
    """One organisation as it is entered first; words as in `control` (schemas/control)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    org: str = Field(pattern=r"^[a-z][a-z0-9-]{1,30}$")
    category: Category
    areas: tuple[str, ...] = (ANY,)
    kinds: tuple[str, ...] = (ANY,)
    statuses: tuple[Status, ...] = (Status.ACTUAL, Status.EXERCISE)
    ceiling: Literal["LOW", "MODERATE", "HIGH", "SEVERE"] | None = None
    entitlements: tuple[Entitled, ...] = ()
    admitted_by: str | None = None
    valid_to: datetime | None = None

    def payload(self, version: int = 1, status: PartnerStatus = PartnerStatus.ACTIVE) -> dict[str, Any]:
        """The `partner` record to sign."""
        return {
            "type": "partner",
            "version": version,
            "status": status.value,
            **self.model_dump(mode="json", exclude_none=True),
        }


class Registry(BaseModel):
    """Every organisation of an installation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    partners: tuple[Entry, ...]

    @classmethod
    def load(cls, path: Path) -> Registry:
        """Read one YAML file; RegistryError names the first thing that is wrong."""
        try:
            return cls.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        except OSError as error:
            raise RegistryError(f"no registry at {path}: {error.strerror}") from error
        except yaml.YAMLError as error:
            raise RegistryError(f"{path.name} is no YAML: {str(error).splitlines()[0]}") from error
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "the file"
            raise RegistryError(f"{path.name}: {where}: {first['msg']}") from error

    @property
    def orgs(self) -> tuple[str, ...]:
        """The ids, in the file's order."""
        return tuple(entry.org for entry in self.partners)

    def entry(self, org: str) -> Entry:
        """One organisation's entry; KeyError if there is none."""
        return {entry.org: entry for entry in self.partners}[org]


class Signers:
    """The administrators' key and the representatives' demonstration keys, each in a file of the secrets folder."""

    def __init__(self, secrets: Path) -> None:
        """Keys that are missing are made when they are asked for."""
        self._secrets = secrets

    def key(self, org: str) -> Ed25519PrivateKey:
        """The key of `admin`'s root, or of an organisation's officer."""
        path = self._secrets / ("administrator.key" if org == ADMIN else f"{org}.{OFFICER}.key")
        administrator_key(path)
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret(path)))

    def signed(self, author: str, payload: Mapping[str, Any]) -> bytes:
        """The record for slt.consent.<author>."""
        return sign(payload, "root" if author == ADMIN else OFFICER, self.key(author))


def founding(registry: Registry, signers: Signers) -> Iterator[dict[str, Any]]:
    """The administrators' payloads that enter the test organisation, every partner, and its officer."""
    yield Entry(org=CANARY, category=Category.OBSERVER, statuses=(Status.TEST,)).payload()
    for entry in registry.partners:
        yield entry.payload()
        yield {
            "type": "representative", "version": 1, "org": entry.org, "name": OFFICER, "scopes": ["consent"],
            "public_key": signers.key(entry.org).public_key().public_bytes_raw().hex(), **_NOMINATED,
        }  # fmt: skip


def control_key(payload: Mapping[str, Any]) -> str:
    """The key in slt.control under which a payload is entered: type/id."""
    kind = ControlType(payload["type"])
    return "/".join((kind.value, *(payload[name] for name in ID_FIELDS[kind])))
