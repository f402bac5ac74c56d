"""Taking a user's word: checked and completed, put in his log, and told by what it moved."""

import dataclasses
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, get_args

from penchant.errors import ConfigError, NotFoundError
from penchant.interests.text.concept_search import ConceptSearch
from penchant.pipeline.edit_steps import confirmed_step, visible_step
from penchant.pipeline.edits import Edits
from penchant.pipeline.live import Live
from penchant.pipeline.malformed import check_edit
from penchant.pipeline.slates import serve
from penchant.pipeline.timeline import MAX_ID_LENGTH
from penchant.records import (
    ConceptMatch,
    Edit,
    EditAction,
    EditEntry,
    EditResult,
    MovedItem,
    Profile,
    RecommendedItem,
)
from penchant.reranking.settings import Reranking

TOP = 20
"""Items of a slate that an edit's effect is told of."""
NEEDS: Mapping[EditAction, str] = {
    "more": "concept_id",
    "less": "concept_id",
    "pin": "concept_id",
    "mute": "concept_id",
    "add": "text",
    "forget": "event_id",
}
"""What an action cannot be without."""
MAY_HAVE: Mapping[EditAction, frozenset[str]] = {
    **{action: frozenset({name}) for action, name in NEEDS.items()},
    "add": frozenset({"text", "concept_id"}),
    "reset": frozenset({"concept_id"}),
    "undo": frozenset({"undoes"}),
}
GIVEN = ("concept_id", "event_id", "text", "undoes")


def completed(live: Live, search: ConceptSearch, edit: Edit) -> Edit:
    """The edit as it goes into the log: with an id, a moment, the concept that typed words are taken for (the nearest,
    where none is given), the edit that an undo takes back (the last, where none is named), and how far a word moves its
    interest.

    Nothing is changed. `ConfigError` for an unknown action, for what an action lacks or cannot have, for fields of the
    wrong type and for an id that another edit has, `NotFoundError` for a concept, an event or an edit that the user has
    not, for words near nothing, and for an undo where nothing is left to undo.
    """
    check_edit(edit)
    if edit.action not in get_args(EditAction):
        raise ConfigError(f"No edit is called {edit.action!r}.", hint=f"There are: {', '.join(get_args(EditAction))}.")
    if not edit.user_id.strip():
        raise ConfigError("No user came with the edit.", hint="Name the user whose interests it is about.")
    _check_fields(edit)
    if (known := live.taken(edit.edit_id)) is not None:
        _check_repetition(edit, known)
        return known
    edit = replace(
        edit,
        edit_id=edit.edit_id or uuid.uuid4().hex,
        edited_at=edit.edited_at or max(live.microseconds(), live.edits(edit.user_id).latest),
    )
    if edit.action == "add" and edit.text is not None and edit.concept_id is None:
        edit = replace(edit, concept_id=search.nearest(edit.text, limit=1)[0].concept_id)
    if edit.action == "undo":
        return replace(edit, undoes=_undoable(live.edits(edit.user_id), edit))
    column, settings = live.placed(edit).column, live.config.editing
    least = settings.pin if edit.action == "pin" else abs(settings.step_of(edit.action))
    if not least:
        return edit
    step = visible_step(live, edit.user_id, column, least=least, down=edit.action == "less")
    if edit.action == "pin":  # it takes the place of what was said before, and must not be less
        said = live.edited(edit.user_id, live.timeline.history(edit.user_id), live.edits(edit.user_id))
        step = min(step + max(0.0, float(said[column])), settings.limit)
    edit = replace(edit, strength=step)
    return replace(edit, strength=confirmed_step(live, edit, column))


def change(
    live: Live, edit: Edit, *, profile: Callable[[str], Profile], matches: tuple[ConceptMatch, ...]
) -> EditResult:
    """Take a completed edit, and tell what it moved: the first items before and after it, under the model's own rules.

    An item's scores are those of the two moments, also where it is among the first in one of them only.
    """
    user_id, was = edit.user_id, live.edits(edit.user_id)
    before = _served(live, user_id, TOP, live.config.reranking)
    if not live.take(edit):
        own = profile(user_id)
        return EditResult(**_fields(own), edit=edit, repeated=True)
    try:
        return _told_change(live, edit, was, before, profile, matches)
    except Exception:
        live.drop(edit, was)
        raise


