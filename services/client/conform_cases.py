"""Small histories for readers, each with the one right outcome (docs/partners.md says the rules in words).

A letter is a key; a message id is its key and sequence.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

from services.client.record import Raw
from services.core.envelope import DeliveryType, Envelope, render
from services.runtime.codec import Codec

_AT = datetime(2026, 3, 2, tzinfo=UTC)
_VIEW = {"status": "Actual", "accounts": [], "sources": "1", "notice": "A record of the conformance test."}
_RECALL = {"reason_class": "RCL_WITHDRAWN", "action": "DELETE", "deadline": _AT}
_CODEC = Codec()


class Outcome(NamedTuple):
    """What a reader says after a history."""

    held: frozenset[str]
    """`key/sequence` of what it may use as actual."""
    shown: tuple[str, ...]
    """Message ids that it gave to people or programs as actual, in that order; recalls too."""
    answered: frozenset[str]
    """`message id/key/sequence` of the acknowledgements that it would send."""


class Check(NamedTuple):
    """One history with its one right outcome."""

    name: str
    advice: str
    right: Outcome
    records: tuple[Raw, ...]


def checks() -> tuple[Check, ...]:
    """Every history."""
    made = (*_repeats(), *_marks(), *_recalls(), *_strange())
    return tuple(check._replace(records=_numbered(check.records)) for check in made)


def _repeats() -> tuple[Check, ...]:
    first, newer = _record("a", 1), _record("a", 2, "UPDATE", replace_to=1)
    history = (first, _record("b", 1), newer, _record("b", 2, "RECALL", delete_to=1), _record("c", 1))
    return (
        Check("duplicate", "Drop a record whose id you have seen.", _after("a/1", "a1"), (first, first)),
        Check(
            "overtaken",
            "Drop a record whose `seq` is not above the last of its key.",
            _after("a/2", "a1 a2"),
            (first, newer, first),
        ),
        Check(
            "replay",
            "Reading again from anywhere changes nothing.",
            _after("a/2 c/1", "a1 b1 a2 b2 c1", "b2/b/2"),
            history + history[2:],
        ),
    )


def _marks() -> tuple[Check, ...]:
    first, newer = _record("a", 1), _record("a", 2, "UPDATE", replace_to=1)
    return (
        Check(
            "replace",
            "`replace=n`: this record takes the place of every `seq` up to n under its key.",
            _after("a/2", "a1 a2"),
            (first, newer),
        ),
        Check(
            "keep",
            "`keep=n`: every `seq` up to n stays.",
            _after("a/1 a/2", "a1 a2"),
            (first, _record("a", 2, "UPDATE", keep_to=1)),
        ),
        Check(
            "newest_alone",
            "After compaction the newest record of a key stands for all of them.",
            _after("a/7", "a7"),
            (_record("a", 7, "UPDATE", replace_to=6, delete_to=3),),
        ),
        Check(
            "merged",
            "A `replaced` record empties its key; the content goes on under `replaced_by`.",
            _after("a/1", "b1 a1 b2"),
            (
                _record("b", 1),
                _record("a", 1),
                _record("b", 2, "UPDATE", "replaced", replace_to=1, replaced_by="a"),
            ),
        ),
    )


def _recalls() -> tuple[Check, ...]:
    first, recall = _record("a", 1), _record("a", 2, "RECALL", delete_to=1)
    return (
        Check(
            "recall",
            "A RECALL: delete up to `delete`, and acknowledge with its id, key and sequence.",
            _after("", "a1 a2", "a2/a/2"),
            (first, recall),
        ),
        Check(
            "narrowed",
            "After a RECALL its key may go on with what is still permitted.",
            _after("a/3", "a1 a2 a3", "a2/a/2"),
            (first, recall, _record("a", 3, delete_to=2)),
        ),
    )


def _strange() -> tuple[Check, ...]:
    first, newer = _record("a", 1), _record("a", 2, "UPDATE", replace_to=1)
    later = first._replace(header=(first.header or b"") + b";later=1")
    unknown = newer._replace(value=b"\x00\x7f\x00\x00\x00later")
    pulse = Raw("slt.out.you", 0, _AT, b"pulse", None, _CODEC.encode("pulse", {"at": _AT}))
    return (
        Check(
            "exercise",
            "What has a status other than Actual is never shown as actual.",
            _after("a/1", "a1"),
            (first, _record("x", 1, status="Exercise")),
        ),
        Check("header", "Ignore names in the header that you do not know.", _after("a/2", "a1 a2"), (later, newer)),
        Check(
            "schema",
            "A record that you cannot read still has its marks, and stops nothing.",
            _after("a/2 c/1", "a1 a2 c1"),
            (first, unknown, _record("c", 1)),
        ),
        Check(
            "heartbeat",
            "A record without a header is a sign of life, not a delivery.",
            _after("a/1", "a1"),
            (first, pulse),
        ),
    )


def _after(held: str, shown: str, answered: str = "") -> Outcome:
    return Outcome(frozenset(held.split()), tuple(shown.split()), frozenset(answered.split()))


def _record(key: str, sequence: int, type_: str = "ALERT", kind: str = "", **marks: Any) -> Raw:
    base = {"previous": sequence - 1, "delete_to": 0, "replace_to": 0, "keep_to": 0, "status": "Actual"}
    envelope = Envelope(DeliveryType(type_), f"{key}{sequence}", sequence, **{**base, **marks})
    kind = kind or ("recall" if type_ == "RECALL" else "view")
    values: dict[str, Any] = {
        "recall": _RECALL,
        "replaced": {"notice": "merged"},
        "view": {**_VIEW, "status": envelope.status},
    }
    family = "out" if envelope.status == "Actual" else "exercise"
    return Raw(f"slt.{family}.you", 0, _AT, key.encode(), render(envelope), _CODEC.encode(kind, values[kind]))


def _numbered(records: tuple[Raw, ...]) -> tuple[Raw, ...]:
    return tuple(each._replace(offset=offset) for offset, each in enumerate(records))
