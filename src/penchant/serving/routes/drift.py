"""Drift: whether what a user takes has changed, and what all users take."""

from fastapi import APIRouter, Response

from penchant.records import DriftHistory, PopulationDrift
from penchant.serving.outgoing import reply
from penchant.serving.parameters import Live, Moment, UserId

router = APIRouter(prefix="/v1", tags=["drift"])


@router.get("/users/{user_id}/drift", response_model=DriftHistory)
def drift(user_id: UserId, live: Live, as_of: Moment = None) -> Response:
    """The user's drift score after each event, and the changes noticed: what is new, returning, rising or faded."""
    return reply(live.drift(user_id, as_of=as_of))


@router.get("/drift", response_model=PopulationDrift)
def population_drift(live: Live) -> Response:
    """Concepts whose share of all events changed, and whether events became harder to foresee. The first request reads
    what is usual, which takes seconds.
    """
    return reply(live.population_drift())
