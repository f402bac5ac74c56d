"""From a history to a slate: retrieve → score → rerank → choose → explain, each stage timed."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np

from penchant.concepts.space import ConceptSpace
from penchant.concepts.vocabulary import Vocabulary
from penchant.data.histories import Histories
from penchant.interests.explanation import ScoreParts, split_score
from penchant.interests.population import Population
from penchant.interfaces import Candidates, ItemFacts, Policy, Reranker
from penchant.models.hybrid import LATE, Interest
from penchant.pipeline.exploring import NO_INTEREST, NOT_EXPLORED, Look, Tries
from penchant.reranking.choosing import beside_scores, rerank, shortlist
from penchant.reranking.rules import Constraints
from penchant.types import BoolArray, DoubleArray, FloatArray, IntArray, RowArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a slate is asked for."""

    history: Histories
    """(B = 1) what the models read."""
    user_vector: FloatArray
    """(1, D) the tracker's reading of it."""
    excluded: BoolArray
    """(I,) items that must not appear whatever the rules say: those of muted concepts, those turned down."""
    constraints: Constraints
    """The rules, that about seen items included; none of its pins is excluded."""
    correction: DoubleArray
    """(C,) events against items, in standard deviations."""
    edits: DoubleArray
    """(C,) by how much the user's own edits move the ranking, in standard deviations."""
    k: int
    pool: int
    """Candidates that go from the first stage to the second."""
    finalists: int
    """Candidates that go from the second stage to the third."""
    look: Look | None = None
    """What may be explored; None: nothing, and nothing is told of how certain scores are."""
    policy: Policy | None = None
    """Chooses in the dial's place; needs a look, of a share of 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The K items in their final order, with everything behind their scores."""

    parts: ScoreParts
    adjustments: DoubleArray
    """(K,) what rules and reranker added to each score"""
    propensities: DoubleArray
    """(K,) probability that each came to its place, given those before"""
    tries: Tries | None = None
    """Of a request with a look: what it tried"""
    notes: tuple[str, ...] = ()
    """Rules that could not be kept to"""
    timings_ms: dict[str, float] = field(default_factory=dict)


