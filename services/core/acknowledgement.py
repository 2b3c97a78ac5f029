"""Acknowledgements: read from what a recipient sent (consent.md §5).

A recipient names its recall by what it was sent: message id, key and sequence. The id is keyed (services.core.ids), so
that intake can tell without looking anything up that this message was made for this recipient.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from services.core.reason import Reason
from services.core.report import Answer
from services.core.stage import Refusal

_MOST_NOTE = 1000
_FIELDS = frozenset({"message_id", "key", "sequence", "answer", "note"})


class Acknowledgement(NamedTuple):
    """What a recipient says that it did about one recall."""

    message_id: str
    key: str
    sequence: int
    answer: Answer
    note: str


def read_acknowledgement(fields: Mapping[str, Any]) -> Acknowledgement | Refusal:
    """The fields of an `acknowledgement`, from JSON or Avro, or why they are none."""
    message, key, sequence = (fields.get(name) for name in ("message_id", "key", "sequence"))
    answer, note = fields.get("answer"), fields.get("note", "")
    if answer not in tuple(Answer):  # also refuses what is no string
        return Refusal(Reason.BAD_VOCABULARY, f"use one of {', '.join(Answer)}", "answer")
    if not isinstance(note, str):
        return Refusal(Reason.BAD_FIELD_TYPE, "send a string", "note")
    if len(note) > _MOST_NOTE:
        return Refusal(Reason.BAD_FIELD_LENGTH, f"send at most {_MOST_NOTE} characters", "note")
    if not (_is_name(message) and _is_name(key) and type(sequence) is int) or fields.keys() - _FIELDS:
        advice = "send message_id (`id` in the recall's slt header), key (the recall's), sequence (`seq`) and answer"
        return Refusal(Reason.BAD_ACK, f"{advice}; a note if you like, and nothing else")
    return Acknowledgement(str(message), str(key), int(sequence), Answer(answer), note)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 64
