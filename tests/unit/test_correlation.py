"""Exact duplicates and revisions, as correlate tells them apart."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from services.core.correlation import Found, correlate
from services.core.home import home_partition
from services.core.report import Relation
from services.core.stage import Fields, Moment, Outcome, Record, Source
from services.correlate.processor import Correlate
from tests.registry import NOW, report

LANES = 4
HERE = home_partition("KEN", "", LANES)


class Memory:
    """A state that remembers what a task's results change."""

    def __init__(self) -> None:
        self.values: dict[str, Fields] = {}

    def get(self, key: str) -> Fields | None:
        return self.values.get(key)

    def keys(self) -> Iterable[str]:
        return list(self.values)


def handled(task: Correlate, memory: Memory, value: dict[str, Any]) -> tuple[Outcome | None, dict[str, Any]]:
    result = task.handle(Record(Source("slt.located", 0, 0), NOW, "", "report", value), Moment(NOW, fresh=True))
    for change in result.changes:
        if change.value is None:
            memory.values.pop(change.key, None)
        else:
            memory.values[change.key] = change.value
    (output,) = result.outputs
    assert isinstance(output.value, dict)
    return result.outcome, output.value


def test_new_revision_duplicate_and_the_same_content_again() -> None:
    memory = Memory()
    task = Correlate(HERE, LANES, memory)
    first, second = report("alder/s"), report("alder/s", version=2, content_hash=b"other")
    copy = report("alder/copy", content_hash=second["content_hash"])
    relations = [handled(task, memory, one)[1]["relation"] for one in (first, first, second, first, copy)]
    assert relations == ["NEW", "DUPLICATE", "REVISION", "DUPLICATE", "DUPLICATE"]


def test_the_same_content_from_somebody_else_is_no_duplicate() -> None:
    memory = Memory()
    task = Correlate(HERE, LANES, memory)
    handled(task, memory, report("alder/s", content_hash=b"same"))
    assert handled(task, memory, report("birch/s", content_hash=b"same"))[1]["relation"] == "NEW"


def test_content_that_was_revised_or_cancelled_since_is_news_again() -> None:
    memory = Memory()
    task = Correlate(HERE, LANES, memory)
    handled(task, memory, report("alder/s", content_hash=b"said"))
    handled(task, memory, report("alder/s", version=2, message="CANCEL", content_hash=b"over"))
    assert handled(task, memory, report("alder/t", content_hash=b"said"))[1]["relation"] == "NEW"


def test_a_copy_that_later_says_something_of_its_own_founds_an_incident() -> None:
    memory = Memory()
    task = Correlate(HERE, LANES, memory)
    handled(task, memory, report("alder/s", content_hash=b"said"))
    handled(task, memory, report("alder/t", content_hash=b"said"))
    _, change = handled(task, memory, report("alder/t", version=2, content_hash=b"more"))
    assert (change["relation"], change["joined"]) == ("NEW", ["alder/t~1"])


def test_a_series_that_has_left_leaves_its_incident() -> None:
    memory = Memory()
    away = Correlate((HERE + 1) % LANES, LANES, memory)
    memory.values["s|alder/s"] = {"series_id": "alder/s", "version": 1, "incidents": ["alder/s~0"]}
    outcome, change = handled(away, memory, report("alder/s", version=2))
    assert (outcome, change["relation"], change["left"], change["report"]) == (
        Outcome.LINKED, "MOVED", ["alder/s~0"], None,
    )  # fmt: skip
    assert "s|alder/s" not in memory.values


def test_nothing_known_is_new() -> None:
    assert correlate(report("alder/s"), Memory()) == Found(Relation.NEW, ("alder/s~1",))
