"""Avro with the five-byte registry header: one magic byte, a four-byte schema id, then the record.

The ids are those of `schemas/manifest.yaml` (number * 10000 + major * 100 + minor) and never change. The bytes are what
a stock registry client writes and reads; only the walk over them is faster (fastavro, docs/adr/0007).
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import fastavro
import yaml

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
_MAGIC = b"\x00"


class CodecError(ValueError):
    """Bytes that are no record of ours, or a value that its schema does not allow; the text names neither content."""


class UnknownSchemaError(CodecError):
    """A header that names no schema of the manifest."""


class Codec:
    """Encodes and decodes every record type of one schemas folder."""

    def __init__(self, folder: Path = SCHEMAS) -> None:
        """Load and parse every schema of the manifest; OSError or ValueError if the folder is not one."""
        manifest = yaml.safe_load((folder / "manifest.yaml").read_text(encoding="utf-8"))
        self._writers: dict[str, tuple[bytes, Any]] = {}
        self._readers: dict[bytes, tuple[str, Any]] = {}
        for kind, entry in manifest["records"].items():
            for version in entry["versions"]:
                self._add(folder, kind, entry["number"], version)

    def _add(self, folder: Path, kind: str, number: int, version: str) -> None:
        schema = fastavro.parse_schema(json.loads((folder / kind / f"v{version}.avsc").read_text(encoding="utf-8")))
        major, minor = (int(part) for part in version.split("."))
        header = _MAGIC + (number * 10000 + major * 100 + minor).to_bytes(4, "big")
        self._writers[kind] = (header, schema)
        self._readers[header] = (kind, schema)

    def encode(self, kind: str, value: Mapping[str, Any]) -> bytes:
        """The record's bytes under the newest version of its schema; CodecError if the value does not fit."""
        header, schema = self._writers[kind]
        buffer = io.BytesIO()
        buffer.write(header)
        try:
            fastavro.schemaless_writer(buffer, schema, value)
        except (ValueError, TypeError, KeyError, OverflowError, AttributeError) as error:
            raise CodecError(f"{kind}: {type(error).__name__}") from error
        return buffer.getvalue()

    def kind_of(self, data: bytes) -> str:
        """The record type that the header names; UnknownSchemaError if it names none."""
        try:
            return self._readers[data[:5]][0]
        except KeyError:
            raise UnknownSchemaError("the header names no known schema") from None

    def decode(self, data: bytes) -> tuple[str, dict[str, Any]]:
        """The record type and its fields, read with the newest schema; CodecError if the bytes do not hold one."""
        kind = self.kind_of(data)
        writer = self._readers[data[:5]][1]
        reader = self._writers[kind][1]
        buffer = io.BytesIO(data)
        buffer.seek(5)
        try:
            value = fastavro.schemaless_reader(buffer, writer, None if reader is writer else reader)
        except (ValueError, TypeError, KeyError, IndexError, OverflowError, EOFError, UnicodeDecodeError) as error:
            raise CodecError(f"{kind}: {type(error).__name__}") from error
        if buffer.read(1):
            raise CodecError(f"{kind}: bytes after the record")
        return kind, value  # type: ignore[return-value]  # every schema of ours is a record
