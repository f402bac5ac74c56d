"""Why an item stands where it stands for a user: parts, counterfactuals, what the tracker looked at, paths."""

from dataclasses import replace

import numpy as np

from penchant.data.polarity import AGAINST
from penchant.data.sparse_rows import row_entries
from penchant.errors import NotFoundError
from penchant.interests.explained import (
    Counterfactual,
    EventReadout,
    Explanation,
    KnowledgePath,
    Readout,
    ScorePart,
    Standing,
)
from penchant.interests.explanation import OF_ITEMS, ScoreParts
from penchant.interests.words import because_of_concept, because_of_event, did_what, why
from penchant.models.sequential.attribution import attention_rollout, integrated_gradients
from penchant.pipeline.live import Live
from penchant.pipeline.paths import KnowledgeGraph
from penchant.pipeline.profiles import read_profile
from penchant.pipeline.standing import Catalogue
from penchant.records import Evidence
from penchant.types import BoolArray, IntArray

TOLD_EVENTS = 20
"""Events told one by one; what the others add is told as one part."""
WITH_EVIDENCE = 2
"""Concepts told with the events behind them: the largest."""
COUNTERFACTUALS = 4
"""Concepts and edits taken away, each by itself: the largest."""
TRIED_EVENTS = 64
"""Events that may turn out to be the one that matters most: the last ones and those with the largest parts."""
READ_EVENTS = 8
"""Events told of either kind of read-out."""
CELLS_AT_ONCE = 8_000_000


def explain(live: Live, graph: KnowledgeGraph, user_id: str, item_id: str) -> Explanation:
    """Everything behind the score and the rank of one item for one user, as things are now.

    Of an item that is seen, turned down or muted it tells where it would stand if it alone were let in. `NotFoundError`
    for an item that is not there; a user of whom nothing is known is told the popularity, and that it is that.
    """
    item = live.fitted.dataset.items.row(item_id)
    if item < 0:
        raise NotFoundError(f"No item {item_id!r} in the catalogue.", hint="Find items by title with a search.")
    catalogue = Catalogue.of(live, user_id)
    standing, allowed = _standing(live, catalogue, user_id, item)
    rank, score = catalogue.rank(item, allowed)
    split = catalogue.split(np.array([item]))
    parts = _parts(live, catalogue, split, user_id)
    counterfactuals = _without_terms(live, catalogue, split, item, allowed, rank)
    counterfactuals += _without_event(live, catalogue, user_id, item, allowed, rank=rank, score=score)
    title = live.fitted.dataset.title(item)
    return Explanation(
        user_id=user_id,
        item_id=item_id,
        title=title,
        rank=rank,
        candidates=int(allowed.sum()),
        score=float(split.score[0]),
        standing=standing,
        parts=parts,
        sentence=_sentence(title, rank, standing, parts, cold=catalogue.cold),
        counterfactuals=counterfactuals,
        readout=_readout(live, catalogue, item),
        paths=_paths(live, graph, catalogue, user_id, item),
        cold=catalogue.cold,
        note=_note(live, user_id, standing, cold=catalogue.cold),
    )


def _standing(live: Live, catalogue: Catalogue, user_id: str, item: int) -> tuple[Standing, BoolArray]:
    """Whether the item may be recommended, and which items may, it among them."""
    excluded = live.excluded(catalogue.raw, live.edits(user_id))
    seen = np.zeros(len(excluded), dtype=np.bool_)
    seen[catalogue.history.items] = True
    allowed = ~(excluded | seen)
    standing: Standing = "recommendable"
    if excluded[item]:
        against = catalogue.raw.items[live.timeline.of_types(catalogue.raw, AGAINST)]
        standing = "turned_down" if item in against else "muted"
    elif seen[item]:
        standing = "seen"
    allowed[item] = True
    return standing, allowed


