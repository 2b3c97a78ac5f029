"""The canary: submits test reports and reads them back as a partner does, with a partner's rights and nothing else.

It measures the promise where the promise is made (issue 3 point 9; ARCHITECTURE §8 "Heartbeats"). It needs no clock:
latency is the difference of two append times, its cadence and patience are monotonic.

    python -m services.canary.main --config FILE [--slot 0] [--metrics-port PORT]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence
from threading import Event
from typing import Any

import pycountry
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from prometheus_client import CollectorRegistry

from services.canary import probe
from services.canary.watch import Watch
from services.runtime import kafka
from services.runtime.codec import Codec, CodecError
from services.runtime.logs import configure
from services.runtime.metrics import CanaryMetrics
from services.runtime.settings import Settings, SettingsError
from services.runtime.slot import MISUSED, arguments, exporter, stop_on_signal
from services.runtime.topics import CANARY

SUBMIT = TopicPartition(f"slt.in.{CANARY}", 0)
OUTLET = TopicPartition(f"slt.exercise.{CANARY}", 0)
_CADENCE = 1.0
_ANSWER = 10.0


class Canary:
    """One process; `run` returns when `stop` is set."""

    def __init__(self, settings: Settings, metrics: CanaryMetrics, log: Any) -> None:
        """Connect as the test organisation; KafkaException if the broker does not answer."""
        partner = kafka.partner_security(settings, CANARY)
        countries = (country.alpha_3 for country in pycountry.countries)
        self._lanes = probe.lanes(countries, settings.lanes)
        self._metrics, self._log, self._codec = metrics, log, Codec()
        self._watch = Watch(self._lanes, metrics)
        # What a stock client reads: everything, decided or not.
        self._consumer = Consumer(kafka.reader(settings, CANARY, **{**partner, "isolation.level": "read_uncommitted"}))
        self._producer = Producer(kafka.writer(settings, CANARY, **partner))
        self._version = self._end(SUBMIT)
        self._consumer.assign([TopicPartition(OUTLET.topic, OUTLET.partition, self._end(OUTLET))])

    def run(self, stop: Event) -> None:
        """Submit once a second, read all the time; KafkaException if the outlet cannot be read any more."""
        due = time.monotonic()
        while not stop.is_set():
            now = time.monotonic()
            if now >= due:
                self._submit(now)
                due = max(due, now - _CADENCE) + _CADENCE
            message = self._consumer.poll(max(0.0, min(0.1, due - now)))
            if message is not None:
                self._read(message)
            self._producer.poll(0)
            self._watch.overdue(time.monotonic())
        self._producer.flush(1)
        self._consumer.close()

    def _submit(self, moment: float) -> None:
        """One report per lane. Versions go on from the topic's end, so they rise after a restart too."""
        self._version += 1
        for lane in self._lanes:
            self._producer.produce(SUBMIT.topic, probe.submission(lane, self._version), partition=SUBMIT.partition)
            self._watch.sent(lane.series, self._version, moment)

    def _read(self, message: Message) -> None:
        error = message.error()
        if error is not None:
            self._log.warning("outlet not readable", code=error.name())
            if error.fatal() or error.code() == KafkaError._AUTO_OFFSET_RESET:
                raise KafkaException(error)
            return
        for arrival in self._arrivals(message):
            if arrival is None:
                self._metrics.alien()
                self._log.error("not the canary's own", topic=OUTLET.topic, offset=message.offset())
            else:
                self._watch.arrived(arrival)

    def _arrivals(self, message: Message) -> Iterable[probe.Arrival | None]:
        try:
            kind, value = self._codec.decode(message.value() or b"")
        except CodecError:
            return (None,)
        return probe.arrivals(value, message.timestamp()[1] / 1000) if kind == "view" else ()

    def _end(self, where: TopicPartition) -> int:
        _, end = self._consumer.get_watermark_offsets(where, timeout=_ANSWER)
        return int(end)


def main(argv: Sequence[str]) -> int:
    """Run until SIGTERM or SIGINT; the process's exit code."""
    given = arguments(argv)
    try:
        settings = Settings.load(given.config)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return MISUSED
    log = configure(CANARY, given.slot)
    stop = stop_on_signal()
    registry = CollectorRegistry()
    canary = Canary(settings, CanaryMetrics(registry, settings.lanes), log)
    with exporter(given.metrics_port, registry):
        log.info("canary started", count=settings.lanes)
        canary.run(stop)
    log.info("canary ended")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
