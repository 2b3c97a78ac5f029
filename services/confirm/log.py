"""What CONFIRM asks of slt.deliveries: where it ends now, and how many recalls a stretch of it holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from confluent_kafka import IsolationLevel, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from services.core.confirmation import Confirmed, End
from services.core.control import ADMIN
from services.core.envelope import DeliveryType
from services.core.outlet import type_of
from services.runtime.codec import Codec
from services.runtime.outlets_read import Reader
from services.runtime.processor import Assignment

DELIVERIES = "slt.deliveries"
_COPY = "slt.notices."
"""A recall for a recipient that may not read its topic is written twice and is one."""
_ANSWER = 10.0


class DeliveryLog:
    """The delivery log from outside."""

    def __init__(self, admin: AdminClient, reader: Reader, lanes: int) -> None:
        """`reader`: of committed records; `lanes`: the log's partitions."""
        self._admin, self._reader, self.lanes = admin, reader, lanes
        self._codec = Codec()

    def ends(self) -> dict[int, int]:
        """High watermarks, by partition: what a transaction wrote whose commit can be seen anywhere lies below."""
        return self._offsets(OffsetSpec.latest())  # type: ignore[no-untyped-call]

    def recalls(self, confirmed: Sequence[Confirmed]) -> dict[End, int]:
        """How many recalls were decided since each end, of incidents that began with a report of who is told.

        A partner that leaves: of everything that it held. Read from the log between the end's time and its marks.
        """
        wanted = list(dict.fromkeys(each.end for each in confirmed if each.end.recalls))
        if not wanted:
            return {}
        since = self._since(min(end.decided_at for end in wanted))
        marks = confirmed[-1].marks
        begin = {Assignment(DELIVERIES, n): at for n, at in since.items() if 0 <= at < marks[n]}
        upto = {part: marks[part.partition] for part in begin}
        found: Counter[End] = Counter()
        for batch in self._reader.read(begin, lambda: upto):
            for message in batch:
                record = self._codec.decode(message.value() or b"")[1]
                found.update({end: recalls_in(record, end) for end in wanted})
        return found

    def _since(self, at: datetime) -> dict[int, int]:
        return self._offsets(OffsetSpec.for_timestamp(int(at.timestamp() * 1000)))

    def _offsets(self, spec: OffsetSpec) -> dict[int, int]:
        asked: Mapping[Any, Any] = self._admin.list_offsets(
            {TopicPartition(DELIVERIES, number): spec for number in range(self.lanes)},
            isolation_level=IsolationLevel.READ_UNCOMMITTED, request_timeout=_ANSWER,
        )  # fmt: skip
        return {part.partition: int(future.result(_ANSWER).offset) for part, future in asked.items()}


def recalls_in(record: Mapping[str, Any], end: End) -> int:
    """Recalls of one `deliveries` record that the end may have asked for."""
    leaves = end.org == ADMIN
    if record["epoch"] <= end.epoch or not (leaves or record["incident"].startswith(f"{end.org}/")):
        return 0
    recalls = (one for one in record["groups"] if one["prefix"] != _COPY and _is_recall(one["before"]))
    return sum(_count(one["recipients"], end.grant if leaves else "") for one in recalls)


def _is_recall(before: bytes) -> bool:
    return type_of(before) == DeliveryType.RECALL


def _count(recipients: Iterable[str], only: str) -> int:
    return sum(not only or recipient == only for recipient in recipients)
