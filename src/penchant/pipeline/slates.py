"""From a user to a slate as served: candidates and scores, reasons, or the cold answer; and how it was decided."""

import time
import uuid
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import numpy as np

from penchant.data.histories import Histories
from penchant.data.sparse_rows import row_entries
from penchant.interests.explanation import reasons_of
from penchant.interests.words import because_of_concept, because_of_event
from penchant.interfaces import Candidates
from penchant.pipeline.deciding import Grounds, decision_of, looked
from penchant.pipeline.discovering import Discoverer
from penchant.pipeline.exploring import Exploration, Look, Tries
from penchant.pipeline.live import Live
from penchant.pipeline.named_policy import DIAL, NamedPolicy
from penchant.pipeline.recommendation import Chosen, Request, recommend
from penchant.records import Decision, Reason, RecommendedItem, Slate
from penchant.reranking.choosing import rerank, shortlist, shortlist_size, stays
from penchant.reranking.rules import Constraints
from penchant.reranking.settings import Reranking
from penchant.seeding import derive
from penchant.types import BoolArray

GREEDY, POPULAR = "greedy", "popular"
"""What served beside the dial: the best that is known, its share being 0, or, for a stranger, what is popular."""
POPULAR_VERSION = "1"
"""It has no settings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """A look around that was asked for. What it draws follows from `seed` and the slate's id."""

    discoverer: Discoverer
    settings: Exploration
    seed: int
    request_id: str | None = None
    named: NamedPolicy | None = None
    """Serves in the dial's place"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A slate, and how it was decided where that was asked for."""

    slate: Slate
    decision: Decision | None


def serve(
    live: Live,
    user_id: str,
    k: int,
    *,
    exclude_seen: bool,
    reranking: Reranking,
    explain: bool,
    bundle: str,
    around: Around | None = None,
) -> Served:
    """The K items for a user; for one of whom nothing is known the popular items, and the slate says so.

    With `around` some of them may be explored, by the dial or the policy that is named there, and the decision is told;
    of a stranger nothing is explored, whatever the policy.

    A user without events who has attributes is served from those, and is told so. What a user has muted or turned down
    does not come, though it be pinned.
    """
    raw = live.timeline.history(user_id)
    history = live.consumed(raw)
    cold = live.is_cold(user_id, history)
    timings: dict[str, float] = {}
    edits, k = live.edits(user_id), min(k, live.fitted.dataset.n_items)
    rules = live.constraints(reranking.rules, raw, k, exclude_seen=exclude_seen)
    excluded = live.excluded(raw, edits)
    rules, notes = _respected(live, rules, excluded)
    finalists = shortlist_size(k, reranking.pool if reranking.name else 0)
    slate_id, look, share = uuid.uuid4().hex, None, 0.0
    named = None if around is None else around.named
    grounds: Grounds | None = None
    same = stays(rules, reranking.build())
    if cold:
        items, unkept, grounds = _cold_items(
            live, user_id, k, excluded=excluded, rules=rules, reranking=reranking, same=same
        )
        notes += unkept
    else:
        if around is not None:
            drawn_from = derive(around.seed, "look", slate_id)
            look = around.discoverer.look(user_id, raw, around.settings, seed=drawn_from)
            share = look.share
        request = Request(
            history=history,
            user_vector=live.user_vector(user_id, history),
            excluded=excluded,
            constraints=rules,
            correction=live.correction(user_id, raw),
            edits=live.config.editing.weight * live.edited(user_id, raw, edits),
            k=k,
            pool=max(live.config.pool, 2 * k),
            finalists=finalists,
            look=look,
            policy=None if named is None else named.policy,
        )
        fitted = live.fitted
        chosen = recommend(
            request,
            model=fitted.model,
            vocabulary=fitted.vocabulary,
            space=fitted.space,
            population=fitted.population,
            facts=live.item_facts,
            reranker=reranking.build(),
            ties=live.ties,
        )
        notes += chosen.notes
        start = time.perf_counter()
        items = _items(live, chosen, history, explain=explain)
        timings = {**chosen.timings_ms, "explain": (time.perf_counter() - start) * 1e3}
        if around is not None and look is not None and chosen.tries is not None:
            items = _explored(items, chosen, look, chosen.tries, around.discoverer)
            around.discoverer.attempts.note(user_id, interests_tried(items), live.microseconds())
            grounds = looked(look, chosen.tries, None if named is None else named.policy, stays=same)
    usual = DIAL if share > 0 else GREEDY
    policy = POPULAR if cold else usual if named is None else named.name
    slate = Slate(
        user_id=user_id,
        slate_id=slate_id,
        generated_at=live.now().isoformat(),
        bundle=bundle,
        policy=policy if reranking.name is None else f"{policy}+{reranking.name}",
        items=items,
        cold=cold,
        note=" ".join(filter(None, [_note(live, user_id, cold=cold, events=len(history.items)), *notes])),
        timings_ms=timings,
        exploration_share=share,
    )
    decision = None
    if around is not None and grounds is not None:
        decision = decision_of(live, slate, grounds, request_id=around.request_id)
    return Served(slate=slate, decision=decision)


def interests_tried(items: tuple[RecommendedItem, ...]) -> tuple[str, ...]:
    """The interests that explored items try, by id."""
    found = (item.exploring.concept_id for item in items if item.exploring is not None)
    return tuple(concept_id for concept_id in found if concept_id is not None)


def _explored(
    items: tuple[RecommendedItem, ...], chosen: Chosen, look: Look, tries: Tries, discoverer: Discoverer
) -> tuple[RecommendedItem, ...]:
    """The items, each with the probability of its place and what it tries."""
    found = [discoverer.exploring(look, tries, place) for place in range(len(items))]
    return tuple(
        replace(item, explored=why is not None, propensity=float(chance), exploring=why)
        for item, chance, why in zip(items, chosen.propensities, found, strict=True)
    )


