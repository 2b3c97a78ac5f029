"""Groups of reports from what is known of pairs."""

from __future__ import annotations

import pytest

from services.core.grouping import CERTAIN, NEVER, Link, grouped
from services.core.report import Relation

A, B, C, D = "alder/1", "birch/1", "cedar/1", "dogwood/1"
B2 = "birch/2"


def same(one: str, other: str, score: float = 0.95) -> Link:
    return Link(one, other, Relation.SAME, score)


def beside(one: str, other: str, score: float = 0.4) -> Link:
    return Link(one, other, Relation.RELATED, score)


@pytest.mark.parametrize(
    ("links", "groups"),
    [
        ([], [(A,), (B,), (C,)]),
        ([same(A, B)], [(A, B), (C,)]),
        ([beside(A, B)], [(A,), (B,), (C,)]),
        ([same(A, B), same(B, C)], [(A, B), (C,)]),  # A and C contradict each other: no chain
        ([same(A, B), same(B, C, 0.9), beside(A, C, 0.02)], [(A, B, C)]),
        ([same(A, B, CERTAIN), same(B, C)], [(A, B, C)]),  # B speaks for A
        ([same(A, B, CERTAIN), same(B, C), beside(A, C, NEVER)], [(A, B), (C,)]),
        ([beside(A, B, NEVER), same(A, B)], [(A,), (B,), (C,)]),  # a word wins over a score
        ([beside(A, B), same(A, B, CERTAIN)], [(A, B), (C,)]),
        ([same(A, D), same(D, B)], [(A,), (B,), (C,)]),  # nothing through what is not shown
    ],
)
def test_groups(links: list[Link], groups: list[tuple[str, ...]]) -> None:
    assert grouped({A, B, C}, links) == groups
    assert grouped({A, B, C}, [link._replace(one=link.other, other=link.one) for link in reversed(links)]) == groups


def test_a_register_tells_of_one_incident_once() -> None:
    assert grouped({A, B, B2}, [same(A, B, 0.97), same(A, B2, 0.9)]) == [(A, B), (B2,)]


def test_of_two_equal_rivals_neither_is_linked() -> None:
    assert grouped({A, B, B2}, [same(A, B, 0.9), same(A, B2, 0.9)]) == [(A,), (B,), (B2,)]
