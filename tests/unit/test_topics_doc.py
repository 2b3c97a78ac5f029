"""docs/topics.md is schemas/topics.yaml, and topics.yaml speaks only of what exists."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli.schemas import app, topics_markdown, versions
from services.runtime.topics import Catalogue, Topic

ROOT = Path(__file__).resolve().parents[2]
TOPICS = Catalogue.load().topics
NO_SERVICES = {"partner", "everyone"}


def strangers(topic: Topic, folder: Path) -> set[str]:
    """Producers and consumers of a topic that are no service folder."""
    return {
        name
        for name in (topic.producers | topic.consumers) - NO_SERVICES
        if not (folder / name / "__init__.py").is_file()
    }


def test_the_page_is_not_stale() -> None:
    page = (ROOT / "docs" / "topics.md").read_text(encoding="utf-8")
    assert page == topics_markdown(TOPICS), "run `slt schemas topics --markdown > docs/topics.md`"


def test_a_changed_topic_changes_the_page() -> None:
    page = topics_markdown(TOPICS)
    for change in ({"meaning": "other"}, {"partitions": 9}, {"retention": None}, {"consumers": frozenset({"audit"})}):
        changed = [replace(TOPICS[0], **change), *TOPICS[1:]]
        assert topics_markdown(changed) != page


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_who_writes_and_reads_it_exists(topic: Topic) -> None:
    assert strangers(topic, ROOT / "services") == set()


def test_a_stranger_is_found() -> None:
    invented = replace(TOPICS[0], consumers=frozenset({"intake", "archive"}))
    assert strangers(invented, ROOT / "services") == {"archive"}


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_its_records_have_schemas(topic: Topic) -> None:
    assert set(topic.records) <= {name.split("/")[0] for name in versions()} | {"raw"}


def test_every_record_has_a_topic() -> None:
    """What a partner sends travels as raw: it has no topic of its own."""
    placed = {record for topic in TOPICS for record in topic.records}
    assert {name.split("/")[0] for name in versions()} - placed == {
        "submission",
        "signed",
        "acknowledgement",
        "onward_request",
    }


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["list"], "140100  view/v1.0"),
        (["show", "submission"], "series_id: string (required)"),
        (["show", "acknowledgement"], "one of DONE, PARTIAL, CANNOT, ALREADY_ACTED_ON"),
        (["topics"], "slt.out.{org}"),
        (["topics", "--markdown"], "| `slt.out.{org}` |"),
    ],
)
def test_the_command_shows_it(arguments: list[str], told: str) -> None:
    found = CliRunner().invoke(app, arguments)
    assert (found.exit_code, told in found.output) == (0, True)


def test_an_unknown_record_type_is_told_what_to_do() -> None:
    found = CliRunner().invoke(app, ["show", "vieew"])
    assert found.exit_code == 2
    assert "slt schemas list" in found.output
