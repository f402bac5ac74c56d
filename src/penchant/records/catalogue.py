"""Items, users and models as shown to a person."""

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarItem:
    """A neighbour of an item by the cosine of their vectors."""

    item_id: str
    title: str
    similarity: float
    shared: tuple[str, ...] = ()
    """Names of the concepts both items activate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemView:
    """An item as shown to a person."""

    item_id: str
    title: str
    text: str
    attributes: dict[str, Any]
    concepts: tuple[str, ...]
    events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UserSummary:
    """A user found by a search."""

    user_id: str
    events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemSummary:
    """An item found by a search."""

    item_id: str
    title: str
    events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """What a fitted model is and what it stands on."""

    bundle: str
    """The bundle's name and version, as slates carry it."""
    dataset: str
    clock: Literal["time", "position"]
    users: int
    items: int
    events: int
    concepts: int
    encoder: str | None = None
    fitted_at: str | None = None
    nouns: tuple[str, str] = ("item", "items")
    """What one item and many are called, such as book and books."""
