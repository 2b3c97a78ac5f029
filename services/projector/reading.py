"""What each topic's records mean to the read model: one row per family."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import Message

from services.core.deed import Deed
from services.core.envelope import HEADER, DeliveryType, parse
from services.core.recall import Standing
from services.core.sioc import SIOC
from services.projector.fold import Fold
from services.projector.shown import Record, dumps
from services.runtime.clock import HEARTBEAT
from services.runtime.codec import Codec
from services.runtime.metrics import ProjectorMetrics
from services.runtime.opening import opened
from services.runtime.read_model import ANSWERS, PULSES, SUBMISSIONS

_READ = (DeliveryType.UPDATE, DeliveryType.CORRECT, DeliveryType.RECALL)
"""Deliveries of others of which more than the envelope is read: how many sources they show, until when to answer."""


class Reading:
    """Takes messages into a fold. ValueError (CodecError, UnicodeError), KeyError: the record is none of ours."""

    def __init__(self, metrics: ProjectorMetrics) -> None:
        """`metrics`: of what is not kept in Redis."""
        self._codec = Codec()
        self._metrics = metrics
        self._rows: Mapping[str, Callable[[Message, Fold], None]] = {
            "slt.out": self._outlet,
            "slt.exercise": self._outlet,
            "slt.reports": self._report,
            "slt.decisions": self._decision,
            "slt.deliveries": self._deliveries,
            "slt.incidents": self._incident,
            "slt.dead": self._dead,
            "slt.progress": self._progress,
            "slt.control": self._control,
            "slt.acks": self._answer,
            "slt.console": self._deed,
            HEARTBEAT: self._beat,
        }

    @property
    def families(self) -> tuple[str, ...]:
        """Of topics that are read."""
        return tuple(self._rows)

    def take(self, message: Message, fold: Fold) -> None:
        """One message."""
        self._rows[family(message.topic() or "")](message, fold)

    def _value(self, message: Message) -> dict[str, Any]:
        return self._codec.decode(message.value() or b"")[1]

    def _outlet(self, message: Message, fold: Fold) -> None:
        topic, at = message.topic() or "", _appended(message)
        org = topic.split(".", 2)[2]
        header = _envelope(message)
        if header is None:
            fold.shown.put(PULSES, org, at.isoformat())
            return
        envelope = parse(header)
        is_read = org == SIOC or envelope.type in _READ
        fields = opened(self._codec, header, message.value() or b"")[1] if is_read else {}
        record = Record(org, (message.key() or b"").decode(), envelope, fields, at)
        fold.outlet(topic.startswith("slt.exercise."), record)

    def _report(self, message: Message, fold: Fold) -> None:
        at = _appended(message)
        fold.accepted(1)
        fold.shown.rate("accepted", at)
        fold.shown.put(SUBMISSIONS, (message.key() or b"").decode().partition("/")[0], at.isoformat())

    def _decision(self, message: Message, fold: Fold) -> None:
        value = self._value(message)
        fold.decision(value)
        fold.shown.decision(value)

    def _deliveries(self, message: Message, fold: Fold) -> None:
        fold.shown.deliveries(self._value(message))

    def _incident(self, message: Message, fold: Fold) -> None:
        fold.shown.change(self._value(message), _appended(message))

    def _dead(self, message: Message, fold: Fold) -> None:
        value = self._value(message)
        fold.dead(value)
        fold.shown.refused(value)

    def _control(self, message: Message, fold: Fold) -> None:
        fold.shown.control(self._value(message), _appended(message))

    def _answer(self, message: Message, fold: Fold) -> None:
        value = self._value(message)
        told = {"answer": value["answer"], "at": value["received_at"]}
        fold.shown.put(ANSWERS, value["message_id"], dumps(told))

    def _deed(self, message: Message, fold: Fold) -> None:
        """The first who acknowledged an incident; all else of slt.console is for auditors."""
        value = self._value(message)
        if value["deed"] == Deed.ACKNOWLEDGED:
            told = dumps({"acknowledged_by": value["who"], "acknowledged_at": _appended(message)})
            fold.shown.acknowledged.setdefault(value["facts"]["incident"], told)

    def _beat(self, message: Message, fold: Fold) -> None:
        fold.shown.clock = max(fold.shown.clock or _appended(message), _appended(message))

    def _progress(self, message: Message, _fold: Fold) -> None:
        """How far a policy change and the answers to recalls are, per partition of distribute."""
        stage, _, partition = (message.key() or b"").decode().rpartition("/")
        if stage.startswith("distribute/"):
            value = self._value(message)
            self._metrics.recalls_pending(int(partition), value["recalls_due"])
            for standing, count in value["answers"].items():
                self._metrics.recall_answers(int(partition), Standing(standing), count)


def family(topic: str) -> str:
    """`slt.out` for `slt.out.<org>`, else the topic itself."""
    return ".".join(topic.split(".")[:2])


def _appended(message: Message) -> datetime:
    return datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC)


def _envelope(message: Message) -> bytes | None:
    headers: Iterable[Any] = message.headers() or ()
    return next((value for name, value in headers if name == HEADER), None)
