"""Addresses out of segments."""

from urllib.parse import quote


def path(*segments: str) -> str:
    """Each segment percent-encoded whole, slashes included."""
    return "/" + "/".join(quote(segment, safe="") for segment in segments)
