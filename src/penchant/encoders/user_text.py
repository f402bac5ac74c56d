"""Users as texts: their attributes, and the words they browsed, wrote and typed, kept apart by source."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Literal, get_args

import numpy as np
from pydantic import Field, field_validator

from penchant.config import Config
from penchant.data.dataset import Dataset
from penchant.encoders.rendering import check_fields, check_wordings, words
from penchant.errors import ConfigError
from penchant.interfaces import Encoder
from penchant.progress import SILENT, Progress
from penchant.types import FloatArray

Source = Literal["attributes", "browsed", "comments", "searches"]
SOURCES: tuple[Source, ...] = get_args(Source)


class UserTemplate(Config):
    """Which of a user's attributes and words are rendered."""

    fields: Mapping[str, str] | None = None
    """Attribute → wording with one ``{}``. None: every attribute as ``name: value``, but ids (names ending in "id")."""
    max_values: int = Field(default=5, ge=1)
    """How many values of an attribute that has several."""
    max_browsed: int = Field(default=10, ge=0)
    max_comments: int = Field(default=5, ge=0)
    max_searches: int = Field(default=10, ge=0)
    """How many of the latest, distinct ones; 0 leaves a source out."""
    search_types: frozenset[str] = frozenset({"search", "query"})
    comment_types: frozenset[str] = frozenset({"comment", "review", "reply", "post"})
    """Event types whose text is a search or a comment. A text of another type is a comment where the event has an item,
    else a search."""

    @field_validator("fields")
    @classmethod
    def _wordings(cls, fields: Mapping[str, str] | None) -> Mapping[str, str] | None:
        check_wordings(fields or {})
        return fields


@dataclass(frozen=True, slots=True, kw_only=True)
class UserText:
    """What is known of a user in words; the three lists are newest first."""

    attributes: str = ""
    browsed: tuple[str, ...] = ()
    """Titles of items."""
    comments: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()

    def source(self, source: Source) -> str:
        """One source as a text, "" where the user has none."""
        value: str | tuple[str, ...] = getattr(self, source)
        return value if isinstance(value, str) else ". ".join(value)

    @property
    def text(self) -> str:
        """All sources in one text, each under its name."""
        headings = {"attributes": "", "browsed": "Read about: ", "comments": "Wrote: ", "searches": "Searched for: "}
        parts = [headings[f.name] + text for f in fields(self) if (text := self.source(f.name))]  # type: ignore[arg-type]
        return "\n".join(parts)


def render_users(dataset: Dataset, *, template: UserTemplate | None = None) -> list[UserText]:
    """The words of each of the U users, from the events of `dataset` only: hand in the training part.

    Raises `ConfigError` where the template names an attribute that users do not have.
    """
    template = template or UserTemplate()
    columns = dataset.users.columns
    wordings = template.fields
    if wordings is None:
        wordings = {name: f"{name.replace('_', ' ')}: {{}}" for name in columns if not name.lower().endswith("id")}
    check_fields(wordings, columns, what="user")
    bounds = np.searchsorted(dataset.events.users, np.arange(dataset.n_users + 1))
    is_search = np.array([name.lower() in template.search_types for name in dataset.event_types], dtype=bool)
    is_comment = np.array([name.lower() in template.comment_types for name in dataset.event_types], dtype=bool)
    rendered = []
    for user in range(dataset.n_users):
        values = ((words(columns[name][user], at_most=template.max_values), w) for name, w in wordings.items())
        attributes = ". ".join(wording.replace("{}", value) for value, wording in values if value)
        browsed, comments, searches = (
            _Latest(template.max_browsed),
            _Latest(template.max_comments),
            _Latest(template.max_searches),
        )
        for event in range(int(bounds[user + 1]) - 1, int(bounds[user]) - 1, -1):
            item, kind = int(dataset.events.items[event]), int(dataset.events.types[event])
            if item >= 0:
                browsed.add(dataset.title(item))
            if dataset.events.texts is not None and (text := words(dataset.events.texts[event], at_most=1)):
                searched = is_search[kind] or (item < 0 and not is_comment[kind])
                (searches if searched else comments).add(text)
            if browsed.full and dataset.events.texts is None:
                break
        rendered.append(
            UserText(
                attributes=attributes,
                browsed=tuple(browsed.kept),
                comments=tuple(comments.kept),
                searches=tuple(searches.kept),
            )
        )
    return rendered


def encode_users(
    encoder: Encoder,
    users: Sequence[UserText],
    *,
    sources: Sequence[Source] = SOURCES,
    progress: Progress = SILENT,
) -> FloatArray:
    """(U, D) unit vectors: the mean over a user's sources of the sources' unit vectors, zero for a user with none.

    Each source is encoded by itself, so that a long one cannot push another past the encoder's maximum length.
    Raises `ConfigError` for an unknown source.
    """
    if unknown := sorted(set(sources) - set(SOURCES)):
        raise ConfigError(f"No source is called {', '.join(unknown)}.", hint=f"There are: {', '.join(SOURCES)}.")
    texts = [user.source(source) for source in sources for user in users]
    vectors = encoder.encode(texts, progress=progress).reshape(len(sources), len(users), encoder.dim)
    total = vectors.sum(axis=0)
    norms = np.linalg.norm(total, axis=1, keepdims=True)
    mean: FloatArray = np.divide(total, norms, out=np.zeros_like(total), where=norms > 0)
    return mean


class _Latest:
    """The first `size` distinct texts given."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.kept: dict[str, None] = {}

    def add(self, text: str) -> None:
        if not self.full:
            self.kept.setdefault(text)

    @property
    def full(self) -> bool:
        return len(self.kept) >= self.size
