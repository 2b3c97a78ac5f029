"""Who asks, and may they: sessions by cookie or tokens by header, roles, and that a change comes from our own page."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlsplit

from fastapi import Depends, HTTPException, Request

from services.console.accounts import Accounts, Role
from services.console.sessions import COOKIE, Session, Sessions
from services.console.told import Told
from services.core.deed import Deed
from services.runtime.picture import Picture
from services.runtime.relations import Relations
from services.runtime.settings import Settings

VIEWING = frozenset({Role.VIEWER, Role.OPERATOR, Role.APPROVER, Role.ADMINISTRATOR})
CSRF = "X-SLT-CSRF"
_READING = frozenset({"GET", "HEAD"})
_SIGN_IN = HTTPException(401, "Sign in first.")
_NOT_YOURS = HTTPException(403, "Your role does not include this.")


class Caller(NamedTuple):
    """Somebody who may do what was asked."""

    name: str
    roles: frozenset[Role]
    session: Session | None
    """None: a tool with a token."""


class Tools(NamedTuple):
    """What every route works with."""

    settings: Settings
    picture: Picture
    accounts: Accounts
    sessions: Sessions
    told: Told
    relations: Relations

    def saw(self, caller: Caller, deed: Deed, **facts: str) -> None:
        """Restricted content was looked at."""
        self.told.tell(now(), (caller.name, caller.roles), deed, **facts)

    def did(self, caller: Caller, deed: Deed, **facts: str) -> None:
        """A change; Unwritten where it cannot be entered, and then it must not be made."""
        self.told.enter(now(), (caller.name, caller.roles), deed, **facts)


def now() -> datetime:
    """The web process's own clock: for sessions and what a person did, for nobody's rule."""
    return datetime.now(UTC)  # noqa: TID251


def tools_of(request: Request) -> Tools:
    """The process's tools."""
    found: Tools = request.app.state.tools
    return found


Used = Annotated[Tools, Depends(tools_of)]


def need(*roles: Role) -> Any:
    """A dependency: the Caller, who has one of these roles (none named: anybody who is signed in)."""
    wanted = frozenset(roles)

    def allowed(request: Request, tools: Used) -> Caller:
        caller = _by_token(request, tools) or _by_session(request, tools)
        if wanted and not caller.roles & wanted:
            raise _NOT_YOURS
        return caller

    return Depends(allowed)


def from_our_page(request: Request) -> None:
    """A change that another site made the browser send is refused (OWASP: Origin and Fetch Metadata)."""
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    is_foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    if is_foreign or site not in {None, "same-origin", "none"}:
        raise HTTPException(403, "This request does not come from the console's own page.")


def _by_session(request: Request, tools: Tools) -> Caller:
    session = tools.sessions.find(request.cookies.get(COOKIE, ""), time.time())
    roles = frozenset(tools.accounts.roles(session.name)) if session else frozenset()
    if session is None or not roles:
        raise _SIGN_IN
    if request.method not in _READING:
        from_our_page(request)
        if request.headers.get(CSRF) != session.csrf:
            raise HTTPException(403, "The request does not carry the session's token: load the page again.")
    return Caller(session.name, roles, session)


def _by_token(request: Request, tools: Tools) -> Caller | None:
    """Tools read, as viewers, and nothing else."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    token = tools.accounts.token(secret, now())
    if token is None or not frozenset(tools.accounts.roles(token.owner)) & VIEWING:
        raise _SIGN_IN
    if request.method not in _READING:
        raise _NOT_YOURS
    tools.sessions.used(token.id, now())
    return Caller(f"{token.owner}/{token.name}", frozenset({Role.VIEWER}), None)


def still(tools: Tools, session: Session | None) -> Callable[[], str]:
    """For a stream: why it has to end now; empty while it may go on."""

    def ended() -> str:
        if session is None:
            return ""
        if tools.sessions.get(session.id, time.time()) is None:
            return "Your session has ended. Sign in again."
        if not frozenset(tools.accounts.roles(session.name)) & VIEWING:
            return "Your role has ended."
        return ""

    return ended
