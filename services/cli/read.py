"""`slt read`: what lies in one partner's topics, read as that partner reads it, over TLS with its own credentials."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import orjson
import typer
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from services.core.envelope import HEADER
from services.runtime import kafka
from services.runtime.codec import Codec
from services.runtime.settings import Settings

_ANSWER = 15.0


class Family(StrEnum):
    """The topics that a partner reads."""

    OUT = "out"
    EXERCISE = "exercise"
    NOTICES = "notices"


def read(
    org: Annotated[str, typer.Argument(help="The organisation whose topic is read, with its own credentials.")],
    config: Annotated[Path, typer.Option(help="The settings file.")],
    family: Annotated[Family, typer.Option("--topic", help="Which of its topics.")] = Family.OUT,
    follow: Annotated[bool, typer.Option(help="Go on with what arrives, until Ctrl-C.")] = False,
) -> None:
    """Print what a partner has received: a line of JSON for each record, from the oldest.

    For example: slt read demo-ironwood --config build/demo/settings.toml
    """
    settings, codec = Settings.load(config), Codec()
    partner = {**kafka.partner_security(settings, org), "isolation.level": "read_uncommitted", "log_level": 2}
    consumer = Consumer(kafka.reader(settings, org, **partner, **{"enable.partition.eof": True}))
    try:
        consumer.get_watermark_offsets(TopicPartition(f"slt.{family}.{org}", 0), timeout=_ANSWER)
        consumer.assign([TopicPartition(f"slt.{family}.{org}", 0, 0)])
        for message in _messages(consumer, follow=follow):
            typer.echo(_line(message, codec))
    finally:
        consumer.close()


def _messages(consumer: Consumer, *, follow: bool) -> Iterator[Message]:
    while True:
        message = consumer.poll(1.0)
        if message is None:
            continue
        error = message.error()
        if error is None:
            yield message
        elif error.code() != KafkaError._PARTITION_EOF:
            raise KafkaException(error)
        elif not follow:
            return


def _line(message: Message, codec: Codec) -> bytes:
    kind, value = codec.decode(message.value() or b"")
    header = dict(message.headers() or ()).get(HEADER) or b""
    envelope = header if isinstance(header, str) else header.decode("ascii")
    key = (message.key() or b"").decode()
    return orjson.dumps({"offset": message.offset(), "key": key, "slt": envelope, "record": kind, **value})
