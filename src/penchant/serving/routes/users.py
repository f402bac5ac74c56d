"""A user's interests, history and recommendations."""

from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import ValidationError

from penchant.config import describe
from penchant.exploration.policies.catalogue import POLICIES
from penchant.pipeline.exploring import wish_of
from penchant.pipeline.questions import MOST_QUESTIONS, Questions
from penchant.records import Discoveries, Slate
from penchant.reranking.catalogue import RERANKERS
from penchant.reranking.wording import BOOST, PIN, QUOTA, SEEN, rules_of
from penchant.serving.bodies import read_json
from penchant.serving.failures import BodyError
from penchant.serving.incoming import MAX_ID, WishesIn
from penchant.serving.outgoing import UNKNOWN_USER, History, NotedProfile, Users, noted, reply
from penchant.serving.parameters import K, Limit, Lines, Live, Moment, UserId, Words

router = APIRouter(prefix="/v1/users", tags=["users"])


@router.get("", response_model=Users)
def find_users(live: Live, q: Words = "", limit: Limit = 20) -> Response:
    """Users whose id holds the words."""
    return reply(Users(query=q, users=tuple(live.find_users(q, limit))))


@router.get("/{user_id}/interests", response_model=NotedProfile)
def interests(user_id: UserId, live: Live, as_of: Moment = None, limit: Limit = 12) -> Response:
    """The user's interests, strongest first, each with the events behind it."""
    return reply(noted(live.interests(user_id, as_of=as_of, limit=limit)))


@router.get("/{user_id}/history", response_model=History)
def history(
    user_id: UserId,
    live: Live,
    limit: Limit = 50,
    before: Annotated[int | None, Query(ge=0, le=2**62, description="`next_before` of the page before.")] = None,
) -> Response:
    """The user's events, newest first, a page at a time."""
    page = live.history(user_id, limit=limit + 1, before=before)
    events = tuple(page[:limit])
    cold = not events and before is None
    return reply(
        History(
            user_id=user_id,
            events=events,
            next_before=events[-1].position if len(page) > limit else None,
            cold=cold,
            note=UNKNOWN_USER if cold else "",
        )
    )


@router.get("/{user_id}/recommendations", response_model=Slate)
def recommendations(
    user_id: UserId,
    live: Live,
    k: K = 10,
    exclude_seen: Annotated[bool, Query(description="Leave out what the user has had.")] = True,
    rerank: Annotated[
        str | None, Query(description=f"Name of a reranker: {', '.join(RERANKERS)}; `none` for none.")
    ] = None,
    rerank_weight: Annotated[float | None, Query(ge=0, le=1, description="How much it counts.")] = None,
    allow: Annotated[
        Lines, Query(description="Only these: an item's id, or column:value. Repeatable, as are all rules.")
    ] = (),
    deny: Annotated[Lines, Query(description="Never these.")] = (),
    boost: Annotated[Lines, Query(description=f"Added to values: {BOOST}.")] = (),
    quota: Annotated[Lines, Query(description=f"How many of the slate: {QUOTA}.")] = (),
    pin: Annotated[Lines, Query(description=f"At its place: {PIN}.")] = (),
    seen: Annotated[str | None, Query(max_length=64, description=f"What the user has had: {SEEN}.")] = None,
    explore: Annotated[
        float | Literal["auto"] | None,
        Query(description="The share of places spent on finding out, from 0 to 1, or `auto`."),
    ] = None,
    most: Annotated[int | None, Query(ge=0, description="Explored places, at most.")] = None,
    never_at: Annotated[
        tuple[int, ...], Query(description="A place, from 1, that is never explored. Repeatable.")
    ] = (),
    never: Annotated[Lines, Query(description="A concept's id: no item of it is explored. Repeatable.")] = (),
    patience: Annotated[
        int | None, Query(ge=1, description="Ignored tries of an interest after which it is tried no more.")
    ] = None,
    policy: Annotated[
        str | None, Query(max_length=64, description=f"Instead of the dial: {', '.join(POLICIES)}.")
    ] = None,
    request_id: Annotated[
        str | None, Query(min_length=1, max_length=MAX_ID, description="A repeated one is answered as the first was.")
    ] = None,
) -> Response:
    """The user's best items with the parts their scores are made of; kept under its `slate_id`.

    `rerank_adjustment` is what reranker and rules added to an item's score. An explored item would not be here
    otherwise: `exploring` says why it is, `propensity` how likely each item was to come to its place.
    """
    rules = rules_of(allow=allow, deny=deny, boost=boost, quota=quota, pin=pin, seen=seen)
    dial = wish_of(explore, most=most, never_at=never_at, never=never, patience=patience)
    return reply(
        live.recommend(
            user_id,
            k,
            exclude_seen=exclude_seen,
            rerank=rerank,
            rerank_weight=rerank_weight,
            rules=rules,
            explore=dial,
            policy=policy,
            request_id=request_id,
        )
    )


@router.get("/{user_id}/discoveries", response_model=Discoveries)
def discoveries(user_id: UserId, live: Live, limit: Limit = 5) -> Response:
    """Interests that the user is not known to have and that are worth a try, the likeliest first."""
    return reply(live.discover(user_id, limit=limit))


@router.get("/{user_id}/questions", response_model=Questions)
def questions(
    user_id: UserId,
    live: Live,
    n: Annotated[int, Query(ge=1, le=MOST_QUESTIONS, description="How many at most.")] = 3,
) -> Response:
    """The few questions that tell most of a user: whether he likes a concept. A yes is answered by putting ``more`` to
    `/v1/users/{user_id}/interests/{concept_id}`, a no by ``less``; recommendations and the next questions follow.
    """
    return reply(live.questions(user_id, n=n))


@router.post(
    "/{user_id}/recommendations",
    response_model=Slate,
    openapi_extra={
        "requestBody": {"required": True, "content": {"application/json": {"schema": WishesIn.model_json_schema()}}}
    },
)
async def recommendations_under_rules(user_id: UserId, live: Live, request: Request) -> Response:
    """The same, asked with a body: for rules too long for an address, and for all settings of exploration."""
    body = await read_json(request, max_bytes=request.app.state.max_body_bytes)
    try:
        wishes = WishesIn.model_validate(body)
    except ValidationError as error:
        raise BodyError(describe(error), hint='Send {"k": 10, "rerank": "mmr", "rules": {"deny": ["b17"]}}.') from None
    ask = partial(live.recommend, exclude_seen=wishes.exclude_seen, rerank=wishes.rerank, rules=wishes.rules)
    wanted = wishes.model_dump(include={"rerank_weight", "explore", "policy", "request_id"})
    return reply(await run_in_threadpool(ask, user_id, wishes.k, **wanted))
