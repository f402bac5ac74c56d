"""Reading a JSON body within the server's limit."""

from typing import Any

import orjson
from fastapi import Request

from penchant.serving.failures import BodyError, MediaTypeError, TooLargeError


async def read_json(request: Request, *, max_bytes: int) -> Any:
    """The body as JSON. Raises `MediaTypeError`, `TooLargeError` or `BodyError`.

    The media type is insisted on: browsers send a foreign page's form without asking, but not JSON.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise MediaTypeError(
            f"The body is of type {media_type or 'unknown'!r}; allowed: application/json.",
            hint="Send the header Content-Type: application/json.",
        )
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise TooLargeError(f"The body is above {max_bytes:,} bytes.", hint="Send it in several requests.")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BodyError(f"The body is not JSON: {error}.", hint="Send UTF-8 JSON; see /openapi.json.") from None
