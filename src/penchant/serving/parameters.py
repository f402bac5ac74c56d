"""Parameters that several addresses share."""

from typing import Annotated, cast

from fastapi import Depends, Path, Query, Request
from fastapi.dependencies.models import Dependant
from pydantic import AfterValidator, Field

from penchant.serving.door import decoded
from penchant.serving.failures import ParameterError
from penchant.serving.incoming import MAX_K
from penchant.serving.live import LiveModel

MAX_LIMIT = 500

UserId = Annotated[str, Path(description="A user's id, percent-encoded (`/` is %2F)."), AfterValidator(decoded)]
ItemId = Annotated[str, Path(description="An item's id, percent-encoded (`/` is %2F)."), AfterValidator(decoded)]
ConceptId = Annotated[str, Path(description="A concept's id, percent-encoded (`/` is %2F)."), AfterValidator(decoded)]
SlateId = Annotated[str, Path(description="A slate's id, percent-encoded."), AfterValidator(decoded)]
K = Annotated[int, Query(ge=1, le=MAX_K, description="How many; a k above the catalogue gives all there are.")]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="How many at most.")]
Lines = Annotated[tuple[Annotated[str, Field(max_length=1_024)], ...], Field(max_length=1_000)]
Moment = Annotated[
    int | None,
    Query(
        ge=-(2**62),
        le=2**62,
        description="Show the profile as it stood then: UTC microseconds, or after that many events where the "
        "model's clock is `position`.",
    ),
]
Words = Annotated[str, Query(max_length=512, description="Words to look for; empty gives some worth a look.")]


def known_query(request: Request) -> None:
    """Raises `ParameterError` for a query parameter that the address does not have: one that was misspelled, or is of
    another address, would be left out without a word.
    """
    allowed = _names(request.scope["route"].dependant)
    if unknown := sorted(set(request.query_params) - allowed):
        raise ParameterError(
            f"{request.method} {request.scope['route'].path} has no query parameter {', '.join(map(repr, unknown))}.",
            hint=f"There are: {', '.join(sorted(allowed))}." if allowed else "It has none.",
        )


def _names(dependant: Dependant) -> set[str]:
    """Of the query parameters of an address, those of what it depends on among them."""
    return {field.alias for field in dependant.query_params}.union(*map(_names, dependant.dependencies))


def _live(request: Request) -> LiveModel:
    return cast("LiveModel", request.app.state.live)


Live = Annotated[LiveModel, Depends(_live)]
