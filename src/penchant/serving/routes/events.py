"""Events in: they are on disk when they are acknowledged, and the next recommendation knows them."""

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from penchant.records import ObserveResult, Rejection
from penchant.serving.bodies import read_json
from penchant.serving.failures import BodyError, TooLargeError
from penchant.serving.incoming import MAX_EVENTS, EventIn, read_events
from penchant.serving.outgoing import reply
from penchant.serving.parameters import Live

router = APIRouter(prefix="/v1/events", tags=["events"])

_SHAPE = {
    "type": "object",
    "required": ["events"],
    "properties": {
        "events": {"type": "array", "maxItems": MAX_EVENTS, "items": EventIn.model_json_schema()},
    },
}


@router.post(
    "",
    response_model=ObserveResult,
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": _SHAPE}}}},
)
async def take_events(live: Live, request: Request) -> Response:
    """Take events. Good ones are kept even where others are not; each of those is named with its column and reason."""
    body = await read_json(request, max_bytes=request.app.state.max_body_bytes)
    entries = body.get("events") if isinstance(body, dict) else None
    if not isinstance(entries, list) or set(body) != {"events"}:
        raise BodyError('The body is not {"events": [...]}.', hint="See POST /v1/events in /openapi.json.")
    if len(entries) > MAX_EVENTS:
        raise TooLargeError(
            f"{len(entries):,} events came; at most {MAX_EVENTS:,} are taken at a time.",
            hint="Send them in several requests.",
        )
    places, events, unread = read_events(entries)
    result = await run_in_threadpool(live.observe, events)
    refused = [
        Rejection(index=places[fault.index], column=fault.column, reason=fault.reason) for fault in result.rejected
    ]
    return reply(
        ObserveResult(
            accepted=result.accepted,
            duplicates=result.duplicates,
            rejected=tuple(sorted([*unread, *refused], key=lambda fault: fault.index)),
        )
    )
