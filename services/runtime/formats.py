"""Deliveries in the format that their recipient reads: JSON or CAP beside Avro (ARCHITECTURE §4).

The format is part of the envelope, so of what DISTRIBUTE decided: a delivery has the same bytes when it is repeated,
also where the recipient has changed its format meanwhile. JSON is made once per body; CAP has the recipient's own ids
in its body and is made for each. Avro costs nothing but a look at each group.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
import structlog

from services.core.cap.write import Addressed, alert_from
from services.core.envelope import FORMAT, parse
from services.core.outlet import organisation
from services.runtime.cap.render import RenderError, render
from services.runtime.cap.signature import Signer
from services.runtime.codec import Codec
from services.runtime.settings import Settings, SettingsError

_log = structlog.get_logger()
JSON, CAP = FORMAT + b"json", FORMAT + b"cap"
_AVRO = FORMAT + b"avro"


class Formats:
    """Changes the bodies of `deliveries` records whose recipients do not read Avro."""

    def __init__(self, codec: Codec, signer: Signer | None = None) -> None:
        """`signer`: of outgoing CAP alerts; without one they are not signed."""
        self.codec = codec
        self._signer = signer

    def apply(self, record: Mapping[str, Any]) -> None:
        """Point each item of a record (with its `items`) at a body in its format, which is added to `bodies`."""
        if not any(FORMAT in group["before"] or FORMAT in group["after"] for group in record["groups"]):
            return
        bodies, made = record["bodies"], {}
        for item in record["items"]:
            header, body = item["header"], item["body"]
            if CAP in header:
                item["body"] = self._cap(item, bodies, record["as_of"])
            elif JSON in header:
                if body not in made:
                    made[body] = len(bodies)
                    bodies.append(as_json(self.codec, bodies[body]))
                item["body"] = made[body]

    def _cap(self, item: dict[str, Any], bodies: list[bytes], at: datetime) -> int:
        """The index of the alert; Avro, and the header says so, where it cannot be written: nothing is held back."""
        kind, fields = self.codec.decode(bodies[item["body"]])
        envelope = parse(item["header"])
        try:
            addressed = Addressed(organisation(item["topic"]) or "", item["key"], envelope, at)
            bodies.append(render(alert_from(kind, fields, addressed), self._signer))
        except RenderError as error:
            _log.error("an alert could not be written as CAP", error=str(error), topic=item["topic"])
            item["header"] = item["header"].replace(CAP, _AVRO)
            return int(item["body"])
        return len(bodies) - 1


def as_json(codec: Codec, body: bytes) -> bytes:
    """A record of ours as JSON: its fields and, first, `record`, the record type."""
    kind, fields = codec.decode(body)
    return orjson.dumps({"record": kind, **fields}, default=_texts)


def _texts(value: Any) -> Any:
    """Bytes as text of one character a byte, as in the examples of schemas/."""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    raise TypeError(type(value).__name__)


def signer(settings: Settings) -> Signer | None:
    """Our signer, if the secrets folder has `cap.key` (RSA, PEM) and `cap.pem`; SettingsError if they do not fit."""
    if not (settings.secrets / "cap.key").is_file():
        return None
    try:
        return Signer.load(settings.secret("cap.key"), settings.secret("cap.pem"))
    except ValueError as error:
        raise SettingsError(str(error)) from error
