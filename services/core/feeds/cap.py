"""OASIS CAP 1.0, 1.1 and 1.2: single alerts, alerts inside EDXL-DE or feeds, and the entries of CAP indexes.

A submission has one body, so one `info` block is the report: English before other languages, of those the gravest
(nobody is told the milder half of an alert), then the first. The others are kept, in short, as `other info`.
Status System and Draft, and message type Ack, have no counterpart: they are sent as written, and intake refuses them
by name (BAD_VOCABULARY). Nothing that is not Actual is ever made Actual, also by an EDXL-DE wrapper.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from hashlib import blake2b

from services.core.feeds.table import Feed, Row, Rule, Submission, drop, keep, number, set_headline, to
from services.core.feeds.tree import JOINT, Node, flatten, joined, local

MESSAGES = {"Alert": "ALERT", "Update": "UPDATE", "Cancel": "CANCEL", "Error": "CORRECT"}
_GRAVITY = {"Extreme": 4, "Severe": 3, "Moderate": 2, "Minor": 1}
_LONGEST_NAME = 300
_LONGEST_ID = 104
"""As an index of the US weather service gives them, addresses as ids are longer than intake takes: then their hash."""
_INDEX_NAMES = {
    "id": "identifier", "guid": "identifier", "updated": "sent", "pubDate": "sent", "message_type": "msgType",
    "title": "info/headline", "summary": "info/description", "description": "info/description",
    "areaDesc": "info/area/areaDesc", "geocode": "info/area/geocode", "polygon": "info/area/polygon",
    "circle": "info/area/circle",
}  # fmt: skip
"""Elements of an index entry -> where the alert itself has them."""
_TOP = frozenset({"identifier", "sender", "sent", "status", "msgType", "scope", "source", "references", "incidents"})

_RULES: tuple[Rule, ...] = (
    to(
        "identifier", "series_id", "attributes", note="`cap-<hash of sender>-<identifier>`, `/` and `|` percent-encoded"
    ),
    to("sender", "series_id", "attributes", note="an identifier is unique per sender only"),
    to("sent", "reported_at", note="also `occurred_from` where the alert gives neither onset nor effective"),
    to("status", "status", note="Actual, Exercise, Test; System and Draft are refused by intake"),
    to("msgType", "message", note="Error is CORRECT; Ack is refused by intake"),
    to("references", "version", "series_id", "attributes", note="the series of a referenced alert of the same run"),
    *keep("source", "scope", "restriction", "addresses", "code", "note", "incidents"),
    drop("password", "a secret, of CAP 1.0"),
    drop("Signature", "covers the XML, which is not passed on; verification is not the replay's task"),
    drop("@xsi:schemaLocation", "about the XML, not the alert"),
    *keep("info/language", "info/category", "info/responseType", "info/audience", "info/eventCode"),
    to("info/event", "event"),
    to("info/urgency", "urgency", note="one to one; missing: Unknown"),
    to("info/severity", "severity", note="one to one; missing: Unknown"),
    to("info/certainty", "certainty", note="one to one; `Very Likely` of CAP 1.0 is Likely and kept as an attribute"),
    to("info/effective", "occurred_from", "attributes", note="where there is no onset"),
    to("info/onset", "occurred_from", note="an attribute where it lies after `expires`, which ends the message only"),
    to("info/expires", "expires"),
    *keep("info/senderName"),
    to("info/headline", "headline", note="missing: made of event, area and date"),
    to("info/description", "description"),
    to("info/instruction", "advice"),
    *keep("info/web", "info/contact", "info/parameter"),
    *keep("info/resource/resourceDesc", "info/resource/mimeType", "info/resource/size", "info/resource/uri"),
    *keep("info/resource/digest"),
    drop("info/resource/derefUri", "an embedded file; a submission carries text only"),
    to("info/area/areaDesc", "place.name", "attributes", note="attribute where all areas need over 300 characters"),
    to("info/area/polygon", "place", note="mean of the first ring; a submission has no geometry"),
    to("info/area/circle", "place", "attributes", note="centre of the first; radius 0: EXACT, else precision UNKNOWN"),
    to("info/area/geocode", "place", "attributes", note="its country, where a code is one of ISO 3166"),
    *keep("info/area/altitude", "info/area/ceiling"),
    *keep("info/area/Point/coordinates"),
    *keep("other info"),
    to("edxl/distributionStatus", "status", "attributes", note="one that is not Actual wins over the alert's Actual"),
    *keep("edxl/distributionID", "edxl/senderID", "edxl/dateTimeSent", "edxl/distributionType"),
    *keep("edxl/combinedConfidentiality"),
    drop("edxl/*", "the envelope's addressing; the alert inside has its own"),
    to("entry/link@href", "attributes", note="of an index entry: where the alert itself is"),
    drop("entry/*", "the feed's own bookkeeping; the alert or the entry's other fields say the same"),
)


def alert_row(alert: Node, wrapper: Mapping[str, str]) -> Row:
    """The flat row of an alert element: its own fields, the chosen `info`, the others as text, the wrapper's fields."""
    infos = list(alert.named("info"))
    row = flatten(alert._replace(children=tuple(c for c in alert.children if local(c.name) != "info")), "", {})
    if infos:
        chosen = min(range(len(infos)), key=lambda index: (*_rank(infos[index]), index))
        flatten(infos.pop(chosen), "info/", row)
    found = joined(row) | dict(wrapper)
    if infos:
        found["other info"] = "\n".join(map(_summary, infos))
    return found


def _rank(info: Node) -> tuple[bool, int]:
    english = (info.first("language") or "en").lower().startswith("en")
    return not english, -_GRAVITY.get(info.first("severity"), 0)


