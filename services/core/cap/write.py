"""A delivery as CAP 1.2, and read back: every account is an info block, recalls are a Cancel (docs/cap.md).

Nothing of a view is lost: what CAP has an element for stands there, and whatever a reader of that element would not get
back exactly is also given as a parameter `slt:<field>` in JSON. So a CAP tool understands most, ours all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from services.core.cap.dictionary import Version
from services.core.cap.tree import Alert, Node
from services.core.cap.values import moment
from services.core.envelope import DeliveryType, Envelope

SENDER = "slt-relay"
PREFIX = "slt:"
"""Of parameter names and codes that are ours."""
_TIMES = frozenset({"occurred_from", "occurred_to", "reported_at", "expires", "received_at"})
_MESSAGES = {
    DeliveryType.ALERT: "Alert", DeliveryType.UPDATE: "Update", DeliveryType.CORRECT: "Update",
    DeliveryType.CANCEL: "Cancel", DeliveryType.RECALL: "Cancel",
}  # fmt: skip
_UNFIT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML cannot hold."""
_TEXTS = {
    "senderName": "originator", "headline": "headline", "description": "description", "instruction": "advice",
}  # fmt: skip
_ENVELOPE = ("type", "message_id", "sequence", "previous", "delete_to", "replace_to", "keep_to", "replaced_by")


_ENCODER = json.JSONEncoder(default=datetime.isoformat, separators=(",", ":"))


class Addressed(NamedTuple):
    """What is particular to one delivery."""

    recipient: str
    key: str
    """Its own id of the incident."""
    envelope: Envelope
    at: datetime
    """When it was decided: the same for every repeat, so that a repeat is the same bytes."""


class Read(NamedTuple):
    """A delivery read back."""

    record: str
    body: dict[str, Any]
    key: str
    envelope: Envelope


def alert_from(record: str, body: Mapping[str, Any], addressed: Addressed) -> Alert:
    """The alert of a `view`, `recall` or `replaced`; its lines are all 0."""
    envelope = addressed.envelope
    accounts = body.get("accounts", ())
    around = {name: value for name, value in body.items() if name not in {"accounts", "status", "notice"}}
    if "notice" in body and _clean(body["notice"]) != body["notice"]:
        around["notice"] = body["notice"]
    codes = {"record": record, **{n: v for n, v in zip(_ENVELOPE, _values(envelope), strict=True) if v}, **around}
    notice = body.get("notice", "The originator's consent has ended: delete what was delivered under this incident.")
    children = (
        Node("identifier", envelope.message_id), Node("sender", SENDER), Node("sent", _time(addressed.at)),
        Node("status", envelope.status), Node("msgType", _MESSAGES.get(envelope.type, "Alert")),
        Node("scope", "Private"), Node("addresses", addressed.recipient),
        *(Node("code", f"{PREFIX}{name}={_json(value)}") for name, value in codes.items()),
        Node("note", _clean(notice)), Node("incidents", addressed.key), *map(_info, accounts),
    )  # fmt: skip
    return Alert(Version.V12, Node("alert", children=children))


def _values(envelope: Envelope) -> tuple[Any, ...]:
    return tuple(getattr(envelope, name) for name in _ENVELOPE)


def _info(account: Mapping[str, Any]) -> Node:
    native = tuple(_native(account))
    known = _understood(Node("info", children=native))
    rest = ((name, value) for name, value in account.items() if name not in known or known[name] != value)
    parameters = (_pair("parameter", f"{PREFIX}{name}", _json(value)) for name, value in rest)
    area = tuple(node for node in native if node.name == "area")
    return Node("info", children=(*(node for node in native if node.name != "area"), *parameters, *area))


