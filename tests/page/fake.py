"""A small server that speaks the console's API and serves the built page under the same policy."""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Condition, Event, Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.page import invented
from tests.page.invented import Json, iso

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
BEAT = 0.4
"""Seconds; the contract's 5 would make the tests slow, and the page may not depend on the number."""
PASSWORD = "an invented password"
USERS = {
    "Ines": ["viewer", "operator", "approver", "administrator", "auditor"],
    "Tomas": ["viewer", "operator", "approver"],
    "Vera": ["viewer"],
}

VIEWS = ("live", "draft", "recalls", "requests", "cases", "partners", "health", "situation", "audit", "tokens")


class State:
    """What the fake knows; tests change it and call `publish`."""

    def __init__(self) -> None:
        """Forty incidents, live."""
        self.mode = "ACTUAL"
        self.incidents = {row["key"]: row for row in map(invented.incident, range(40))}
        self.changes: list[list[Json]] = []
        self.news = Condition()
        self.stop = Event()
        self.stale_since: str | None = None
        self.rebuilding: int | None = None
        self.ticks = 0
        self.stands = False
        self.silent = False
        self.ended: str | None = None
        self.pages: dict[str, Json] = {}
        self.matrix = invented.matrix()
        self.health = invented.health()
        self.partners = invented.partners()
        self.recalls = invented.recalls()
        self.requests = {"q1": invented.request()}
        self.cases: list[Json] = []
        self.windows = invented.windows()
        self.verdicts: list[Json] = []
        self.tokens: list[Json] = [
            {"id": "t0", "name": "wall map", "scopes": ["read"], "expires_at": None, "last_used_at": None}
        ]
        self.posted: list[tuple[str, str, Json]] = []

    def publish(self, *changes: Json) -> None:
        """Tell every stream."""
        with self.news:
            for change in changes:
                if change["op"] == "put":
                    self.incidents[change["incident"]["key"]] = change["incident"]
                else:
                    self.incidents.pop(change["key"], None)
            self.changes.append(list(changes))
            self.news.notify_all()

    def end(self, reason: str) -> None:
        """The session is over: told on the stream."""
        with self.news:
            self.ended = reason
            self.news.notify_all()

    def beat(self) -> Json:
        """The clock goes on unless it `stands`."""
        self.ticks += 0 if self.stands else 1
        clock = iso(invented.NOW + timedelta(seconds=self.ticks))
        return {"clock": clock, "stale_since": self.stale_since, "rebuilding": self.rebuilding}

    def page(self, key: str) -> Json:
        """An incident's page, made up where the test gave none."""
        return self.pages.get(key) or invented.page_of(self.incidents[key])


class Refused(Exception):  # noqa: N818
    """An answer other than 200."""

    def __init__(self, status: int, detail: str) -> None:
        """`detail` is what the person reads."""
        super().__init__(detail)
        self.status = status


