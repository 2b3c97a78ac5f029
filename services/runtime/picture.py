"""What the console asks of the read model, in the shapes of its API: the only reader of these keys.

Every answer is a dict that JSON can say, times as ISO 8601 with Z; None where nothing is known. Nothing here is kept
between two questions, so any number of processes may ask.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, cast

import orjson
import redis

from services.core.audit import Audited
from services.core.control import PartnerStatus
from services.core.gates import Code
from services.core.words import SENTENCES, projection_words
from services.runtime.read_model import (
    ACCOUNTS,
    ACKNOWLEDGED,
    ANSWERS,
    CHANGES,
    CLOCK,
    DEAD,
    FRESH,
    INCIDENTS,
    KEYS,
    LATENCIES,
    LIFE,
    MATRIX,
    OFFSETS,
    OUTLET_STATES,
    OUTLETS,
    PARTNERS,
    PULSES,
    RATE,
    RATE_SECONDS,
    REBUILDING,
    RECALLS,
    SUBMISSIONS,
    VIEWS,
    Cursor,
    CursorGone,
    audit,
    cursor_of,
    gap,
    parse_cursor,
)

MOST = 5000
"""Incidents in a snapshot, the newest."""
SILENT = timedelta(days=7)
"""An active partner that reported nothing for so long is shown as silent."""
_RATES = timedelta(minutes=5)
Json = dict[str, Any]
_OPEN: Json = {"state": "OPEN", "since": None}
"""An outlet of which no administrator has said anything."""


class Picture:
    """Answers from Redis; redis.RedisError while it does not answer."""

    def __init__(self, client: redis.Redis) -> None:
        """`client`: from services.runtime.read_model.connect."""
        self._redis = client

    def beat(self) -> Json:
        """How fresh everything is."""
        pipe = self._redis.pipeline(transaction=True)
        pipe.get(CLOCK)
        pipe.exists(FRESH)
        pipe.get(REBUILDING)
        pipe.get(LIFE)
        clock, fresh, rebuilding, life = pipe.execute()
        percent = int(rebuilding) if rebuilding else None if life else 0
        return {"clock": _z(clock), "stale_since": None if fresh else _z(clock), "rebuilding": percent}

    def snapshot(self) -> Json:
        """The newest incidents as JSON texts in `items`, and the cursor from which the stream goes on."""
        cursor = self.cursor()  # first: what comes meanwhile is then told twice, and nothing is missed
        keys = cast("list[str]", self._redis.zrange(f"{INCIDENTS}:at", 0, MOST - 1, desc=True))
        rows = cast("list[str | None]", self._redis.hmget(INCIDENTS, keys)) if keys else []
        return {"items": [row for row in rows if row], "cursor": cursor.text(), **self.beat()}

    def cursor(self) -> Cursor:
        """Where a reader is who has seen everything."""
        pipe = self._redis.pipeline(transaction=True)
        pipe.hgetall(OFFSETS)
        pipe.get(LIFE)
        offsets, life = pipe.execute()
        return cursor_of(offsets, life or "")

    def after(self, text: str) -> str:
        """The id in the stream after which a client with this cursor goes on; CursorGone: it cannot."""
        asked, newest = parse_cursor(text), self.cursor()
        info = cast("Mapping[str, Any]", self._redis.xinfo_stream(CHANGES)) if self._redis.exists(CHANGES) else None
        if asked.life != newest.life or sum(asked.positions) > sum(newest.positions):
            raise CursorGone
        if info and info["entries-added"] > info["length"] and _number(asked.entry) < _number(info["first-entry"][0]):
            raise CursorGone
        return asked.entry

    def incident(self, key: str) -> Json | None:
        """One incident with the accounts side by side, and when what happened to them."""
        pipe = self._redis.pipeline(transaction=True)
        pipe.hget(INCIDENTS, key)
        pipe.hget(VIEWS, key)
        row, stored = pipe.execute()
        if row is None or stored is None:
            return None
        line, view = orjson.loads(row), orjson.loads(stored)
        decided = {series: matrix for series in _named(view) if (matrix := self._matrix(series))}
        accounts = [
            {
                **each,
                "decided_at": decided[each["series_id"]]["as_of"] if each["series_id"] in decided else None,
                "delivered_at": line["updated_at"],
            }
            for each in view["accounts"]
        ]
        return {
            "incident": line, "notice": view["notice"], "accounts": accounts, "conflicts": view["conflicts"],
            "timeline": sorted(_timeline(line, accounts), key=lambda moment: str(moment["at"])),
        }  # fmt: skip

    def series(self, key: str) -> tuple[str, ...]:
        """Reports of an incident that the SIOC sees under their originators' names."""
        stored = cast("str | None", self._redis.hget(VIEWS, key))
        return tuple(_named(orjson.loads(stored))) if stored else ()

    def is_named(self, series: str) -> bool:
        """Whether the SIOC sees a report under its originator's name."""
        return bool(self._redis.exists(MATRIX + series))

    def matrix(self, key: str) -> Json | None:
        """Who got which report of an incident and why, or why not: of those that the SIOC may see."""
        stored = cast("str | None", self._redis.hget(VIEWS, key))
        if stored is None:
            return None
        found = {series: matrix for series in _named(orjson.loads(stored)) if (matrix := self._matrix(series))}
        recalls = self._recalls()
        rows = [row for series, matrix in found.items() for row in self._recipients(series, matrix, recalls)]
        return {
            "as_of": max((matrix["as_of"] for matrix in found.values()), default=None),
            "epoch": max((matrix["epoch"] for matrix in found.values()), default=0),
            "series": list(found), "rows": rows,
        }  # fmt: skip

    def _matrix(self, series: str) -> Json | None:
        stored = cast("str | None", self._redis.get(MATRIX + series))
        return orjson.loads(stored) if stored else None

    def _recipients(self, series: str, matrix: Json, recalls: list[Json]) -> Iterator[Json]:
        known = audit(self._redis, series)
        keys = cast("Mapping[str, str]", self._redis.hgetall(KEYS + known["incident"])) if known else {}
        held, answered = self._delivered(keys), _answered(keys, recalls)
        for told in matrix["verdicts"]:
            for org in told["recipients"]:
                yield {
                    "recipient": org, "name": org, "series_id": series, "effect": told["effect"],
                    "target": told["target"], "primary": told["primary"], "text": SENTENCES[Code(told["primary"])],
                    "projection": projection_words(told["projection"]), "valid_until": told["valid_until"],
                    "delivered_at": held.get(org), "acknowledged_at": answered.get(org),
                }  # fmt: skip

    def _delivered(self, keys: Mapping[str, str]) -> dict[str, str]:
        """Recipient -> when the newest record of its key was appended, where it holds one."""
        pipe = self._redis.pipeline(transaction=False)
        for org, key in keys.items():
            pipe.hget(f"{OUTLETS}:{org}:held", key)
            pipe.hget(f"{OUTLETS}:{org} (exercise):held", key)
        states = pipe.execute()
        return {
            org: _z(state.rpartition("|")[2])
            for number, org in enumerate(keys)
            for state in states[2 * number : 2 * number + 2]
            if state
        }

    def recalls(self) -> Json:
        """Recalls and their answers, the next deadline first; `incident_key` where it is the SIOC's own."""
        return {"items": self._recalls()}

    def _recalls(self) -> list[Json]:
        stored = cast("Mapping[str, str]", self._redis.hgetall(RECALLS))
        answers = cast("list[str | None]", self._redis.hmget(ANSWERS, list(stored))) if stored else []
        clock = cast("str | None", self._redis.get(CLOCK))
        found = [
            _recall(orjson.loads(told), orjson.loads(answer) if answer else None, _z(clock))
            for told, answer in zip(stored.values(), answers, strict=True)
        ]
        return sorted(found, key=lambda one: (one["state"] == "acknowledged", one["due_at"]))

    def partners(self) -> Json:
        """Every organisation of the registry, with the state of its outlet."""
        pipe = self._redis.pipeline(transaction=False)
        for name in (PARTNERS, OUTLET_STATES, PULSES, SUBMISSIONS):
            pipe.hgetall(name)
        pipe.get(CLOCK)
        partners, outlets, pulses, submissions, clock = pipe.execute()
        now = datetime.fromisoformat(clock) if clock else None
        items = []
        for org in sorted(partners):
            told = orjson.loads(partners[org])
            outlet = orjson.loads(outlets[org]) if org in outlets else _OPEN
            delivered = cast("str | None", self._redis.hget(f"{OUTLETS}:{org}", "at"))
            items.append({
                "recipient": org, "name": org, "category": told["category"], "state": told["status"],
                "outlet": outlet["state"].lower(), "outlet_since": outlet["since"], "lag": None,
                "last_heartbeat": _z(pulses.get(org)),
                "last_delivery": _z(delivered), "last_submission": _z(submissions.get(org)),
                "silent": told["status"] == PartnerStatus.ACTIVE and _is_silent(submissions.get(org), now),
            })  # fmt: skip
        return {"items": items}

    def traffic(self) -> Json:
        """The accounts, what came and went in the last minutes, how long it took, and what was refused."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.hgetall(ACCOUNTS)
        pipe.get(CLOCK)
        pipe.lrange(LATENCIES, 0, -1)
        stored, clock, latencies = pipe.execute()
        accounts = {name: int(count) for name, count in stored.items()}
        return {
            "accounts": {**accounts, "gap": gap(accounts)},
            "rates": self._rates(clock),
            "latency": _quantiles(sorted(map(int, latencies))),
            "dead": self.dead(),
        }

    def dead(self) -> list[Json]:
        """The newest refused records: reason and place."""
        keys = cast("list[str]", self._redis.zrange(f"{DEAD}:at", 0, 199, desc=True))
        stored = cast("list[str | None]", self._redis.hmget(DEAD, keys)) if keys else []
        return [{**orjson.loads(one), "replayable": False, "replayed_at": None} for one in stored if one]

    def _rates(self, clock: str | None) -> Json:
        """Per second, in steps of a few seconds up to the broker's clock."""
        if clock is None:
            return {"times": [], "accepted": [], "delivered": []}
        end = int(datetime.fromisoformat(clock).timestamp()) // RATE_SECONDS * RATE_SECONDS
        times = list(range(end - int(_RATES.total_seconds()), end, RATE_SECONDS))
        pipe = self._redis.pipeline(transaction=False)
        for time in times:
            pipe.hmget(f"{RATE}{time}", ["accepted", "delivered"])
        counts = [[int(count or 0) / RATE_SECONDS for count in pair] for pair in pipe.execute()]
        return {"times": times, "accepted": [pair[0] for pair in counts], "delivered": [pair[1] for pair in counts]}

    def decisions(self, series: str, recipient: str = "", before: str = "") -> Json:
        """For the auditor: every change of every recipient's verdict on one report, newest first; no content."""
        found = audit(self._redis, series)
        items = [
            {"as_of": _z(change["as_of"]), "series_id": series, "version": change["version"], "recipient": org,
             "effect": change["effect"], "target": change["target"], "primary": change["primary"],
             "epoch": change["epoch"]}
            for change in (found["history"] if found else ())
            for org in change["recipients"]
            if recipient in {"", org} and (not before or str(_z(change["as_of"])) < before)
        ]  # fmt: skip
        return {"items": items, "next": None}

    def audited(self, series: str) -> Audited | None:
        """For the auditor: all that is known of one report."""
        return audit(self._redis, series)

    def acknowledged(self, key: str) -> Json | None:
        """Who said first that he or she saw an incident, and when."""
        stored = cast("str | None", self._redis.hget(ACKNOWLEDGED, key))
        return orjson.loads(stored) if stored else None


