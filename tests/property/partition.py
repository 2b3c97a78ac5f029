"""A partition of distribute with the recipients that read what it owes, and know nothing but that."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from services.core.deliveries import items
from services.core.envelope import Envelope, parse
from services.core.stage import Result
from tests.unit.test_distribute import CODEC, Slot

Said = frozenset[datetime]
"""What a record says, by the moments at which its accounts expire: tests give every version its own."""


class Owed(NamedTuple):
    """One delivery as its recipient reads it."""

    topic: str
    key: str
    envelope: Envelope
    body: bytes

    @property
    def recipient(self) -> str:
        return self.topic.rsplit(".", maxsplit=1)[1]

    @property
    def says(self) -> Said:
        kind, fields = CODEC.decode(self.body)
        return frozenset(account["expires"] for account in fields["accounts"]) if kind == "view" else frozenset()


def opened(output: Any) -> Iterator[Owed]:
    """The deliveries of a `deliveries` record, in their order."""
    for item in items(output):
        yield Owed(item["topic"], item["key"], parse(item["header"]), output["bodies"][item["body"]])


class Outlet:
    """One recipient's hands: what it keeps under each key if it does what the envelopes ask."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[int, Said]] = defaultdict(dict)
        self.last: dict[str, int] = {}

    def read(self, owed: Owed) -> None:
        found = owed.envelope
        assert found.sequence > self.last.get(owed.key, 0), "sequences rise strictly"
        records = self.kept[owed.key]
        over = max(found.delete_to, found.replace_to)
        self.kept[owed.key] = {sequence: said for sequence, said in records.items() if sequence > over}
        self.kept[owed.key][found.sequence] = owed.says
        self.last[owed.key] = found.sequence

    @property
    def holds(self) -> Said:
        return frozenset(one for records in self.kept.values() for said in records.values() for one in said)


class Partition(Slot):
    """Distribute's task with an outlet for everybody."""

    def __init__(self) -> None:
        self.outlets: dict[str, Outlet] = defaultdict(Outlet)
        self.log: list[Owed] = []
        super().__init__()

    def take(self, result: Result) -> Result:
        for output in result.outputs:
            if output.topic == "slt.deliveries":
                for owed in opened(output.value):
                    self.log.append(owed)
                    self.reach(owed)
        return super().take(result)

    def reach(self, owed: Owed) -> None:
        """At once; notices only repeat a recall."""
        if not owed.topic.startswith("slt.notices."):
            self.outlets[owed.recipient].read(owed)
