"""The console without Kafka and Redis: lines of the feed, cursors, accounts, the stream's cut, where it may listen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.console.accounts import INVITED, AccountError, Accounts, Role, Token, first_link, invitation_link
from services.console.health import Sample, Scrape, health_of
from services.console.main import address, url
from services.console.stream import BEHIND, Batch, Stream
from services.core.envelope import DeliveryType, Envelope
from services.core.picture import Gone, gone, row
from services.projector.shown import Shown
from services.runtime.codec import Codec
from services.runtime.read_model import SOURCES, Cursor, CursorGone, cursor_of, parse_cursor
from services.runtime.settings import Settings, SettingsError

NOW = datetime(2026, 3, 14, 9, 26, 1, tzinfo=UTC)
PASSWORD = "correct horse battery staple"


def envelope(kind: DeliveryType = DeliveryType.ALERT, replaced_by: str = "") -> Envelope:
    return Envelope(kind, "m1", 3, 2, 0, 0, 0, "Actual", replaced_by)


def account(**fields: Any) -> dict[str, Any]:
    place = {"latitude": None, "longitude": None, "precision": "UNKNOWN", "country": "KEN", "admin1": "", "admin2": "",
             "name": ""}  # fmt: skip
    base = {
        "originator": "alder", "series_id": "alder/1", "version": 1, "message": "ALERT", "kind": "INCIDENT_REPORT",
        "urgency": "Past", "severity": "Minor", "certainty": "Likely", "headline": "Invented", "place": place,
        "occurred_from": None, "time_precision": "UNKNOWN", "received_at": NOW, "country": "KEN", "area": "",
        "event": "", "expires": None,
    }  # fmt: skip
    return {**base, **fields}


def view(*accounts: dict[str, Any]) -> dict[str, Any]:
    return {"status": "Actual", "accounts": list(accounts), "sources": "1", "conflicts": [], "notice": ""}


# -- lines of the feed


def test_the_worst_severity_counts_and_the_newest_account_speaks() -> None:
    told = view(account(severity="Extreme", headline="First"), account(severity="Minor", headline="Second"))
    found = row("k", envelope(), told, NOW)
    assert (found["severity"], found["headline"], found["accounts"]) == ("Extreme", "Second", 2)


def test_the_most_precise_place_is_drawn_with_its_radius() -> None:
    town = {**account()["place"], "latitude": 1.0, "longitude": 2.0, "precision": "TOWN"}
    found = row("k", envelope(), view(account(place=town), account()), NOW)["place"]
    assert (found["precision"], found["radius_m"], found["latitude"]) == ("TOWN", 5000, 1.0)
    assert row("k", envelope(), view(account()), NOW)["place"]["radius_m"] is None


def test_an_originator_that_is_not_named_is_not_in_the_line() -> None:
    assert row("k", envelope(), view(account(originator=None, source="an INGO")), NOW)["originators"] == []


def test_imminent_is_what_the_rules_call_so() -> None:
    danger = account(urgency="Immediate", severity="Severe", certainty="Observed", kind="SECURITY_ALERT")
    assert row("k", envelope(), view(danger), NOW)["imminent"]
    assert not row("k", envelope(), view({**danger, "message": "CANCEL"}), NOW)["imminent"]


def test_a_recall_and_a_replacement_end_a_key() -> None:
    assert gone("k", envelope(DeliveryType.RECALL), NOW) == Gone("k", "RECALL", "", NOW)
    assert gone("k", envelope(DeliveryType.UPDATE, "other"), NOW) == Gone("k", "REPLACED", "other", NOW)
    assert gone("k", envelope(DeliveryType.UPDATE), NOW) is None


@pytest.mark.parametrize(
    ("target", "projection", "shown"),
    [
        ("SHOW", "WHAT/TOWN/DAY/NAMED", True), ("SHOW", "WHAT/TOWN/DAY/CATEGORY", False),
        ("SHOW", "WHAT/TOWN/DAY/ANONYMOUS", False), ("KEEP", "", False), ("NONE", "", False),
    ],
)  # fmt: skip
def test_who_got_it_is_kept_of_reports_that_the_sioc_sees_by_name(target: str, projection: str, shown: bool) -> None:
    told = {"series_id": "alder/1", "recipients": ["sioc"], "target": target, "projection": projection}
    found = Shown()
    found.decision({"incident": "i", "epoch": 1, "as_of": NOW, "verdicts": [told]})
    assert (found.matrices["alder/1"] is not None) is shown


# -- cursors


def test_a_cursor_is_the_positions_and_the_life() -> None:
    offsets = {f"{topic}/0": number for number, topic in enumerate(SOURCES, 5)}
    cursor = cursor_of(offsets, "life")
    assert cursor == Cursor((5, 6, 7), "life")
    assert parse_cursor(cursor.text()) == cursor
    assert cursor.entry == "18-0"


@pytest.mark.parametrize("text", ["", ";", "slt.out.sioc-0:1;x", "a:1,b:2,c:3;x", "slt.console-0:x"])
def test_what_is_no_cursor_is_gone(text: str) -> None:
    with pytest.raises(CursorGone):
        parse_cursor(text)


# -- accounts


@pytest.fixture
def accounts(tmp_path: Path) -> Accounts:
    return Accounts(tmp_path)


def test_an_invitation_works_once_and_for_a_day(accounts: Accounts) -> None:
    secret = accounts.invite("Noor", (Role.VIEWER,), NOW)
    with pytest.raises(AccountError, match="fewer than 12"):
        accounts.accept(secret, "short", NOW)
    assert accounts.accept(secret, PASSWORD, NOW) == "Noor"
    with pytest.raises(AccountError, match="does not work any more"):
        accounts.accept(secret, PASSWORD, NOW)
    late = accounts.invite("Noor", (Role.VIEWER,), NOW)
    with pytest.raises(AccountError, match="does not work any more"):
        accounts.accept(late, PASSWORD, NOW + INVITED + timedelta(seconds=1))
    assert accounts.check("Noor", PASSWORD)
    assert not accounts.check("Noor", PASSWORD + "x")
    assert not accounts.check("Nobody", PASSWORD)


def test_an_account_that_nobody_accepted_opens_nothing(accounts: Accounts) -> None:
    accounts.invite("Noor", (Role.OPERATOR,), NOW)
    assert not accounts.check("Noor", "")
    assert accounts.is_untouched


def test_an_end_is_known_to_every_process_at_once(accounts: Accounts, tmp_path: Path) -> None:
    other = Accounts(tmp_path)
    accounts.accept(accounts.invite("Noor", (Role.OPERATOR,), NOW), PASSWORD, NOW)
    secret = accounts.new_token(Token("t1", "map", "Noor", ("read",), NOW + timedelta(days=1)))
    assert other.roles("Noor") == (Role.OPERATOR,)
    assert other.token(secret, NOW) is not None
    assert other.token(secret, NOW + timedelta(days=2)) is None
    assert other.token("t1.wrong", NOW) is None
    accounts.end("Noor")
    assert other.roles("Noor") == ()
    assert other.token(secret, NOW) is None
    with pytest.raises(AccountError, match="no account"):
        accounts.end("Noor")


def test_nothing_in_the_file_opens_a_door_and_nobody_else_reads_it(accounts: Accounts, tmp_path: Path) -> None:
    secret = accounts.invite("Noor", (Role.OPERATOR,), NOW)
    accounts.accept(secret, PASSWORD, NOW)
    (path,) = tmp_path.glob("*.accounts")
    assert path.stat().st_mode & 0o077 == 0
    assert PASSWORD not in path.read_text()
    assert secret not in path.read_text()


def test_there_is_one_first_link(accounts: Accounts) -> None:
    link = first_link(accounts, "here", NOW)
    assert link is not None
    assert link == invitation_link("here", link.partition("#")[2])
    assert first_link(accounts, "here", NOW) is None


# -- the stream


class _Silent:
    """A picture that always says the same."""

    def beat(self) -> dict[str, Any]:
        return {"clock": "now", "stale_since": None, "rebuilding": None}


class _Empty:
    """A Redis without a stream."""

    async def xrange(self, *_: Any) -> list[Any]:
        return []


def test_a_page_that_lags_too_far_is_cut_and_the_others_are_not() -> None:
    async def scene() -> tuple[list[bytes], int]:
        stream = Stream(_Empty(), _Silent())  # type: ignore[arg-type]
        slow, fast = (stream.follow("0-0", lambda: "") for _ in range(2))
        assert b"beat" in await anext(slow)
        assert b"beat" in await anext(fast)
        waiting = asyncio.ensure_future(anext(fast))
        slowly = asyncio.ensure_future(anext(slow))
        await asyncio.sleep(0)
        heard = 0
        for number in range(1, BEHIND + 3):
            stream._send(Batch(number, b"event %d" % number))
            assert await waiting == b"event %d" % number
            heard += 1
            waiting = asyncio.ensure_future(anext(fast))
            await asyncio.sleep(0)
        waiting.cancel()
        return [await slowly, *[told async for told in slow]], heard

    left, heard = asyncio.run(scene())
    assert heard == BEHIND + 2
    assert left == [b"event 1"]


def test_a_batch_that_was_sent_from_the_past_is_not_sent_again() -> None:
    class Past(_Empty):
        async def xrange(self, *_: Any) -> list[Any]:
            return [("7-0", {"cursor": "c7", "changes": "[]"})]

    async def scene() -> list[bytes]:
        stream = Stream(Past(), _Silent())  # type: ignore[arg-type]
        follower = stream.follow("6-0", lambda: "")
        found = [await anext(follower), await anext(follower)]
        waiting = asyncio.ensure_future(anext(follower))
        await asyncio.sleep(0)
        for number in (6, 7, 8):
            stream._send(Batch(number, b"live %d" % number))
        return [*found, await waiting]

    found = asyncio.run(scene())
    assert b"id: c7" in found[1]
    assert found[2] == b"live 8"


# -- health


class _Picture:
    """Everything well, unless told otherwise."""

    def __init__(self, **changes: Any) -> None:
        self.told = {"clock": "2026-03-14T09:26:00Z", "stale_since": None, "rebuilding": None, **changes}

    def beat(self) -> dict[str, Any]:
        return self.told

    def traffic(self) -> dict[str, Any]:
        return {"accounts": {}, "rates": {}, "latency": {"p50_ms": 10, "p99_ms": self.told.get("p99", 20)}, "dead": []}

    def partners(self) -> dict[str, Any]:
        return {"items": [{"recipient": "alder", "outlet": self.told.get("outlet", "open"), "outlet_since": None}]}

    def recalls(self) -> dict[str, Any]:
        return {"items": self.told.get("recalls", [])}


class _Gauge:
    def __init__(self, *samples: Sample, silent: tuple[str, ...] = ()) -> None:
        self._scrape = Scrape(2.0, (Sample("slt_slot_info", {}, 1.0), *samples), silent)

    def pair(self) -> tuple[Scrape, Scrape]:
        return Scrape(1.0, (), ()), self._scrape


@pytest.mark.parametrize(
    ("picture", "gauge", "name", "state"),
    [
        (_Picture(), _Gauge(), "clock", "ok"),
        (_Picture(stale_since="2026-03-14T09:25:00Z"), _Gauge(), "clock", "bad"),
        (_Picture(rebuilding=40), _Gauge(), "clock", "warn"),
        (_Picture(), _Gauge(silent=("deliver-0",)), "stages", "bad"),
        (_Picture(), _Gauge(Sample("slt_balance_gap", {}, 2.0)), "accounts", "bad"),
        (_Picture(outlet="parked"), _Gauge(), "outlets", "warn"),
        (_Picture(), _Gauge(Sample("slt_outlet_parked", {"org": "alder"}, 1.0)), "outlets", "warn"),
        (_Picture(p99=2000), _Gauge(), "latency", "warn"),
        (_Picture(p99=20_000), _Gauge(), "latency", "bad"),
        (_Picture(recalls=[{"state": "overdue"}]), _Gauge(), "recalls", "warn"),
    ],
)
def test_a_check_turns_when_it_should(picture: Any, gauge: Any, name: str, state: str) -> None:
    found = health_of(picture, gauge)
    assert {check["name"]: check["state"] for check in found["checks"]}[name] == state
    assert found["state"] == state


# -- where it may listen


@pytest.fixture
def settings(tmp_path: Path) -> Callable[[str], Settings]:
    def made(console: str) -> Settings:
        return Settings(bootstrap="x:1", secrets=tmp_path, administrator_public_key="00", console=console)

    return made


def test_it_listens_elsewhere_only_with_a_certificate(settings: Callable[[str], Settings], tmp_path: Path) -> None:
    assert address(settings("127.0.0.1:8400")) == ("127.0.0.1", 8400)
    assert url(settings("127.0.0.1:8400")).startswith("http:")
    with pytest.raises(SettingsError, match="unencrypted"):
        address(settings("0.0.0.0:8400"))
    with pytest.raises(SettingsError, match="host:port"):
        address(settings("nothing"))
    (tmp_path / "console.pem").write_text("key and certificate")
    assert address(settings("0.0.0.0:8400")) == ("0.0.0.0", 8400)
    assert url(settings("0.0.0.0:8400")).startswith("https:")


def test_a_deed_is_a_record_of_its_topic() -> None:
    value = {"at": NOW, "who": "Noor", "roles": ["viewer"], "deed": "signed_in", "facts": {}}
    codec = Codec()
    assert codec.decode(codec.encode("console_deed", value))[1]["who"] == "Noor"
