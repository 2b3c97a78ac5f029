"""The client settings of every producer and consumer, in one place, each with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # a partner's installation has no settings of the relay's own
    from services.runtime.settings import Settings

COMMON: dict[str, Any] = {
    "socket.timeout.ms": 5000,
    "socket.nagle.disable": True,
    "reconnect.backoff.ms": 50,
    "reconnect.backoff.max.ms": 1000,
    "log.connection.close": False,
}
CONSUMER: dict[str, Any] = {
    "enable.auto.commit": False,
    "auto.offset.reset": "error",  # a gap is an error, never a silent skip (ARCHITECTURE §5 rule 13)
    "isolation.level": "read_committed",
    "fetch.wait.max.ms": 50,
    "fetch.queue.backoff.ms": 5,  # the default of 1,000 stalls catch-up for up to a second
    "queued.min.messages": 20000,
    "enable.partition.eof": False,
}
GROUP: dict[str, Any] = {
    "group.protocol": "classic",  # KIP-848 fences the new static member (docs/adr/0015)
    "partition.assignment.strategy": "cooperative-sticky",
    "session.timeout.ms": 15000,
    "heartbeat.interval.ms": 1000,
    "max.poll.interval.ms": 60000,
    "topic.metadata.refresh.interval.ms": 5000,
}
PRODUCER: dict[str, Any] = {
    "acks": "all",
    "enable.idempotence": True,
    "partitioner": "murmur2_random",  # the default of Java and aiokafka: one key, one partition, whoever writes
    "message.max.bytes": 6291456,
    "retry.backoff.ms": 1,  # the default of 100 is paid by every back-to-back transaction
    "message.timeout.ms": 10000,
    "linger.ms": 1,
}


def security(settings: Settings, principal: str) -> dict[str, Any]:
    """How a stage's client proves who it is; the password comes from its secret file."""
    found: dict[str, Any] = {
        "bootstrap.servers": settings.bootstrap,
        "security.protocol": settings.security,
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": principal,
        "sasl.password": settings.secret(f"{principal}.password").decode(),
        "client.id": principal,
    }
    if settings.ca and settings.security == "SASL_SSL":
        found["ssl.ca.location"] = str(settings.ca)
    return found


def partner_security(settings: Settings, principal: str) -> dict[str, Any]:
    """How a partner's client proves who it is: always over TLS."""
    return {
        **security(settings, principal),
        "bootstrap.servers": settings.partner_bootstrap,
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": str(settings.ca),
    }


def reader(settings: Settings, principal: str, **extra: Any) -> dict[str, Any]:
    """A consumer that assigns its partitions itself and never commits."""
    group = {"group.id": f"{principal}.reader"}
    return {**COMMON, **security(settings, principal), **CONSUMER, **group, **extra}


def member(settings: Settings, stage: str, slot: int, **extra: Any) -> dict[str, Any]:
    """A consumer that is a static member of its stage's group."""
    membership = {"group.id": f"{stage}.slots", "group.instance.id": f"{stage}-{slot}"}
    return {**COMMON, **security(settings, stage), **CONSUMER, **GROUP, **membership, **extra}


def writer(settings: Settings, principal: str, **extra: Any) -> dict[str, Any]:
    """An idempotent producer."""
    return {**COMMON, **security(settings, principal), **PRODUCER, **extra}
