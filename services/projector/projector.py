"""The projector: one process that reads outlets and decisions and keeps Redis; rebuilt from Kafka at any time."""

from __future__ import annotations

import argparse
import signal
import time
from collections import deque
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

import redis
from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition
from prometheus_client import CollectorRegistry
from redis.backoff import NoBackoff
from redis.retry import Retry

from services.core.envelope import HEADER
from services.core.gates import Code
from services.core.recall import Standing
from services.core.stage import Outcome
from services.projector.fold import FINAL, VERDICTS, Fold, gap
from services.projector.store import Flushed, ReadModel
from services.runtime import kafka, logs
from services.runtime.codec import Codec, CodecError
from services.runtime.metrics import ProjectorMetrics, start_exporter
from services.runtime.settings import Settings, SettingsError

PRINCIPAL = "projector"
FAMILIES = ("slt.out.", "slt.exercise.", "slt.decisions", "slt.dead", "slt.reports", "slt.progress")
_UPDATES = (b"type=UPDATE", b"type=CORRECT")
_REFRESH = 5.0
"""Seconds between two looks for topics of new partners."""
_BATCH = 2000
_TELL = 1.0
"""Seconds between two looks at the accounts for the metrics."""
_GAP_SECONDS = 60
"""Reports under way come and go; the least gap of a minute is what did not arrive."""


class Projector:
    """Folds batches and stores them with their offsets."""

    def __init__(self, settings: Settings, model: ReadModel, metrics: ProjectorMetrics, log: Any) -> None:
        """Connect to the broker; `model` says where to go on."""
        self._metrics = metrics
        self._codec = Codec()
        self._model = model
        self._log = log
        # A view may begin where the topics do; what retention has taken is in no topic any more.
        self._consumer = Consumer(kafka.reader(settings, PRINCIPAL, **{"auto.offset.reset": "earliest"}))
        self._next: dict[str, int] = {}
        self._touched: set[str] = set()
        self._gaps: deque[int] = deque(maxlen=_GAP_SECONDS)
        self._looked = self._told = 0.0

    def run(self, stop: Event) -> None:
        """Until `stop`; an emptied Redis is answered by reading everything again."""
        self._resume()
        try:
            while not stop.is_set():
                try:
                    self._turn()
                except Flushed:
                    self._log.warning("read model is gone: rebuilding")
                    self._model.begin_anew()
                    self._resume()
                except redis.ConnectionError:
                    self._log.warning("redis does not answer")
                    stop.wait(0.5)
                    self._resume()
        finally:
            self._consumer.close()

    def _resume(self) -> None:
        """Go on exactly after what the read model holds."""
        self._next = self._model.offsets()
        self._touched.clear()
        if not self._next:
            self._model.begin_anew()
        self._consumer.unassign()
        self._looked = 0.0
        self._look()

    def _look(self) -> None:
        """Assign what is new among the topics: partners come while we run."""
        if time.monotonic() - self._looked < _REFRESH and self._looked:
            return
        self._looked = time.monotonic()
        assigned = {(part.topic, part.partition) for part in self._consumer.assignment()}
        topics = self._consumer.list_topics(timeout=10).topics
        parts = [
            TopicPartition(name, number, self._next.get(f"{name}/{number}", OFFSET_BEGINNING))
            for name, topic in topics.items()
            if name.startswith(FAMILIES)
            for number in topic.partitions
            if (name, number) not in assigned
        ]
        if parts:
            self._consumer.incremental_assign(parts)

    def _turn(self) -> None:
        self._look()
        messages = self._consumer.consume(_BATCH, 0.2)
        fold = Fold()
        for message in messages:
            self._fold(message, fold)
        self._model.apply(fold, {part: self._next[part] for part in self._touched})
        self._touched.clear()
        for reason, count in fold.counts.get(VERDICTS, {}).items():
            self._metrics.verdicts(Code(reason), count)
        if time.monotonic() - self._told > _TELL:
            self._tell()

    def _tell(self) -> None:
        self._told = time.monotonic()
        accounts = self._model.accounts()
        for outcome in FINAL:
            self._metrics.accounts(Outcome(outcome), accounts.get(outcome, 0))
        self._gaps.append(gap(accounts))
        self._metrics.balance_gap(min(self._gaps) if len(self._gaps) == _GAP_SECONDS else 0)

    def _fold(self, message: Message, fold: Fold) -> None:
        error = message.error()
        topic, partition, offset = message.topic(), message.partition(), message.offset()
        if error is not None or topic is None or partition is None or offset is None:
            self._log.warning("cannot read", code=error.name() if error else "")
            return
        part = f"{topic}/{partition}"
        if offset < self._next.get(part, 0):
            return
        self._next[part] = offset + 1
        self._touched.add(part)
        if topic == "slt.reports":
            fold.accepted(1)
            return
        if topic.startswith(("slt.out.", "slt.exercise.")):
            at = datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC)
            header = _envelope(message)
            sources = self._sources(message.value() or b"") if header and header.startswith(_UPDATES) else ""
            fold.outlet(topic, (message.key() or b"").decode(), header, at, sources)
            return
        if topic == "slt.progress":
            self._progress(message)
            return
        self._record(message.value() or b"", fold)

    def _sources(self, data: bytes) -> str:
        """How many sources a view counts: one gains a source by an update."""
        kind, value = self._codec.decode(data)
        return str(value["sources"]) if kind == "view" else ""

    def _progress(self, message: Message) -> None:
        """How far a policy change and the answers to recalls are, per partition of distribute."""
        stage, _, partition = (message.key() or b"").decode().rpartition("/")
        if stage.startswith("distribute/"):
            value = self._codec.decode(message.value() or b"")[1]
            self._metrics.recalls_pending(int(partition), value["recalls_due"])
            for standing, count in value["answers"].items():
                self._metrics.recall_answers(int(partition), Standing(standing), count)

    def _record(self, data: bytes, fold: Fold) -> None:
        try:
            kind, value = self._codec.decode(data)
        except CodecError as failure:
            self._log.warning("cannot read", error=type(failure).__name__)
            return
        if kind == "decision":
            fold.decision(value)
        elif kind == "dead":
            fold.dead(value)


