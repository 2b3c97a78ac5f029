"""What tests of the partners' side share: a configuration for a stack, and deliveries as DELIVER writes them."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

from services.client import Access, Delivery, Family
from services.core.envelope import HEADER, DeliveryType, Envelope, render
from services.runtime import kafka
from services.runtime.codec import Codec
from services.runtime.local import LocalStack

CODEC = Codec()
AT = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)
VIEW = {"status": "Actual", "accounts": [], "sources": "1", "notice": "Invented."}
RECALL = {"reason_class": "RCL_WITHDRAWN", "action": "DELETE", "deadline": AT}


def access(stack: LocalStack, org: str, folder: Path, **other: Any) -> Access:
    """A configuration of the organisation, written as `slt login` writes it."""
    settings = stack.settings
    values = {"bootstrap": settings.partner_bootstrap, "org": org, "username": org,
              "password": settings.secret(f"{org}.password").decode(), "ca": settings.ca, **other}  # fmt: skip
    return Access(**values).save(folder / f"{org}.toml")


def envelope(kind: str, sequence: int, message: str = "", **marks: Any) -> Envelope:
    """A header; its id is unlike any other unless one is given."""
    base = {"previous": sequence - 1, "delete_to": 0, "replace_to": 0, "keep_to": 0, "status": "Actual"}
    return Envelope(DeliveryType(kind), message or os.urandom(16).hex(), sequence, **{**base, **marks})


def delivery(
    key: str, header: Envelope | None, kind: str = "view", value: Mapping[str, Any] = VIEW, **at: Any
) -> Delivery:
    """A record as a feed hands it over."""
    base = {"family": Family.OUT, "offset": 0, "at": AT}
    return Delivery(**{**base, **at}, key=key, kind=kind, envelope=header, value=value, body=CODEC.encode(kind, value))


class Writer:
    """Puts records into an organisation's topics as DELIVER does; their offsets are what the broker says."""

    def __init__(self, stack: LocalStack, org: str) -> None:
        self._org = org
        self._producer = Producer({**kafka.COMMON, **stack.admin_config(), **kafka.PRODUCER})

    def write(self, deliveries: Iterable[Delivery]) -> None:
        for each in deliveries:
            headers: list[Any] = [(HEADER, render(each.envelope))] if each.envelope else []
            self._producer.produce(f"slt.{each.family}.{self._org}", each.body, each.key, headers=headers)
        assert self._producer.flush(30) == 0

    def close(self) -> None:
        self._producer.close()


def write(stack: LocalStack, deliveries: Iterable[Delivery], org: str) -> None:
    """Once."""
    with closing(Writer(stack, org)) as writer:
        writer.write(deliveries)


def cut(port: int) -> int:
    """Break every TCP connection of this process to the port, in the middle of whatever it carries; how many."""
    return sum(map(_shut, _descriptors(port)))


def _descriptors(port: int) -> Iterator[int]:
    wanted = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        rows = [line.split() for line in Path(table).read_text().splitlines()[1:]]
        wanted |= {row[9] for row in rows if int(row[2].rpartition(":")[2], 16) == port}
    for link in Path("/proc/self/fd").iterdir():
        try:
            found = re.fullmatch(r"socket:\[(\d+)\]", str(link.readlink()))
        except FileNotFoundError:
            continue
        if found and found[1] in wanted:
            yield int(link.name)


def _shut(descriptor: int) -> int:
    try:
        with socket.socket(fileno=os.dup(descriptor)) as twin:
            twin.shutdown(socket.SHUT_RDWR)
    except OSError:
        return 0
    return 1
