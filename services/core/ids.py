"""Ids that tell a recipient nothing and that two recipients cannot join (ARCHITECTURE §8 "Ids"; consent.md §10.4).

A keyed BLAKE2b (RFC 7693) under a key per recipient, derived from one master secret by HKDF-Expand (RFC 5869): the same
incident has another id for every recipient, and without the secret nothing can be guessed.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from hashlib import blake2b

_LENGTH = 16


class Ids:
    """Makes ids for one recipient after another; derived keys are kept."""

    def __init__(self, master: bytes) -> None:
        """`master`: at least 32 random bytes, kept in a file that its owner alone may read."""
        if len(master) < 32:
            raise ValueError("the master key has fewer than 32 bytes: make a new one")
        self._master = master
        self._keyed: dict[str, blake2b] = {}

    def _keyed_for(self, recipient: str) -> blake2b:
        """To be copied."""
        found = self._keyed.get(recipient)
        if found is None:
            key = hmac.digest(self._master, b"slt-relay/recipient/" + recipient.encode() + b"\x01", "sha256")
            found = self._keyed[recipient] = blake2b(key=key, digest_size=_LENGTH)
        return found

    def addressed(
        self, recipients: Iterable[str], status: str, name: str, sequence: int
    ) -> tuple[list[str], list[str]]:
        """For each recipient its key of an incident, and the id of the delivery with this sequence under it."""
        named, numbered = _named(status, name), f"|{sequence}".encode()
        keys, messages = [], []
        for recipient in recipients:
            keyed = self._keyed_for(recipient)
            own = keyed.copy()
            own.update(named)
            key = own.hexdigest()
            keys.append(key)
            own = keyed.copy()
            own.update(b"message|%b%b" % (key.encode(), numbered))
            messages.append(own.hexdigest())
        return keys, messages

    def key(self, recipient: str, status: str, name: str) -> str:
        """The recipient-scoped incident id: 32 hexadecimal digits, the key of its records."""
        keyed = self._keyed_for(recipient).copy()
        keyed.update(_named(status, name))
        return keyed.hexdigest()

    def message(self, recipient: str, key: str, sequence: int) -> str:
        """The id of one delivery; the same for every repeat of it."""
        keyed = self._keyed_for(recipient).copy()
        keyed.update(f"message|{key}|{sequence}".encode())
        return keyed.hexdigest()

    def is_message(self, message: str, recipient: str, key: str, sequence: int) -> bool:
        """Whether the id is that of this delivery: nobody can name one that it was not sent."""
        return hmac.compare_digest(message.encode(), self.message(recipient, key, sequence).encode())


def _named(status: str, name: str) -> bytes:
    return f"incident|{status}|{name}".encode()
