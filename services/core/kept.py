"""Fields that still know the bytes they were read from, so that a stage passes a record on without writing it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Kept(dict[str, Any]):
    """A record as the codec read it. It is never changed in place: `amended` gives the record with other fields.

    A copy made in any other way is an ordinary mapping, which the codec writes field by field.
    """

    __slots__ = ("head", "tail", "tail_names")

    def __init__(self, fields: Mapping[str, Any], head: bytes, tail: bytes | None, tail_names: frozenset[str]) -> None:
        """`head`: the encoding of the fields before `tail_names`; `tail`: of these, None where one has changed."""
        super().__init__(fields)
        self.head, self.tail, self.tail_names = head, tail, tail_names


def amended(record: Mapping[str, Any], **changes: Any) -> Mapping[str, Any]:
    """The record with these fields changed; bytes of the others are kept where they can be."""
    fields = {**record, **changes}
    if isinstance(record, Kept) and changes.keys() <= record.tail_names:
        return Kept(fields, record.head, None, record.tail_names)
    return fields
