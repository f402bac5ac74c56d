"""Every error has one shape: ``{"error": {"type", "message", "hint", "request_id"}}``."""

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from penchant.errors import PenchantError
from penchant.serving.outgoing import Failure, Fault, reply

_HINTS = {
    404: "See /openapi.json for the addresses there are. A `/` inside an id is written %2F.",
    405: "See /openapi.json for the methods of each address.",
}
_TYPES = {404: "NotFoundError", 405: "MethodNotAllowedError"}


class BodyError(PenchantError):
    """A request body that is not what the address reads."""


class ParameterError(PenchantError):
    """A query parameter that the address does not have."""

    status = 422


class TooLargeError(PenchantError):
    """A request body above the server's limit."""

    status = 413


class MediaTypeError(PenchantError):
    """A request body that does not say it is JSON."""

    status = 415


def failure(request_id: str, *, status: int, type_: str, message: str, hint: str) -> Response:
    """An error as it goes out."""
    return reply(Failure(error=Fault(type=type_, message=message, hint=hint, request_id=request_id)), status=status)


def of_penchant(request: Request, error: Exception) -> Response:
    """An error raised on purpose."""
    assert isinstance(error, PenchantError)  # noqa: S101 (for the type checker: registered for this class only)
    return failure(
        request.state.request_id, status=error.status, type_=error.type, message=error.message, hint=error.hint
    )


def of_validation(request: Request, error: Exception) -> Response:
    """A query or path parameter outside what is allowed."""
    assert isinstance(error, RequestValidationError)  # noqa: S101
    faults = []
    for fault in error.errors():
        name = ".".join(str(part) for part in fault["loc"][1:]) or str(fault["loc"][0])
        came = f" (came: {fault['input']!r})" if fault["type"] != "missing" else ""
        faults.append(f"{name}: {fault['msg']}{came}")
    return failure(
        request.state.request_id,
        status=422,
        type_="ValidationError",
        message="; ".join(faults),
        hint="See /openapi.json for the parameters and their ranges.",
    )


def of_http(request: Request, error: Exception) -> Response:
    """An address or a method that does not exist."""
    assert isinstance(error, HTTPException)  # noqa: S101
    status, path = error.status_code, request.scope["raw_path"].decode("ascii", "replace")
    said = {404: f"Nothing is at {path}.", 405: f"{path} does not answer {request.method}."}
    answer = failure(
        request.state.request_id,
        status=status,
        type_=_TYPES.get(status, "HTTPError"),
        message=said.get(status, str(error.detail)),
        hint=_HINTS.get(status, ""),
    )
    answer.headers.update(error.headers or {})
    return answer