def _told_change(
    live: Live,
    edit: Edit,
    was: Edits,
    before: dict[str, RecommendedItem],
    profile: Callable[[str], Profile],
    matches: tuple[ConceptMatch, ...],
) -> EditResult:
    user_id = edit.user_id
    after = _served(live, user_id, TOP, live.config.reranking)
    entered, left = [i for i in after if i not in before], [i for i in before if i not in after]
    scores_after = {i: item.score for i, item in (after | _scored(live, user_id, left)).items()}
    now = live.edits(user_id)
    live.stand(user_id, was)
    try:
        scores_before = {i: item.score for i, item in (before | _scored(live, user_id, entered)).items()}
    finally:
        live.stand(user_id, now)
    moved = []
    for item_id, item in (before | after).items():
        first, last = scores_before.get(item_id), scores_after.get(item_id)
        moved.append(
            MovedItem(
                item_id=item_id,
                title=item.title,
                rank_before=before[item_id].rank if item_id in before else None,
                rank_after=after[item_id].rank if item_id in after else None,
                score_before=first,
                score_after=last,
                change=None if first is None or last is None else last - first,
            )
        )
    moved.sort(key=lambda one: (one.rank_after or TOP + 1, one.rank_before or TOP + 1))
    return EditResult(
        **_fields(profile(user_id)),
        edit=edit,
        moved=tuple(moved),
        entered=tuple(entered),
        left=tuple(left),
        matches=matches,
    )


def told(live: Live, user_id: str, *, limit: int) -> list[EditEntry]:
    """The user's log, newest first."""
    edits = live.edits(user_id)
    undone = edits.undone
    standing = {taken.edit.edit_id for taken in edits.standing}
    concepts = live.fitted.vocabulary.concepts
    return [
        EditEntry(
            edit=taken.edit,
            concept=concepts[taken.column].name if taken.column >= 0 else None,
            standing=taken.edit.edit_id in standing
            or (taken.edit.action in ("undo", "reset") and taken.edit.edit_id not in undone),
        )
        for taken in reversed(edits.log[-limit:])
    ]


def _undoable(edits: Edits, edit: Edit) -> str:
    if edit.undoes is None:
        if edits.last is None:
            raise NotFoundError(
                f"{edit.user_id} has no edit that could be undone.", hint="See the log of the user's edits."
            )
        return edits.last.edit_id
    if edits.of(edit.undoes) is None:
        raise NotFoundError(
            f"{edit.user_id} has no edit {edit.undoes!r}.", hint="Take an edit_id from the user's edits."
        )
    if edit.undoes in edits.undone:
        raise ConfigError(
            f"The edit {edit.undoes!r} is undone already.", hint="Undo the undo to have it back, or make it again."
        )
    return edit.undoes


def _check_repetition(edit: Edit, known: Edit) -> None:
    """`ConfigError` where an edit has the id of one taken before, and is another: it would be dropped unseen."""
    taken = f"The edit_id {edit.edit_id!r} is taken"
    if known.user_id != edit.user_id:
        raise ConfigError(f"{taken}.", hint="Give each edit an id of its own.")
    found_here = {"add": "concept_id", "undo": "undoes"}.get(edit.action)  # what is completed where it is left out
    differing = [
        name
        for name in ("action", *GIVEN)
        if getattr(edit, name) != getattr(known, name) and not (name == found_here and getattr(edit, name) is None)
    ]
    if differing:
        was = ", ".join(f"{name} {getattr(known, name)!r}" for name in differing)
        came = ", ".join(f"{getattr(edit, name)!r}" for name in differing)
        raise ConfigError(
            f"{taken} by an edit with {was}; this one has {came}.",
            hint="Give each edit an id of its own, and send the same again only where its answer was lost.",
        )


def _check_fields(edit: Edit) -> None:
    given = {name for name in GIVEN if getattr(edit, name) is not None}
    needed = NEEDS.get(edit.action)
    if needed is not None and needed not in given:
        raise ConfigError(f"{edit.action!r} came without {needed}.", hint=f"Say which: {needed}.")
    if stray := sorted(given - MAY_HAVE[edit.action]):
        allowed = ", ".join(sorted(MAY_HAVE[edit.action]))
        raise ConfigError(f"{edit.action!r} came with {', '.join(stray)}; it takes {allowed}.", hint="Leave them out.")
    for name in ("edit_id", "user_id"):
        if len(getattr(edit, name)) > MAX_ID_LENGTH:
            came = f"An {name} of {len(getattr(edit, name))} characters came; at most {MAX_ID_LENGTH}."
            raise ConfigError(came, hint="Give a shorter one.")


def _served(live: Live, user_id: str, k: int, reranking: Reranking) -> dict[str, RecommendedItem]:
    slate = serve(live, user_id, k, exclude_seen=True, reranking=reranking, explain=False, bundle="").slate
    return {item.item_id: item for item in slate.items}


def _scored(live: Live, user_id: str, items: list[str]) -> dict[str, RecommendedItem]:
    """Those of the items that may be served now."""
    if not items:
        return {}
    asked = Reranking.asked(live.config.reranking, name="none", rules={"allow": items})
    return _served(live, user_id, len(items), asked)


def _fields(profile: Profile) -> dict[str, Any]:
    return {field.name: getattr(profile, field.name) for field in dataclasses.fields(Profile)}
