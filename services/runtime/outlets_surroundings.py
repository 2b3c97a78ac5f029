"""What a slot of DELIVER is connected to."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass

from confluent_kafka.admin import AdminClient

from services.runtime.clock import Clock
from services.runtime.codec import Codec
from services.runtime.formats import Formats
from services.runtime.outlets_journal import Journal
from services.runtime.outlets_observer import OutletObserver
from services.runtime.outlets_read import Reader
from services.runtime.outlets_send import Outlets


@dataclass(frozen=True)
class Surroundings:
    """What a slot of DELIVER is connected to."""

    admin: AdminClient
    reader: Reader
    """Of outlets and resume points, for the loop."""
    beside: Reader
    """The same, for the threads."""
    log: Reader
    """Of the delivery log, for the threads: committed records only."""
    outlets: Outlets
    journal: Journal
    clock: Clock
    codec: Codec
    formats: Formats
    pool: Executor
    observer: OutletObserver