def _summary(info: Node) -> str:
    names = ("language", "event", "urgency", "severity", "certainty", "headline", "description")
    return " | ".join(info.first(name) for name in names if info.first(name))


def is_index_entry(entry: Node) -> bool:
    """True for a feed entry that states some of the alert itself and leaves the rest to the file that it links."""
    return any(child.name.startswith("cap:") for child in entry.children)


def index_row(entry: Node) -> Row:
    """The flat row of a CAP index entry, under the names that the alert itself would have."""
    row: dict[str, list[str]] = {}
    explicit = {child.name for child in entry.children if child.name.startswith("cap:")}
    for name, values in flatten(entry, "", {}).items():
        target = _INDEX_NAMES.get(name, name)
        if target != name and f"cap:{target}" in explicit:
            target = f"entry/{name}"  # the entry's own id or time beside the alert's
        elif target == name and name not in _TOP:
            target = f"info/{name}" if f"cap:{name}" in explicit else f"entry/{name}"
        row.setdefault(target, []).extend(values)
    return joined(row)


def series_id(sender: str, identifier: str) -> str:
    """The id of an alert's series; empty without an identifier.

    CAP forbids spaces and commas in an identifier, intake also `/` and `|`, which are therefore encoded.
    """
    if not identifier:
        return ""
    quoted = identifier.replace("%", "%25").replace("/", "%2F").replace("|", "%7C")
    if len(quoted) > _LONGEST_ID:
        quoted = blake2b(identifier.encode(), digest_size=16).hexdigest()
    return f"cap-{blake2b(sender.encode(), digest_size=4).hexdigest()}-{quoted}"


def references(row: Row) -> list[str]:
    """Series ids of the alerts that this one names: `sender,identifier,sent`, separated by white space."""
    triplets = (triplet.split(",") for triplet in row.get("references", "").split())
    return [series_id(parts[0], parts[1]) for parts in triplets if len(parts) == 3]


def _series(row: Row) -> str:
    return series_id(row.get("sender", "").strip(), row.get("identifier", "").strip())


def moment(text: str) -> datetime | str:
    """An aware time; the text as it is where it is none, so that intake says what is wrong with it."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        try:
            found = parsedate_to_datetime(text)
        except (ValueError, IndexError, OverflowError):
            return text
    return text if found.tzinfo is None else found


def _derive(row: Row, found: Submission) -> None:
    kind = row.get("msgType", "").strip()
    found["message"] = MESSAGES.get(kind, kind)
    found["status"] = _status(row)
    if found.get("certainty") == "Very Likely":
        found["certainty"] = "Likely"
        found["attributes"]["certainty"] = "Very Likely"
    _times(row, found)
    _area(row, found)
    set_headline(found, found.get("event", ""), found["place"].get("name", ""))


def _status(row: Row) -> str:
    own, wrapper = row.get("status", "").strip(), row.get("edxl/distributionStatus", "").strip()
    return wrapper if wrapper and own == "Actual" else own


def _times(row: Row, found: Submission) -> None:
    onset, effective, sent, expires = (
        _moment(row, f) for f in ("info/onset", "info/effective", "sent", "info/expires")
    )
    if isinstance(onset, datetime) and isinstance(expires, datetime) and onset > expires:
        found["attributes"]["info/onset"] = row["info/onset"].strip()
        onset = (
            None  # `expires` ends the message, not the hazard: that of a storm's early warning may precede its onset
        )
    began = onset or effective or sent
    found.update(occurred_from=began, reported_at=sent, expires=expires)
    if began:
        found["time_precision"] = "EXACT"


def _moment(row: Row, name: str) -> datetime | str | None:
    text = row.get(name, "").strip()
    return moment(text) if text else None


def _area(row: Row, found: Submission) -> None:
    place = found["place"]
    names = row.get("info/area/areaDesc", "").strip()
    if len(names) <= _LONGEST_NAME:
        found["attributes"].pop("info/area/areaDesc", None)
    else:
        place["name"] = names.split(JOINT, 1)[0][:_LONGEST_NAME]
    point = _centre(row)
    if point is not None:
        place["latitude"], place["longitude"], place["precision"] = point
    for country in _countries(row):
        place.setdefault("country", country)


def _centre(row: Row) -> tuple[float, float, str] | None:
    circle = row.get("info/area/circle", "").split(JOINT, 1)[0].split()
    if len(circle) == 2:
        points = list(_points(circle[:1]))
        precision = "EXACT" if number(circle[1]) == 0 else "UNKNOWN"
    else:
        points = list(_points(row.get("info/area/polygon", "").split(JOINT, 1)[0].split()))
        precision = "UNKNOWN"
    if not points or max(x for _, x in points) - min(x for _, x in points) > 180:
        return None  # no area, or one across the date line, whose mean lies on the other side of the world
    return sum(y for y, _ in points) / len(points), sum(x for _, x in points) / len(points), precision


def _points(texts: list[str]) -> Iterator[tuple[float, float]]:
    for text in texts:
        parts = [number(part) for part in text.split(",")]
        if len(parts) == 2 and parts[0] is not None and parts[1] is not None:
            yield parts[0], parts[1]


def _countries(row: Row) -> Iterator[str]:
    for pair in row.get("info/area/geocode", "").split(JOINT):
        name, _, value = pair.rpartition("=")
        code = value.split("-", 1)[0]
        if ("3166" in name or "country_codes" in name) and len(code) in {2, 3} and code.isalpha():
            yield code


CAP = Feed(
    name="cap",
    title="OASIS Common Alerting Protocol",
    scheme="CAP",
    kind="SECURITY_ALERT",
    marks=frozenset(),
    rules=_RULES,
    series=_series,
    derive=_derive,
)