class Handler(BaseHTTPRequestHandler):
    """One request; `state` and `root` are set on the subclass that `served` makes."""

    protocol_version = "HTTP/1.1"
    state: State
    root: Path

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def _user(self) -> str:
        name = unquote(self.headers.get("Cookie", "").partition("session=")[2])
        if name not in USERS:
            raise Refused(401, "Sign in first.")
        return name

    def _me(self, name: str) -> Json:
        views = [view for view in VIEWS if view != "audit" or "auditor" in USERS[name]]
        return {
            "name": name, "roles": USERS[name], "csrf": f"csrf-{name}", "mode": self.state.mode, "views": views,
        }  # fmt: skip

    def _answer(self, body: bytes, kind: str, status: int = 200, cookie: str | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", POLICY)
        if cookie is not None:
            self.send_header("Set-Cookie", f"session={cookie}; HttpOnly; SameSite=Strict; Path=/")
        self.end_headers()
        self.wfile.write(body)

    def _json(self, value: Any, status: int = 200, cookie: str | None = None) -> None:
        self._answer(json.dumps(value).encode(), "application/json", status, cookie)

    def do_GET(self) -> None:
        """Files, resources and the stream."""
        address = urlsplit(self.path)
        if not address.path.startswith("/api/"):
            self._file(address.path)
            return
        try:
            name = self._user()
            if address.path == "/api/stream":
                self._stream(parse_qs(address.query)["from"][0])
            else:
                self._json(self._resource(address.path.removeprefix("/api/").split("/"), name))
        except Refused as refused:
            self._json({"detail": str(refused)}, refused.status)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _file(self, path: str) -> None:
        file = self.root / (path.lstrip("/") or "index.html")
        if file.is_file():
            self._answer(file.read_bytes(), mimetypes.guess_type(file.name)[0] or "application/octet-stream")
        else:
            self._json({"detail": "There is no such page."}, 404)

    def _resource(self, path: list[str], name: str) -> Any:
        state = self.state
        if path[0] == "incidents":
            return self._incidents([unquote(piece) for piece in path[1:]])
        plain: dict[str, Any] = {
            "me": self._me(name), "health": state.health, "partners": {"items": state.partners},
            "recalls": {"items": state.recalls}, "requests": {"items": list(state.requests.values())},
            "cases": {"items": state.cases}, "tokens": {"items": state.tokens},
            "situation": {"as_of": iso(invented.NOW), "windows": state.windows},
            "audit": {"items": state.verdicts, "next": None},
        }  # fmt: skip
        if path[0] not in plain:
            raise Refused(404, "There is no such thing.")
        return plain[path[0]]

    def _incidents(self, rest: list[str]) -> Any:
        state = self.state
        if not rest:
            with state.news:
                return {
                    "items": list(state.incidents.values()),
                    "cursor": f"slt.out.sioc-0:{len(state.changes)}",
                } | state.beat()
        if rest[0] not in state.incidents:
            raise Refused(404, "There is no such thing.")
        return state.matrix if rest[1:] == ["matrix"] else state.page(rest[0])

    def _stream(self, cursor: str) -> None:
        position = int((self.headers.get("Last-Event-ID") or cursor).rpartition(":")[2])
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        while not self.state.stop.is_set() and not self.state.ended:
            with self.state.news:
                self.state.news.wait_for(partial(self._is_news, position), BEAT)
                batch = [change for changes in self.state.changes[position:] for change in changes]
                position = len(self.state.changes)
            if batch:
                self._event("changes", batch, f"slt.out.sioc-0:{position}")
            if not self.state.silent:
                self._event("beat", self.state.beat())
        if self.state.ended:
            self._event("end", {"reason": self.state.ended})
        self.close_connection = True

    def _is_news(self, position: int) -> bool:
        return len(self.state.changes) > position or bool(self.state.ended)

    def _event(self, name: str, data: Any, cursor: str = "") -> None:
        mark = f"id: {cursor}\n" if cursor else ""
        self.wfile.write(f"event: {name}\n{mark}data: {json.dumps(data)}\n\n".encode())
        self.wfile.flush()

    def do_POST(self) -> None:
        """Changes: all but the sign-in need the session and its token."""
        path = self.path.removeprefix("/api/")
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
        try:
            if path == "sign-in":
                self._sign_in(body)
                return
            name = self._user()
            if self.headers.get("X-SLT-CSRF") != f"csrf-{name}":
                raise Refused(403, "The request does not carry the session's token.")
            self.state.posted.append((name, path, body))
            if path == "sign-out":
                self._json({}, cookie="")
            else:
                self._json(self._change(path.split("/"), name, body))
        except Refused as refused:
            self._json({"detail": str(refused)}, refused.status)

    def _sign_in(self, body: Json) -> None:
        if body["name"] not in USERS or body["password"] != PASSWORD:
            raise Refused(401, "Name and password do not fit.")
        self._json(self._me(body["name"]), cookie=body["name"])

    def _change(self, path: list[str], name: str, body: Json) -> Any:
        if path[0] == "requests":
            return self._approve(path[1], name)
        if path[-1] == "acknowledge":
            return self._acknowledge(path[1], name)
        answers: dict[str, Json] = {
            "links": {"detail": f"{body.get('action')} is entered."},
            "dead": {"ok": True, "detail": "The record was read again and accepted."},
            "drafts": self._draft(path[-1], body),
            "tokens": {"id": "t1", "name": body.get("name"), "scopes": ["read"], "token": "shown once"},
        }
        return answers[path[0]]

    def _draft(self, step: str, body: Json) -> Json:
        if step == "send":
            return {"series_id": "sioc/1", "at": iso(invented.NOW)}
        outside = "Its areas do not include this place"
        names = list(invented.ORGANISATIONS.items())
        problems = [] if body.get("country") else [{"field": "country", "detail": "Say which country it is about."}]
        return {
            "token": "p1", "problems": problems,
            "would": [{"recipient": key, "name": name, "projection": "all fields"} for key, name in names[:4]],
            "would_not": [
                {"recipient": key, "name": name, "primary": "DEN_PARTNER_AREA", "text": outside}
                for key, name in names[4:]
            ],
        }  # fmt: skip

    def _approve(self, key: str, name: str) -> Json:
        asked = self.state.requests[key]
        if any(approval["name"] == name for approval in asked["approvals"]):
            raise Refused(409, "Another person has to confirm.")
        asked["approvals"].append({"name": name, "at": iso(invented.NOW)})
        asked["state"] = "broken" if len(asked["approvals"]) >= asked["needed"] else "approved_once"
        return asked

    def _acknowledge(self, key: str, name: str) -> Json:
        done = {"acknowledged_by": name, "acknowledged_at": iso(invented.NOW)}
        self.state.publish({"op": "put", "incident": self.state.incidents[key] | done})
        return done


class Server(ThreadingHTTPServer):
    """Streams end with their clients; nothing waits for them."""

    daemon_threads = True
    block_on_close = False


@contextmanager
def served(root: Path, state: State, port: int = 0) -> Iterator[str]:
    """Address of a running fake."""
    with Server(("127.0.0.1", port), type("Bound", (Handler,), {"state": state, "root": root})) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            state.stop.set()
            server.shutdown()
            thread.join()