def _answered(keys: Mapping[str, str], recalls: Iterable[Json]) -> dict[str, str]:
    """Recipient -> when it acknowledged a recall of its key."""
    return {
        one["recipient"]: one["acknowledged_at"]
        for one in recalls
        if one["acknowledged_at"] and keys.get(one["recipient"]) == one["key"]
    }


def _named(view: Json) -> Iterator[str]:
    return (each["series_id"] for each in view["accounts"] if each["series_id"])


def _timeline(line: Json, accounts: Iterable[Json]) -> Iterator[Json]:
    """The clocks of every account (SLT-30): none is computed from another."""
    for each in accounts:
        who = each["originator"] or each["source"] or None
        clocks = [("occurred", each["occurred_from"], each["time_precision"]), ("reported", each["reported_at"], None),
                  ("received", each["received_at"], None), ("decided", each["decided_at"], None),
                  ("delivered", each["delivered_at"], None)]  # fmt: skip
        for clock, at, precision in clocks:
            if at:
                yield {"at": at, "clock": clock, "who": who, "what": each["headline"], "precision": precision}
    if line["acknowledged_at"]:
        yield {"at": line["acknowledged_at"], "clock": "acknowledged", "who": line["acknowledged_by"], "what": "",
               "precision": None}  # fmt: skip


def _recall(told: Json, answer: Json | None, clock: str | None) -> Json:
    overdue = clock is not None and told["due_at"] < clock
    done = answer is not None and answer["answer"] in {"DONE", "ALREADY_ACTED_ON"}
    return {
        **told, "name": told["recipient"], "incident_key": None,
        "state": "acknowledged" if done else "overdue" if overdue else "open",
        "acknowledged_at": answer["at"] if answer else None, "answer": answer["answer"] if answer else None,
    }  # fmt: skip


def _is_silent(submitted: str | None, now: datetime | None) -> bool:
    return now is not None and (submitted is None or now - datetime.fromisoformat(submitted) > SILENT)


def _quantiles(values: list[int]) -> Json:
    if not values:
        return {"p50_ms": None, "p99_ms": None}
    return {"p50_ms": values[len(values) // 2], "p99_ms": values[min(len(values) - 1, len(values) * 99 // 100)]}


def _number(entry: str) -> int:
    return int(entry.partition("-")[0])


def _z(text: str | None) -> Any:
    """ISO 8601 with Z."""
    return text.replace("+00:00", "Z") if text else None
