"""How an administrator's word gets into slt.control: signed, sent to INTAKE, and the receipt awaited.

Nothing is written beside INTAKE (ARCHITECTURE §5 rule 6). What is entered already is not sent again, so that a command
may be repeated.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.core.control import ADMIN
from services.core.receipt import ReceiptResult
from services.runtime import kafka
from services.runtime.codec import Codec
from services.runtime.policies import payload_of
from services.runtime.registry import control_key
from services.runtime.settings import Settings
from services.runtime.signing import sign
from services.runtime.wanted import View

_WORDS, _ANSWERS = "slt.consent.admin", "slt.notices.admin"
_PATIENCE = 30.0
_ANSWER = 15.0


class OfficeError(Exception):
    """A change was not made; the text says why and what to do."""


class Signer(NamedTuple):
    """Who signs: a representative of `admin`, with the person's own key."""

    name: str
    key: Ed25519PrivateKey


class Entered(NamedTuple):
    """What became of one change."""

    key: str
    version: int
    is_new: bool
    """False: it was entered before."""


def signer(settings: Settings, name: str, key: Path | None) -> Signer:
    """The person by name with the key in that file (hex); the root's lies in the secrets. OfficeError if it is none."""
    try:
        text = key.read_text(encoding="utf-8") if key else settings.secret("administrator.key").decode()
        return Signer(name, Ed25519PrivateKey.from_private_bytes(bytes.fromhex(text.strip())))
    except (OSError, ValueError) as error:
        raise OfficeError(f"no Ed25519 key of 32 bytes in hex in {key}: {error}") from error


class Office:
    """Enters changes as one person; close it afterwards."""

    def __init__(self, settings: Settings, by: Signer) -> None:
        """Nothing is sent yet."""
        self._by = by
        self._codec = Codec()
        own = {**kafka.COMMON, **kafka.security(settings, ADMIN), "log_level": 2}
        self._producer = Producer({**own, **kafka.PRODUCER})
        self._consumer = Consumer({**own, **kafka.CONSUMER, "group.id": "admin.office"})
        self._from = self._consumer.get_watermark_offsets(TopicPartition(_ANSWERS, 0), timeout=_ANSWER)[1]
        self._consumer.assign([TopicPartition(_ANSWERS, 0, self._from)])

    def close(self) -> None:
        """Leave the broker."""
        self._consumer.close()
        self._producer.close()

    def enter(self, view: View, payload: Mapping[str, Any]) -> Entered:
        """Enter a payload, without its version, unless the newest record says the same.

        OfficeError with INTAKE's reason and advice, or when no receipt comes.
        """
        key = control_key(payload)
        version = view.policy.version(key)
        before = payload_of(view.policy, key)
        if before is not None and before == {**payload, "version": version}:
            return Entered(key, version, is_new=False)
        return self.send(key, {**payload, "version": version + 1})

    def send(self, key: str, payload: Mapping[str, Any]) -> Entered:
        """The same with the version given."""
        receipt = self._receipt(self._sent(sign(payload, self._by.name, self._by.key)))
        if receipt["result"] == ReceiptResult.REFUSED:
            field = f" ({receipt['field']})" if receipt["field"] else ""
            raise OfficeError(f"refused: {receipt['reason']}{field}: {receipt['advice']}")
        return Entered(key, payload["version"], is_new=True)

    def _sent(self, value: bytes) -> int:
        offsets: list[int] = []
        errors: list[KafkaError] = []

        def confirmed(error: KafkaError | None, message: Message) -> None:
            offset = message.offset()
            if error is None and offset is not None:
                offsets.append(offset)
            elif error is not None:
                errors.append(error)

        self._producer.produce(_WORDS, value, on_delivery=confirmed)
        self._producer.flush(_ANSWER)
        if not offsets:
            reason = errors[0].str() if errors else "no answer"
            raise OfficeError(f"the broker did not take the change ({reason}): nothing is entered, try again")
        return offsets[0]

    def _receipt(self, offset: int) -> Mapping[str, Any]:
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            for message in self._consumer.consume(100, 0.02):
                found = self._opened(message)
                if found and (found["topic"], found["offset"]) == (_WORDS, offset):
                    return found
        raise OfficeError(
            f"no receipt within {_PATIENCE:.0f} s: the change waits for intake; when the stages run, repeat the command"
        )

    def _opened(self, message: Message) -> Mapping[str, Any] | None:
        if error := message.error():
            raise KafkaException(error)
        kind, value = self._codec.decode(message.value() or b"")
        return value if kind == "receipt" else None