def _envelope(message: Message) -> bytes | None:
    headers: Iterable[Any] = message.headers() or ()
    return next((value for name, value in headers if name == HEADER), None)


def main(argv: Sequence[str]) -> int:
    """Run until SIGTERM; 0 stopped, 2 misused."""
    parser = argparse.ArgumentParser(description="Keep the read model in Redis until SIGTERM.")
    parser.add_argument("--config", type=Path, required=True, help="settings file (TOML); `slt up` writes one")
    parser.add_argument("--slot", type=int, default=0, help="always 0: one projector writes")
    parser.add_argument("--metrics-port", type=int, default=0, help="Prometheus exporter; 0 takes a free port")
    arguments = parser.parse_args(argv)
    try:
        settings = Settings.load(arguments.config)
        client = connect(settings)
    except SettingsError as error:
        parser.exit(2, f"{error}\n")
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    registry = CollectorRegistry()
    server, thread = start_exporter(arguments.metrics_port, registry)
    with client:
        log = logs.configure(PRINCIPAL, arguments.slot)
        Projector(settings, ReadModel(client), ProjectorMetrics(registry), log).run(stop)
    server.shutdown()
    server.server_close()
    thread.join()
    return 0


def connect(settings: Settings) -> redis.Redis:
    """Redis with the password of its secret file.

    Nothing is tried again by the client: a batch whose reply was lost may be stored, and only its offsets can tell.
    """
    password = settings.secret("redis.password").decode()
    once = Retry(NoBackoff(), 0)
    return redis.Redis.from_url(settings.redis, password=password, decode_responses=True, retry=once)
