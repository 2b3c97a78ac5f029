"""Start one web process of the console: `python -m services.console.main --help`. Any number may run."""

from __future__ import annotations

import ipaddress
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import redis.asyncio
import uvicorn
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from services.console.accounts import Accounts, first_link
from services.console.app import create
from services.console.guard import Tools, now
from services.console.sessions import Sessions
from services.console.told import PRINCIPAL, Told
from services.runtime import logs
from services.runtime.matching import load_weights
from services.runtime.picture import Picture
from services.runtime.read_model import connect
from services.runtime.relations import Relations
from services.runtime.secrets import write_private
from services.runtime.settings import Settings, SettingsError
from services.runtime.slot import MISUSED, arguments, exporter

TLS = "console.pem"
LINK = "console.invitation"
"""Beside the accounts: the link of the first start, for whoever may read that folder."""


def application(settings: Settings, page: Path) -> FastAPI:
    """The whole web process but its socket."""
    client = connect(settings)
    password = settings.secret("redis.password").decode()
    live = redis.asyncio.Redis.from_url(settings.redis, password=password, decode_responses=True)
    log = logs.configure(PRINCIPAL, 0)
    accounts = Accounts(settings.accounts_folder)
    relations = Relations(client, load_weights())
    tools = Tools(settings, Picture(client), accounts, Sessions(client), Told(settings, log), relations)
    return create(tools, live, page)


def main(argv: Sequence[str]) -> int:
    """Run until SIGTERM or SIGINT; 2: misused."""
    given = arguments(argv)
    try:
        settings = Settings.load(given.config)
        host, port = address(settings)
        app = application(settings, settings.console_page)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return MISUSED
    _invite(settings, app)
    tls = certificate(settings)
    with exporter(given.metrics_port, CollectorRegistry()):
        uvicorn.run(app, host=host, port=port, log_config=None, access_log=False, server_header=False,
                    timeout_graceful_shutdown=1, ssl_certfile=tls)  # fmt: skip
    return 0


def address(settings: Settings) -> tuple[str, int]:
    """Where to listen. SettingsError: it can be reached from elsewhere, and nothing would encrypt it."""
    host, _, port = settings.console.rpartition(":")
    if not host or not port.isdigit():
        raise SettingsError("settings: `console`: give host:port, for example 127.0.0.1:8443")
    resolved = ipaddress.ip_address(socket.gethostbyname(host))
    if not resolved.is_loopback and certificate(settings) is None:
        raise SettingsError(
            f"settings: `console`: other machines could reach it unencrypted: put its key and certificate (PEM) into "
            f"the secret {TLS}, or let it listen on 127.0.0.1 behind a proxy that encrypts"
        )
    return host, int(port)


def certificate(settings: Settings) -> Path | None:
    """Key and certificate of the console, where it has them; then it speaks TLS and nothing else."""
    path = settings.secrets / TLS
    return path if path.is_file() else None


def _invite(settings: Settings, app: FastAPI) -> None:
    """At the first start: a link that makes the first account, for whoever may read the secrets folder."""
    link = first_link(app.state.tools.accounts, url(settings), now())
    if link:
        write_private(settings.accounts_folder / LINK, link + "\n")


def url(settings: Settings) -> str:
    """Where a browser finds the console."""
    host, port = address(settings)
    return f"http{'s' if certificate(settings) else ''}://{'localhost' if host == '0.0.0.0' else host}:{port}"  # noqa: S104


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
