"""`slt up`: Kafka, Redis and every stage on this machine until Ctrl-C; the same start serves `slt demo`."""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from types import FrameType
from typing import Annotated, NamedTuple

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from services.cli.play import Player
from services.cli.reader import Reader
from services.console.accounts import Accounts
from services.console.main import LINK, url
from services.runtime.local import LocalStack
from services.runtime.local.process import ROOT
from services.runtime.processor import Stage
from services.runtime.registry import Registry
from services.runtime.secrets import private_folder
from services.runtime.settings import Settings
from services.runtime.supervisor import Supervisor

REGISTRY = ROOT / "deploy" / "demo" / "registry.yaml"
SLOTS: Mapping[str, int] = {**dict.fromkeys(Stage, 1), Stage.DISTRIBUTE: 2, "projector": 1, "canary": 1, "confirm": 1,
                              "console": 1}  # fmt: skip
"""Processes per stage."""
LOCK = "lock"
"""The file by which a process has a folder for itself."""


class FolderError(Exception):
    """The folder cannot be used; the text says what to do."""


class Running(NamedTuple):
    """A whole installation on this machine."""

    stack: LocalStack
    supervisor: Supervisor


@contextmanager
def claimed(folder: Path) -> Iterator[Path]:
    """The folder, for us alone; FolderError while another process has it."""
    private_folder(folder)
    with (folder / LOCK).open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            owner = lock.read().strip()
            raise FolderError(f"{folder} is in use by process {owner}: stop it, or give another --folder") from error
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield folder


@contextmanager
def running(folder: Path, orgs: Sequence[str], slots: Mapping[str, int] = SLOTS) -> Iterator[Running]:
    """Kafka and Redis, provisioned for these organisations, and every stage; StackError says what is missing."""
    with (
        LocalStack.start(folder, orgs=orgs) as stack,
        Supervisor(stack.settings_file, stack.folder, slots) as supervisor,
    ):
        yield Running(stack, supervisor)


def terminal() -> Console:
    """Where people read; a file or a pipe has room for whole lines."""
    console = Console()
    return console if console.is_terminal else Console(width=140)


def interrupt_on_sigterm() -> None:
    """A polite stop is the same as Ctrl-C."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)


def wait_for_interrupt(console: Console) -> None:
    """Until Ctrl-C."""
    console.print("\n[bold]Running.[/] Ctrl-C stops everything.")
    try:
        Event().wait()
    except KeyboardInterrupt:
        console.print("stopping …")


def addresses(system: Running) -> Table:
    """Where to look: settings, logs, metrics."""
    stack = system.stack
    table = Table(title="Where everything is", box=SIMPLE, show_header=False, title_justify="left")
    table.add_row("[bold]console[/]", _console(stack.settings))
    table.add_row("settings", str(stack.settings_file))
    table.add_row("logs", str(stack.logs))
    table.add_row("brokers", f"stages {stack.settings.bootstrap}, partners (TLS) {stack.settings.partner_bootstrap}")
    for slot in system.supervisor.slots:
        table.add_row(f"metrics of {slot.name}", f"http://{slot.metrics}/metrics")
    table.add_row("targets for Prometheus", str(stack.folder / "targets.json"))
    return table


def _console(settings: Settings) -> str:
    """Its address; at the first start the link by which one makes the first account."""
    link = settings.accounts_folder / LINK
    first = Accounts(settings.accounts_folder).is_untouched and link.is_file()
    return f"{link.read_text(encoding='utf-8').strip()} (once: choose a password)" if first else url(settings)


class _Silent:
    def say(self, text: str) -> None:
        pass

    def progress(self, sent: int, total: int) -> None:
        pass


def up(
    folder: Annotated[Path, typer.Option(help="Data, settings, secrets and logs; taken over if it exists.")] = Path(
        "build/up"
    ),
    registry: Annotated[Path, typer.Option(help="Partners to enter (YAML).")] = REGISTRY,
) -> None:
    """Start Kafka, Redis and every stage on this machine, and keep them running until Ctrl-C.

    The partners of the registry file (invented ones, unless you give your own) are entered with signatures; keys that
    are missing are made in the folder. What was there is still there at the next start.

    Then, in another terminal:

      slt replay FILE --as demo-alder --config build/up/settings.toml
    """
    console = terminal()
    interrupt_on_sigterm()
    partners = Registry.load(registry)
    with claimed(folder):
        console.print(f"starting Kafka, Redis and {sum(SLOTS.values())} processes …")
        with running(folder, partners.orgs) as system:
            reader = Reader(system.stack.admin_config())
            player = Player(system.stack, reader, _Silent())
            entered = player.found(partners)
            reader.close()
            if not entered:
                raise FolderError(
                    f"the stages do not answer: {player.problems[-1]}; their logs are in {system.stack.logs}"
                )
            console.print(f"{len(partners.orgs)} partners entered")
            console.print(addresses(system))
            wait_for_interrupt(console)
