"""What is withheld is in no partner topic, key, header, log line, metric or Redis value (SLT-55, SLT-57, SLT-58)."""

from __future__ import annotations

import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
import redis

from services.runtime import supervisor
from services.runtime.local import LocalStack
from services.runtime.processor import Stage
from services.runtime.supervisor import Supervisor
from tests.support import Read, World, partner_record, submission, until
from tests.system.canaries import Found, Search, Secret, fields, report, word

pytestmark = pytest.mark.kafka

ORIGIN, UPSTREAM, ADDRESSED = word("orgs", "origin"), word("orgs", "upstream"), word("orgs", "addressed")
"""Organisations whose ids are canary words themselves: only who may know the source, or the audience, finds them."""
WORDS: dict[str, Secret] = {ORIGIN: Secret("orgs", "origin"), UPSTREAM: Secret("orgs", "upstream"),
         ADDRESSED: Secret("orgs", "addressed")}  # fmt: skip
ALL_ACTIONS = ["READ", "ATTRIBUTE", "AGGREGATE", "PERSONAL"]
TERMS: dict[str, dict[str, Any]] = {
    "full": {"actions": ALL_ACTIONS},
    "impersonal": {},
    "category": {"actions": ["READ", "AGGREGATE"]},
    "anonymous": {"attribution": "ANONYMOUS"},
    "coarse": {"projection": "COARSE_GEO"},
    "tearline": {"projection": "TEARLINE"},
    "saved": {"projection": "LIFE_SAFETY"},
}
"""Recipients, each named like what it is granted of the report SHOWN."""
ORGS = (ORIGIN, UPSTREAM, ADDRESSED, *TERMS, "stranger", "beside")
STAGES: dict[str, int] = {**dict.fromkeys(Stage, 1), "projector": 1, "confirm": 1}
SHOWN, HELD, PROHIBITED, DRILL, IMMINENT, BESIDE, REFUSED = (
    "shown", "held", "prohibited", "drill", "imminent", "beside", "refused"
)  # fmt: skip
SERIES = (SHOWN, HELD, PROHIBITED, DRILL, IMMINENT, BESIDE, REFUSED)

# docs/rules.md §1, §8: what stands in an account, by what its projection has.
WHAT, WHEN, ADVICE = {"event", "means"}, {"occurred_from"}, {"advice", "tearline"}
NARRATIVE = {"headline", "description", "url", "licence"}
ADMIN1, PLACE = {"admin1"}, {"admin1", "admin2", "town", "latitude", "longitude"}
REST = {"actor", "victims", "injured", "source_note"}
PERSONAL = {"personal_name", "personal"}
SOURCE = {"series_id", "external_reference", "origin", "upstream"}
CODES = {"event_scheme", "harm_scheme", "attribute_name", "attribute"}
UNNAMED = WHAT | WHEN | ADVICE | NARRATIVE | PLACE | REST
IMPERSONAL = UNNAMED | SOURCE | CODES
EXPECTED = {
    "full": IMPERSONAL | PERSONAL,
    "impersonal": IMPERSONAL,
    ADDRESSED: IMPERSONAL,
    "category": UNNAMED,
    "anonymous": UNNAMED,
    "coarse": IMPERSONAL - PLACE | ADMIN1,
    "tearline": WHAT | WHEN | ADVICE | PLACE | SOURCE | {"event_scheme"},
    "saved": WHAT | ADVICE | ADMIN1,
}
NEVER = {"upstream_series", "supersedes"}
"""In no account at all."""


@contextmanager
def relay(folder: Path) -> Iterator[World]:
    with LocalStack.start(folder, orgs=ORGS) as stack, Supervisor(stack.settings_file, folder, STAGES) as running:
        world = World(stack, ORGS)
        world.supervisor = running
        world.register(*(partner_record(org, statuses=["Actual", "Exercise"]) for org in ORGS))
        yield world
        world.close()


