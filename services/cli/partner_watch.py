"""`slt watch`: call somebody, or something, when it matters."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Annotated
from urllib.parse import urlsplit

import orjson
import typer

from services.cli.partner_options import HOME, Config
from services.client import Access, Subscription
from services.client.alarms import alarm
from services.client.subscription import ACTUAL

_SECONDS = 30.0
_PAUSES = (1.0, 5.0, 15.0, 60.0)
Call = Callable[[bytes], str]
"""Makes one call with the alarm's JSON; what went wrong in words, or nothing."""


def watch(
    execute: Annotated[
        str | None, typer.Option("--exec", help="Command to run; the alarm is JSON on its input.")
    ] = None,
    webhook: Annotated[str | None, typer.Option(help="Address to POST the alarm's JSON to (https).")] = None,
    once: Annotated[bool, typer.Option(help="End when all that is there has been looked at.")] = False,
    config: Config = HOME,
) -> None:
    """Fire on alerts of imminent risk, requests for your consent and reminders of recalls.

    The call has no content, only which and until when: `slt tail` and `slt answer` say more. One that fails is made
    again until it works, also after a restart; a repeat has the same id.

    For example: slt watch --exec "notify-send SLT"
    """
    if (execute is None) == (webhook is None):
        raise typer.BadParameter("give one of --exec and --webhook")
    call = _command(execute) if execute else _post(_safe(webhook or ""))
    access = Access.load(config)
    with Subscription(access, access.store("watch"), ACTUAL, live=not once, acknowledge=False) as subscription:
        try:
            for delivery in subscription:
                raised = alarm(delivery)
                if raised:
                    _insist(call, orjson.dumps(raised.spoken()))
        except KeyboardInterrupt:
            return


def _insist(call: Call, body: bytes) -> None:
    tries = 0
    while wrong := call(body):
        pause = _PAUSES[min(tries, len(_PAUSES) - 1)]
        tries += 1
        sys.stderr.write(f"the alarm was not taken: {wrong}; again in {pause:.0f} s\n")
        time.sleep(pause)


def _command(text: str) -> Call:
    command = shlex.split(text)

    def call(body: bytes) -> str:
        try:
            done = subprocess.run(command, input=body, timeout=_SECONDS, check=False)  # noqa: S603  the user's own
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"{command[0]}: {type(error).__name__}"
        return f"{command[0]} ended with {done.returncode}" if done.returncode else ""

    return call


def _safe(webhook: str) -> str:
    parts = urlsplit(webhook)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in {"localhost", "127.0.0.1"}):
        raise typer.BadParameter("a webhook is reached over https; http is for this machine alone")
    return webhook


def _post(address: str) -> Call:
    def call(body: bytes) -> str:
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(address, body, headers)  # noqa: S310  the scheme was checked
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS):  # noqa: S310
                return ""
        except urllib.error.HTTPError as error:
            error.close()
            return f"the webhook answered {error.code}"
        except (OSError, ValueError) as error:
            return f"the webhook does not answer ({type(error).__name__})"

    return call
