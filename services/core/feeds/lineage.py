"""Which version of which series an alert is, when alerts of one run refer to each other (CAP `references`)."""

from __future__ import annotations

from collections.abc import Iterable

from services.core.feeds.table import Submission


class Lineage:
    """Remembers the series of one run. CAP gives every update a new identifier; here it is the next version instead."""

    def __init__(self) -> None:
        """Nothing was sent yet."""
        self._known: dict[str, tuple[str, int]] = {}
        self._newest: dict[str, int] = {}

    def trace(self, found: Submission, references: Iterable[str]) -> None:
        """Give the submission the series of the first alert it refers to that this run has seen, and its next version.

        An alert that refers to nothing seen keeps its own id; one that comes again is the same version again.
        """
        own = found["series_id"]
        if own not in self._known:
            home = next((self._known[one][0] for one in references if one in self._known), own)
            version = found["version"] if home == own else self._newest[home] + 1
            self._known[own] = home, version
            self._newest[home] = version
        found["series_id"], found["version"] = self._known[own]
