"""The addresses of the HTTP API, one file per subject."""

from penchant.serving.routes import drift, edits, events, health, items, metrics, reading, recommendations, users

ROUTERS = (
    health.router,
    metrics.router,
    users.router,
    edits.router,
    drift.router,
    items.router,
    reading.router,
    recommendations.router,
    events.router,
)
