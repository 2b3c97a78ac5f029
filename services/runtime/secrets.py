"""Secrets: made once, each in a file that its owner alone can read."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ed25519


def private_folder(path: Path) -> Path:
    """Make a folder that its owner alone can enter."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)
    return path


def write_private(path: Path, content: str) -> None:
    """Write a file that its owner alone can read, from its first byte on."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(content)


def new_secret() -> str:
    """256 random bits as text."""
    return secrets.token_urlsafe(32)


def secret(path: Path, make: Callable[[], str] = new_secret) -> str:
    """The secret in `path`; made there if it does not exist yet."""
    if not path.exists():
        write_private(path, make() + "\n")
    return path.read_text(encoding="utf-8").strip()


def administrator_key(path: Path) -> str:
    """The Ed25519 private key in `path` (hex, made if missing); returns its public key, hex."""
    private = secret(path, lambda: ed25519.Ed25519PrivateKey.generate().private_bytes_raw().hex())
    return ed25519.Ed25519PrivateKey.from_private_bytes(bytes.fromhex(private)).public_key().public_bytes_raw().hex()
