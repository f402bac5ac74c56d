"""What users say of themselves, and what it did."""

from dataclasses import dataclass
from typing import Literal

from penchant.records.profiles import Profile

EditAction = Literal["more", "less", "pin", "mute", "add", "forget", "reset", "undo"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A user's own word on what is known of him: an entry of the log, like an event.

    ``more``, ``less``, ``pin`` and ``mute`` name a concept; ``add`` has the words typed, and the concept they were
    taken for; ``forget`` names an event of his, ``undo`` an edit of his; ``reset`` a concept, or nothing: then all is
    meant. `edited_at` is UTC microseconds. A repeated edit counts once; another under its `edit_id` is refused.
    """

    edit_id: str
    user_id: str
    action: EditAction
    concept_id: str | None = None
    event_id: str | None = None
    text: str | None = None
    undoes: str | None = None
    strength: float | None = None
    """Standard deviations by which it moves its interest, as found when it was made; None: as the settings say."""
    edited_at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ConceptMatch:
    """A concept that typed words may mean. `similarity` is in (0, 1], 1 for its own name."""

    concept_id: str
    concept: str
    similarity: float
    how: Literal["name", "words", "meaning"]
    """By its name or an alias, by words of these or a maker or title that is of it, or by the language model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedItem:
    """An item that an edit moved. A rank is None where the item is not among the first; a score where it is not served
    at all, such as of a muted interest.
    """

    item_id: str
    title: str
    rank_before: int | None
    rank_after: int | None
    score_before: float | None
    score_after: float | None
    change: float | None
    """score_after − score_before"""


@dataclass(frozen=True, slots=True, kw_only=True)
class EditResult(Profile):
    """What an edit did: the user's profile after it, and what became of the top of his slate."""

    edit: Edit
    """As it was taken: with its id, and the concept that typed words were taken for."""
    repeated: bool = False
    """An edit of this id was taken before; nothing was done."""
    moved: tuple[MovedItem, ...] = ()
    """The first items before and after, those of the slate after it first."""
    entered: tuple[str, ...] = ()
    """Items that are among the first only after it, and ..."""
    left: tuple[str, ...] = ()
    """... only before."""
    matches: tuple[ConceptMatch, ...] = ()
    """What typed words may have meant, the concept taken first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EditEntry:
    """An edit as the log tells it."""

    edit: Edit
    concept: str | None
    """The concept's name, where it names one."""
    standing: bool
    """Whether it counts: neither undone, nor taken back by a reset, nor contradicted by a later edit."""
