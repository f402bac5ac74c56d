"""The user's own word on what is known of him."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ValidationError

from penchant.config import describe
from penchant.records import Edit
from penchant.serving.bodies import read_json
from penchant.serving.failures import BodyError
from penchant.serving.incoming import AnyEditIn, EditIn
from penchant.serving.outgoing import EditLog, NotedResult, noted, reply
from penchant.serving.parameters import ConceptId, Limit, Live, UserId

router = APIRouter(prefix="/v1/users", tags=["edits"])


def _body(model: type[BaseModel]) -> dict[str, Any]:
    content = {"application/json": {"schema": model.model_json_schema()}}
    return {"requestBody": {"required": True, "content": content}}


@router.put("/{user_id}/interests/{concept_id}", response_model=NotedResult, openapi_extra=_body(EditIn))
async def edit_interest(user_id: UserId, concept_id: ConceptId, live: Live, request: Request) -> Response:
    """`more`, `less`, `pin` or `mute` shifts the ranking at once, `reset` takes it back. Answers with the profile after
    it, and with the items that moved.
    """
    body = await read_json(request, max_bytes=request.app.state.max_body_bytes)
    try:
        asked = EditIn.model_validate(body)
    except ValidationError as error:
        hint = 'Send {"action": "more"}, "less", "pin", "mute" or "reset".'
        raise BodyError(describe(error), hint=hint) from None
    edit = Edit(user_id=user_id, concept_id=concept_id, action=asked.action, edit_id=asked.edit_id or "")
    return reply(noted(await run_in_threadpool(live.edit, edit)))


@router.delete("/{user_id}/interests/{concept_id}", response_model=NotedResult)
def reset_interest(user_id: UserId, concept_id: ConceptId, live: Live) -> Response:
    """Take back all that the user said of an interest: it is again what his events say."""
    return reply(noted(live.edit(Edit(user_id=user_id, concept_id=concept_id, action="reset", edit_id=""))))


@router.post("/{user_id}/edits", response_model=NotedResult, openapi_extra=_body(AnyEditIn))
async def edit_user(user_id: UserId, live: Live, request: Request) -> Response:
    """Any edit: those of an interest, `add` words as typed, `forget` an event, `reset` everything, `undo` an edit."""
    body = await read_json(request, max_bytes=request.app.state.max_body_bytes)
    try:
        asked = AnyEditIn.model_validate(body)
    except ValidationError as error:
        hint = 'Send {"action": "add", "text": "poetry"}, {"action": "forget", "event_id": "…"} or {"action": "undo"}.'
        raise BodyError(describe(error), hint=hint) from None
    edit = Edit(user_id=user_id, **{**asked.model_dump(), "edit_id": asked.edit_id or ""})
    return reply(noted(await run_in_threadpool(live.edit, edit)))


@router.get("/{user_id}/edits", response_model=EditLog)
def edit_log(user_id: UserId, live: Live, limit: Limit = 50) -> Response:
    """The user's edits, newest first; `standing` is false for those undone or reset."""
    return reply(EditLog(user_id=user_id, edits=tuple(live.edits(user_id, limit=limit))))
