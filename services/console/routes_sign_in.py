"""Signing in and out, invitations, and the tokens of other tools."""

from __future__ import annotations

import secrets
import time
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Response
from pydantic import BaseModel, ConfigDict, Field

from services.console.accounts import LONGEST_TOKEN, AccountError, Role, Token
from services.console.guard import VIEWING, Caller, Tools, Used, from_our_page, need, now
from services.console.sessions import COOKIE, LONGEST, Session
from services.core.deed import Deed
from services.core.sioc import SIOC

VIEWS = {
    "live": VIEWING, "draft": frozenset({Role.OPERATOR, Role.APPROVER}), "recalls": VIEWING, "partners": VIEWING,
    "health": VIEWING, "audit": frozenset({Role.AUDITOR}), "tokens": frozenset({Role.ADMINISTRATOR}),
}  # fmt: skip
"""Views of the page, and which roles open them."""
router = APIRouter(prefix="/api", tags=["sign-in"])
_TEXT = Field(min_length=1, max_length=200)


class Given(BaseModel):
    """A body: nothing unknown in it."""

    model_config = ConfigDict(extra="forbid")


class SignIn(Given):
    """Name and password of a local account."""

    name: str = _TEXT
    password: str = Field(min_length=1, max_length=1000)


class Invitation(Given):
    """What an invited person sends."""

    invitation: str = _TEXT
    password: str = Field(min_length=1, max_length=1000)


class NewToken(Given):
    """A token for another tool."""

    name: str = _TEXT
    scopes: list[str] = Field(["read"], max_length=1)
    days: int = Field(ge=1, le=LONGEST_TOKEN.days)


class Me(BaseModel):
    """Who is signed in."""

    name: str
    roles: list[Role]
    csrf: str
    mode: str = Field(description="ACTUAL, or EXERCISE where the whole installation is for exercises")
    organisation: str
    views: list[str] = Field(description="views of the page that this person may open")


class TokenShown(BaseModel):
    """A token; `token` is its secret and is answered once."""

    id: str
    name: str
    scopes: list[str]
    expires_at: datetime
    last_used_at: datetime | None = None
    token: str | None = None


class Tokens(BaseModel):
    """One's own tokens."""

    items: list[TokenShown]


@router.get("/me")
def me(caller: Annotated[Caller, need()], tools: Used) -> Me:
    """Who is signed in, and what they may do."""
    mode = "EXERCISE" if tools.settings.exercise else "ACTUAL"
    csrf = caller.session.csrf if caller.session else ""
    return Me(name=caller.name, roles=sorted(caller.roles), csrf=csrf, mode=mode, organisation=SIOC,
              views=[view for view, roles in VIEWS.items() if caller.roles & roles])  # fmt: skip


@router.post("/sign-in", dependencies=[Depends(from_our_page)])
def sign_in(given: SignIn, response: Response, tools: Used) -> Me:
    """Begin a session. Five failures lock an account for 15 minutes, also for the right password."""
    who = given.name, tools.accounts.roles(given.name)
    if tools.sessions.is_locked(given.name):
        tools.told.tell(now(), who, Deed.LOCKED_OUT)
        raise HTTPException(429, "Too many failed attempts: try again in 15 minutes.")
    if not tools.accounts.check(given.name, given.password):
        tools.sessions.failed(given.name)
        tools.told.tell(now(), who, Deed.SIGN_IN_REFUSED)
        raise HTTPException(401, "Name and password do not fit.")
    tools.sessions.succeeded(given.name)
    session = _begin(given.name, response, tools)
    return me(Caller(given.name, frozenset(tools.accounts.roles(given.name)), session), tools)


@router.post("/invitation", dependencies=[Depends(from_our_page)])
def accept(given: Invitation, tools: Used) -> dict[str, str]:
    """Choose the password of an invited account; then sign in with it."""
    try:
        name = tools.accounts.accept(given.invitation, given.password, now())
    except AccountError as error:
        raise HTTPException(422, str(error)) from error
    tools.told.tell(now(), (name, tools.accounts.roles(name)), Deed.INVITED)
    return {"name": name}


@router.post("/sign-out")
def sign_out(caller: Annotated[Caller, need()], response: Response, tools: Used) -> dict[str, str]:
    """End the session."""
    if caller.session:
        tools.sessions.end(caller.session.id)
        tools.saw(caller, Deed.SIGNED_OUT)
    response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="strict")
    return {}


@router.get("/tokens")
def tokens(caller: Annotated[Caller, need(Role.ADMINISTRATOR)], tools: Used) -> Tokens:
    """One's own tokens, without their secrets."""
    return Tokens(
        items=[_shown(token, tools.sessions.used_at(token.id)) for token in tools.accounts.tokens(caller.name)]
    )


@router.post("/tokens")
def new_token(given: NewToken, caller: Annotated[Caller, need(Role.ADMINISTRATOR)], tools: Used) -> TokenShown:
    """A token that reads what a viewer may; its secret is shown once."""
    if given.scopes != ["read"]:
        raise HTTPException(422, "The only scope of a token is `read`.")
    until = now() + timedelta(days=given.days)
    token = Token(secrets.token_hex(8), given.name, caller.name, ("read",), until)
    tools.did(caller, Deed.TOKEN_MADE, token=token.id)
    shown = _shown(token, None)
    shown.token = tools.accounts.new_token(token)
    return shown


@router.delete("/tokens/{key}")
def end_token(key: str, caller: Annotated[Caller, need(Role.ADMINISTRATOR)], tools: Used) -> dict[str, str]:
    """End one of one's own tokens at once."""
    if key not in {token.id for token in tools.accounts.tokens(caller.name)}:
        raise HTTPException(404, "There is no such token.")
    tools.did(caller, Deed.TOKEN_ENDED, token=key)
    tools.accounts.end_token(key, caller.name)
    return {}


def _begin(name: str, response: Response, tools: Tools) -> Session:
    """The cookie is sent back by browsers to us alone, never to scripts, and only over TLS or on this machine."""
    cookie, session = tools.sessions.begin(name, time.time())
    tools.told.tell(now(), (name, tools.accounts.roles(name)), Deed.SIGNED_IN)
    response.set_cookie(
        COOKIE, cookie, max_age=int(LONGEST.total_seconds()), path="/", secure=True, httponly=True, samesite="strict"
    )
    return session


def _shown(token: Token, used_at: datetime | None) -> TokenShown:
    return TokenShown(id=token.id, name=token.name, scopes=list(token.scopes), expires_at=token.expires_at,
                      last_used_at=used_at)  # fmt: skip
