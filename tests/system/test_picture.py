"""The SIOC's picture in Redis: what it was delivered, as a snapshot and as changes; nothing that it may not see."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
import redis
from confluent_kafka import Producer

from services.core.deed import Deed
from services.core.sioc import SIOC
from services.runtime import kafka
from services.runtime.codec import Codec
from services.runtime.picture import Picture
from services.runtime.read_model import AUDIT, CHANGES, LIFE, CursorGone, connect
from tests.support import World, until

pytestmark = pytest.mark.kafka
NOW = datetime(2026, 3, 14, 9, 26, tzinfo=UTC)


@pytest.fixture
def model(sight: World) -> Iterator[redis.Redis]:
    with connect(sight.stack.settings) as client:
        yield client


@pytest.fixture
def picture(model: redis.Redis) -> Picture:
    return Picture(model)


def rows(picture: Picture, word: str) -> list[Any]:
    return [row for text in picture.snapshot()["items"] if word in (row := orjson.loads(text))["headline"]]


def shown(picture: Picture, word: str) -> Any:
    return until(lambda: rows(picture, word), f"{word} in the picture")[0]


def changes(model: redis.Redis, after: str = "0") -> list[Any]:
    stored: Any = model.xrange(CHANGES, f"({after}" if after != "0" else "-")
    return [change for _, entry in stored for change in orjson.loads(entry["changes"])]


def did(world: World, deed: Deed, **facts: str) -> None:
    """As the console writes it."""
    producer = Producer(kafka.writer(world.stack.settings, "console"))
    value = {"at": NOW, "who": "Noor Invented", "roles": ["operator"], "deed": deed, "facts": facts}
    producer.produce("slt.console", Codec().encode("console_deed", value))
    assert producer.flush(10) == 0


def test_a_report_comes_is_acknowledged_and_is_recalled(sight: World, model: redis.Redis, picture: Picture) -> None:
    sight.report("alder", "bridge", headline="Bridge closed", initial_audience=[SIOC, "birch"], severity="Severe")
    row = shown(picture, "Bridge")
    assert (row["status"], row["severity"], row["originators"], row["country"]) == (
        "Actual",
        "Severe",
        ["alder"],
        "KEN",
    )
    assert (row["accounts"], row["sources"], row["acknowledged_by"]) == (1, "1", None)
    assert row["key"] in {read.key for read in sight.out(SIOC)}
    before = picture.after(picture.cursor().text())

    did(sight, Deed.ACKNOWLEDGED, incident=row["key"])
    until(lambda: shown(picture, "Bridge")["acknowledged_by"] == "Noor Invented", "the acknowledgement")
    sight.report("alder", "bridge", version=2, message="UPDATE", headline="Bridge closed for a week",
                 initial_audience=[SIOC, "birch"])  # fmt: skip
    until(lambda: "week" in shown(picture, "Bridge")["headline"], "the update")
    assert shown(picture, "Bridge")["acknowledged_by"] == "Noor Invented"

    sight.report("alder", "bridge", version=3, message="UPDATE", headline="Bridge closed for a week",
                 initial_audience=["birch"])  # fmt: skip
    until(lambda: not rows(picture, "Bridge"), "the end of the row")
    assert picture.incident(row["key"]) is None
    told = changes(model, before)
    assert [change["op"] for change in told] == ["put", "put", "gone"]
    assert (told[-1]["key"], told[-1]["reason"], told[-1]["headline"]) == (row["key"], "RECALL", None)


def test_the_page_of_an_incident_and_who_got_it(sight: World, picture: Picture) -> None:
    sight.report("alder", "depot", headline="Depot looted", initial_audience=[SIOC, "birch"])
    key = shown(picture, "Depot")["key"]
    matrix = until(lambda: (found := picture.matrix(key)) and found["rows"] and found, "the matrix")
    outcomes = {row["recipient"]: (row["effect"], row["primary"]) for row in matrix["rows"]}
    assert outcomes["birch"] == ("PERMIT", "OK_INITIAL_AUDIENCE")
    assert outcomes["alder"][1] == "OK_SELF"
    until(lambda: all(row["delivered_at"] for row in picture.matrix(key)["rows"]  # type: ignore[index]
                      if row["recipient"] in {"birch", SIOC}), "both deliveries")  # fmt: skip
    page = picture.incident(key)
    assert page is not None
    assert [account["series_id"] for account in page["accounts"]] == ["alder/depot"]
    clocks = [moment["clock"] for moment in page["timeline"]]
    assert {"received", "decided", "delivered"} <= set(clocks)
    assert page["accounts"][0]["decided_at"] <= page["accounts"][0]["delivered_at"]


def test_what_the_sioc_may_not_see_is_not_in_redis(sight: World, model: redis.Redis, picture: Picture) -> None:
    sight.report("alder", "hidden", headline="Canary-Word-4410", initial_audience=["birch"], description="Canary-Word")
    sight.report("birch", "joined", headline="After the hidden", initial_audience=[SIOC])
    key = shown(picture, "After the hidden")["key"]
    assert picture.matrix(key)
    until(lambda: model.get(f"{AUDIT}alder/hidden"), "the auditor's record")
    keys = [key for key in model.scan_iter("*") if not key.startswith(AUDIT)]
    texts = [str(model.dump(key)) + key for key in keys]
    assert texts
    assert [text for text in texts if "Canary-Word" in text or "alder/hidden" in text] == []


def test_an_exercise_is_an_exercise(sight: World, picture: Picture) -> None:
    sight.report("alder", "drill", status="Exercise", headline="Drill at noon", initial_audience=[SIOC])
    assert shown(picture, "Drill")["status"] == "Exercise"


def test_a_crash_and_a_flush_change_nothing(sight: World, model: redis.Redis, picture: Picture) -> None:
    for number in range(5):
        sight.report("birch", f"steady-{number}", headline=f"Steady {number}", initial_audience=[SIOC])
    until(lambda: len(rows(picture, "Steady")) == 5, "five rows")
    did(sight, Deed.ACKNOWLEDGED, incident=rows(picture, "Steady 3")[0]["key"])
    until(lambda: rows(picture, "Steady 3")[0]["acknowledged_by"], "the acknowledgement")
    cursor = picture.cursor().text()
    assert sight.supervisor is not None
    sight.supervisor.kill("projector")
    sight.report("birch", "steady-5", headline="Steady 5", initial_audience=[SIOC])
    until(lambda: len(rows(picture, "Steady")) == 6, "the row after the crash")
    assert [change["incident"]["headline"] for change in changes(model, picture.after(cursor))] == ["Steady 5"]
    whole, life = {text for text in picture.snapshot()["items"]}, model.get(LIFE)

    sight.stack.redis_flush()
    until(lambda: model.get(LIFE) not in {None, life}, "another life")
    with pytest.raises(CursorGone):
        picture.after(cursor)
    until(lambda: picture.beat()["rebuilding"] is None, "the end of the rebuild")
    assert set(picture.snapshot()["items"]) == whole


def test_how_everybody_stands(sight: World, picture: Picture) -> None:
    sight.send("slt.in.alder", [b"not a record"])
    until(picture.dead, "the refused record")
    assert (picture.dead()[0]["reason"], picture.dead()[0]["topic"]) == ("BAD_ENCODING", "slt.in.alder")
    partners = {one["recipient"]: one for one in picture.partners()["items"]}
    assert partners.keys() == set(sight.orgs)
    assert {one["state"] for one in partners.values()} == {"ACTIVE"}
    assert partners["alder"]["last_submission"] is not None
    until(lambda: picture.beat()["clock"] and picture.beat()["stale_since"] is None, "a live clock")
    until(lambda: sum(picture.traffic()["rates"]["delivered"]) > 0, "deliveries in the rates", 20)


@pytest.mark.parametrize(
    "text", ["", "nonsense", "slt.out.sioc-0:1;x", "slt.console-0:-1,slt.exercise.sioc-0:0,slt.out.sioc-0:0;"]
)
def test_a_forged_cursor_is_gone(picture: Picture, text: str) -> None:
    with pytest.raises(CursorGone):
        picture.after(text)
