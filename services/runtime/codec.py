"""Avro with the five-byte registry header: one magic byte, a four-byte schema id, then the record.

The ids are those of `schemas/manifest.yaml` (number * 10000 + major * 100 + minor) and never change. The bytes are what
a stock registry client writes and reads; only the walk over them is faster (fastavro, docs/adr/0007).
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any

import fastavro
import yaml

from services.core.kept import Kept
from services.runtime.splice import AMENDED, Split, graft

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
MAGIC = b"\x00"


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
        newest = {}
        for kind, entry in manifest["records"].items():
            for version in entry["versions"]:
                newest[kind] = schema = json.loads((folder / kind / f"v{version}.avsc").read_text(encoding="utf-8"))
                self._add(kind, schema, entry["number"], version)
        self._splits = {kind: Split(newest[kind], first) for kind, first in AMENDED.items() if kind in newest}
        self._grafts = {
            kind: found
            for kind, schema in newest.items()
            for kept, split in self._splits.items()
            if (found := graft(schema, newest[kept], split)) is not None
        }

    def _add(self, kind: str, content: Any, number: int, version: str) -> None:
        schema = fastavro.parse_schema(content)
        major, minor = (int(part) for part in version.split("."))
        header = MAGIC + (number * 10000 + major * 100 + minor).to_bytes(4, "big")
        self._writers[kind] = (header, schema)
        self._readers[header] = (kind, schema)

    @property
    def kinds(self) -> Set[str]:
        """Every record type of the manifest."""
        return self._writers.keys()

    def schema(self, kind: str) -> Any:
        """The newest schema of a record type, as fastavro has parsed it: every name in full."""
        return self._writers[kind][1]

    def encode(self, kind: str, value: Mapping[str, Any]) -> bytes:
        """The record's bytes under the newest version of its schema; CodecError if the value does not fit."""
        buffer = io.BytesIO()
        buffer.write(self._writers[kind][0])
        try:
            self._write(buffer, kind, value)
        except (ValueError, TypeError, KeyError, OverflowError, AttributeError) as error:
            raise CodecError(f"{kind}: {type(error).__name__}") from error
        return buffer.getvalue()

    def _write(self, buffer: io.BytesIO, kind: str, value: Mapping[str, Any]) -> None:
        around = self._grafts.get(kind)
        if around is not None and isinstance(value.get(around.field), Kept):
            around.write(buffer, value)
        elif isinstance(value, Kept):
            self._splits[kind].write(buffer, value)
        else:
            fastavro.schemaless_writer(buffer, self._writers[kind][1], value)

    def kind_of(self, data: bytes) -> str:
        """The record type that the header names; UnknownSchemaError if it names none."""
        try:
            return self._readers[data[:5]][0]
        except KeyError:
            raise UnknownSchemaError("the header names no known schema") from None

    def decode(self, data: bytes) -> tuple[str, dict[str, Any]]:
        """The record type and its fields, read with the newest schema; CodecError if the bytes do not hold one."""
        kind = self.kind_of(data)
        buffer = io.BytesIO(data)
        buffer.seek(5)
        try:
            value = self._read(buffer, kind, data[:5])
        except (ValueError, TypeError, KeyError, IndexError, OverflowError, EOFError, UnicodeDecodeError) as error:
            raise CodecError(f"{kind}: {type(error).__name__}") from error
        if buffer.read(1):
            raise CodecError(f"{kind}: bytes after the record")
        return kind, value

    def _read(self, buffer: io.BytesIO, kind: str, header: bytes) -> dict[str, Any]:
        """Bytes are kept of the newest version only: those of an older one are no record of it."""
        newest, reader = self._writers[kind]
        kept = (self._grafts.get(kind) or self._splits.get(kind)) if header == newest else None
        if kept is not None:
            return kept.read(buffer)
        writer = self._readers[header][1]
        resolved = None if reader is writer else reader
        return fastavro.schemaless_reader(buffer, writer, resolved)  # type: ignore[return-value]  # all are records
