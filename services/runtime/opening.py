"""What lies in an outlet, read back from whichever format its recipient has chosen (the counterpart of formats)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson

from services.core.cap.findings import Finding
from services.core.cap.write import delivery_from
from services.core.envelope import FORMAT
from services.runtime.cap.parse import alert_of, parse
from services.runtime.codec import Codec

_JSON, _CAP = FORMAT + b"json", FORMAT + b"cap"


def opened(codec: Codec, header: bytes | None, data: bytes) -> tuple[str, dict[str, Any]]:
    """Record type and fields, the same for every format; `header` is the `slt` header, which names the format.

    ValueError (CodecError) if the bytes are no delivery in that format.
    """
    if header is not None and _JSON in header:
        return read_json(codec, data)
    if header is not None and _CAP in header:
        return _read_cap(data)
    return codec.decode(data)


def read_json(codec: Codec, data: bytes) -> tuple[str, dict[str, Any]]:
    """Record type and fields of a JSON delivery; ValueError if it is none of ours."""
    found = orjson.loads(data)
    kind = found.pop("record", None) if isinstance(found, dict) else None
    if not isinstance(kind, str) or kind not in codec.kinds:
        raise ValueError("this is no delivery in JSON: its `record` names no record type")
    schema = codec.schema(kind)
    try:
        return kind, _typed(schema, found, schema["__named_schemas"])
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"this is no {kind} in JSON: {type(error).__name__}") from error


def _typed(schema: Any, value: Any, named: dict[str, Any]) -> Any:
    """Times and bytes out of the texts that stand for them in JSON, as the schema says."""
    if isinstance(schema, list):  # each of our unions has one branch beside null
        return None if value is None else _typed(next(one for one in schema if one != "null"), value, named)
    if isinstance(schema, str):
        return _typed(named[schema], value, named) if schema in named else _plain(schema, value)
    if schema.get("logicalType") == "timestamp-millis":
        return datetime.fromisoformat(value)
    if schema["type"] == "array":
        return [_typed(schema["items"], each, named) for each in value]
    if schema["type"] not in {"map", "record"}:
        return _plain(schema["type"], value)
    types = {field["name"]: field["type"] for field in schema.get("fields", ())}
    return {name: _typed(types[name] if types else schema["values"], each, named) for name, each in value.items()}


def _plain(kind: Any, value: Any) -> Any:
    return value.encode("latin-1") if kind == "bytes" else value


def _read_cap(data: bytes) -> tuple[str, dict[str, Any]]:
    root = parse(data)
    alert = root if isinstance(root, Finding) else alert_of(root)
    if isinstance(alert, Finding):
        raise ValueError(f"this is no delivery in CAP: {alert.rule}")
    found = delivery_from(alert)
    return found.record, found.body
