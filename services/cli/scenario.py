"""What a scenario is made of: acts with what is sent, and what everybody must hold when an act is over.

The expectation is part of the scenario and written by hand from the consents that it tells of; nothing of it is
computed by the pipeline's own rules.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson

from services.runtime.codec import Codec

Holders = Mapping[str, int]
"""Organisation -> the version that it holds."""


class Submission(NamedTuple):
    """One record for slt.in.<org>, with what must become of it."""

    org: str
    body: Mapping[str, Any] | bytes
    """Fields of a submission (times as datetimes), or bytes that are sent as they are."""
    outcome: str
    """One of services.runtime.read_model.FINAL."""
    reason: str = ""
    """With `refused`: the reason's code."""
    avro: bool = False

    @property
    def topic(self) -> str:
        """Where it goes."""
        return f"slt.in.{self.org}"

    @property
    def fields(self) -> Mapping[str, Any]:
        """The body's fields; TypeError if it is mere bytes."""
        if isinstance(self.body, bytes):
            raise TypeError("the body is bytes")
        return self.body

    @property
    def series(self) -> str:
        """The series id as everybody else sees it."""
        return f"{self.org}/{self.fields['series_id']}"

    def encoded(self, codec: Codec) -> bytes:
        """JSON or Avro, as its sender chose."""
        if isinstance(self.body, bytes):
            return self.body
        return codec.encode("submission", self.body) if self.avro else orjson.dumps(self.body)


class Word(NamedTuple):
    """One signed record for slt.consent.<author>."""

    author: str
    payload: Mapping[str, Any]
    """Values that are timedeltas count from the moment of sending."""
    reason: str = ""
    """Empty: it is entered; else the code with which it is refused."""
    forged: bool = False
    """The text is changed after it was signed."""

    @property
    def org(self) -> str:
        """Whose credentials send it."""
        return self.author

    @property
    def topic(self) -> str:
        """Where it goes."""
        return f"slt.consent.{self.author}"

    def resolved(self, now: datetime) -> dict[str, Any]:
        """The payload with its moments."""
        return {
            name: (now + value).isoformat() if isinstance(value, timedelta) else value
            for name, value in self.payload.items()
        }


class Answer(NamedTuple):
    """A recipient's acknowledgement of the recall of a series, for slt.in.<org>."""

    org: str
    series: str
    answer: str

    @property
    def topic(self) -> str:
        """Where it goes."""
        return f"slt.in.{self.org}"

    def encoded(self, message_id: str, key: str = "", sequence: int = 0) -> bytes:
        """JSON, with what the recall's header and key say."""
        return orjson.dumps({"message_id": message_id, "key": key, "sequence": sequence, "answer": self.answer})


Item = Submission | Word | Answer


class Shown(NamedTuple):
    """What an organisation must be shown of a series when an act is over."""

    org: str
    series: str
    field: str
    """Of the account; one within another as `place.precision`."""
    value: Any


class Told(NamedTuple):
    """A notice about a consent that an organisation must have got when an act is over."""

    org: str
    what: str
    """Stage of a consent_request, or status of a consent_status."""
    about: str
    """The series, or the grant."""


class After(NamedTuple):
    """An act waits until this long after another one began."""

    act: str
    seconds: float


@dataclass(frozen=True)
class Act:
    """Things that happen together; the next act begins when all of them have had their effect."""

    name: str
    say: str
    """What happens, in a sentence for whoever watches."""
    items: tuple[Item, ...]
    holds: Mapping[str, Holders]
    """Series -> who holds it when the act is over, for every series that the act touches."""
    after: After | None = None
    shows: tuple[Shown, ...] = ()
    tells: tuple[Told, ...] = ()


@dataclass(frozen=True)
class Scenario:
    """Acts in their order."""

    acts: tuple[Act, ...]
    explained: str = ""
    """The series that is explained at the end."""

    @property
    def items(self) -> Iterator[Item]:
        """Everything that is sent."""
        return (item for act in self.acts for item in act.items)

    @property
    def submissions(self) -> tuple[Submission, ...]:
        """Every record that is, or pretends to be, a report."""
        return tuple(item for item in self.items if isinstance(item, Submission))

    @property
    def holds(self) -> Mapping[str, Holders]:
        """Who holds what when all is over."""
        return ChainMap(*(dict(act.holds) for act in reversed(self.acts)))

    @property
    def tells(self) -> frozenset[Told]:
        """Every notice about a consent; there is no other."""
        return frozenset(told for act in self.acts for told in act.tells)
