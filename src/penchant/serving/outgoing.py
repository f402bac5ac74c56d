"""What the API answers, beside the records of `penchant.records`; field names are the names on the wire."""

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

import orjson
from fastapi import Response

from penchant.records import EditEntry, EditResult, HistoryEvent, ItemSummary, Profile, SimilarItem, UserSummary
from penchant.serving.monitoring import Alert

UNKNOWN_USER = "Nothing is known of this user yet: no events, so no interests. Events sent to /v1/events change that."


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Whether the server answers, with what, and how much it holds."""

    ready: bool
    status: Literal["ok", "degraded"]
    alerts: tuple[Alert, ...]
    """Measures beyond the bounds that the server was given"""
    bundle: str
    dataset: str
    clock: str
    encoder: str | None
    fitted_at: str | None
    nouns: tuple[str, str]
    versions: dict[str, str]
    counts: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Users:
    """Users found."""

    query: str
    users: tuple[UserSummary, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """Items found."""

    query: str
    items: tuple[ItemSummary, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A page of a user's history, newest first; `next_before` asks for the next page, null where there is none."""

    user_id: str
    events: tuple[HistoryEvent, ...]
    next_before: int | None
    cold: bool
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotedProfile(Profile):
    """A profile, and a word to go with it where the user is unknown."""

    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotedResult(EditResult):
    """What an edit did, and a word to go with it where the user is unknown."""

    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EditLog:
    """A user's edits, newest first."""

    user_id: str
    edits: tuple[EditEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Similar:
    """The items nearest to one."""

    item_id: str
    items: tuple[SimilarItem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What went wrong and what to do."""

    type: str
    message: str
    hint: str
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """The one shape of every error."""

    error: Fault


def noted(profile: Profile) -> NotedProfile | NotedResult:
    """The profile, or what an edit did to it, with a note where it is cold."""
    own = {field.name: getattr(profile, field.name) for field in dataclasses.fields(profile)}
    kind = NotedResult if isinstance(profile, EditResult) else NotedProfile
    return kind(**own, note=UNKNOWN_USER if profile.cold else "")


def reply(content: Any, *, status: int = 200) -> Response:
    """A record as JSON, not to be kept by caches: the next event changes it."""
    body = orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS)
    return Response(body, status_code=status, media_type="application/json", headers={"cache-control": "no-store"})
