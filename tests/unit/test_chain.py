"""The hash chain of decisions: one changed byte, one missing and one swapped record are found, and where."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import NamedTuple

import pytest

from services.core.chain import Chain, Fault, Finding, Head


class Link(NamedTuple):
    offset: int
    data: bytes
    previous: bytes | None


def links(count: int, first: int = 0) -> list[Link]:
    """A sound chain; offsets have gaps, as ends of transactions leave them."""
    found: list[Link] = []
    previous = b""
    for number in range(count):
        data = previous + f"record {number}".encode()
        found.append(Link(first + 2 * number, data, previous))
        previous = sha256(data).digest()
    return found


def audit(log: list[Link], head: Head | None = None, first: int = 0) -> tuple[list[Finding], Head]:
    chain = Chain(3, head, first)
    found = [chain.add(*link) for link in log]
    return [one for one in found if one], chain.head


def _flipped(log: list[Link]) -> list[Link]:
    data = bytearray(log[4].data)
    data[-1] ^= 1
    return [*log[:4], log[4]._replace(data=bytes(data)), *log[5:]]


def _missing(log: list[Link]) -> list[Link]:
    return log[:4] + log[5:]


def _swapped(log: list[Link]) -> list[Link]:
    other = [log[5]._replace(offset=log[4].offset), log[4]._replace(offset=log[5].offset)]
    return log[:4] + other + log[6:]


def _unreadable(log: list[Link]) -> list[Link]:
    return [*log[:4], log[4]._replace(previous=None), *log[5:]]


def _headless(log: list[Link]) -> list[Link]:
    return log[1:]


FAULTS: dict[str, tuple[Callable[[list[Link]], list[Link]], list[tuple[int, int, Fault]]]] = {
    "nothing": (list, []),
    "one flipped byte: its successor does not follow": (_flipped, [(10, 8, Fault.CHANGED)]),
    "one missing record: its successor does not follow": (_missing, [(10, 6, Fault.CHANGED)]),
    "two swapped records": (_swapped, [(8, 6, Fault.CHANGED), (10, 8, Fault.ORDER), (12, 10, Fault.ORDER)]),
    "one that is no decision": (_unreadable, [(8, 6, Fault.UNREADABLE)]),
    "the first record gone, not by retention": (_headless, [(2, -1, Fault.CUT)]),
}


@pytest.mark.parametrize("row", FAULTS)
def test_a_fault_is_found_where_it_is(row: str) -> None:
    tamper, expected = FAULTS[row]
    found, _ = audit(tamper(links(9)))
    assert [(one.offset, one.after, one.fault) for one in found] == expected
    assert {one.partition for one in found} <= {3}


def test_what_retention_removed_is_no_fault() -> None:
    found, _ = audit(links(9)[4:], first=8)
    assert not found


def test_an_audit_goes_on_where_the_last_one_ended() -> None:
    log = links(9)
    _, head = audit(log[:5])
    assert head == Head(9, sha256(log[4].data).digest())
    assert audit(log[5:], head) == ([], Head(17, sha256(log[8].data).digest()))


def test_a_change_to_the_newest_record_is_found_by_its_successor() -> None:
    """What no successor proves yet, the stored position does once there is one."""
    log = links(9)
    nothing_yet, head = audit(_flipped(log)[:5])
    assert not nothing_yet
    assert [(one.offset, one.after) for one in audit(log[5:], head)[0]] == [(10, 8)]


def test_a_long_chain_forgets_what_is_far_behind() -> None:
    found, head = audit(links(10_050))
    assert not found
    assert head.offset == 2 * 10_049 + 1
