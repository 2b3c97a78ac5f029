"""Exact duplicates and revisions, as correlate tells them apart."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from services.core.correlation import Found, correlate
from services.core.home import home_partition
from services.core.policy import Policy
from services.core.report import Relation
from services.core.stage import Fields, Moment, Outcome, Output, Record, Result, Source
from services.correlate.live import Tools
from services.correlate.processor import Correlate
from services.runtime.codec import Codec
from services.runtime.matching import load_weights
from tests.events import event
from tests.registry import NOW, partner, policy, report

LANES = 4
CODEC = Codec()
TOOLS = Tools(load_weights(), timedelta(days=30))
HERE = home_partition("KEN", "", LANES)


class Memory:
    """A state that remembers what a task's results change."""

    def __init__(self) -> None:
        self.values: dict[str, Fields] = {}

    def get(self, key: str) -> Fields | None:
        return self.values.get(key)

    def keys(self) -> Iterable[str]:
        return list(self.values)

    def take(self, task: Correlate, result: Result) -> None:
        for change in result.changes:
            if change.value is None:
                self.values.pop(change.key, None)
            else:
                self.values[change.key] = CODEC.decode(CODEC.encode(change.kind, change.value))[1]
        task.applied(result)


def correlate_task(partition: int, memory: Memory) -> Correlate:
    return Correlate(partition, LANES, memory, TOOLS, CODEC.encode)


def handled(
    task: Correlate, memory: Memory, value: dict[str, Any], made: Policy | None = None
) -> tuple[Outcome | None, dict[str, Any]]:
    moment = Moment(NOW, fresh=True, policy=made, epoch=made.epoch if made else -1)
    result = task.handle(Record(Source("slt.located", 0, 0), NOW, "", "report", value), moment)
    memory.take(task, result)
    (output,) = result.outputs
    assert isinstance(output.value, dict)
    return result.outcome, output.value


def test_new_revision_duplicate_and_the_same_content_again() -> None:
    memory = Memory()
    task = correlate_task(HERE, memory)
    first, second = report("alder/s"), report("alder/s", version=2, content_hash=b"other")
    copy = report("alder/copy", content_hash=second["content_hash"])
    relations = [handled(task, memory, one)[1]["relation"] for one in (first, first, second, first, copy)]
    assert relations == ["NEW", "DUPLICATE", "REVISION", "DUPLICATE", "DUPLICATE"]


def test_the_same_content_from_somebody_else_is_no_duplicate() -> None:
    memory = Memory()
    task = correlate_task(HERE, memory)
    handled(task, memory, report("alder/s", content_hash=b"same"))
    assert handled(task, memory, report("birch/s", content_hash=b"same"))[1]["relation"] == "NEW"


def test_content_that_was_revised_or_cancelled_since_is_news_again() -> None:
    memory = Memory()
    task = correlate_task(HERE, memory)
    handled(task, memory, report("alder/s", content_hash=b"said"))
    handled(task, memory, report("alder/s", version=2, message="CANCEL", content_hash=b"over"))
    assert handled(task, memory, report("alder/t", content_hash=b"said"))[1]["relation"] == "NEW"


def test_a_copy_that_later_says_something_of_its_own_founds_an_incident() -> None:
    memory = Memory()
    task = correlate_task(HERE, memory)
    handled(task, memory, report("alder/s", content_hash=b"said"))
    handled(task, memory, report("alder/t", content_hash=b"said"))
    _, change = handled(task, memory, report("alder/t", version=2, content_hash=b"more"))
    assert (change["relation"], change["joined"]) == ("NEW", ["alder/t~1"])


def test_a_series_that_has_left_leaves_its_incident() -> None:
    memory = Memory()
    away = correlate_task((HERE + 1) % LANES, memory)
    memory.values["s|alder/s"] = {
        "series_id": "alder/s",
        "version": 1,
        "incidents": ["alder/s~0"],
        "content_hash": b"",
        "at": NOW,
        "sketch": b"",
    }
    outcome, change = handled(away, memory, report("alder/s", version=2))
    assert (outcome, change["relation"], change["left"], change["report"]) == (
        Outcome.LINKED, "MOVED", ["alder/s~0"], None,
    )  # fmt: skip
    assert "s|alder/s" not in memory.values


