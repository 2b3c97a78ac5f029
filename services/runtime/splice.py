"""Records put together from the bytes of their parts: Avro writes a record's fields one after another, and no more.

A report travels through four stages that each add a little. What a stage does not change is not encoded again: the
bytes that it was read from are kept (services.core.kept) and used again. Everything follows from the schemas, so a
field that is added to them needs no change here.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import fastavro
from fastavro.schema import to_parsing_canonical_form

from services.core.kept import Kept

AMENDED = {"report": "area"}
"""Record types that are kept, with the first of the fields that a later stage may fill in."""
_PRESENT = b"\x02"
"""Branch 1 of a union with null."""

Schema = Any


class Split:
    """How a kept record type is read and written."""

    def __init__(self, schema: Schema, first: str) -> None:
        """`schema` is unparsed; its tail begins with the field `first`."""
        self._head, self._tail = _cut(schema, _position(schema, first))
        self._branches = {field["name"]: _branch(field["type"]) for field in self._tail["fields"]}
        self._names = frozenset(self._branches)

    def read(self, buffer: io.BytesIO) -> Kept:
        """The record that begins at the buffer's position."""
        start = buffer.tell()
        fields: Any = fastavro.schemaless_reader(buffer, self._head, None)
        middle = buffer.tell()
        fields.update(fastavro.schemaless_reader(buffer, self._tail, None))
        end, data = buffer.tell(), buffer.getbuffer()
        return Kept(fields, bytes(data[start:middle]), bytes(data[middle:end]), self._names)

    def write(self, buffer: io.BytesIO, record: Kept) -> None:
        """Its bytes; at most the tail is encoded."""
        buffer.write(record.head)
        if record.tail is None:
            fastavro.schemaless_writer(buffer, self._tail, self._named(record))
        else:
            buffer.write(record.tail)

    def _named(self, record: Kept) -> dict[str, Any]:
        """The tail's fields with the branch of a union named: looking for it costs as much as writing it."""
        return {
            name: (branch, record[name]) if branch and record[name] is not None else record[name]
            for name, branch in self._branches.items()
        }


class Graft(NamedTuple):
    """How a record type is read and written that has a kept record, or null, as one of its fields."""

    field: str
    inner: Split
    nullable: bool
    before: Schema
    after: Schema

    def read(self, buffer: io.BytesIO) -> dict[str, Any]:
        """The record that begins at the buffer's position."""
        fields: Any = fastavro.schemaless_reader(buffer, self.before, None)
        present = not self.nullable or buffer.read(1) == _PRESENT
        fields[self.field] = self.inner.read(buffer) if present else None
        fields.update(fastavro.schemaless_reader(buffer, self.after, None))
        return dict(fields)

    def write(self, buffer: io.BytesIO, record: Mapping[str, Any]) -> None:
        """Its bytes; the field holds a kept record."""
        fastavro.schemaless_writer(buffer, self.before, record)
        if self.nullable:
            buffer.write(_PRESENT)
        self.inner.write(buffer, record[self.field])
        fastavro.schemaless_writer(buffer, self.after, record)


def graft(schema: Schema, kind: Schema, inner: Split) -> Graft | None:
    """How to handle a type that holds records of `kind`, in exactly that form; None if it does not.

    Both schemas are unparsed; `inner` is the split of `kind`.
    """
    form = to_parsing_canonical_form(kind)
    around = {"namespace": schema["namespace"]}
    for at, field in enumerate(schema["fields"]):
        *null, last = field["type"] if isinstance(field["type"], list) else [field["type"]]
        named = null in ([], ["null"]) and isinstance(last, dict) and last.get("name") == kind["name"]
        if named and to_parsing_canonical_form({**around, **last}) == form:
            before, _, after = _cut(schema, at, at + 1)
            return Graft(field["name"], inner, bool(null), before, after)
    return None


def _branch(kind: Schema) -> str:
    """Name of the record type that a field holds if it holds anything."""
    last = kind[-1] if isinstance(kind, list) and len(kind) == 2 else None
    return str(last["name"]) if isinstance(last, dict) and "fields" in last else ""


def _position(schema: Schema, field: str) -> int:
    return [each["name"] for each in schema["fields"]].index(field)


def _cut(schema: Schema, *positions: int) -> list[Schema]:
    """The schema as several, parsed, each with a run of its fields; types that one defines the next ones may name."""
    known: dict[str, Any] = {}
    runs = pairwise((0, *positions, len(schema["fields"])))
    return [
        fastavro.parse_schema(
            {**schema, "name": f"{schema['name']}_from_{start}", "fields": schema["fields"][start:end]}, known
        )
        for start, end in runs
    ]
