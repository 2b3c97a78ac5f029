"""The projector: one process that reads outlets and decisions and keeps Redis; rebuilt from Kafka at any time."""

from __future__ import annotations

import argparse
import signal
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from threading import Event
from typing import Any

import redis
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, TopicPartition
from prometheus_client import CollectorRegistry

from services.core.gates import Code
from services.core.stage import Outcome
from services.projector.fold import Fold
from services.projector.reading import Reading, family
from services.projector.store import Flushed, ReadModel
from services.runtime import kafka, logs
from services.runtime.metrics import ProjectorMetrics, start_exporter
from services.runtime.read_model import FINAL, VERDICTS, connect, gap
from services.runtime.settings import Settings, SettingsError

PRINCIPAL = "projector"
_REFRESH = 5.0
"""Seconds between two looks for topics of new partners."""
_BATCH = 2000
_WAIT = 0.04
"""Seconds that a record waits at most for others: a person watches the page."""
_TELL = 1.0
"""Seconds between two looks at the accounts for the metrics."""
_GAP_SECONDS = 60
"""Reports under way come and go; the least gap of a minute is what did not arrive."""


class Projector:
    """Folds batches and stores them with their offsets."""

    def __init__(self, settings: Settings, model: ReadModel, metrics: ProjectorMetrics, log: Any) -> None:
        """Connect to the broker; `model` says where to go on."""
        self._metrics = metrics
        self._reading = Reading(metrics)
        self._model = model
        self._log = log
        # A view may begin where the topics do; what retention has taken is in no topic any more.
        options = {"auto.offset.reset": "earliest", "enable.partition.eof": True}
        self._consumer = Consumer(kafka.reader(settings, PRINCIPAL, **options))
        self._next: dict[str, int] = {}
        self._touched: set[str] = set()
        self._behind: dict[str, tuple[int, int]] = {}
        """Of a rebuild, per partition that is not read to its end yet: where it began, and where its end was."""
        self._whole: int | None = None
        """Records of the rebuild; None while there is none."""
        self._gaps: deque[int] = deque(maxlen=_GAP_SECONDS)
        self._looked = self._told = self._applied = 0.0

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
        self._behind.clear()
        if not self._next:
            self._model.begin_anew()
        self._consumer.unassign()
        self._looked = 0.0
        self._look()
        self._whole = sum(end - begin for begin, end in self._behind.values()) if self._model.is_rebuilding else None

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
            if family(name) in self._reading.families
            for number in topic.partitions
            if (name, number) not in assigned
        ]
        if not parts:
            return
        self._consumer.incremental_assign(parts)
        if self._model.is_rebuilding:
            self._behind |= {f"{part.topic}/{part.partition}": self._stretch(part) for part in parts}

    def _stretch(self, part: TopicPartition) -> tuple[int, int]:
        """From where to where a rebuild has to read a partition."""
        begin, end = self._consumer.get_watermark_offsets(part, timeout=10)
        return max(begin, part.offset), end

    def _turn(self) -> None:
        self._look()
        messages = self._consumer.consume(_BATCH, _WAIT)
        fold = Fold()
        for message in messages:
            self._fold(message, fold)
        if self._touched or time.monotonic() - self._applied > _TELL:
            self._model.apply(fold, self._next, {part: self._next[part] for part in self._touched})
            self._applied = time.monotonic()
            self._told_rebuilt()
        self._touched.clear()
        for reason, count in fold.counts.get(VERDICTS, {}).items():
            self._metrics.verdicts(Code(reason), count)
        if time.monotonic() - self._told > _TELL:
            self._tell()

    def _told_rebuilt(self) -> None:
        """Say how much is read again; a partition is done at the end that the broker tells of."""
        if self._whole is None:
            return
        left = sum(max(0, end - max(begin, self._next.get(part, 0))) for part, (begin, end) in self._behind.items())
        self._model.rebuilt(min(99, 100 - 100 * left // max(1, self._whole)) if self._behind else 100)
        if not self._behind:
            self._whole = None

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
        part = f"{topic}/{partition}"
        if error is not None and error.code() == KafkaError._PARTITION_EOF:
            self._behind.pop(part, None)
            return
        if error is not None or offset is None:
            self._log.warning("cannot read", code=error.name() if error else "")
            return
        if offset < self._next.get(part, 0):
            return
        self._next[part] = offset + 1
        self._touched.add(part)
        try:
            self._reading.take(message, fold)
        except (ValueError, KeyError) as failure:
            self._log.warning("cannot read", error=type(failure).__name__, topic=family(topic or ""))


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
