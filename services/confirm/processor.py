"""CONFIRM: follows slt.control and slt.progress, and tells grantors what is confirmed (ARCHITECTURE §8).

It decides about nothing and reads no partner's topic. Its own progress (confirm/slt.control/0) says which ends are
done; what it tells twice after a crash has the same message id. All times are the broker's append times.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import structlog
from confluent_kafka import KafkaError, Message, Producer

from services.confirm.log import DeliveryLog
from services.core.confirmation import Confirmations, Confirmed, ConsentStatus, End, end_of, notice
from services.core.control_read import read_control
from services.core.fold import PolicyFold
from services.core.notice import notice_output
from services.core.outlet import Progress
from services.core.stage import Output, Record, Refusal
from services.runtime.codec import Codec
from services.runtime.metrics import ConfirmMetrics
from services.runtime.ports import Fatal, Tail
from services.runtime.ports import Message as Read
from services.runtime.step import read_record

PRINCIPAL = "confirm"
CONTROL, PROGRESS, DELIVERIES = "slt.control", "slt.progress", "slt.deliveries"
OWN = f"{PRINCIPAL}/{CONTROL}/0"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WAIT_SECONDS = 0.05
_ANSWER = 10.0
_log = structlog.get_logger()


class Confirmer:
    """One process; call `start` once and `turn` for ever."""

    def __init__(
        self, tails: tuple[Tail, Tail], log: DeliveryLog, producer: Producer, fold: PolicyFold, metrics: ConfirmMetrics
    ) -> None:
        """`tails`: of slt.control and slt.progress, each from its first record."""
        self._control, self._progress = tails
        self._deliveries, self._producer, self._fold, self._metrics = log, producer, fold, metrics
        self._codec = Codec()
        self._rule = Confirmations(log.lanes)
        self._now = _EPOCH
        self._done_to = 0
        self._failed: KafkaError | None = None

    def start(self) -> None:
        """Read all progress: where the ends begin that nobody was told of. Fatal if the broker does not answer."""
        end = self._progress.end(_ANSWER)
        if end is None:
            raise Fatal("_TIMED_OUT", topic=PROGRESS)
        while self._progress.position < end:
            self._follow(_WAIT_SECONDS)

    def turn(self) -> None:
        """Take in what is new and tell what follows from it."""
        for message in self._control.take(0.0):
            self._enter(read_record(self._codec, message))
        self._follow(_WAIT_SECONDS)
        if self._rule.unmarked:
            self._rule.marked(self._deliveries.ends())
        confirmed = self._rule.due()
        if confirmed:
            self._tell(confirmed)
        for status in ConsentStatus:
            self._metrics.oldest(status, self._rule.oldest(status))

    def _enter(self, record: Record) -> None:
        """Only what the policy has accepted can be confirmed: an older version, or a forged one, ends nothing."""
        end = self._end(record)
        before = self._fold.compiled().version(record.key) if end else 0
        self._fold.apply(record)
        if end and before < self._fold.compiled().version(record.key):
            self._rule.ended(end, revoked=end.epoch < self._rule.revoked_to)

    def _end(self, record: Record) -> End | None:
        found = read_control(json.loads(record.value["payload"]))
        if record.source.offset < self._done_to or isinstance(found, Refusal):
            return None
        return end_of(found[2], record, self._fold.compiled)

    def _follow(self, seconds: float) -> None:
        for message in self._progress.take(seconds):
            self._now = max(self._now, _EPOCH + timedelta(milliseconds=message.appended))
            self._passed(message)

    def _passed(self, message: Read) -> None:
        key = (message.key or b"").decode()
        stage, _, partition = key.rpartition("/")
        fields = self._codec.decode(message.value or b"")[1]
        if stage == "distribute/slt.incidents":
            self._rule.distributed(int(partition), fields["epoch"])
        elif stage == f"deliver/{DELIVERIES}":
            self._rule.delivered(int(partition), Progress.of(fields))
        elif key == OWN:
            self._done_to, self._rule.revoked_to = fields["offset"], max(self._rule.revoked_to, fields["epoch"])

    def _tell(self, confirmed: Sequence[Confirmed]) -> None:
        """The notices first, and when all are written how far that is."""
        recalls = self._deliveries.recalls(confirmed)
        for each in confirmed:
            self._send(notice_output(notice(each, self._now, recalls.get(each.end, 0)), self._codec.encode))
        self._flush()
        stand = {"offset": self._rule.done_to, "epoch": self._rule.revoked_to, "now": self._now, "last_hash": b""}
        self._send(Output(PROGRESS, OWN, "progress", stand))
        self._flush()
        for each in confirmed:
            self._metrics.confirmed(each.status, self._now - each.end.decided_at)
            _log.info("confirmed", outcome=each.status, epoch=each.end.epoch, seconds=self._now - each.end.decided_at)

    def _send(self, output: Output) -> None:
        value = output.value if isinstance(output.value, bytes) else self._codec.encode(output.kind, output.value)
        self._producer.produce(output.topic, value, output.key, on_delivery=self._reported)

    def _reported(self, error: KafkaError | None, _message: Message) -> None:
        self._failed = self._failed or error

    def _flush(self) -> None:
        self._producer.flush(_ANSWER)
        if self._failed is not None or len(self._producer):
            raise Fatal(self._failed.name() if self._failed else "_TIMED_OUT")
