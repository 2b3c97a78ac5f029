"""`python -m tests.mutation.main [--jobs J] [--seconds S] [--from N] [MODULE ...]`: which small wrongs stay unnoticed?

Every mutant meets the comparison with the reference (decisions and histories) and, if it is still alive, the tables of
the rules. Exit code 1 if one survives that docs/mutation.md does not explain.
"""

from __future__ import annotations

import argparse
import importlib.abc
import importlib.util
import io
import multiprocessing
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from importlib.machinery import ModuleSpec
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from tests.mutation.mutants import mutants

ROOT = Path(__file__).parents[2]
MODULES = ("decide", "judge", "consent", "reconcile", "plan")
EXPLAINED = ROOT / "docs" / "mutation.md"
TABLES = ("test_policy.py", "test_plan.py", "test_reconcile.py", "test_preview.py", "test_recall.py")
DECISIONS, HELD, SEED = 2_000, 1_500, 20260601
PATIENCE = 60


class Wrong(NamedTuple):
    """A mutant of a module."""

    module: str
    line: int
    change: str
    source: str

    @property
    def name(self) -> str:
        """As docs/mutation.md has it; lines move, changes stay."""
        text = (ROOT / "services" / "core" / f"{self.module}.py").read_text().splitlines()[self.line - 1]
        return f"{self.module}: {self.change}  in  {text.strip()}"


class _Swapped(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Imports one module from another source."""

    def __init__(self, name: str, source: str) -> None:
        self._name, self._source = name, source

    def find_spec(self, fullname: str, path: object, target: ModuleType | None = None) -> ModuleSpec | None:
        return importlib.util.spec_from_loader(fullname, self) if fullname == self._name else None

    def get_source(self, fullname: str) -> str:
        return self._source


def survives(wrong: Wrong) -> tuple[Wrong, bool]:
    """Runs in a process of its own, into which nothing of the relay was imported before."""
    signal.signal(signal.SIGALRM, _given_up)
    signal.alarm(PATIENCE)
    sys.meta_path.insert(0, _Swapped(f"services.core.{wrong.module}", wrong.source))
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            return wrong, not (_differs() or _is_told())
    except Exception:  # noqa: BLE001  whatever it raises, it was noticed
        return wrong, False
    finally:
        signal.alarm(0)


def _given_up(*_: object) -> None:
    raise TimeoutError


def _differs() -> bool:
    from tests.reference.main import Batch, cases, steps

    worlds = (one for first in range(0, 1000, 25) for one in cases(Batch(SEED, first, 0)))
    histories = (one for first in range(0, 1000, 25) for one in steps(Batch(SEED, first, 0)))
    return any(islice(worlds, DECISIONS)) or any(islice(histories, HELD))


def _is_told() -> bool:
    import pytest

    tables = [str(ROOT / "tests" / "unit" / name) for name in TABLES]
    return pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *tables]) != 0


def every(modules: Sequence[str]) -> list[Wrong]:
    """All mutants of the modules."""
    found = []
    for module in modules:
        source = (ROOT / "services" / "core" / f"{module}.py").read_text()
        found += [Wrong(module, *one) for one in mutants(source)]
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the arguments and run; prints survivors that are not explained, and the last line `survivors: ...`."""
    parser = argparse.ArgumentParser(prog="mutation", description="Which small wrongs stay unnoticed?")
    parser.add_argument("modules", nargs="*", default=MODULES)
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--seconds", type=float, default=3600.0, help="stop after so long")
    parser.add_argument("--from", type=int, default=0, dest="first", help="skip so many mutants")
    options = parser.parse_args(arguments)
    wrongs = every(options.modules or MODULES)[options.first :]
    explained = EXPLAINED.read_text() if EXPLAINED.exists() else ""
    stop, done, alive = time.monotonic() + options.seconds, 0, []
    with multiprocessing.get_context("fork").Pool(options.jobs, maxtasksperchild=1) as pool:
        for wrong, survived in pool.imap(survives, wrongs):
            done += 1
            if survived:
                alive.append(wrong)
                mark = "explained" if f"`{wrong.name}`" in explained else "SURVIVES"
                sys.stdout.write(f"{mark} {wrong.line}: {wrong.name}\n")
                sys.stdout.flush()
            if time.monotonic() > stop:
                break
    new = [wrong for wrong in alive if f"`{wrong.name}`" not in explained]
    sys.stdout.write(f"tried {options.first} to {options.first + done} of {options.first + len(wrongs)}\n")
    sys.stdout.write(f"survivors: {len(alive)} of {done}, not explained: {len(new)}\n")
    return 1 if new else 0


if __name__ == "__main__":
    sys.exit(main())