def _parts(live: Live, catalogue: Catalogue, split: ScoreParts, user_id: str) -> tuple[ScorePart, ...]:
    """All parts in the order of `Explanation.parts`; they add up to the score."""
    fitted, history, nouns = live.fitted, catalogue.history, live.config.nouns
    concepts, concept, edit = fitted.vocabulary.concepts, split.concept[0], split.edit[0]
    touches = row_entries(fitted.vocabulary.activations, history.items)
    order = [int(c) for c in np.argsort(-concept, kind="stable") if concept[c]]
    behind = _evidence(live, user_id, frozenset(order[:WITH_EVIDENCE])) if order else {}
    parts = []
    for c in order:
        events = touches.owners[touches.columns == c][::-1]
        last = fitted.dataset.title(int(history.items[events[0]])) if len(events) else ""
        part, name = float(concept[c]), concepts[c].name
        parts.append(
            ScorePart(
                source="concept",
                contribution=part,
                text=because_of_concept(name, count=len(events), last=last, contribution=part, nouns=nouns),
                concept_id=concepts[c].id,
                concept=name,
                evidence=behind.get(concepts[c].id, ()),
                per_strength=float(catalogue.per_strength[c] * fitted.vocabulary.activations[split.items[0], c]),
            )
        )
    parts += _event_parts(live, catalogue, split)
    for c in sorted(np.flatnonzero(edit).tolist(), key=lambda c: -abs(edit[c])):
        name = concepts[c].name
        told = f"{name}: your own setting"
        parts.append(
            ScorePart(source="edit", contribution=float(edit[c]), text=told, concept_id=concepts[c].id, concept=name)
        )
    if everyone := float(split.everyone[0]):
        parts.append(ScorePart(source="everyone", contribution=everyone, text="what most users like"))
    for source, text in OF_ITEMS.items():
        if source in split.item and (part := float(split.item[source][0])):
            parts.append(ScorePart(source=source, contribution=part, text=text))
    if residual := float(split.residual[0]):
        parts.append(ScorePart(source="residual", contribution=residual, text="what no concept names"))
    if split.constant:
        parts.append(ScorePart(source="constant", contribution=split.constant, text="the same for every item"))
    return tuple(parts)


def _event_parts(live: Live, catalogue: Catalogue, split: ScoreParts) -> list[ScorePart]:
    """The events that add to the score by themselves, from the largest; what the smaller ones add is one part."""
    fitted, history, event = live.fitted, catalogue.history, split.event[:, 0]
    order = [int(n) for n in np.argsort(-np.abs(event), kind="stable") if event[n]]
    parts = []
    for n in sorted(order[:TOLD_EVENTS], key=lambda n: -event[n]):
        row = int(history.items[n])
        title = fitted.dataset.title(row)
        parts.append(
            ScorePart(
                source="event",
                contribution=float(event[n]),
                text=because_of_event(live.timeline.event_types[history.types[n]], title),
                event_id=live.timeline.event_id(int(history.keys[n])),
                item_id=fitted.dataset.items.ids[row],
                title=title,
            )
        )
    if rest := order[TOLD_EVENTS:]:
        text = f"{len(rest)} further events, each less"
        parts.append(ScorePart(source="event", contribution=float(event[rest].sum()), text=text))
    return parts


def _evidence(live: Live, user_id: str, wanted: frozenset[int]) -> dict[str, tuple[Evidence, ...]]:
    """The events behind interests, as the user's profile tells them."""
    every = 4 * len(live.fitted.vocabulary.concepts)
    profile = read_profile(live, user_id, as_of=None, limit=every, only=wanted)
    return {one.concept_id: one.evidence for one in profile.interests}


def _without_terms(
    live: Live, catalogue: Catalogue, split: ScoreParts, item: int, allowed: BoolArray, rank: int
) -> tuple[Counterfactual, ...]:
    """The largest concepts and edits, each taken away from all items."""
    sizes = [("concept", c, float(part)) for c, part in enumerate(split.concept[0]) if part]
    sizes += [("edit", c, float(part)) for c, part in enumerate(split.edit[0]) if part]
    found = []
    for kind, c, part in sorted(sizes, key=lambda term: -abs(term[2]))[:COUNTERFACTUALS]:
        weights = catalogue.concept_weights if kind == "concept" else catalogue.edit_weights
        after, score = catalogue.rank(item, allowed, catalogue.without(c, weights))
        concept = live.fitted.vocabulary.concepts[c]
        what = f"your interest in {concept.name}" if part > 0 else f"what you lack in interest in {concept.name}"
        what = f"your setting of {concept.name}" if kind == "edit" else what
        found.append(
            Counterfactual(
                without="edit" if kind == "edit" else "concept",
                name=concept.name,
                change=part,
                score=score,
                rank=after,
                text=f"Without {what} this would {'still ' if after == rank else ''}be rank {after}.",
                concept_id=concept.id,
            )
        )
    return tuple(found)


def _without_event(
    live: Live, catalogue: Catalogue, user_id: str, item: int, allowed: BoolArray, *, rank: int, score: float
) -> tuple[Counterfactual, ...]:
    """The event without which the item falls furthest: everything read again without it."""
    consumed = np.flatnonzero(live.consumption(catalogue.raw))
    if not len(consumed) or catalogue.cold:
        return ()
    event = consumed[_weightiest(live, catalogue, item, allowed)]
    kept = np.ones(len(catalogue.raw.items), dtype=np.bool_)
    kept[event] = False
    other = Catalogue.of(live, user_id, catalogue.raw.keep(kept))
    after, without = other.rank(item, allowed)
    row, still = int(catalogue.raw.items[event]), "still " if after == rank else ""
    title, kind = live.fitted.dataset.title(row), live.timeline.event_types[catalogue.raw.types[event]]
    return (
        Counterfactual(
            without="event",
            name=title,
            change=score - without,
            score=without,
            rank=after,
            text=f"Had you not {did_what(kind)} {title}, this would {still}be rank {after}.",
            event_id=live.timeline.event_id(int(catalogue.raw.keys[event])),
            item_id=live.fitted.dataset.items.ids[row],
        ),
    )


