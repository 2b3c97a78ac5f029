"""What the page reads: the picture, and for auditors the decisions."""

from __future__ import annotations

import time
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import StreamingResponse

from services.console import shapes
from services.console.accounts import Role
from services.console.guard import VIEWING, Caller, Tools, Used, need, still
from services.console.health import Gauge, health_of
from services.console.links import Links, NotSaid
from services.core.deed import Deed
from services.core.gates import Code
from services.core.link import LinkWord
from services.core.words import SENTENCES, projection_words
from services.runtime.read_model import CursorGone

router = APIRouter(prefix="/api")
_UNKNOWN = HTTPException(404, "There is no such incident, or it is not shown to you.")
Viewer = Annotated[Caller, need(*VIEWING)]
Operator = Annotated[Caller, need(Role.OPERATOR, Role.APPROVER)]
Auditor = Annotated[Caller, need(Role.AUDITOR)]
_ENTERED_SECONDS = 5.0
Key = Annotated[str, Query(max_length=200)]


@router.get("/incidents", response_model=shapes.Snapshot, tags=["picture"])
def incidents(_caller: Viewer, tools: Used) -> Response:
    """The newest incidents that the SIOC holds (at most 5,000), and the cursor from which the stream goes on."""
    found = tools.picture.snapshot()
    items, rest = found.pop("items"), orjson.dumps(found)
    return Response('{"items":[' + ",".join(items) + "]," + rest.decode()[1:], media_type="application/json")


@router.get("/stream", tags=["picture"], response_class=StreamingResponse,
            responses={410: {"model": shapes.Problem}})  # fmt: skip
def stream(
    request: Request, caller: Viewer, tools: Used, from_: Annotated[str, Query(alias="from", max_length=300)] = ""
) -> Response:
    """Server-Sent Events: `changes` (id: the new cursor), `beat`, `end`. 410: take a new snapshot."""
    try:
        entry = tools.picture.after(request.headers.get("last-event-id") or from_)
    except CursorGone:
        raise HTTPException(410, "The stream does not go on from there: load the incidents again.") from None
    events = request.app.state.stream.follow(entry, still(tools, caller.session))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(events, media_type="text/event-stream", headers=headers)


@router.get("/incidents/{key}", response_model=shapes.IncidentPage, tags=["picture"])
def incident(key: str, caller: Viewer, tools: Used) -> Any:
    """One incident: the accounts side by side, what they differ in, and when what happened."""
    found = tools.picture.incident(key)
    if found is None:
        raise _UNKNOWN
    tools.saw(caller, Deed.VIEWED_INCIDENT, incident=key)
    return {**found, "relations": tools.relations.of(tools.picture.series(key))}


@router.get("/incidents/{key}/matrix", response_model=shapes.Matrix, tags=["picture"])
def matrix(key: str, caller: Viewer, tools: Used) -> Any:
    """Who got which report of it and why, or why not; of the reports that the SIOC may see."""
    found = tools.picture.matrix(key)
    if found is None:
        raise _UNKNOWN
    tools.saw(caller, Deed.VIEWED_MATRIX, incident=key)
    return found


@router.post("/incidents/{key}/acknowledge", response_model=shapes.Acknowledged, tags=["picture"],
             responses={409: {"model": shapes.Acknowledged}})  # fmt: skip
def acknowledge(key: str, caller: Operator, tools: Used, response: Response) -> Any:
    """Say by name that somebody has seen it. 409, with who it was, if somebody was first."""
    if tools.picture.incident(key) is None:
        raise _UNKNOWN
    if tools.picture.acknowledged(key) is None:
        tools.did(caller, Deed.ACKNOWLEDGED, incident=key)
    told = _entered(tools, key)
    if told["acknowledged_by"] != caller.name:
        response.status_code = 409
    return told


@router.post("/links", response_model=shapes.Said, tags=["picture"])
def link(word: shapes.Word, request: Request, caller: Operator, tools: Used) -> Any:
    """Say that two reports tell of one incident, or of two. It is signed by the SIOC, and wins over every score."""
    named = tools.picture.series(word.incident_key)
    if word.left not in named or not tools.picture.is_named(word.right):
        raise _UNKNOWN
    links: Links = request.app.state.links
    tools.did(caller, Deed.LINKED, action=word.action, left=word.left, right=word.right, reason=word.reason)
    try:
        said = links.say(LinkWord(word.action.upper()), word.left, word.right, f"{caller.name}: {word.reason}")
    except NotSaid as refusal:
        raise HTTPException(422, str(refusal)) from refusal
    return {"detail": f"Said as {said}: its effect shows within seconds."}


@router.get("/health", response_model=shapes.Health, tags=["system"])
def health(request: Request, _caller: Viewer, tools: Used) -> Any:
    """Whether the pipeline is well: what to look at first, stages, accounts, refused records."""
    gauge: Gauge = request.app.state.gauge
    return health_of(tools.picture, gauge)


@router.get("/partners", response_model=shapes.Partners, tags=["system"])
def partners(_caller: Viewer, tools: Used) -> Any:
    """Every organisation, the state of its outlet, and when it was last heard of."""
    return tools.picture.partners()


@router.get("/recalls", response_model=shapes.Recalls, tags=["picture"])
def recalls(_caller: Viewer, tools: Used) -> Any:
    """Recalls and their answers, the next deadline first."""
    return tools.picture.recalls()


@router.get("/audit/decisions", response_model=shapes.Decisions, tags=["audit"])
def decisions(caller: Auditor, tools: Used, series: Key = "", recipient: Key = "", before: Key = "") -> Any:
    """Every change of the decision on one report (originator/id), for each recipient; never its content."""
    tools.saw(caller, Deed.VIEWED_DECISIONS, series=series, recipient=recipient)
    return tools.picture.decisions(series, recipient, before)


@router.get("/explain", response_model=shapes.Explanation, tags=["audit"])
def explain(caller: Auditor, tools: Used, series: Key, recipient: Key) -> Any:
    """Why one recipient has a report, or has it not."""
    found = tools.picture.audited(series)
    mine = next((row for row in found["rows"] if recipient in row["recipients"]), None) if found else None
    if mine is None:
        raise HTTPException(404, "No decision is known of this report and recipient.")
    tools.saw(caller, Deed.EXPLAINED, series=series, recipient=recipient)
    told = {**mine, "recipients": [recipient], "shows": projection_words(mine["projection"])}
    return {"text": SENTENCES[Code(mine["primary"])], "verdict": told}


def _entered(tools: Tools, key: str) -> Any:
    """Of several who acknowledge at once the first in slt.console was first; the projector says who."""
    deadline = time.monotonic() + _ENTERED_SECONDS
    while (told := tools.picture.acknowledged(key)) is None:
        if time.monotonic() > deadline:
            raise HTTPException(503, "It is entered; the picture is behind and will show it.")
        time.sleep(0.02)
    return told
