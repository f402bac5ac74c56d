"""The addresses of the HTTP API, one file per subject."""

from penchant.serving.routes import drift, edits, events, health, items, reading, users

ROUTERS = (health.router, users.router, edits.router, drift.router, items.router, reading.router, events.router)
