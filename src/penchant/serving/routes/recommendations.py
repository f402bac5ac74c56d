"""Recommendations for words, of nobody in particular."""

from functools import partial

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import ValidationError

from penchant.config import describe
from penchant.records import Slate
from penchant.serving.bodies import read_json
from penchant.serving.failures import BodyError
from penchant.serving.incoming import TextWishesIn
from penchant.serving.outgoing import reply
from penchant.serving.parameters import Live

MOST_TOLD = 300

router = APIRouter(prefix="/v1/recommendations", tags=["recommendations"])


@router.post(
    "",
    response_model=Slate,
    openapi_extra={
        "requestBody": {"required": True, "content": {"application/json": {"schema": TextWishesIn.model_json_schema()}}}
    },
)
async def recommendations_by_text(live: Live, request: Request) -> Response:
    """Items for a text alone: by what they are about, and by the concepts that the text names. No user is asked about,
    and the slate is not kept.
    """
    body = await read_json(request, max_bytes=request.app.state.max_body_bytes)
    try:
        wishes = TextWishesIn.model_validate(body)
    except ValidationError as error:
        raise BodyError(_short(describe(error)), hint='Send {"text": "slow space opera, no war", "k": 10}.') from None
    ask = partial(live.recommend_by_text, rerank=wishes.rerank, rerank_weight=wishes.rerank_weight, rules=wishes.rules)
    return reply(await run_in_threadpool(ask, wishes.text, wishes.k))


def _short(message: str) -> str:
    """Without the length of a text that was too long."""
    return message if len(message) <= MOST_TOLD else message[:MOST_TOLD] + "…"
