"""Logs made by hand: what a faultless relay writes for a few submissions, so that each fault can be put in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from services.runtime.codec import Codec
from tests.oracle.world import Coordinates, Entry, World

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECRETS = {"alder": "zq-alder-word"}
Fields = Mapping[str, Any]


@dataclass
class Logs:
    """Topics that grow by one call per event; the clock advances by a minute with each."""

    topics: dict[str, list[Entry]] = field(default_factory=dict)
    now: datetime = START
    codec: Codec = field(default_factory=Codec)

    def world(self, **changes: Any) -> World:
        """Everything so far."""
        return replace(World(self.topics, self.now, SECRETS, codec=self.codec), **changes)

    def append(
        self, topic: str, value: Any, *, key: str = "", data: bytes = b"", kind: str = "", header: bytes = b""
    ) -> Entry:
        """One record at the end of a topic with one partition."""
        entries = self.topics.setdefault(topic, [])
        entry = Entry(
            Coordinates(topic, 0, len(entries)), self.now, key, kind, value, data or repr(value).encode(), header
        )
        entries.append(entry)
        return entry

    def control(self, org: str, payload: Fields) -> Entry:
        """A signed record that intake entered."""
        self.now += timedelta(minutes=1)
        text = json.dumps(payload)
        self.answered(org, self.append(f"slt.consent.{org}", None, data=json.dumps({"payload": text}).encode()).at)
        ids = {"partner": "org", "grant": "grantor grant", "end": "grantor grant", "withdrawal": "series"}[
            payload["type"]
        ].split()
        name = "/".join(payload[each] for each in ids)
        value = {"type": payload["type"], "version": payload["version"], "author": org, "payload": text}
        return self.append("slt.control", value, key=f"{payload['type']}/{name}")

    def partner(self, org: str, version: int = 1, **changes: Any) -> Entry:
        """An active organisation that wants everything."""
        every = {"category": "INGO", "status": "ACTIVE", "areas": ["*"], "kinds": ["*"], "statuses": ["Actual"]}
        return self.control("admin", {"type": "partner", "version": version, "org": org, **every, **changes})

    def grant(self, version: int = 1, **changes: Any) -> Entry:
        """Alder's consent that birch has everything, for a day."""
        terms = {
            "effect": "PERMIT", "status": "Actual", "series": [], "kinds": ["*"], "areas": ["*"],
            "recipients": ["birch"], "covers_earlier": False, "state": "GIVEN", "mode": "RECALL",
            "valid_from": START.isoformat(), "valid_to": (START + timedelta(days=1)).isoformat(),
        }  # fmt: skip
        named = {"type": "grant", "version": version, "grantor": "alder", "grant": "g"}
        return self.control("alder", {**named, **terms, **changes})

    def report(self, version: int = 1, *, outcome: str = "delivered", relation: str = "NEW", **changes: Any) -> Fields:
        """A submission of alder's that went through every stage."""
        self.now += timedelta(minutes=1)
        at = self.append("slt.in.alder", None, data=b"{}").at
        self.answered("alder", at)
        fields = {
            "originator": "alder", "series_id": "alder/s1", "version": version, "message": "ALERT", "status": "Actual",
            "kind": "SECURITY_ALERT", "initial_audience": [], "expires": None, "area": {"country": "KEN"},
            "epoch": self.epoch, "raw": at._asdict(), "content_hash": bytes([version]), **changes,
        }  # fmt: skip
        self.append("slt.reports", fields)
        self.append("slt.located", fields)
        self.append("slt.incidents", {"relation": relation, "report": fields})
        self.decision([{**{name: fields[name] for name in ("series_id", "version", "raw")}, "outcome": outcome}])
        return fields

    def answered(self, org: str, at: Coordinates) -> None:
        """The receipt for a submission, decided and written to its sender's notices."""
        fields = {"topic": at.topic, "offset": at.offset, "series_id": "", "version": 0, "result": "ACCEPTED"}
        body = self.codec.encode("receipt", {**fields, "reason": "", "advice": "", "field": "", "at": self.now})
        header = b"type=RECEIPT;id=%s;seq=1;prev=0;delete=0;replace=0;keep=0;status=Actual" % str(at).encode()
        topic = f"slt.notices.{org}"
        self.append("slt.receipts", self._owed(body, _alone(topic, str(at), 1, header)) | {"epoch": -1})
        self.append(topic, None, key=str(at), data=body, kind="receipt", header=header)

    def confirmed(self) -> None:
        """Alder is told that the newest end of its consent has reached everybody."""
        fields = {"grant": "alder/g", "status": "REVOKED_CONFIRMED", "at": self.now, "epoch": self.epoch - 1}
        body = self.codec.encode("consent_status", fields)
        header = b"type=NOTICE;id=c;seq=1;prev=0;delete=0;replace=0;keep=0;status=Actual"
        self.append("slt.receipts", self._owed(body, _alone("slt.notices.alder", "c", 1, header)) | {"epoch": -1})
        self.append("slt.notices.alder", None, key="c", data=body, kind="consent_status", header=header)

    def decision(self, accounts: list[Fields]) -> None:
        """The decision's record, chained to the one before."""
        before = self.topics.get("slt.decisions", [])
        previous = sha256(before[-1].data).digest() if before else b""
        self.append("slt.decisions", {"accounts": accounts, "previous_hash": previous}, data=b"%d" % len(before))

    def deliver(
        self, body: bytes, sequence: int, *, arrives: bool = True, topic: str = "slt.out.birch", **marks: Any
    ) -> None:
        """One delivery, decided and (unless it is lost) written to the recipient's topic."""
        mark = {
            "type": "ALERT",
            "prev": sequence - 1,
            "delete": 0,
            "replace": 0,
            "keep": 0,
            "status": "Actual",
            **marks,
        }
        header = f"id={topic}{sequence};seq={sequence};" + ";".join(f"{name}={value}" for name, value in mark.items())
        self.append("slt.deliveries", self._owed(body, _alone(topic, "k", sequence, header.encode())))
        if arrives:
            self.arrive(body, header.encode(), topic=topic)

    def _owed(self, body: bytes, group: dict[str, Any]) -> dict[str, Any]:
        return {"epoch": self.epoch, "as_of": self.now, "bodies": [body], "groups": [group]}

    def arrive(self, body: bytes, header: bytes, topic: str = "slt.out.birch") -> Entry:
        """One record in a partner's topic."""
        return self.append(topic, None, key="k", data=body, kind=self.codec.kind_of(body), header=header)

    def view(self, *versions: int, series: str = "alder/s1", word: str = "zq-alder-word") -> bytes:
        """A body that shows these versions of alder's series."""
        accounts = [
            {
                "originator": "alder", "series_id": series, "version": version, "message": "ALERT",
                "kind": "SECURITY_ALERT", "received_at": START, "description": word,
            }
            for version in versions
        ]  # fmt: skip
        return self.codec.encode("view", {"status": "Actual", "accounts": accounts, "notice": ""})

    def recall(self) -> bytes:
        """A recall's body."""
        value = {"reason_class": "WITHDRAWN", "action": "DELETE", "deadline": START}
        return self.codec.encode("recall", value)

    @property
    def epoch(self) -> int:
        """The policy epoch: everything in slt.control so far is applied."""
        return len(self.topics.get("slt.control", []))


def faultless() -> Logs:
    """Alder reports to birch with consent, updates, withdraws: birch holds nothing in the end. Cedar never did."""
    logs = Logs()
    for org in ("alder", "birch", "cedar"):
        logs.partner(org)
    logs.grant()
    logs.report()
    logs.deliver(logs.view(1), 1)
    logs.report(2)
    logs.deliver(logs.view(2), 2, type="UPDATE", replace=1)
    logs.grant(2, state="WITHDRAWN")
    logs.deliver(logs.recall(), 3, type="RECALL", delete=2, replace=1)
    logs.now += timedelta(minutes=1)
    return logs


def _alone(topic: str, key: str, sequence: int, header: bytes) -> dict[str, Any]:
    """A group of one delivery."""
    prefix, _, recipient = topic.rpartition(".")
    return {
        "prefix": prefix + ".", "sequence": sequence, "before": header, "after": b"", "body": 0,
        "recipients": [recipient], "keys": [key], "messages": [""],
    }  # fmt: skip
