"""One slot of one stage as a process: the same start, signals and end for every stage.

A service's main.py is one call: `sys.exit(main(build, sys.argv[1:]))`.
"""

from __future__ import annotations

import argparse
import gc
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog
from prometheus_client import CollectorRegistry

from services.core.fold import PolicyFold
from services.runtime import logs
from services.runtime.acks import ACKS, Acks
from services.runtime.clock import HEARTBEAT, Clock
from services.runtime.codec import Codec
from services.runtime.control import CONTROL, Control
from services.runtime.inbound import verify_ed25519
from services.runtime.kafka_broker import KafkaBroker
from services.runtime.kafka_tail import Beater, Tails
from services.runtime.metrics import StageMetrics, start_exporter
from services.runtime.observer import Observer
from services.runtime.ports import Broker, Fatal
from services.runtime.processor import Processor, Stage
from services.runtime.runner import Exit, Outside, Runner
from services.runtime.settings import Settings, SettingsError
from services.runtime.step import Step
from services.runtime.topics import Catalogue

MISUSED = 2
_STAGGER_SECONDS = 0.02
_OVERHEAD_BYTES = 4096
"""Room for a batch's header and a record's fields within a topic's limit."""
_USUAL_BYTES = 1048588
"""Kafka's default max.message.bytes."""

Connect = Callable[[Settings, Stage, int, Callable[[], None]], Broker]
"""Makes the broker port of one slot: settings, stage, slot, and whom to tell of every new producer."""


def settings_of(given: argparse.Namespace, principal: str) -> Settings | None:
    """The settings of a process that logs in as `principal`; None, and an error on stderr, where they do not hold."""
    try:
        settings = Settings.load(given.config)
        settings.secret(f"{principal}.password")
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return None
    return settings


def main(
    processor: Processor | Callable[[Settings], Processor], argv: Sequence[str], connect: Connect = KafkaBroker
) -> int:
    """Run one slot until SIGTERM or SIGINT; its exit code: 0 stopped, 2 misused, 3 fatal Kafka error, 4 too many bugs.

    `processor`: the stage, or what makes it from the settings. `connect` is for tests that put a fault into the port.
    """
    given = arguments(argv)
    try:
        settings = Settings.load(given.config)
        built = processor if isinstance(processor, Processor) else processor(settings)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return MISUSED
    log = logs.configure(built.stage, given.slot)
    stop = stop_on_signal()
    registry = CollectorRegistry()
    slot = Slot(built, settings, given.slot, StageMetrics(built.stage, given.slot, registry))
    _spare_the_collector()
    with exporter(given.metrics_port, registry):
        log.info("slot started")
        end = slot.run(stop, connect)
    log.info("slot ended", reason=end.name)
    return end


def _spare_the_collector() -> None:
    """Tables and modules stay for good and records die young: scanning them again and again is a tenth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


@dataclass(frozen=True)
class Slot:
    """One slot with everything it is told."""

    processor: Processor
    settings: Settings
    number: int
    observer: Observer

    def run(self, stop: threading.Event, connect: Connect = KafkaBroker) -> Exit:
        """Its life on Kafka, until `stop` is set."""
        with ExitStack() as opened:
            try:
                end = self._runner(opened, connect).run(stop.is_set)
            except Fatal as error:
                structlog.get_logger().error("slot cannot start", code=error.code, **error.where)
                end = Exit.FATAL
            if end is Exit.FATAL:
                opened.pop_all()  # closed by the end of the process: that needs no broker
            return end

    def _runner(self, opened: ExitStack, connect: Connect) -> Runner:
        stage, settings, codec = self.processor.stage, self.settings, Codec()
        step = Step(stage, codec, raw=self.processor.raw, size_limit=size_limits(Catalogue.load()))
        tails = Tails(opened, settings, stage)
        beater = Beater(settings, stage, self.number, codec)
        opened.callback(beater.close)
        stale = settings.limits.heartbeat_stale_seconds
        clock = Clock(tails.newest(HEARTBEAT), beater.beat, stale, stagger(stage, self.number))
        control = self._control(tails, codec) if self.processor.reads_control else None
        acks = Acks(tails.whole(ACKS), codec) if self.processor.reads_acks else None
        broker = connect(settings, stage, self.number, self.observer.rebuilt)
        outside = Outside(broker, clock, control, self.observer, acks)
        return Runner(self.processor, outside, step, codec, settings.limits)

    def _control(self, tails: Tails, codec: Codec) -> Control:
        fold = PolicyFold(bytes.fromhex(self.settings.administrator_public_key), verify_ed25519)
        return Control(tails.whole(CONTROL), fold, codec, self.settings.limits.barrier_seconds)


def stagger(stage: Stage, number: int) -> float:
    """Seconds by which a slot's heartbeats wait: the first slot's beat spares the others theirs."""
    return _STAGGER_SECONDS * (list(Stage).index(stage) + len(Stage) * number)


def size_limits(catalogue: Catalogue) -> Callable[[str], int]:
    """Largest key and value, in bytes, that a topic takes, by its name."""
    own = {topic.prefix: int(topic.config.get("max.message.bytes", _USUAL_BYTES)) for topic in catalogue.topics}

    def limit(topic: str) -> int:
        found = own.get(topic) or own.get(topic[: topic.rfind(".") + 1], _USUAL_BYTES)
        return found - _OVERHEAD_BYTES

    return limit


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """What every slot of every stage is started with."""
    parser = argparse.ArgumentParser(description="Run one slot of a stage of the relay until SIGTERM.")
    parser.add_argument("--config", type=Path, required=True, help="settings file (TOML); `slt up` writes one")
    parser.add_argument("--slot", type=int, default=0, help="number of this slot, stable over restarts (0, 1, ...)")
    parser.add_argument("--metrics-port", type=int, default=0, help="Prometheus exporter; 0 takes a free port")
    return parser.parse_args(argv)


def stop_on_signal() -> threading.Event:
    """Set by SIGTERM or SIGINT."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


@contextmanager
def exporter(port: int, registry: CollectorRegistry) -> Iterator[None]:
    """The process's metrics, as long as it lives."""
    server, thread = start_exporter(port, registry)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
