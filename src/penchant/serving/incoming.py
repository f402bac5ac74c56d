"""What clients send, checked entry by entry: the good ones are kept, each bad one is named."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from penchant.records import EditAction, Event, Rejection
from penchant.reranking.rules import Rules
from penchant.serving.moments import microseconds

MAX_EVENTS = 10_000
MAX_K = 1_000
MAX_ID = 512
MAX_TEXT = 20_000


def _id(value: Any) -> Any:
    """Ids are strings; clients that number their users may send the number."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _moment(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return value
    return microseconds(value)


_REASONS = {
    "missing": "missing",
    "model_type": "not an object with the columns of an event",
    "string_type": "not a string",
    "string_too_short": "empty",
    "string_too_long": "longer than {max_length} characters",
    "float_type": "not a number",
    "finite_number": "not a finite number",
    "int_type": "not a number, nor a moment in ISO 8601",
    "value_error": "{error}",
}

Id = Annotated[str, Field(min_length=1, max_length=MAX_ID), BeforeValidator(_id)]


class EventIn(BaseModel):
    """Something a user did. A repeated `event_id` counts once; without one every event counts."""

    model_config = ConfigDict(extra="forbid", strict=True)

    user_id: Id
    item_id: Id | None = Field(default=None, description="Null for a search or free text, which then is in `text`.")
    event_type: str = Field(
        default="interaction",
        min_length=1,
        max_length=MAX_ID,
        description="What the user did, such as `read`, `click`, `purchase`, `rating`, or `not_interested`.",
    )
    timestamp: Annotated[
        int | None,
        BeforeValidator(_moment, json_schema_input_type=int | float | str | None),
        Field(
            description="Seconds, milliseconds or microseconds since 1970, or ISO 8601; now where there is none. "
            "Not read where the model's clock is `position`."
        ),
    ] = None
    value: float | None = Field(default=None, allow_inf_nan=False, description="A rating, dwell time or quantity.")
    text: str | None = Field(default=None, max_length=MAX_TEXT)
    event_id: Id | None = None
    slate_id: Id | None = Field(default=None, description="The slate the item was shown in.")


class EditIn(BaseModel):
    """The user's own word on an interest."""

    model_config = ConfigDict(extra="forbid")

    action: Literal["more", "less", "pin", "mute", "reset"]
    edit_id: Id | None = Field(
        default=None, description="The same edit sent again counts once; another under its id is refused."
    )


class AnyEditIn(BaseModel):
    """The user's own word on what is known of him."""

    model_config = ConfigDict(extra="forbid")

    action: EditAction
    concept_id: Id | None = Field(
        default=None,
        description="For `more`, `less`, `pin`, `mute`; for `reset`, which without one is of everything; with `add`, "
        "what the words are to be taken for.",
    )
    event_id: Id | None = Field(default=None, description="For `forget`: an event of the user's history.")
    text: str | None = Field(default=None, max_length=MAX_TEXT, description="For `add`: the interest, as typed.")
    undoes: Id | None = Field(default=None, description="For `undo`: an edit of the user's; the last where none is.")
    edit_id: Id | None = Field(
        default=None, description="The same edit sent again counts once; another under its id is refused."
    )


class WishesIn(BaseModel):
    """What a slate should be like."""

    model_config = ConfigDict(extra="forbid")

    k: int = Field(default=10, ge=1, le=MAX_K)
    exclude_seen: bool = Field(default=True, description="Leave out what the user has had; `rules.seen` wins.")
    rerank: str | None = Field(default=None, max_length=64, description="A reranker's name, or `none`.")
    rerank_weight: float | None = Field(default=None, ge=0, le=1)
    rules: Rules | None = None
    explore: Annotated[float, Field(ge=0, le=1, strict=True)] | Literal["auto"] | dict[str, Any] | None = Field(
        default=None,
        description="The share of places spent on finding out, `auto`, or settings such as "
        '{"share": 0.3, "most": 2, "never_at": [1]}.',
    )
    policy: Annotated[str, Field(max_length=64)] | dict[str, Any] | None = Field(
        default=None,
        description="Another policy than the dial, by name, or with settings: "
        '{"name": "softmax", "temperature": 0.5}. Not together with `explore`.',
    )
    request_id: Id | None = Field(default=None, description="A repeated `request_id` is answered as the first was.")


class TextWishesIn(BaseModel):
    """Words to recommend for, and what the slate should be like."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(max_length=MAX_TEXT, description="What is wanted, in words; `no …` leaves out.")
    k: int = Field(default=10, ge=1, le=MAX_K)
    rerank: str | None = Field(default=None, max_length=64, description="A reranker's name, or `none`.")
    rerank_weight: float | None = Field(default=None, ge=0, le=1)
    rules: Rules | None = None


def read_events(entries: Sequence[Any]) -> tuple[list[int], list[Event], list[Rejection]]:
    """The places and records of the entries that can be read, and a rejection for each that cannot."""
    places, events, rejected = [], [], []
    for index, entry in enumerate(entries):
        try:
            read = EventIn.model_validate(entry)
        except ValidationError as error:
            column, reason = _fault(error)
            rejected.append(Rejection(index=index, column=column, reason=reason))
        else:
            places.append(index)
            events.append(Event(**read.model_dump()))
    return places, events, rejected


def _fault(error: ValidationError) -> tuple[str, str]:
    fault = error.errors(include_url=False)[0]
    column = str(fault["loc"][0]) if fault["loc"] else "event"
    if fault["type"] == "extra_forbidden":
        return column, f"no such column; there are {', '.join(EventIn.model_fields)}"
    context = fault.get("ctx", {})
    return column, _REASONS.get(fault["type"], fault["msg"]).format(**context)
