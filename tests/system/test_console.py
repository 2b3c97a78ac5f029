"""The console's server on the real pipeline: signing in, what it answers, the stream, and what it refuses."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx
import orjson
import pytest

from services.console.accounts import Accounts, Role, first_link
from services.console.guard import now
from services.console.main import LINK
from services.core.sioc import SIOC
from tests.support import World, answers, until

pytestmark = pytest.mark.kafka
PASSWORD = "correct horse battery staple"
PEOPLE = {
    "Vera": (Role.VIEWER,), "Omar": (Role.OPERATOR,), "Aino": (Role.APPROVER,), "Ada": (Role.ADMINISTRATOR,),
    "Udo": (Role.AUDITOR,),
}  # fmt: skip
"""Invented, one for each role."""


class Console(NamedTuple):
    address: str
    accounts: Accounts
    clients: list[httpx.Client]

    def client(self, **options: Any) -> httpx.Client:
        self.clients.append(httpx.Client(base_url=self.address, timeout=20, **options))
        return self.clients[-1]

    def signed_in(self, name: str) -> httpx.Client:
        client = self.client()
        answer = client.post("/api/sign-in", json={"name": name, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        # The cookie is for TLS or this machine; a browser sends it to localhost, this client would not.
        client.headers["Cookie"] = answer.headers["set-cookie"].split(";")[0]
        client.headers["X-SLT-CSRF"] = answer.json()["csrf"]
        return client


@pytest.fixture(scope="module")
def console(sight: World) -> Iterator[Console]:
    settings = sight.stack.settings
    accounts = Accounts(settings.secrets)
    for name, roles in PEOPLE.items():
        accounts.accept(accounts.invite(name, roles, now()), PASSWORD, now())
    address = f"http://{settings.console}"
    found = Console(address, accounts, [])
    yield found
    for client in found.clients:
        client.close()


@pytest.fixture
def people(console: Console) -> dict[str, httpx.Client]:
    return {name: console.signed_in(name) for name in PEOPLE}


def shown(client: httpx.Client, word: str) -> Any:
    def found() -> Any:
        return [row for row in client.get("/api/incidents").json()["items"] if word in row["headline"]]

    return until(found, f"{word} in the feed")[0]


ROUTES = {
    ("GET", "/api/me"): set(PEOPLE),
    ("GET", "/api/incidents"): {"Vera", "Omar", "Aino", "Ada"},
    ("GET", "/api/stream?from=x"): {"Vera", "Omar", "Aino", "Ada"},
    ("GET", "/api/incidents/none"): {"Vera", "Omar", "Aino", "Ada"},
    ("GET", "/api/incidents/none/matrix"): {"Vera", "Omar", "Aino", "Ada"},
    ("POST", "/api/incidents/none/acknowledge"): {"Omar", "Aino"},
    ("POST", "/api/links"): {"Omar", "Aino"},
    ("GET", "/api/health"): {"Vera", "Omar", "Aino", "Ada"},
    ("GET", "/api/partners"): {"Vera", "Omar", "Aino", "Ada"},
    ("GET", "/api/recalls"): {"Vera", "Omar", "Aino", "Ada"},
    ("GET", "/api/audit/decisions"): {"Udo"},
    ("GET", "/api/explain?series=a/b&recipient=c"): {"Udo"},
    ("POST", "/api/drafts/preview"): {"Omar", "Aino"},
    ("POST", "/api/drafts/send"): {"Omar", "Aino"},
    ("GET", "/api/tokens"): {"Ada"},
    ("POST", "/api/tokens"): {"Ada"},
    ("DELETE", "/api/tokens/none"): {"Ada"},
}
"""Who may ask what: the whole table."""
OPEN = {("POST", "/api/sign-in"), ("POST", "/api/invitation"), ("POST", "/api/sign-out")}


def test_every_role_may_what_the_table_says_and_nothing_else(console: Console, people: dict[str, httpx.Client]) -> None:
    document = console.client().get("/api/openapi.json").json()
    stated = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    named = {(method, path.partition("?")[0].replace("none", "{key}")) for method, path in ROUTES}
    assert stated == named | OPEN
    for (method, path), allowed in ROUTES.items():
        assert console.client().request(method, path).status_code == 401, path
        got = {name for name, client in people.items() if client.request(method, path).status_code != 403}
        assert got == allowed, path


def test_a_report_is_seen_acknowledged_and_gone(
    sight: World, console: Console, people: dict[str, httpx.Client]
) -> None:
    sight.report("alder", "gate", headline="Gate forced", initial_audience=[SIOC, "birch"])
    key = shown(people["Vera"], "Gate")["key"]
    page = people["Vera"].get(f"/api/incidents/{key}").json()
    assert page["accounts"][0]["headline"] == "Gate forced"
    assert {row["recipient"] for row in people["Vera"].get(f"/api/incidents/{key}/matrix").json()["rows"]} >= {"birch"}
    assert people["Omar"].post(f"/api/incidents/{key}/acknowledge").json()["acknowledged_by"] == "Omar"
    second = people["Aino"].post(f"/api/incidents/{key}/acknowledge")
    assert (second.status_code, second.json()["acknowledged_by"]) == (409, "Omar")
    sight.report("alder", "gate", version=2, message="UPDATE", headline="Gate forced", initial_audience=["birch"])
    until(lambda: people["Vera"].get(f"/api/incidents/{key}").status_code == 404, "its end")
    deeds = [(read.value["who"], read.value["deed"], read.value["facts"]) for read in sight.read("slt.console")]
    assert ("Vera", "viewed_incident", {"incident": key}) in deeds
    assert ("Vera", "viewed_matrix", {"incident": key}) in deeds
    assert [deed for deed in deeds if deed[1] == "acknowledged"] == [("Omar", "acknowledged", {"incident": key})]
    assert not any("Gate" in str(deed) for deed in deeds)


class Listener:
    """Reads the stream in a thread, as a browser would."""

    def __init__(self, client: httpx.Client, cursor: str) -> None:
        self.events: list[tuple[str, str, Any]] = []
        self.status = 0
        self.ended = threading.Event()
        self._thread = threading.Thread(target=self._read, args=(client, cursor), daemon=True)
        self._thread.start()

    def _read(self, client: httpx.Client, cursor: str) -> None:
        name = mark = ""
        try:
            with client.stream("GET", "/api/stream", params={"from": cursor}) as answer:
                self.status = answer.status_code
                for line in answer.iter_lines():
                    field, _, value = line.partition(": ")
                    if field == "event":
                        name, mark = value, ""
                    elif field == "id":
                        mark = value
                    elif field == "data":
                        self.events.append((name, mark, orjson.loads(value)))
        except httpx.TransportError:
            pass  # the server was killed
        finally:
            self.ended.set()

    def changes(self, word: str) -> list[tuple[str, str]]:
        """Cursor and headline of the puts that have this word."""
        return [
            (mark, change["incident"]["headline"])
            for name, mark, data in list(self.events) if name == "changes"
            for change in data
            if change["op"] == "put" and word in change["incident"]["headline"]
        ]  # fmt: skip


def test_the_stream_goes_on_without_gap_or_repeat(sight: World, people: dict[str, httpx.Client]) -> None:
    cursor = people["Vera"].get("/api/incidents").json()["cursor"]
    whole = Listener(people["Vera"], cursor)
    sight.report("alder", "stream-0", headline="Streamed 0", initial_audience=[SIOC])
    until(lambda: whole.changes("Streamed"), "the first change")
    for number in range(1, 8):
        sight.report("alder", f"stream-{number}", headline=f"Streamed {number}", initial_audience=[SIOC])
    until(lambda: len(whole.changes("Streamed")) == 8, "all changes")
    heard = whole.changes("Streamed")
    assert sorted(headline for _, headline in heard) == [f"Streamed {number}" for number in range(8)]
    assert any(name == "beat" and data["clock"] and not data["stale_since"] for name, _, data in whole.events)
    mark = heard[3][0]
    left = heard[max(place for place, told in enumerate(heard) if told[0] == mark) + 1 :]
    resumed = Listener(people["Omar"], mark)
    until(lambda: len(resumed.changes("Streamed")) >= len(left), "the rest")
    assert resumed.changes("Streamed") == left
    assert people["Vera"].get("/api/stream", params={"from": "slt.out.sioc-0:4;other"}).status_code == 410


def test_a_stream_ends_with_the_session_and_with_the_role(console: Console) -> None:
    console.accounts.accept(console.accounts.invite("Tove", (Role.VIEWER,), now()), PASSWORD, now())
    for end in (lambda client: client.post("/api/sign-out"), lambda _: console.accounts.end("Tove")):
        client = console.signed_in("Tove")
        listener = Listener(client, client.get("/api/incidents").json()["cursor"])
        until(lambda: listener.events, "the stream")  # noqa: B023
        end(client)
        until(listener.ended.is_set, "the end of the stream")
        assert listener.events[-1][0] == "end"
        assert client.get("/api/incidents").status_code == 401


def test_a_killed_web_process_loses_nothing(sight: World, console: Console, people: dict[str, httpx.Client]) -> None:
    sight.report("alder", "before-kill", headline="Before the kill", initial_audience=[SIOC])
    shown(people["Vera"], "Before the kill")
    cursor = people["Vera"].get("/api/incidents").json()["cursor"]
    assert sight.supervisor is not None
    sight.supervisor.kill("console")
    sight.report("alder", "while-dead", headline="While it was dead", initial_audience=[SIOC])
    until(lambda: answers(console.address), "the console again")
    resumed = Listener(people["Vera"], cursor)
    until(lambda: resumed.changes("While it was dead"), "what came meanwhile, in the same session")


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "elsewhere.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
     {"X-SLT-CSRF": "wrong"}, {"X-SLT-CSRF": ""}],
)  # fmt: skip
def test_a_change_that_another_page_sends_is_refused(people: dict[str, httpx.Client], headers: dict[str, str]) -> None:
    assert people["Ada"].post("/api/tokens", json={"name": "x", "days": 1}, headers=headers).status_code == 403


def test_headers_forbid_what_a_page_does_not_need(console: Console) -> None:
    for path in ("/", "/api/me", "/invitation", "/nothing"):
        headers = console.client().get(path).headers
        assert "script-src 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
    cookie = console.client().post("/api/sign-in", json={"name": "Vera", "password": PASSWORD}).headers["set-cookie"]
    assert all(word in cookie for word in ("HttpOnly", "Secure", "SameSite=strict", "Path=/"))


@pytest.mark.parametrize(
    "path", ["/../settings.toml", "/%2e%2e/settings.toml", "/..%2f..%2fsettings.toml", "//etc/passwd"]
)
def test_no_file_but_the_page_is_served(console: Console, path: str) -> None:
    assert console.client().get(path).status_code == 404


def test_failed_attempts_lock_an_account_and_tell_nothing(console: Console) -> None:
    console.accounts.accept(console.accounts.invite("Lucky", (Role.VIEWER,), now()), PASSWORD, now())
    client = console.client()
    wrong = [client.post("/api/sign-in", json={"name": name, "password": "wrong"}) for name in ("Lucky", "Nobody")]
    assert wrong[0].status_code == wrong[1].status_code == 401
    assert wrong[0].json() == wrong[1].json()
    for _ in range(4):
        client.post("/api/sign-in", json={"name": "Lucky", "password": "wrong"})
    assert client.post("/api/sign-in", json={"name": "Lucky", "password": PASSWORD}).status_code == 429


def test_a_token_reads_until_it_ends(console: Console, people: dict[str, httpx.Client]) -> None:
    made = people["Ada"].post("/api/tokens", json={"name": "wall map", "days": 1}).json()
    tool = console.client(headers={"Authorization": f"Bearer {made['token']}"})
    assert tool.get("/api/incidents").status_code == 200
    assert tool.get("/api/audit/decisions").status_code == 403
    assert tool.post("/api/tokens", json={"name": "more", "days": 1}).status_code == 403
    (told,) = people["Ada"].get("/api/tokens").json()["items"]
    assert told["last_used_at"] is not None
    assert made["token"] not in (console.accounts._path).read_text()
    assert people["Ada"].delete(f"/api/tokens/{made['id']}").status_code == 200
    assert tool.get("/api/incidents").status_code == 401
    assert people["Ada"].get("/api/tokens").json() == {"items": []}


def test_the_first_start_leaves_one_link_that_works_once(sight: World, console: Console) -> None:
    link = (sight.stack.settings.secrets / LINK).read_text().strip()
    secret = link.partition("#")[2]
    assert link.startswith(f"{console.address}/invitation#")
    client = console.client()
    assert client.post("/api/invitation", json={"invitation": secret, "password": "short"}).status_code == 422
    assert client.post("/api/invitation", json={"invitation": secret, "password": PASSWORD}).json() == {
        "name": "administrator"
    }
    assert client.post("/api/invitation", json={"invitation": secret, "password": PASSWORD}).status_code == 422
    assert set(console.signed_in("administrator").get("/api/me").json()["roles"]) >= {"administrator", "auditor"}
    assert first_link(console.accounts, console.address, now()) is None


def test_an_auditor_sees_decisions_and_no_content(sight: World, people: dict[str, httpx.Client]) -> None:
    sight.report("alder", "secret-one", headline="Canary-Word-77", initial_audience=["birch"])
    asked = "/api/audit/decisions?series=alder/secret-one"
    found = until(lambda: people["Udo"].get(asked).json()["items"], "the decision")
    assert {item["recipient"] for item in found} >= {"birch", SIOC}
    began = time.perf_counter()
    answer = people["Udo"].get("/api/explain", params={"series": "alder/secret-one", "recipient": SIOC})
    assert time.perf_counter() - began < 0.1, "the bound of the issue on explain"
    assert answer.json()["verdict"]["primary"] == "DEN_NO_CONSENT"
    assert "Canary-Word" not in str(found) + answer.text
    assert people["Udo"].get("/api/explain", params={"series": "a/b", "recipient": SIOC}).status_code == 404


def incident_of(client: httpx.Client, word: str) -> Any:
    return client.get(f"/api/incidents/{shown(client, word)['key']}").json()


def test_an_operator_s_word_joins_two_reports_and_parts_them_again(
    sight: World, people: dict[str, httpx.Client]
) -> None:
    place = {"country": "KEN", "latitude": 0.5, "longitude": 37.1, "precision": "TOWN"}
    for org, text in (("alder", "Mill burnt down"), ("birch", "Stones thrown at a van")):
        sight.report(org, "worded", headline=text, initial_audience=[SIOC], place=place)
    first = incident_of(people["Omar"], "Mill burnt")
    word = {"incident_key": first["incident"]["key"], "left": "alder/worded", "right": "birch/worded",
            "reason": "both were asked (invented)"}  # fmt: skip
    shown(people["Omar"], "Stones thrown")
    assert people["Omar"].post("/api/links", json={**word, "action": "merge"}).status_code == 200
    both = until(lambda: (found := incident_of(people["Omar"], "Stones thrown"))["incident"]["accounts"] == 2 and found,
                 "one incident with two accounts")  # fmt: skip
    (relation,) = [one for one in both["relations"] if {one["left"], one["right"]} == {"alder/worded", "birch/worded"}]
    assert (relation["state"], relation["score"]) == ("confirmed", 1.0)
    assert any("distance" in one["name"] for one in relation["evidence"])
    split = {**word, "incident_key": both["incident"]["key"], "action": "split"}
    assert people["Omar"].post("/api/links", json=split).status_code == 200
    until(lambda: incident_of(people["Omar"], "Mill burnt")["incident"]["accounts"] == 1, "two incidents again")
    words = [read.value for read in sight.read("slt.control") if read.value["type"] == "link"]
    assert [(one["author"], one["signer"]) for one in words] == [(SIOC, "officer")] * 2


def test_a_word_on_a_report_that_the_sioc_may_not_see_tells_nothing(
    sight: World, people: dict[str, httpx.Client]
) -> None:
    sight.report("alder", "open-one", headline="Open one", initial_audience=[SIOC])
    sight.report("birch", "hidden-one", headline="Hidden one", initial_audience=["alder"])
    until(lambda: people["Udo"].get("/api/audit/decisions?series=birch/hidden-one").json()["items"], "the decision")
    key = shown(people["Omar"], "Open one")["key"]
    word = {"incident_key": key, "action": "merge", "left": "alder/open-one", "reason": "invented"}
    hidden, none = (people["Omar"].post("/api/links", json={**word, "right": right})
                    for right in ("birch/hidden-one", "birch/never-was"))  # fmt: skip
    assert (hidden.status_code, hidden.json()) == (none.status_code, none.json())
    assert hidden.status_code == 404


DRAFT = {"status": "Actual", "kind": "SECURITY_ALERT", "severity": "Severe", "headline": "Bridge may fall (invented)",
         "country": "KEN", "precision": "COUNTRY"}  # fmt: skip


def test_a_draft_goes_to_those_of_the_preview_and_to_nobody_else(sight: World, people: dict[str, httpx.Client]) -> None:
    sight.consent(SIOC, grant="console", kinds=["*"], areas=["*"], recipients=["birch"])
    sight.entered(f"grant/{SIOC}/console")
    found = people["Omar"].post("/api/drafts/preview", json=DRAFT, timeout=60).json()
    assert [one["recipient"] for one in found["would"]] == ["birch"]
    assert {one["recipient"]: one["primary"] for one in found["would_not"]} == {"alder": "DEN_NO_CONSENT"}
    sent = people["Omar"].post("/api/drafts/send", json={**DRAFT, "token": found["token"], "confirm": True}).json()
    until(lambda: sight.shown("birch", "Bridge may fall"), "the alert")
    assert sight.shown("birch", "Bridge may fall")[0]["series_id"] == sent["series_id"]
    assert sight.shown("alder", "Bridge may fall") == []
    deeds = [read.value["deed"] for read in sight.read("slt.console") if read.value["who"] == "Omar"]
    assert deeds[-3:] == ["previewed", "sending", "sent"]


def test_what_was_not_previewed_is_not_sent(sight: World, people: dict[str, httpx.Client]) -> None:
    post = people["Omar"].post
    before = len(sight.read(f"slt.in.{SIOC}"))
    token = post("/api/drafts/preview", json=DRAFT, timeout=60).json()["token"]
    whole = {**DRAFT, "token": token, "confirm": True}
    assert post("/api/drafts/send", json={**whole, "headline": "Another (invented)"}).status_code == 409
    assert post("/api/drafts/send", json={**whole, "token": "00"}).status_code == 409
    assert post("/api/drafts/send", json={**whole, "confirm": False}).status_code == 422
    assert post("/api/drafts/send", json={**whole, "originator": "alder"}).status_code == 422
    sight.consent(SIOC, grant="more", kinds=["*"], areas=["*"], recipients=["alder"])
    sight.entered(f"grant/{SIOC}/more")
    assert post("/api/drafts/send", json=whole).status_code == 409, "somebody more would get it than was shown"
    wrong = post("/api/drafts/preview", json={**DRAFT, "kind": "GOSSIP"}).json()
    assert (wrong["would"], wrong["problems"][0]["field"]) == ([], "kind")
    assert len(sight.read(f"slt.in.{SIOC}")) == before


def test_the_pipeline_is_well(people: dict[str, httpx.Client]) -> None:
    health = until(lambda: (found := people["Vera"].get("/api/health").json())["stages"] and found, "the stages")
    assert {stage["stage"] for stage in health["stages"]} == {"intake", "enrich", "correlate", "distribute", "deliver"}
    checks = {check["name"]: check["state"] for check in health["checks"]}
    assert checks["clock"] == checks["stages"] == checks["accounts"] == "ok"
    assert people["Vera"].get("/api/partners").json()["items"][0]["state"] == "ACTIVE"
