"""The outermost layer: request ids, slashes inside ids, security headers, the access log, and a last catch."""

import logging
import re
import time
from datetime import UTC, datetime
from urllib.parse import unquote
from uuid import uuid4

import orjson
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from penchant.serving.failures import failure

_access = logging.getLogger("penchant.access")
_log = logging.getLogger("penchant.serving")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")

SECURITY_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
}


def decoded(segment: str) -> str:
    """An id out of a path segment: `Door` has decoded all of it but `%` and `/`."""
    return segment.replace("%2F", "/").replace("%25", "%")


class Door:
    """ASGI middleware around the whole application.

    Servers decode a path before they route it, and then ``a%2Fb`` is two segments. Here the path is cut at its real
    slashes first; a slash or percent sign inside a segment stays encoded until `decoded` reads the id.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start = time.perf_counter()
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        status, monitoring, inner = 0, scope["app"].state.live.monitoring, scope
        monitoring.began()

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = request_id
                for name, value in SECURITY_HEADERS.items():
                    headers[name] = value
            await send(message)

        try:
            raw = scope.get("raw_path") or scope["path"].encode()
            path = _routable(raw)
            if path is None:
                refusal = failure(
                    request_id,
                    status=400,
                    type_="PathError",
                    message="The address is not UTF-8 once its percent signs are decoded.",
                    hint="Percent-encode ids as UTF-8.",
                )
                await refusal(scope, receive, answer)
                return
            inner = {**scope, "path": path, "raw_path": raw}
            await self.app(inner, receive, answer)
        except Exception:
            _log.exception("Request %s failed", request_id)
            if status:  # too late for another answer
                raise
            apology = failure(
                request_id,
                status=500,
                type_="InternalError",
                message="The server failed on this request; nothing is known to be wrong with the request.",
                hint=f"Its log says why, under request {request_id}.",
            )
            await apology(scope, receive, answer)
        finally:
            route = getattr(inner.get("route"), "path", "other")  # not the path: its ids would be labels without end
            monitoring.ended(scope["method"], route, status, time.perf_counter() - start)
            _access.info("%s", _line(scope, request_id, status, start))


def _routable(raw_path: bytes) -> str | None:
    """The path with each segment decoded, `%` and `/` inside one kept encoded; None where it is not UTF-8."""
    try:
        segments = [unquote(segment, errors="strict") for segment in raw_path.decode("ascii").split("/")]
    except UnicodeDecodeError:
        return None
    return "/".join(segment.replace("%", "%25").replace("/", "%2F") for segment in segments)


def _line(scope: Scope, request_id: str, status: int, start: float) -> str:
    entry = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "request_id": request_id,
        "method": scope["method"],
        "path": scope.get("raw_path", b"").decode("ascii", "replace"),
        "status": status,
        "ms": round((time.perf_counter() - start) * 1_000, 2),
        "client": (scope.get("client") or ("",))[0],
    }
    return orjson.dumps(entry).decode()
