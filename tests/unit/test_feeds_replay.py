"""The command `slt replay`: what it shows, when it sends, and that every record arrives once at the real broker."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
import typer
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from typer.testing import CliRunner

from services.cli import replay as command
from services.cli.replay import Pace, _paced
from services.runtime.codec import Codec
from services.runtime.feeds.plan import Sending
from services.runtime.kafka import reader
from services.runtime.local import LocalStack
from services.runtime.submit import submit_all

app = typer.Typer()
app.command()(command.replay)
ROWS = """Incident ID,Year,Month,Day,Means of attack,Details
1,2014,3,5,Shooting,a
,2014,3,6,Raid,b
2,2014,3,7,Raid,c
"""


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text(ROWS, encoding="utf-8")
    return path


def run(*arguments: object) -> tuple[int, str]:
    found = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return found.exit_code, found.output


def test_a_dry_run_needs_no_broker_and_counts_what_would_be_sent(rows: Path) -> None:
    status, shown = run(rows, "--as", "alder", "--dry-run")
    assert status == 0
    assert [word for line in shown.splitlines() if "│ awsd" in line for word in line.split() if word.isdigit()] == [
        "3", "2", "1",
    ]  # fmt: skip
    assert "series_id" in shown


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("no-such-file", "--as", "alder"), "no such file"),
        (("ROWS", "--as", "alder", "--config", "no-such.toml"), "no settings file"),
        (("ROWS", "--as", "alder", "--rate", "1", "--speed", "1"), "not both"),
    ],
)
def test_what_cannot_be_replayed_is_said(rows: Path, arguments: tuple[str, ...], words: str) -> None:
    status, shown = run(*(rows if argument == "ROWS" else argument for argument in arguments))
    assert status == 2
    assert words in " ".join(shown.split())


DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("pace", "days", "waits"),
    [
        (Pace(), [0, 1, 2], []),
        (Pace(rate=0.1), [0, 1, 2], [10, 20]),
        (Pace(speed=8640), [0, 1, 3], [10, 30]),
        (Pace(speed=8640), [None, 5, 6], [10]),
    ],
)
def test_the_pace(pace: Pace, days: list[int | None], waits: list[float]) -> None:
    began = datetime(2014, 3, 5, tzinfo=UTC)
    records = [Sending(None, {}, {"occurred_from": None if day is None else began + day * DAY}, b"") for day in days]
    waited: list[float] = []
    assert list(_paced(records, pace, waited.append)) == records
    assert waited == pytest.approx(waits, abs=4), "the fake wait returns at once: each is the time since the start"


def arrived(stack: LocalStack, org: str) -> list[bytes]:
    consumer = Consumer(reader(stack.settings, "intake"))
    try:
        partition = TopicPartition(f"slt.in.{org}", 0, OFFSET_BEGINNING)
        _, end = consumer.get_watermark_offsets(partition, timeout=10)
        consumer.assign([partition])
        found: list[bytes] = []
        while len(found) < end:
            found += [message.value() or b"" for message in consumer.consume(end - len(found), timeout=10)]
        return found
    finally:
        consumer.close()


@pytest.mark.kafka
def test_every_record_arrives_once_and_a_refused_one_is_not_confirmed(stack: LocalStack, rows: Path) -> None:
    before = len(arrived(stack, "elm"))
    status, shown = run(rows, "--as", "elm", "--config", stack.settings_file, "--format", "avro")
    assert (status, "submitted 3, confirmed 3" in shown) == (0, True), shown

    values = arrived(stack, "elm")[before:]
    assert [Codec().decode(values[index])[1]["series_id"] for index in (0, 2)] == ["awsd-1", "awsd-2"]
    assert orjson.loads(values[1])["Details"] == "b"

    report = submit_all(stack.settings, "elm", [b"{}", b"x" * 7_000_000])  # more than a topic takes
    assert (report.submitted, report.confirmed, report.complete) == (2, 1, False)
    assert report.failures
