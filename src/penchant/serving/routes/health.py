"""Whether the server answers, and with what."""

import platform

from fastapi import APIRouter, Response

import penchant
from penchant.serving.outgoing import Health, reply
from penchant.serving.parameters import Live

router = APIRouter(tags=["server"])


@router.get("/health", response_model=Health)
def health(live: Live) -> Response:
    """Ready or not, the bundle that answers, versions and counts; degraded where a measure is beyond its bound."""
    live.look_for_drift()
    card, stored, alerts = live.card(), live.stores.counts(), live.monitoring.alerts()
    return reply(
        Health(
            ready=True,
            status="degraded" if alerts else "ok",
            alerts=alerts,
            bundle=card.bundle,
            dataset=card.dataset,
            clock=card.clock,
            encoder=card.encoder,
            fitted_at=card.fitted_at,
            nouns=card.nouns,
            versions={"api": "v1", "penchant": penchant.__version__, "python": platform.python_version()},
            counts={
                "users": card.users,
                "items": card.items,
                "events": card.events,
                "concepts": card.concepts,
                "stored_events": stored["events"],
                "stored_edits": stored["edits"],
                "stored_slates": stored["slates"],
                "slates_not_kept": live.slates_not_kept,
            },
        )
    )
