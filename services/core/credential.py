"""Logins of partners' systems at the broker: several for an organisation, each with its own name and scopes.

The record says that a credential exists, never what its password is: the broker alone knows a salted hash of that.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Scope(StrEnum):
    """What a credential is for; topics.yaml says which topics belong to which."""

    READ = "read"
    SUBMIT = "submit"
    CONSENT = "consent"


class CredentialState(StrEnum):
    """SUSPENDED keeps the password and takes every right; REVOKED is for good."""

    ISSUED = "ISSUED"
    SUSPENDED = "SUSPENDED"
    REVOKED = "REVOKED"


class Credential(NamedTuple):
    """One login of a partner's system."""

    org: str
    name: str
    scopes: frozenset[Scope]
    state: CredentialState
    issue: int
    """Number of its password: it rises with each rotation."""

    @property
    def principal(self) -> str:
        """The name at the broker. An organisation's id has no dot, so no other organisation's begins alike."""
        return f"{self.org}.{self.name}"
