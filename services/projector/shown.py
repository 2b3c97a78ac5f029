"""What one batch adds to the console's picture: incidents that the SIOC was delivered, and how everybody stands.

Content comes from the SIOC's own topics and from nowhere else; of other organisations the picture knows states, counts,
times and ids (ARCHITECTURE §8 "The SIOC is a recipient").
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any, NamedTuple

import orjson

from services.core.control import ControlType
from services.core.envelope import DeliveryType, Envelope
from services.core.gates import Target
from services.core.picture import Gone, gone, row
from services.core.projection import Attribution, parse_projection
from services.core.report import Relation
from services.core.sioc import SIOC
from services.runtime.read_model import OUTLET_STATES, PARTNERS, RATE_SECONDS, SHOWN_IN

_Z = orjson.OPT_UTC_Z
_MIDNIGHT = time()


class Record(NamedTuple):
    """One delivery as it lies in an outlet."""

    org: str
    key: str
    envelope: Envelope
    fields: Mapping[str, Any]
    """Decoded; empty where nobody asked for it."""
    at: datetime
    """When it was appended."""


def dumps(value: Any) -> bytes:
    """As the API answers it: times end in Z."""
    return orjson.dumps(value, option=_Z)


class Links(NamedTuple):
    """What a record of slt.incidents says of one report and others."""

    series: str
    at: datetime
    whole: bool
    """All that is known of it; else something more."""
    links: dict[str, tuple[str, float]]
    """Other report -> relation and score."""


class Shown:
    """One batch; the newest of each key wins."""

    def __init__(self) -> None:
        """Empty."""
        self.rows: dict[str, dict[str, Any] | Gone] = {}
        """Per key of the SIOC its line of the feed."""
        self.views: dict[str, bytes] = {}
        self.matrices: dict[str, bytes | None] = {}
        """Per report: who has it and why; None where the SIOC may not see it."""
        self.keys: dict[str, dict[str, str]] = {}
        """Per incident: each recipient's key of it."""
        self.links: list[Links] = []
        self.recalls: dict[str, tuple[datetime, bytes]] = {}
        self.dead: dict[str, tuple[datetime, bytes]] = {}
        self.hashes: dict[str, dict[str, str | bytes]] = {}
        """Redis hashes of small states: name, field, value."""
        self.acknowledged: dict[str, bytes] = {}
        """Per key of the SIOC the first who acknowledged it."""
        self.latencies: deque[int] = deque(maxlen=1000)
        self.rates: dict[int, Counter[str]] = {}
        self.newest: datetime | None = None
        """Append time of the batch's newest delivery or report."""
        self.clock: datetime | None = None
        """The newest heartbeat."""

    def put(self, name: str, field: str, value: str | bytes) -> None:
        """One small state."""
        self.hashes.setdefault(name, {})[field] = value

    def rate(self, name: str, at: datetime, by: int = 1) -> None:
        """Something happened: counted per few seconds."""
        bucket = int(at.timestamp()) // RATE_SECONDS * RATE_SECONDS
        self.rates.setdefault(bucket, Counter())[name] += by
        self.newest = max(self.newest or at, at)

    def delivery(self, record: Record) -> None:
        """A record of anybody's outlet."""
        self.rate("delivered", record.at)
        if record.envelope.type is DeliveryType.RECALL:
            self._recall(record)
        if record.org == SIOC:
            self._own(record)

    def _own(self, record: Record) -> None:
        """What the SIOC itself was delivered."""
        ended = gone(record.key, record.envelope, record.at)
        if ended:
            self.rows[record.key] = ended
            return
        self.rows[record.key] = found = row(record.key, record.envelope, record.fields, record.at)
        self.views[record.key] = dumps(record.fields)
        for account in record.fields["accounts"]:
            if account["series_id"]:
                self.put(SHOWN_IN, account["series_id"], record.key)
        received = found["received_at"]
        is_exact = received.time() != _MIDNIGHT  # what is shown by the day has no time of day
        if record.envelope.type is DeliveryType.ALERT and is_exact:
            self.latencies.append(max(0, round((record.at - received) / timedelta(milliseconds=1))))

    def _recall(self, record: Record) -> None:
        """The recipient has to answer by the deadline; what it held is not told."""
        told = {
            "id": record.envelope.message_id, "recipient": record.org, "key": record.key,
            "status": record.envelope.status, "reason": record.fields["reason_class"],
            "started_at": record.at, "due_at": record.fields["deadline"],
        }  # fmt: skip
        self.recalls[record.envelope.message_id] = record.fields["deadline"], dumps(told)

    def decision(self, value: Mapping[str, Any]) -> None:
        """Who has a report, for the console: only where the SIOC is shown it under its originator's name."""
        found: dict[str, list[Mapping[str, Any]]] = {}
        for told in value["verdicts"]:
            found.setdefault(told["series_id"], []).append(told)
        for series, verdicts in found.items():
            told = {"epoch": value["epoch"], "as_of": value["as_of"], "verdicts": verdicts}
            is_own = series.startswith(f"{SIOC}/")
            self.matrices[series] = dumps(told) if is_own or _shown_by_name(verdicts) else None

    def change(self, value: Mapping[str, Any], at: datetime) -> None:
        """How a report is related to others; names and scores only."""
        if value["relation"] == Relation.DUPLICATE:
            return
        series = value["series_id"]
        found = {
            link["other"] if link["one"] == series else link["one"]: (link["relation"], link["score"])
            for link in value["links"]
            if series in (link["one"], link["other"])
        }
        self.links.append(Links(series, at, value["report"] is not None or bool(value["left"]), found))

    def deliveries(self, value: Mapping[str, Any]) -> None:
        """Under which key each recipient has an incident: what was delivered when is known by it."""
        keys = self.keys.setdefault(value["incident"], {})
        for group in value["groups"]:
            keys.update(zip(group["recipients"], group["keys"], strict=True))

    def control(self, value: Mapping[str, Any], at: datetime) -> None:
        """Partners and the administrators' word about their outlets; nothing else of a control record is kept."""
        if value["type"] == ControlType.PARTNER:
            payload = orjson.loads(value["payload"])
            told = {"category": payload["category"], "status": payload["status"], "since": at}
            self.put(PARTNERS, payload["org"], dumps(told))
        elif value["type"] == ControlType.OUTLET:
            payload = orjson.loads(value["payload"])
            self.put(OUTLET_STATES, payload["org"], dumps({"state": payload["state"], "since": at}))

    def refused(self, value: Mapping[str, Any]) -> None:
        """A dead letter: reason and place, never its bytes."""
        at = value["at"]
        place = f"{value['topic']}/{value['partition']}/{value['offset']}"
        told = {
            "id": place, "at": at, "stage": value["stage"], "reason": value["reason"], "topic": value["topic"],
            "partition": value["partition"], "offset": value["offset"], "length": value["length"],
        }  # fmt: skip
        self.dead[place] = at, dumps(told)


def _shown_by_name(verdicts: list[Mapping[str, Any]]) -> bool:
    """Whether the SIOC sees the report and whose it is: only then may its staff ask who else has it."""
    mine = (told for told in verdicts if SIOC in told["recipients"] and told["target"] == Target.SHOW)
    return any(parse_projection(told["projection"]).attribution == Attribution.NAMED for told in mine)