def _weightiest(live: Live, catalogue: Catalogue, item: int, allowed: BoolArray) -> int:
    """The event of the history without which the item falls furthest, of equals that which takes most of its score;
    corrections stay as they are here.

    By ranks, since a score is told in units of the user: leaving out the strongest neighbour makes the next one count
    as much. Tried are the last `TRIED_EVENTS` and as many with the largest parts of their own.
    """
    history, fitted = catalogue.history, live.fitted
    n, direct = len(history.items), np.abs(catalogue.split(np.array([item])).event[:, 0])
    tried = np.union1d(np.arange(max(0, n - TRIED_EVENTS), n), np.argsort(-direct, kind="stable")[:TRIED_EVENTS])
    moved = fitted.population.deviation * (catalogue.correction + catalogue.shift)
    shift = (fitted.vocabulary.activations @ moved).astype(np.float32)
    ranks, scores = np.empty(len(tried)), np.empty(len(tried))
    size = max(1, CELLS_AT_ONCE // max(len(shift), n))
    for start in range(0, len(tried), size):
        part = slice(start, start + size)
        parts = fitted.model.parts(history.leaving_out(tried[part]))
        foreseen = parts.gates.tracker_B[:, None] * (fitted.model.tracker.similarities(parts.users_BD) + shift)
        found = foreseen + parts.gates.offset_B[:, None] + parts.summed_beside()
        scores[part] = found[:, item]
        ranks[part] = (found[:, allowed] > found[:, [item]]).sum(axis=1)
    return int(tried[np.lexsort((scores, -ranks))[0]])


def _readout(live: Live, catalogue: Catalogue, item: int) -> Readout | None:
    """What the tracker looked at, and along which events its part of the score rises."""
    history, fitted = catalogue.history, live.fitted
    tracker = fitted.model.tracker
    if not len(history.items):
        return None
    if tracker.reads_request_time:
        history = replace(history, asked_at=np.array([live.microseconds()]))
    looked = attention_rollout(tracker, history)
    towards = (catalogue.gate * tracker.item_vectors[item]).astype(np.float32)
    rises, total = integrated_gradients(tracker, history, towards)
    top = [np.argsort(-np.abs(values), kind="stable")[:READ_EVENTS] for values in (looked.events_L, rises)]
    shown: IntArray = np.unique(np.concatenate(top))[::-1]
    shown = shown[(looked.events_L[shown] > 0) | (rises[shown] != 0)]
    return Readout(
        events=tuple(
            EventReadout(
                event_id=live.timeline.event_id(int(history.keys[n])),
                item_id=fitted.dataset.items.ids[history.items[n]],
                title=fitted.dataset.title(int(history.items[n])),
                event_type=live.timeline.event_types[history.types[n]],
                timestamp=int(history.timestamps[n]),
                attention=float(looked.events_L[n]),
                gradient=float(rises[n]),
            )
            for n in shown.tolist()
        ),
        start=looked.start,
        others=float(looked.events_L.sum() - looked.events_L[shown].sum()),
        gradient_total=total,
    )


def _paths(
    live: Live, graph: KnowledgeGraph, catalogue: Catalogue, user_id: str, item: int
) -> tuple[KnowledgePath, ...]:
    words = tuple(did_what(kind) for kind in live.timeline.event_types)
    return graph.paths(user_id, catalogue.history, item, event_words=words)


def _sentence(title: str, rank: int, standing: Standing, parts: tuple[ScorePart, ...], *, cold: bool) -> str:
    """The two largest parts that speak for the item, in words."""
    place = f"{title} is number {rank} for you" if standing == "recommendable" else f"{title} would be number {rank}"
    if cold:
        return f"{place}: nothing is known of you yet, and it is this popular."
    told = [p for p in parts if p.contribution > 0 and p.source not in {"residual", "constant"}]
    return why(place, [p.text for p in sorted(told, key=lambda p: -p.contribution)[:2]])


def _note(live: Live, user_id: str, standing: Standing, *, cold: bool) -> str:
    notes = []
    if cold:
        what = "has no events yet" if live.timeline.known(user_id) else "is not known to this model"
        notes.append(f"{user_id} {what}: the score is how popular the {live.config.nouns[0]} is, and nothing else.")
    if standing != "recommendable":
        why_not = {
            "seen": "the user has had it already",
            "turned_down": "the user turned it down",
            "muted": "the user muted an interest that it belongs to",
        }[standing]
        notes.append(f"It is not recommended: {why_not}. The rank is where it would stand if it alone were let in.")
    return " ".join(notes)