def consents(world: World) -> None:
    """Everybody's own terms for SHOWN; the upstream agrees to all; PROHIBITED is granted and prohibited."""
    world.consent(UPSTREAM, grant="all", kinds=["*"], areas=["*"], recipients=["*"], actions=ALL_ACTIONS)
    world.consent(UPSTREAM, grant="drills", status="Exercise", kinds=["*"], areas=["*"], recipients=["*"])
    for org, terms in TERMS.items():
        world.consent(ORIGIN, grant=org, series=[series_id(SHOWN)], recipients=[org], **terms)
    world.consent(ORIGIN, grant="both", series=[series_id(PROHIBITED)], recipients=["*"])
    world.consent(ORIGIN, grant="not", effect="PROHIBIT", series=[series_id(PROHIBITED)], recipients=["*"])
    for key in ("grant/" + UPSTREAM + "/drills", f"grant/{ORIGIN}/not"):
        world.entered(key)


def submitter(series: str) -> str:
    return "beside" if series == BESIDE else ORIGIN


def series_id(series: str) -> str:
    """originator/id"""
    return f"{submitter(series)}/{word(series, 'series_id')}"


def submit(world: World, series: str, **extra: Any) -> None:
    content = {**report(series, UPSTREAM), **extra}
    world.send(f"slt.in.{submitter(series)}", [orjson.dumps(submission(word(series, "series_id"), **content))])


def show(world: World) -> None:
    """The one report that is shown."""
    submit(world, SHOWN, initial_audience=[ADDRESSED])
    until(lambda: all(views(world, org) for org in EXPECTED), "the report at everybody who may have some of it")


def withhold(world: World) -> None:
    """The others, none of which anybody may see; BESIDE joins the incident of SHOWN."""
    submit(world, HELD)
    submit(world, PROHIBITED)
    submit(world, DRILL, status="Exercise")
    submit(world, IMMINENT, imminent=True)
    submit(world, BESIDE, description=report(SHOWN, UPSTREAM)["description"])
    submit(world, REFUSED, kind=word(REFUSED, "event"))
    for series in (HELD, PROHIBITED, DRILL, IMMINENT, BESIDE):
        assert all(one.target != "SHOW" for one in world.verdicts(series_id(series)).values())
    until(lambda: [read for read in notices(world) if read.value.get("result") == "REFUSED"], "the refusal")
    until(lambda: [read for read in notices(world) if read.kind == "consent_request"], "the request")


def take_back(world: World) -> None:
    """A recall and what is told of it."""
    world.consent(ORIGIN, grant="coarse", version=2, series=[series_id(SHOWN)], recipients=["coarse"],
                  state="WITHDRAWN", mode="RECALL", **TERMS["coarse"])  # fmt: skip
    until(lambda: [read for read in world.out("coarse") if read.kind == "recall"], "the recall")
    until(lambda: [read for read in notices(world) if read.kind == "consent_status"], "its confirmation")


def notices(world: World) -> list[Read]:
    return world.out(ORIGIN, "notices")


def views(world: World, org: str) -> list[Read]:
    return [read for read in world.out(org) if read.kind == "view"]


def everywhere(world: World, search: Search) -> set[Found]:
    return {*in_topics(world, search), *in_logs(world, search), *in_metrics(world, search), *in_redis(world, search)}


def in_topics(world: World, search: Search) -> Iterator[Found]:
    """Bodies as they lie there and decoded, keys and headers."""
    for topic in (f"slt.{family}.{org}" for family in ("out", "exercise", "notices") for org in ORGS):
        for message in world._stock(topic):
            headers = [text for name, value in message.headers() or () for text in (name.encode(), value)]
            decoded = repr(world.codec.decode(message.value())).encode()
            yield from search.found(topic, message.key() or b"", message.value(), decoded, *headers)


