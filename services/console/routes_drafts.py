"""Drafting an alert, and sending it as the SIOC."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Request, Response

from services.console import shapes
from services.console.accounts import Role
from services.console.drafts import Drafts, Unsent
from services.console.guard import Caller, Used, need, now
from services.core.deed import Deed

router = APIRouter(prefix="/api/drafts", tags=["drafts"])
Operator = Annotated[Caller, need(Role.OPERATOR, Role.APPROVER)]


@router.post("/preview", response_model=shapes.Preview)
def preview(draft: shapes.Draft, request: Request, caller: Operator, tools: Used) -> Any:
    """Who would get it if it were sent now and how much of it, who would not and why. Nothing is sent."""
    drafts: Drafts = request.app.state.drafts
    found = drafts.preview(draft.model_dump())
    tools.saw(caller, Deed.PREVIEWED, would=str(len(found["would"])))
    return found


@router.post("/send", response_model=shapes.Sent, responses={409: {"model": shapes.Problem}})
def send(sending: shapes.Sending, request: Request, caller: Operator, tools: Used, response: Response) -> Any:
    """Send it as the SIOC, as it was previewed. 409: what it would do has changed since; preview it again."""
    drafts: Drafts = request.app.state.drafts
    if not sending.confirm:
        raise HTTPException(422, "Confirm that it is to be sent.")
    tools.did(caller, Deed.SENDING)
    try:
        sent = drafts.send(sending.model_dump(exclude={"token", "confirm"}), sending.token)
    except Unsent:
        raise HTTPException(
            503, "Kafka did not confirm it: look whether it was delivered before you try again."
        ) from None
    if not sent.series_id:
        raise HTTPException(409, "Who would get it has changed since the preview: look at it again, then send.")
    tools.saw(caller, Deed.SENT, series=sent.series_id)
    return {"series_id": sent.series_id, "at": now().isoformat()}
