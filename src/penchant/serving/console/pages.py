"""The pages' frames, rendered from templates; the scripts in `static/` fill them from the HTTP API."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, HTMLResponse
from starlette.staticfiles import StaticFiles

from penchant.serving.parameters import ItemId, UserId

_HERE = Path(__file__).parent
_API = ("/v1/", "/health", "/openapi.json", "/static/")
_templates = Environment(
    loader=FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
_pages = APIRouter(include_in_schema=False)

Handler = Callable[[Request, Exception], Response]


@_pages.get("/")
def start() -> Response:
    """Search, some users and items, and what the model is."""
    return _page("start.html", title="Penchant")


@_pages.get("/users/{user_id}")
def user(user_id: UserId) -> Response:
    """A user: history, interests, recommendations."""
    return _page("user.html", title=f"{user_id} · Penchant", user_id=user_id)


@_pages.get("/users/{user_id}/explanations/{item_id}")
def explanation(user_id: UserId, item_id: ItemId) -> Response:
    """Why an item stands where it stands for a user."""
    return _page("explanation.html", title="Why? · Penchant", user_id=user_id, item_id=item_id)


@_pages.get("/users/{user_id}/replay")
def replay(user_id: UserId) -> Response:
    """A user's interests through time."""
    return _page("replay.html", title=f"{user_id} through time · Penchant", user_id=user_id)


@_pages.get("/concepts")
def concepts() -> Response:
    """The concepts, searched as one types."""
    return _page("concepts.html", title="Concepts · Penchant")


@_pages.get("/items/{item_id}")
def item(item_id: ItemId) -> Response:
    """An item: attributes, concepts, neighbours."""
    return _page("item.html", title=f"{item_id} · Penchant", item_id=item_id)


@_pages.get("/favicon.ico")
def favicon() -> Response:
    """The icon, for pages that name none, such as a JSON answer."""
    return FileResponse(_HERE / "static" / "favicon.svg", media_type="image/svg+xml")


class _Files(StaticFiles):
    """Files that browsers ask after each time, so that an upgrade never mixes old scripts with new ones."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["cache-control"] = "no-cache"
        return response


def mount(app: FastAPI) -> None:
    """Add the console's pages and files."""
    app.include_router(_pages)
    app.mount("/static", _Files(directory=_HERE / "static"), name="static")


def or_page(handler: Handler) -> Handler:
    """The error handler, with a page instead where a person's browser asked for an address outside the API."""

    def answer(request: Request, error: Exception) -> Response:
        reading = "text/html" in request.headers.get("accept", "")
        if reading and isinstance(error, HTTPException) and not request.url.path.startswith(_API):
            path = request.scope["raw_path"].decode("ascii", "replace")
            return _page("missing.html", status=error.status_code, title="Not found · Penchant", path=path)
        return handler(request, error)

    return answer


def _page(template: str, *, status: int = 200, **context: str) -> Response:
    html = _templates.get_template(template).render(context)
    return HTMLResponse(html, status_code=status, headers={"cache-control": "no-cache"})
