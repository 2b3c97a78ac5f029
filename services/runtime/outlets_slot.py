"""One slot of DELIVER as a process: its clients, its loop, its end."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import structlog
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from prometheus_client import CollectorRegistry

from services.runtime import kafka, logs
from services.runtime.clock import HEARTBEAT, Clock
from services.runtime.codec import Codec
from services.runtime.formats import Formats, signer
from services.runtime.kafka_tail import Beater, Tails
from services.runtime.metrics import DeliverMetrics
from services.runtime.outlets import Deliver
from services.runtime.outlets_chores import Chores
from services.runtime.outlets_journal import Journal
from services.runtime.outlets_observer import OutletObserver
from services.runtime.outlets_read import Reader
from services.runtime.outlets_send import Outlets
from services.runtime.outlets_surroundings import Surroundings
from services.runtime.ports import Fatal
from services.runtime.processor import Stage
from services.runtime.runner import Exit
from services.runtime.settings import Settings
from services.runtime.slot import MISUSED, arguments, exporter, settings_of, stagger, stop_on_signal

_STAGE = Stage.DELIVER
_THREADS = 2


def main(sources: Sequence[str], keeper: str, argv: Sequence[str]) -> int:
    """Run one slot until SIGTERM or SIGINT; its exit code: 0 stopped, 2 misused, 3 fatal, 4 too many bad records.

    `keeper`: the source whose partitions say which slot keeps an outlet.
    """
    given = arguments(argv)
    settings = settings_of(given, _STAGE)
    if settings is None:
        return MISUSED
    log = logs.configure(_STAGE, given.slot)
    stop = stop_on_signal()
    registry = CollectorRegistry()
    observer = DeliverMetrics(given.slot, registry)
    with exporter(given.metrics_port, registry):
        log.info("slot started")
        end = run(settings, given.slot, (sources, keeper), observer, stop)
    log.info("slot ended", reason=end.name)
    return end


def run(
    settings: Settings, number: int, sources: tuple[Sequence[str], str], observer: OutletObserver, stop: threading.Event
) -> Exit:
    """A slot's life, until `stop` is set."""
    with ExitStack() as opened:
        try:
            outside = _surroundings(opened, settings, number, (observer, stop))
            deliver = Deliver(outside, kafka.member(settings, _STAGE, number), sources[0], settings.limits)
        except (Fatal, KafkaException) as error:
            structlog.get_logger().error("slot cannot start", error=error)
            return Exit.FATAL
        return deliver.run(stop.is_set, Chores(deliver, sources[1], settings.lanes))


def _surroundings(
    opened: ExitStack, settings: Settings, number: int, told: tuple[OutletObserver, threading.Event]
) -> Surroundings:
    codec, writer = Codec(), kafka.writer(settings, _STAGE)
    tails, beater = Tails(opened, settings, _STAGE), Beater(settings, _STAGE, number, codec)
    opened.callback(beater.close)
    stale = settings.limits.heartbeat_stale_seconds
    pool, ended = opened.enter_context(ThreadPoolExecutor(_THREADS, "outlets")), threading.Event()
    opened.callback(ended.set)  # before the pool waits for its threads
    plain = kafka.reader(settings, _STAGE, **{"isolation.level": "read_uncommitted"})
    return Surroundings(
        admin=AdminClient({**kafka.COMMON, **kafka.security(settings, _STAGE)}),
        reader=Reader(plain, told[1].is_set),
        beside=Reader(plain, ended.is_set),
        log=Reader(kafka.reader(settings, _STAGE), ended.is_set),
        outlets=Outlets(writer),
        journal=Journal(writer, codec),
        clock=Clock(tails.newest(HEARTBEAT), beater.beat, stale, stagger(_STAGE, number)),
        codec=codec,
        formats=Formats(codec, signer(settings)),
        pool=pool,
        observer=told[0],
    )
