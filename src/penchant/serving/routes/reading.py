"""Why: explanations of items and of served slates, the concepts, and a user's interests through time."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from penchant.interests.explained import Explanation
from penchant.pipeline.concept_views import ConceptView
from penchant.pipeline.replaying import Replay
from penchant.serving.outgoing import reply
from penchant.serving.parameters import ConceptId, ItemId, K, Limit, Live, SlateId, UserId, Words
from penchant.serving.reading import ConceptsFound, SlateExplanation, UserConcepts

router = APIRouter(prefix="/v1", tags=["explanations"])

Level = Annotated[
    Literal["broad", "fine"] | None,
    Query(description="`broad`: nothing above it; `fine`: nothing below it. Left out: all."),
]


@router.get("/users/{user_id}/explanations/{item_id}", response_model=Explanation)
def explain(user_id: UserId, item_id: ItemId, live: Live) -> Response:
    """Why an item stands where it stands for a user now: all parts of its score, which add up to it, what would be
    without the largest, what the tracker looked at, and paths over what the catalogue knows.
    """
    return reply(live.explain(user_id, item_id))


@router.get("/recommendations/{slate_id}/explanation", response_model=SlateExplanation)
def explain_slate(
    slate_id: SlateId,
    live: Live,
    item: Annotated[str | None, Query(max_length=512, description="Of this item only.")] = None,
) -> Response:
    """Why a served slate was as it was: reasons and sums as they were served."""
    return reply(live.explain_slate(slate_id, item))


@router.get("/users/{user_id}/concepts", response_model=UserConcepts)
def user_concepts(user_id: UserId, live: Live, level: Level = None, k: K = 5) -> Response:
    """A user's interests as a sparse vector with named axes; with a level, a list of `k` items for each as well."""
    return reply(live.user_concepts(user_id, level=level, k=k))


@router.get("/users/{user_id}/replay", response_model=Replay)
def replay(
    user_id: UserId,
    live: Live,
    every: Annotated[int | None, Query(ge=1, le=2**31, description="Read after every so many events.")] = None,
    limit: Limit = 8,
) -> Response:
    """How a user's interests came and went: the profile after each of his events, at a bounded number of moments."""
    return reply(live.replay_interests(user_id, every=every, limit=limit))


@router.get("/concepts", response_model=ConceptsFound)
def concepts(live: Live, q: Words = "", level: Level = None, limit: Limit = 50) -> Response:
    """Concepts whose names hold the words."""
    found = tuple(live.concepts(q, level=level, limit=limit))
    return reply(ConceptsFound(query=q, level=level, concepts=found))


@router.get("/concepts/{concept_id}", response_model=ConceptView)
def concept(concept_id: ConceptId, live: Live) -> Response:
    """A concept: its place, examples, size, purity, and how many users hold it."""
    return reply(live.concept(concept_id))
