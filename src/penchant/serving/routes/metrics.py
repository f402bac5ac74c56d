"""How the server does, for Prometheus."""

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from penchant.serving.parameters import Live

router = APIRouter(tags=["server"])


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(live: Live) -> Response:
    """Counters, times, measures of the last minutes and alerts in Prometheus' text format."""
    live.look_for_drift()
    body = live.monitoring.exposition(stored=live.stores.counts(), readings=live.readings())
    return Response(body, media_type=CONTENT_TYPE_LATEST, headers={"cache-control": "no-store"})