def _native(account: Mapping[str, Any]) -> Iterator[Node]:
    """In the order of the dictionary."""
    yield Node("category", "Security")
    yield Node("event", _clean(account["event"] or account["kind"]))
    for name in ("urgency", "severity", "certainty"):
        yield Node(name, account[name])
    if account["event"] and account["event_scheme"]:
        yield _pair("eventCode", _clean(account["event_scheme"]), _clean(account["event"]))
    for name, field in (("onset", "occurred_from"), ("expires", "expires")):
        if account[field] is not None:
            yield Node(name, _time(account[field]))
    for name, field in _TEXTS.items():
        if account[field]:
            yield Node(name, _clean(account[field]))
    yield _area(account)


def _area(account: Mapping[str, Any]) -> Node:
    place = account["place"]
    shown = place["name"] or place["admin2"] or place["admin1"] or account["area"] or account["country"] or "not stated"
    north, east = place["latitude"], place["longitude"]
    exact = place["precision"] == "EXACT" and None not in {north, east} and abs(north) <= 90 and abs(east) <= 180
    circle = (Node("circle", f"{_plain(north)},{_plain(east)} 0"),) if exact else ()
    country = (_pair("geocode", "ISO 3166-1", _clean(account["country"])),) if account["country"] else ()
    return Node("area", children=(Node("areaDesc", _clean(shown)), *circle, *country))


def _understood(info: Node) -> dict[str, Any]:
    """The fields of an account that the elements of CAP alone say."""
    found: dict[str, Any] = {name: info.value(name) for name in ("urgency", "severity", "certainty")}
    for name, field in (("onset", "occurred_from"), ("expires", "expires")):
        found[field] = moment(info.value(name)) if info.first(name) else None
    for name, field in _TEXTS.items():
        node = info.first(name)
        found[field] = node.text if node else ""
    event = info.first("event")
    found["event"] = event.text if event else ""
    code = info.first("eventCode")
    found["event_scheme"] = code.children[0].text if code else ""
    for area in info.named("area"):
        for geocode in area.named("geocode"):
            found["country"] = geocode.children[1].text
    found.setdefault("country", "")
    return found


def delivery_from(alert: Alert) -> Read:
    """What an alert of ours delivers; ValueError if it is none of ours."""
    root = alert.root
    codes = dict(_ours(node.text) for node in root.named("code") if node.text.startswith(PREFIX))
    try:
        record = codes.pop("record")
        marks = {name: codes.pop(name, "" if name == "replaced_by" else 0) for name in _ENVELOPE}
        envelope = Envelope(DeliveryType(marks.pop("type")), status=root.value("status"), **marks)
    except (KeyError, ValueError, TypeError) as error:
        raise ValueError("this alert does not come from the relay") from error
    body: dict[str, Any] = {name: _timed(name, value) for name, value in codes.items()}
    if record == "view":
        body |= {"status": root.value("status"), "accounts": [_account(info) for info in root.infos]}
    if record != "recall" and "notice" not in body:
        body["notice"] = next(root.named("note")).text
    return Read(record, body, root.value("incidents"), envelope)


def _account(info: Node) -> dict[str, Any]:
    found = _understood(info)
    for parameter in info.named("parameter"):
        name, value = (child.text for child in parameter.children)
        if name.startswith(PREFIX):
            field = name.removeprefix(PREFIX)
            found[field] = _timed(field, json.loads(value))
    return found


def _ours(code: str) -> tuple[str, Any]:
    name, _, value = code.removeprefix(PREFIX).partition("=")
    return name, json.loads(value)


def _timed(name: str, value: Any) -> Any:
    return datetime.fromisoformat(value) if name in (*_TIMES, "deadline") and isinstance(value, str) else value


def _pair(name: str, key: str, value: str) -> Node:
    return Node(name, children=(Node("valueName", key), Node("value", value)))


def _json(value: Any) -> str:
    """ASCII, so that XML can hold whatever it says."""
    return _ENCODER.encode(value)


def _clean(text: str) -> str:
    return _UNFIT.sub("\ufffd", text)


def _plain(degrees: float) -> str:
    """Without an exponent."""
    return f"{degrees:.6f}".rstrip("0").rstrip(".")


def _time(moment_: datetime) -> str:
    """UTC is written -00:00, as the standard wants it."""
    return moment_.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S") + "-00:00"
