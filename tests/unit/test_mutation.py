"""The mutator: what it changes, and that it changes nothing else."""

from __future__ import annotations

import pytest

from tests.mutation.mutants import mutants

CHANGES = {
    "x = a < b": {"x = a <= b", "x = None"},
    "f(a and b)": {"f(a or b)", "None"},
    "f(a & ~b)": {"f(a | ~b)", "f(a & +b)", "None"},
    "if a:\n    pass": {"if not a:\n    pass"},
    "def f():\n    return a": {"def f():\n    return None"},
    "def f():\n    yield a": {"def f():\n    None"},
    "f(3, True)": {"f(4, True)", "f(3, False)", "None"},
    "x: A | B": set(),
    "x: a | None": set(),
    "x: a[b, ...] | None": set(),
    "f(a + 1)": {"f(a - 1)", "f(a + 2)", "None"},
}


@pytest.mark.parametrize("source", CHANGES)
def test_each_mutant_has_one_change(source: str) -> None:
    assert {mutant.source for mutant in mutants(source)} == CHANGES[source]
