"""Quotas of partners' logins, through the broker's own tool: the client library has no call for them.

The tool runs in a JVM of its own and knows one user a call, so changes take about a second each.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from services.runtime.local.broker import tool
from services.runtime.secrets import write_private
from services.runtime.settings import Settings
from services.runtime.topics import ADMIN

_LINE = re.compile(r"^Quota configs for user-principal '([^']+)' are (.+)$", re.MULTILINE)


class QuotaError(Exception):
    """The broker's tool did not do it; the text holds the end of what it said."""


class Quota(NamedTuple):
    """The most that one login may take of a broker."""

    consumer_byte_rate: float
    producer_byte_rate: float
    request_percentage: float

    @classmethod
    def of(cls, settings: Settings) -> Quota:
        """What the settings give every partner's login."""
        limits = settings.limits
        return cls(limits.partner_read_bytes, limits.partner_write_bytes, limits.partner_request_percent)


def quotas(settings: Settings) -> Mapping[str, Quota | None]:
    """Principal -> its quota at the broker; None for one that is not a whole quota of ours."""
    said = _configs(settings, ["--describe", "--entity-type", "users"])
    return {name: _quota(text) for name, text in _LINE.findall(said) if "_rate" in text or "percentage" in text}


def put_quotas(settings: Settings, principals: Iterable[str], quota: Quota) -> None:
    """Give these logins the quota."""
    words = ",".join(f"{name}={value:g}" for name, value in quota._asdict().items())
    for principal in principals:
        _configs(settings, ["--alter", "--add-config", words, "--entity-type", "users", "--entity-name", principal])


def drop_quotas(settings: Settings, principals: Iterable[str]) -> None:
    """Take these logins' quotas away."""
    words = ",".join(Quota._fields)
    for principal in principals:
        _configs(settings, ["--alter", "--delete-config", words, "--entity-type", "users", "--entity-name", principal])


def _quota(text: str) -> Quota | None:
    found = dict(pair.split("=", 1) for pair in text.split(", ") if "=" in pair)
    try:
        return Quota(*(float(found[name]) for name in Quota._fields))
    except (KeyError, ValueError):
        return None


def _configs(settings: Settings, arguments: Sequence[str]) -> str:
    with tempfile.TemporaryDirectory() as folder:
        login = Path(folder) / "client.properties"
        write_private(login, _properties(settings))
        where = ["--bootstrap-server", settings.bootstrap, "--command-config", str(login)]
        command = tool("kafka.admin.ConfigCommand", [*where, *arguments])
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # our own command
    if done.returncode != 0:
        raise QuotaError(f"the broker's tool failed:\n{(done.stdout + done.stderr)[-1000:]}")
    return done.stdout


def _properties(settings: Settings) -> str:
    password = settings.secret(f"{ADMIN}.password").decode()
    module = "org.apache.kafka.common.security.scram.ScramLoginModule"
    lines = [
        f"security.protocol={settings.security}",
        "sasl.mechanism=SCRAM-SHA-512",
        f'sasl.jaas.config={module} required username="{ADMIN}" password="{password}";',
    ]
    if settings.security == "SASL_SSL":
        lines += ["ssl.truststore.type=PEM", f"ssl.truststore.location={settings.ca}"]
    return "\n".join(lines) + "\n"