def test_nothing_known_is_new() -> None:
    assert correlate(report("alder/s"), Memory()) == Found(Relation.NEW, ("alder/s~1",))


def told(*words: tuple[str, str, str]) -> Policy:
    """A policy in which an operator has said these words, in this order."""
    known = [partner(org) for org in ("alder", "birch", "cedar")]
    said = ({"type": "link", "version": 1, "link": f"w{number}", "word": word, "one": [one], "other": [other]}
            for number, (word, one, other) in enumerate(words))  # fmt: skip
    return policy(*known, *said)


def worked(task: Correlate, memory: Memory, made: Policy | None, now: datetime = NOW) -> list[Output]:
    results = []
    for result in task.work(Moment(now, fresh=True, policy=made, epoch=made.epoch if made else -1), 1000):
        memory.take(task, result)
        results.append(result)
    return [output for result in results for output in result.outputs]


def test_two_organisations_words_for_one_event_are_linked() -> None:
    memory = Memory()
    task = correlate_task(HERE, memory)
    handled(task, memory, event("alder/1"))
    _, change = handled(task, memory, event("birch/1"))
    assert (change["relation"], change["joined"]) == ("SAME", ["alder/1~1"])
    assert [(link["one"], link["other"], link["relation"]) for link in change["links"]] == [
        ("birch/1", "alder/1", "SAME")
    ]


def test_a_word_comes_before_the_report_that_it_speaks_of() -> None:
    memory = Memory()
    task = correlate_task(HERE, memory)
    made = told(("REJECT", "alder/1", "birch/1"))
    handled(task, memory, event("alder/1"), made)
    _, change = handled(task, memory, event("birch/1"), made)
    assert (change["relation"], change["joined"]) == ("NEW", ["birch/1~1"])


def test_a_word_is_told_once_also_after_a_restart() -> None:
    memory = Memory()
    task = correlate_task(HERE, memory)
    handled(task, memory, event("alder/1"))
    handled(task, memory, event("birch/1", at=(3.0, 39.0), day=5))
    made = told(("CONFIRM", "alder/1", "birch/1"))
    (output,) = worked(task, memory, made)
    assert not isinstance(output.value, bytes)
    assert (output.value["relation"], output.value["joined"], output.value["merged"]) == (
        "OPERATOR", ["alder/1~1"], ["birch/1~1"],
    )  # fmt: skip
    assert worked(correlate_task(HERE, memory), memory, made) == []


def test_a_merge_with_a_report_that_is_elsewhere_is_noted_as_related_and_told() -> None:
    memory = Memory()
    task = correlate_task(HERE, memory)
    handled(task, memory, event("alder/1"))
    change, notice = worked(task, memory, told(("MERGE", "alder/1", "birch/abroad")))
    assert not isinstance(change.value, bytes)
    assert [link["relation"] for link in change.value["links"]] == ["RELATED"]
    assert (notice.topic, notice.key) == ("slt.receipts", "admin")


def test_after_the_window_nothing_is_linked_and_a_revision_still_finds_its_incident() -> None:
    memory = Memory()
    task = correlate_task(HERE, memory)
    handled(task, memory, event("alder/1"))
    assert worked(task, memory, None, NOW + timedelta(days=29)) == []
    assert len(memory.values) == 3  # series, content, narrative
    worked(task, memory, None, NOW + timedelta(days=32))
    assert list(memory.values) == ["s|alder/1"]
    _, change = handled(task, memory, event("birch/1"))
    assert (change["relation"], change["links"]) == ("NEW", [])
    _, change = handled(task, memory, event("alder/1", version=2))
    assert (change["relation"], sorted(change["joined"] + change["merged"])) == ("REVISION", ["alder/1~1", "birch/1~1"])
    worked(task, memory, None, NOW + timedelta(days=500))
    worked(task, memory, None, NOW + timedelta(days=1000))
    assert memory.values == {}