def recommend(
    request: Request,
    *,
    model: Interest,
    vocabulary: Vocabulary,
    space: ConceptSpace,
    population: Population,
    facts: ItemFacts,
    reranker: Reranker | None,
    ties: RowArray,
) -> Chosen:
    """The K best items under the rules.

    Retrieve: by similarity, the `pool` items with the largest u·z_i + Σ_c a_ic e_c (e: corrections and edits), and by
    the other sources but content the `pool` largest Σ_p g_p q_pi. Score: the whole sum, in double precision, for the
    candidates only. Rerank: place by place, by score plus what rules and reranker add, ties by `ties` (I,). An item in
    neither pool has both parts below those of `pool` others, so that a pool well above K loses nothing that matters;
    `tests/pipeline` holds it to the full ranking. Content scores candidates and brings none of its own, which would
    cost a pass over all texts: what its text alone speaks for, against tracker and neighbours alike, is not found.
    Rules bring candidates of their own: pinned items, lifted ones, those a quota asks for; so does a look around, of
    the interests that it tries. Choose: to explore, the slate is made once more, each place drawn
    with a stated probability (`penchant.exploration.dial`); so it is by a policy that was asked for, which then has the
    shortlist alone to choose from.
    """
    timings: dict[str, float] = {}
    with _timed(timings, "retrieve"):
        parts = model.parts(request.history, users_BD=request.user_vector, leave_out=LATE)
        user, gates = parts.users_BD[0], parts.gates
        tracker_gate, beside = (
            float(gates.tracker_B[0]),
            np.broadcast_to(parts.summed_beside()[0], len(request.excluded)),
        )
        shift = (population.deviation * (request.correction + request.edits)).astype(np.float32)
        similarity = model.tracker.similarities(parts.users_BD)[0]
        if shift.any():
            similarity += vocabulary.activations @ shift
        rules = replace(request.constraints, allowed=request.constraints.allowed & ~request.excluded)
        similar = _largest(similarity, rules.allowed, request.pool)
        near = _largest(beside, rules.allowed & (beside > 0), request.pool)
        tried, look = None, request.look
        asked: list[IntArray] = []
        if look is not None and look.share > 0:  # else the slate is the one without a look
            tried = look.tried(similarity, look.settings.interests)
            asked = look.items(tried.concepts, similarity, rules.allowed)
        found = np.unique(np.concatenate([similar, near, beside_scores(rules), *asked]))
        rough = tracker_gate * similarity[found].astype(np.float64) + beside[found]
        rough += model.late_part(request.history, gates, found)
        finalists = shortlist(found, rough, rules, request.finalists, ties=ties)
        finalists = np.union1d(finalists, np.concatenate([finalists[:0], *asked])).astype(np.int32)
    with _timed(timings, "score"):
        split = split_score(
            finalists,
            user_vector_D=user.astype(np.float64),
            tracker_gate=tracker_gate,
            offset=float(gates.offset_B[0]),
            event_parts_LK=model.event_parts(request.history, parts, finalists),
            item_parts=model.item_parts(gates, finalists),
            correction_C=request.correction,
            edits_C=request.edits,
            vocabulary=vocabulary,
            space=space,
            population=population,
        )
    with _timed(timings, "rerank"):
        listed = Candidates(items=finalists, scores=split.score, ties=ties[finalists], history=request.history.items)
        slate = rerank(listed, request.k, rules, facts=facts, reranker=reranker)
    with _timed(timings, "choose"):
        tries = None
        if look is not None:
            arms = look.arms(listed, gate=tracker_gate)
            concepts, looks, scale = np.full(len(slate.order), NOT_EXPLORED), None, 0.0
            if tried is not None:
                explored = look.begin(arms, slate.order, tried, request.k)
                policy = explored.turn, explored.rng
                slate = rerank(listed, request.k, rules, facts=facts, reranker=reranker, policy=policy)
                concepts = np.where(explored.explorable, explored.concepts, NOT_EXPLORED)[slate.order]
                looks = np.where(explored.explorable, explored.turn.drawn + rules.lifts[finalists], np.nan)
                scale = explored.turn.scale
            arms = replace(arms, means=arms.means + rules.lifts[finalists])
            if request.policy is not None:
                best, rng = slate.order, np.random.default_rng(look.seed)
                # With lifts, as the log tells them: what a policy makes of all candidates is then the same.
                drawing = request.policy.begin(arms, request.k, rng=rng), rng
                slate = rerank(
                    listed, request.k, rules, facts=facts, reranker=reranker, policy=drawing, told_N=arms.means
                )
                concepts = np.where(np.isin(slate.order, best), NOT_EXPLORED, NO_INTEREST)
            tries = Tries(interests=tried, concepts=concepts, arms=arms, looks=looks, look_scale=scale)
        chosen = split.take(slate.order)
    return Chosen(
        parts=chosen,
        adjustments=slate.adjustments,
        propensities=slate.propensities,
        tries=tries,
        notes=slate.notes,
        timings_ms=timings,
    )


def _largest(scores_I: FloatArray, allowed_I: BoolArray, n: int) -> IntArray:
    """Rows of the `n` largest scores among the allowed, in no order; scores equal to the smallest kept may be cut."""
    if len(scores_I) <= n:
        return np.flatnonzero(allowed_I)
    masked = np.where(allowed_I, scores_I, -np.inf)
    rows = np.argpartition(masked, len(masked) - n)[len(masked) - n :]
    return rows[masked[rows] > -np.inf]


@contextmanager
def _timed(timings: dict[str, float], stage: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    timings[stage] = (time.perf_counter() - start) * 1e3