def in_logs(world: World, search: Search) -> Iterator[Found]:
    """Of every process, the broker's and Redis's too; organisations' ids are no secret from the administrators."""
    files = [file for file in world.stack.folder.rglob("*.log*") if "data" not in file.parts and file.is_file()]
    assert {f"{stage}-0.log" for stage in STAGES} <= {file.name for file in files}
    for file in files:
        yield from without_orgs(search.found(file.name, file.read_bytes()))


def in_metrics(world: World, search: Search) -> Iterator[Found]:
    assert world.supervisor is not None
    for slot in world.supervisor.slots:
        with urllib.request.urlopen(f"http://{slot.metrics}/metrics", timeout=5) as page:
            yield from without_orgs(search.found(slot.name, page.read()))


def in_redis(world: World, search: Search) -> Iterator[Found]:
    """Every key and value; in the auditor's own keys the ids of reports may stand, and nothing else."""
    settings = world.stack.settings
    with redis.Redis.from_url(settings.redis, password=settings.secret("redis.password").decode()) as client:
        audits = [f"slt:audit:{series_id(one)}" for one in SERIES if one != REFUSED]
        until(lambda: client.exists(*audits) == len(audits), "every report in the read model")
        for key in client.scan_iter("*"):
            is_audit = key.startswith(b"slt:audit:")
            texts = (key, client.dump(key) or b"", repr(value(client, key)).encode())
            for found in without_orgs(search.found("redis", *texts)):
                if not (is_audit and found.field == "series_id"):
                    yield found


def value(client: redis.Redis, key: bytes) -> Any:
    match client.type(key):
        case b"hash":
            return client.hgetall(key)
        case b"list":
            return client.lrange(key, 0, -1)
        case b"set":
            return client.smembers(key)
        case b"zset":
            return client.zrange(key, 0, -1)
        case b"stream":
            return client.xrange(key)
        case b"string":
            return client.get(key)
    raise AssertionError(f"a type of value that this test cannot read: {client.type(key)!r}")


def without_orgs(found: Iterator[Found]) -> Iterator[Found]:
    return (one for one in found if one.series != "orgs")


def permitted() -> set[Found]:
    """What the grants of SHOWN permit; and an originator is told of its own reports by their ids."""
    allowed = {
        Found(f"slt.out.{org}", "orgs" if field in {"origin", "upstream"} else SHOWN, field)
        for org, shown in EXPECTED.items()
        for field in shown
    }
    own = {Found(f"slt.notices.{submitter(series)}", series, "series_id") for series in SERIES if series != REFUSED}
    addresses = {Found(f"slt.notices.{org}", *secret) for org, secret in WORDS.items() if org != ADDRESSED}
    return allowed | own | addresses


def test_nothing_that_is_withheld_is_anywhere(tmp_path: Path) -> None:
    search = Search(SERIES, WORDS)
    with relay(tmp_path) as world:
        consents(world)
        show(world)
        withhold(world)
        take_back(world)
        found = everywhere(world, search)
    assert found - permitted() == set()
    assert permitted() - found == set()
    assert NEVER.isdisjoint(one.field for one in found)
    assert fields(SHOWN) - {one.field for one in found} == NEVER  # each other field was seen where it may be


def test_a_view_that_copies_one_hidden_field_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = supervisor.command

    def command(slot: supervisor.Slot, settings_file: Path) -> list[str]:
        found = right(slot, settings_file)
        options = found[found.index("--config") :]
        return [sys.executable, "-m", "tests.system.leaky", *options] if slot.stage == Stage.DISTRIBUTE else found

    monkeypatch.setattr(supervisor, "command", command)
    search = Search(SERIES, WORDS)
    with relay(tmp_path) as world:
        consents(world)
        show(world)
        found = set(in_topics(world, search))
    leaked = {Found(f"slt.out.{org}", SHOWN, "source_note") for org in ("tearline", "saved")}
    assert found - permitted() == leaked
