"""`python -m tests.mutation.main [--jobs J] [--seconds S] [--from N] [MODULE ...]`: which small wrongs stay unnoticed?

Every mutant meets the comparison with the reference (decisions and histories) and, if it is still alive, the tables of
the rules. Exit code 1 if one survives that docs/mutation.md does not explain, or not all were tried; 2 if something is
noticed without any change.
"""

from __future__ import annotations

import argparse
import importlib.abc
import importlib.util
import io
import multiprocessing
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from importlib.machinery import ModuleSpec
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

from tests.mutation.mutants import mutants
from tests.reference.main import Batch, cases, steps

ROOT = Path(__file__).parents[2]
MODULES = ("decide", "judge", "consent", "reconcile", "plan")
EXPLAINED = ROOT / "docs" / "mutation.md"
TABLES = (
    "test_policy.py", "test_gates.py", "test_plan.py", "test_reconcile.py", "test_preview.py", "test_recall.py",
)  # fmt: skip
DECISIONS, HELD, SEED = 2_000, 1_500, 20260601
PATIENCE = 20.0
"""Seconds of processor time: on a busy machine a slow answer is no notice."""


class Wrong(NamedTuple):
    """A mutant of a module."""

    module: str
    line: int
    change: str
    source: str

    @property
    def name(self) -> str:
        """As docs/mutation.md has it; lines move, changes stay."""
        text = _source(self.module).splitlines()[self.line - 1]
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
    signal.signal(signal.SIGPROF, _given_up)
    signal.setitimer(signal.ITIMER_PROF, PATIENCE, 1.0)  # again, should what is tried swallow the first
    sys.meta_path.insert(0, _Swapped(f"services.core.{wrong.module}", wrong.source))
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            return wrong, not (_differs() or _is_told())
    except Exception:  # noqa: BLE001  whatever it raises, it was noticed
        return wrong, False
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _given_up(*_: object) -> None:
    raise TimeoutError


def _differs() -> bool:
    worlds = (one for first in range(0, 1000, 25) for one in cases(Batch(SEED, first, 0)))
    histories = (one for first in range(0, 1000, 25) for one in steps(Batch(SEED, first, 0)))
    return any(islice(worlds, DECISIONS)) or any(islice(histories, HELD))


def _is_told() -> bool:
    tables = [str(ROOT / "tests" / "unit" / name) for name in TABLES]
    return pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *tables]) != 0


def every(modules: Sequence[str]) -> list[Wrong]:
    """All mutants of the modules."""
    return [Wrong(module, *one) for module in modules for one in mutants(_source(module))]


def _source(module: str) -> str:
    return (ROOT / "services" / "core" / f"{module}.py").read_text()


def _try(tried: Iterable[tuple[Wrong, bool]], until: float) -> tuple[int, list[Wrong], list[Wrong]]:
    """How many were tried until then, which survived, which of those nobody explained; each survivor needs a row."""
    rows = Counter(re.findall(r"^\| `(.+)` \|", EXPLAINED.read_text(), re.MULTILINE))
    done, alive, new = 0, [], []
    for wrong, survived in tried:
        done += 1
        if survived:
            alive.append(wrong)
            rows[wrong.name] -= 1
            if rows[wrong.name] < 0:
                new.append(wrong)
            mark = "SURVIVES" if rows[wrong.name] < 0 else "explained"
            sys.stdout.write(f"{mark} {wrong.line}: {wrong.name}\n")
            sys.stdout.flush()
        if time.monotonic() > until:
            break
    return done, alive, new


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the arguments and run; prints survivors that are not explained, and the last line `survivors: ...`."""
    parser = argparse.ArgumentParser(prog="mutation", description="Which small wrongs stay unnoticed?")
    parser.add_argument("modules", nargs="*", default=MODULES)
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--seconds", type=float, default=3600.0, help="stop after so long")
    parser.add_argument("--from", type=int, default=0, dest="first", help="skip so many mutants")
    options = parser.parse_args(arguments)
    modules = options.modules or MODULES
    wrongs = every(modules)[options.first :]
    with multiprocessing.get_context("fork").Pool(options.jobs, maxtasksperchild=1) as pool:
        if not pool.apply(survives, (Wrong(modules[0], 1, "nothing", _source(modules[0])),))[1]:
            sys.stdout.write("without any change something is noticed: run `make differential` and `make test` first\n")
            return 2
        done, alive, new = _try(pool.imap(survives, wrongs), time.monotonic() + options.seconds)
    sys.stdout.write(f"tried {options.first} to {options.first + done} of {options.first + len(wrongs)}\n")
    sys.stdout.write(f"survivors: {len(alive)} of {done}, not explained: {len(new)}\n")
    return 1 if new or done < len(wrongs) else 0


if __name__ == "__main__":
    sys.exit(main())
