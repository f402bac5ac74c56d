"""The addresses of the HTTP API, one file per subject."""

from penchant.serving.routes import events, health, items, users

ROUTERS = (health.router, users.router, items.router, events.router)
