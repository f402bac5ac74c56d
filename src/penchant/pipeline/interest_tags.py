"""Interest tags: what users said of themselves elsewhere, in a column of their attributes, as edits.

Each tag is an ``add`` of the concept that it names or means, made when the model was fitted: shown as explicit, fading
like what is typed, undone like any other edit. Which concept a tag is of is found once, at the fit, and kept in the
bundle. The ids of these edits follow from user and tag, so an undo in a store finds them again after a restart.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any

from penchant.data.dataset import Dataset
from penchant.errors import ConfigError, NotFoundError
from penchant.interests.editing import EditingConfig
from penchant.interests.text.concept_search import MOST_CHARACTERS, ConceptSearch
from penchant.pipeline.live import Live
from penchant.records import Edit

LEAST_SIMILARITY = 0.5
"""Nobody is there to choose between what a tag may mean, so it must be nearer than typed words."""
SHOWN = 5
SEPARATORS = re.compile(r"[|,;\n，；、]")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedTags:
    """What became of users' interest tags."""

    edits: int
    """Edits they were loaded as"""
    users: int
    """Users who have such edits"""
    unknown: Mapping[str, int]
    """Tag that no concept is near → how many users have it, the most frequent first"""

    @property
    def told(self) -> str:
        """In a sentence."""
        text = f"{self.edits:,} interest tags of {self.users:,} users are loaded"
        if self.unknown:
            named = ", ".join(repr(tag) for tag in list(self.unknown)[:SHOWN])
            more = " …" if len(self.unknown) > SHOWN else ""
            text += f"; {len(self.unknown):,} are no concepts: {named}{more}"
        return text


def check_tags(dataset: Dataset, config: EditingConfig) -> None:
    """`ConfigError` where the settings name a column that users have not."""
    if config.tags is not None and config.tags not in dataset.users.columns:
        there = ", ".join(sorted(dataset.users.columns)) or "none"
        raise ConfigError(f"Users have no column {config.tags!r} of tags.", hint=f"Their columns are: {there}.")


def tags_in(value: Any) -> tuple[str, ...]:
    """The tags of one user, each once: a list's entries, or a text parted at ``| , ;``, lines and 、."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ()
    parts = [str(part) for part in value] if isinstance(value, list | tuple) else SEPARATORS.split(str(value))
    return tuple(dict.fromkeys(tag for part in parts if (tag := part.strip())))


def meanings(dataset: Dataset, config: EditingConfig, search: ConceptSearch) -> dict[str, str | None]:
    """Each tag that any user has → the concept it is of; None where none is near enough."""
    every = {tag for _, tags in _tagged(dataset, config) for tag in tags}
    return {tag: _meaning(tag, search) for tag in sorted(every)}


def load_tags(live: Live, search: Callable[[], ConceptSearch]) -> LoadedTags | None:
    """Take every user's tags as edits; None where the settings name no column of them.

    What they mean is in the bundle, or is searched for where they name a column only since it was made.
    """
    fitted, editing = live.fitted, live.config.editing
    if editing.tags is None:
        return None
    check_tags(fitted.dataset, editing)
    known = fitted.facts.get("tags")
    if known is None:
        known = meanings(fitted.dataset, editing, search())
    said_at = fitted.facts.get("fitted_at")
    moment = int(datetime.fromisoformat(said_at).timestamp() * 1e6) if said_at else live.microseconds()
    users: set[str] = set()
    edits, unknown = 0, Counter[str]()
    for user_id, tags in _tagged(fitted.dataset, editing):
        taken: set[str] = set()
        for tag in tags:
            concept_id = known.get(tag)
            if concept_id is None:
                unknown[tag] += 1
            elif concept_id not in taken:
                taken.add(concept_id)
                live.take(
                    Edit(
                        edit_id=_edit_id(user_id, concept_id),
                        user_id=user_id,
                        action="add",
                        concept_id=concept_id,
                        text=tag,
                        strength=editing.add,
                        edited_at=moment,
                    )
                )
        if taken:
            users.add(user_id)
            edits += len(taken)
    return LoadedTags(edits=edits, users=len(users), unknown=dict(unknown.most_common()))


def _tagged(dataset: Dataset, config: EditingConfig) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Users who have tags, with these."""
    column = None if config.tags is None else dataset.users.columns.get(config.tags)
    if column is None:
        return
    for user_id, value in zip(dataset.users.ids, column, strict=True):
        if tags := tags_in(value):
            yield user_id, tags


def _meaning(tag: str, search: ConceptSearch) -> str | None:
    if len(tag) > MOST_CHARACTERS:
        return None
    try:
        [nearest] = search.nearest(tag, limit=1)
    except NotFoundError:
        return None
    return nearest.concept_id if nearest.similarity >= LEAST_SIMILARITY else None


def _edit_id(user_id: str, concept_id: str) -> str:
    return "tag-" + blake2b(f"{user_id}\x1f{concept_id}".encode(), digest_size=12).hexdigest()
