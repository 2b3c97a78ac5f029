"""Start CONFIRM: `python -m services.confirm.main --help`. One process; while it is down only answers wait."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack

from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient
from prometheus_client import CollectorRegistry

from services.confirm.log import DeliveryLog
from services.confirm.processor import CONTROL, PRINCIPAL, PROGRESS, Confirmer
from services.core.fold import PolicyFold
from services.runtime import kafka
from services.runtime.inbound import verify_ed25519
from services.runtime.kafka_tail import Tails
from services.runtime.logs import configure
from services.runtime.metrics import ConfirmMetrics
from services.runtime.outlets_read import Reader
from services.runtime.ports import PortError
from services.runtime.runner import Exit
from services.runtime.settings import Settings
from services.runtime.slot import MISUSED, arguments, exporter, settings_of, stop_on_signal


def main(argv: Sequence[str]) -> int:
    """Run until SIGTERM or SIGINT: 0 stopped, 2 misused, 3 an error of the broker that only a new process mends."""
    given = arguments(argv)
    settings = settings_of(given, PRINCIPAL)
    if settings is None:
        return MISUSED
    log = configure(PRINCIPAL, given.slot)
    stop = stop_on_signal()
    registry = CollectorRegistry()
    metrics = ConfirmMetrics(registry)
    with exporter(given.metrics_port, registry), ExitStack() as opened:
        try:
            confirmer = _connected(opened, settings, metrics)
            log.info("confirm started")
            while not stop.is_set():
                confirmer.turn()
        except (PortError, KafkaException) as error:
            log.error("confirm failed", error=error, code=getattr(error, "code", ""))
            return Exit.FATAL
    return Exit.STOPPED


def _connected(opened: ExitStack, settings: Settings, metrics: ConfirmMetrics) -> Confirmer:
    tails = Tails(opened, settings, PRINCIPAL)
    admin = AdminClient({**kafka.COMMON, **kafka.security(settings, PRINCIPAL)})
    log = DeliveryLog(admin, Reader(kafka.reader(settings, PRINCIPAL)), settings.lanes)
    fold = PolicyFold(bytes.fromhex(settings.administrator_public_key), verify_ed25519)
    producer = Producer(kafka.writer(settings, PRINCIPAL))
    confirmer = Confirmer((tails.whole(CONTROL), tails.whole(PROGRESS)), log, producer, fold, metrics)
    confirmer.start()
    return confirmer


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
