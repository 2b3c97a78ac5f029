"""Signs control records as a representative does: the JSON text, the signer, an Ed25519 signature over its bytes."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def sign(payload: Mapping[str, Any], signer: str, key: Ed25519PrivateKey) -> bytes:
    """A record for slt.consent.<org>: `signer` is the representative's name, `key` the person's own."""
    text = orjson.dumps(payload)
    signature = base64.b64encode(key.sign(text)).decode()
    return orjson.dumps({"payload": text.decode(), "signer": signer, "signature": signature})


def public_hex(key: Ed25519PrivateKey) -> str:
    """The public key as a `representative` record has it."""
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
