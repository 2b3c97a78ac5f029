"""A partition's state: the newest value of each changelog key, held encoded, with an undo log.

The changelog is the truth (ARCHITECTURE §5 rule 3); this is its image in memory. Values stay encoded, because a decoded
one takes about ten times the room, and are decoded when a rule asks.
"""

from __future__ import annotations

from collections.abc import Iterable

from services.core.stage import Fields
from services.runtime.codec import Codec

_CACHED = 2048


class Store:
    """The state of one partition; `put` is undone by `rollback` until `settle`."""

    def __init__(self, codec: Codec) -> None:
        """An empty state."""
        self._decode = codec.decode
        self._values: dict[str, bytes] = {}
        self._undo: dict[str, bytes | None] = {}
        self._cache: dict[str, Fields] = {}

    def __len__(self) -> int:
        """How many keys have a value."""
        return len(self._values)

    def get(self, key: str) -> Fields | None:
        """The key's value, or None; CodecError if the changelog holds what no schema of ours describes."""
        found = self._cache.get(key)
        if found is not None:
            return found
        data = self._values.get(key)
        if data is None:
            return None
        if len(self._cache) >= _CACHED:
            self._cache.clear()
        value = self._cache[key] = self._decode(data)[1]
        return value

    def keys(self) -> Iterable[str]:
        """Every key with a value."""
        return self._values.keys()

    def restore(self, key: bytes, data: bytes | None) -> None:
        """One record of the changelog, in its order."""
        if data is None:
            self._values.pop(key.decode(), None)
        else:
            self._values[key.decode()] = data

    def put(self, key: str, data: bytes | None) -> None:
        """Write in the open transaction; None removes."""
        before = self._values.get(key)
        self._undo.setdefault(key, before)
        self._cache.pop(key, None)
        if data is None:
            self._values.pop(key, None)
        else:
            self._values[key] = data

    def settle(self) -> None:
        """The transaction is committed: its writes stay."""
        if self._undo:
            self._undo = {}

    def rollback(self) -> None:
        """The transaction is aborted: exactly its writes go."""
        for key, before in self._undo.items():
            self._cache.pop(key, None)
            if before is None:
                self._values.pop(key, None)
            else:
                self._values[key] = before
        self._undo = {}