def _items(live: Live, chosen: Chosen, history: Histories, *, explain: bool) -> tuple[RecommendedItem, ...]:
    fitted = live.fitted
    concepts = fitted.vocabulary.concepts
    touches = row_entries(fitted.vocabulary.activations, history.items)

    def concept_reason(c: int, part: float, source: Literal["concept", "edit"]) -> Reason:
        events = touches.owners[touches.columns == c][::-1]  # the last first
        last = fitted.dataset.title(int(history.items[events[0]])) if len(events) else ""
        name = concepts[c].name
        told = because_of_concept(name, count=len(events), last=last, contribution=part, nouns=live.config.nouns)
        return Reason(
            source=source,
            contribution=part,
            concept_id=concepts[c].id,
            concept=name,
            evidence=tuple(live.timeline.event_id(int(history.keys[n])) for n in events[:5]),
            text=f"{name}: your own setting" if source == "edit" else told,
        )

    @cache  # the last events speak for most of the items
    def event(n: int) -> tuple[str, str, str, str]:
        item, title = int(history.items[n]), fitted.dataset.title(int(history.items[n]))
        text = because_of_event(live.timeline.event_types[history.types[n]], title)
        return live.timeline.event_id(int(history.keys[n])), fitted.dataset.items.ids[item], title, text

    def event_reason(n: int, part: float) -> Reason:
        event_id, item_id, title, text = event(n)
        return Reason(
            source="event",
            contribution=part,
            event_id=event_id,
            item_id=item_id,
            title=title,
            evidence=(event_id,),
            text=text,
        )

    items = []
    scored = zip(chosen.parts.items, chosen.parts.score, chosen.adjustments, strict=True)
    for place, (item, score, adjustment) in enumerate(scored):
        reasons: tuple[Reason, ...] = ()
        other, residual = float(score), 0.0
        if explain:
            reasons, other, residual = reasons_of(
                chosen.parts,
                place,
                concept_reason=concept_reason,
                event_reason=event_reason,
                most=live.config.most_reasons,
            )
        items.append(
            RecommendedItem(
                item_id=fitted.dataset.items.ids[item],
                title=fitted.dataset.title(int(item)),
                rank=place + 1,
                score=float(score),
                reasons=reasons,
                other=other,
                residual=residual,
                rerank_adjustment=float(adjustment),
            )
        )
    return tuple(items)


def _respected(live: Live, rules: Constraints, excluded: BoolArray) -> tuple[Constraints, tuple[str, ...]]:
    """The rules without pins of what the user has muted or turned down, and a note for each."""
    refused = {place: row for place, row in rules.pins.items() if excluded[row]}
    titles = [live.fitted.dataset.title(row) for row in refused.values()]
    kept = {place: row for place, row in rules.pins.items() if place not in refused}
    return replace(rules, pins=kept), tuple(f"{title} is pinned, and this user wants none of it." for title in titles)


def _cold_items(
    live: Live, user_id: str, k: int, *, excluded: BoolArray, rules: Constraints, reranking: Reranking, same: bool
) -> tuple[tuple[RecommendedItem, ...], tuple[str, ...], Grounds]:
    """The popular items, shifted by the user's edits e: s_i = log(1 + events of i) + Σ_c a_ic deviation_c e_c.

    With them, notes on rules that could not be kept to, and what they were decided on. Nothing is said of how certain
    the scores are, and nothing is drawn: each item had its place for sure.
    """
    fitted = live.fitted
    edits = live.edited(user_id, live.timeline.history(user_id), live.edits(user_id))
    shift = fitted.population.deviation * (live.config.editing.weight * edits)
    popular, edited = np.log1p(live.counts.astype(np.float64)), np.asarray(fitted.vocabulary.activations @ shift)
    rules = replace(rules, allowed=rules.allowed & ~excluded)
    everything, n = np.arange(fitted.dataset.n_items), shortlist_size(k, reranking.pool)
    rows = shortlist(everything, popular + edited, rules, n, ties=live.ties)
    listed = Candidates(items=rows, scores=(popular + edited)[rows], ties=live.ties[rows])
    slate = rerank(listed, k, rules, facts=live.item_facts, reranker=reranking.build())
    items = []
    for rank, (row, adjustment) in enumerate(zip(rows[slate.order], slate.adjustments, strict=True), start=1):
        reasons = [
            Reason(
                source="popularity",
                contribution=float(popular[row]),
                text=f"popular: chosen {int(live.counts[row])} times",
            )
        ]
        if edited[row]:
            reasons.append(Reason(source="edit", contribution=float(edited[row]), text="your own settings"))
        items.append(
            RecommendedItem(
                item_id=fitted.dataset.items.ids[row],
                title=fitted.dataset.title(int(row)),
                rank=rank,
                score=float(popular[row] + edited[row]),
                reasons=tuple(reasons),
                rerank_adjustment=float(adjustment),
            )
        )
    grounds = Grounds(
        items=rows,
        scores=listed.scores + rules.lifts[rows],
        variances=np.zeros(len(rows)),
        ties=listed.ties,
        version=POPULAR_VERSION,
        context={"exploration_share": 0.0, "cold": 1.0},
        stays=same,
    )
    return tuple(items), slate.notes, grounds


def _note(live: Live, user_id: str, *, cold: bool, events: int) -> str:
    if not cold:
        return "" if events else f"{user_id} has no events yet: this follows from what is known of the user."
    what = "has no events yet" if live.timeline.known(user_id) else "is not known to this model"
    return f"{user_id} {what}: these are the most popular {live.config.nouns[1]}."
