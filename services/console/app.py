"""The console's web application: the API, the stream and the page's files, under one policy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import redis
import redis.asyncio
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse
from starlette.exceptions import HTTPException

from services.console import routes_drafts, routes_read, routes_sign_in
from services.console.drafts import Drafts
from services.console.guard import Tools
from services.console.health import Gauge
from services.console.invitation import PAGE, SCRIPT
from services.console.links import Links
from services.console.shapes import Problem
from services.console.stream import Stream
from services.console.told import Unwritten

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""No inline script, nothing from anywhere else."""
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), camera=(), microphone=()",
}
_REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem} for status in (401, 403, 404, 409, 410, 422, 429, 503)
}
_NO_PAGE = "The page is not built: run `make console`. The API works; its description is at /api/openapi.json.\n"


def create(tools: Tools, live: redis.asyncio.Redis, page: Path) -> FastAPI:
    """The application; `live`: a client for the stream alone, `page`: folder of the built page."""
    app = FastAPI(title="SLT Relay console", version="1", openapi_url="/api/openapi.json", docs_url=None,
                  redoc_url=None, lifespan=_streaming, responses=_REFUSALS)  # fmt: skip
    app.state.tools = tools
    app.state.stream = Stream(live, tools.picture)
    app.state.drafts = Drafts(tools.settings)
    app.state.links = Links(tools.settings)
    app.state.gauge = Gauge(tools.settings.metrics_targets)
    for router in (routes_sign_in.router, routes_read.router, routes_drafts.router):
        app.include_router(router)
    app.middleware("http")(_headers)
    app.exception_handler(HTTPException)(_refused)
    app.exception_handler(RequestValidationError)(_misfit)
    app.exception_handler(redis.RedisError)(_no_redis)
    app.exception_handler(Unwritten)(_unwritten)
    _files(app, page)
    return app


@asynccontextmanager
async def _streaming(app: FastAPI) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(app.state.stream.run()), asyncio.create_task(app.state.stream.beat())]
    yield
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await call_next(request)
    response.headers.update(HEADERS)
    if request.url.path.startswith("/api/"):
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def _refused(_request: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, HTTPException)  # noqa: S101  what it is registered for
    return JSONResponse({"detail": str(refusal.detail)}, refusal.status_code)


def _misfit(_request: Request, failure: Exception) -> Response:
    """What does not fit the document, as a sentence; what was sent is not repeated."""
    assert isinstance(failure, RequestValidationError)  # noqa: S101  what it is registered for
    said = (f"{'.'.join(map(str, one['loc'][1:])) or one['loc'][0]}: {one['msg']}" for one in failure.errors())
    return JSONResponse({"detail": "; ".join(said)}, 422)


def _no_redis(_request: Request, _failure: Exception) -> Response:
    return JSONResponse({"detail": "Redis does not answer: what you see may be old."}, 503)


def _unwritten(_request: Request, _failure: Exception) -> Response:
    return JSONResponse({"detail": "Kafka does not answer, so nothing was entered and nothing was done."}, 503)


def _files(app: FastAPI, page: Path) -> None:
    """The built page; a path that is no file of it does not exist."""
    root = page.resolve()

    @app.get("/invitation", include_in_schema=False)
    def invitation() -> Response:
        return Response(PAGE, media_type="text/html")

    @app.get("/invitation.js", include_in_schema=False)
    def script() -> Response:
        return Response(SCRIPT, media_type="text/javascript")

    @app.get("/{path:path}", include_in_schema=False)
    def file(path: str) -> Response:
        found = (root / (path or "index.html")).resolve()
        if found.is_relative_to(root) and found.is_file():
            return FileResponse(found, headers={"Cache-Control": "no-cache"})
        if not path:
            return PlainTextResponse(_NO_PAGE)
        raise HTTPException(404, "There is no such page.")
