"""The console: pages for people. They hold no data of their own, and fetch it all from the HTTP API."""

from penchant.serving.console.pages import mount, or_page

__all__ = ["mount", "or_page"]
