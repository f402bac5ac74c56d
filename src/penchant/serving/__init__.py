"""The HTTP API and the console. `create_app(model, stores)` gives the ASGI application."""

from penchant.serving.app import create_app

__all__ = ["create_app"]
