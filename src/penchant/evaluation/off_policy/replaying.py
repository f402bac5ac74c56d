"""A policy put before logged decisions: what it would have given to what was served.

A decision holds the eligible items with score and variance; the policy is asked place by place, with the logged items
taken at the places before, exactly as it would have been asked live. A policy that draws once for a whole slate has no
closed form over its draws: its probabilities are means over `draws` of them, with their error reported. Rerankers and
rules that stood beside the scores are not in a log; the scores are taken as they are.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from penchant.config import Config
from penchant.errors import DataError
from penchant.exploration.policies.marginals import marginals
from penchant.feedback.attribution import Rewarded
from penchant.interfaces import Arms, Policy
from penchant.records import Decision
from penchant.seeding import numpy_rng
from penchant.types import DoubleArray, IntArray

FEATURES = ("1", "score", "deviation", "score rank")
"""Of a candidate: for reward models"""


class ReplayConfig(Config):
    """How a policy is asked."""

    draws: int = Field(default=64, ge=2)
    """Of a policy that draws; others are asked once"""
    seed: int = 0


class FromLog(ABC):
    """A policy that reads of each decision more than its candidates, such as what was drawn there."""

    @abstractmethod
    def lacks(self, decision: Decision) -> str:
        """Why it cannot be asked of a decision, in a word; "" where it can."""

    @abstractmethod
    def of(self, decision: Decision) -> Policy:
        """The policy as it stood at a decision that lacks nothing."""


Asked: TypeAlias = Policy | FromLog


def answerable(rewarded: Sequence[Rewarded], *policies: Asked) -> tuple[list[Rewarded], Mapping[str, int]]:
    """The decisions that all policies can be asked of, and how many are left out for which reason."""
    kept, left_out = [], Counter[str]()
    for one in rewarded:
        lacking = (policy.lacks(one.decision) for policy in policies if isinstance(policy, FromLog))
        if reason := next(filter(None, lacking), ""):
            left_out[reason] += 1
        else:
            kept.append(one)
    return kept, left_out


def policy_at(policy: Asked, decision: Decision) -> Policy:
    """The policy as it is put before a decision that lacks nothing."""
    return policy.of(decision) if isinstance(policy, FromLog) else policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What a policy says of N decisions of up to K places and E candidates."""

    prefixes: DoubleArray
    """(N, K) π(a_1 … a_k), the mean over draws; repeated where a slate is shorter"""
    first: DoubleArray
    """(N, E) π(a at place 1), 0 beyond a decision's candidates"""
    expected: DoubleArray
    """(N, K, F) Σ_a π(a_1 … a_{k−1}, a) f(a) over candidates' features; 0 where a slate is shorter"""
    logged: DoubleArray
    """(N, K, F) f of the logged items; 0 where a slate is shorter"""
    error: float
    """Root mean square standard error of π(a_1 … a_K) over draws; 0 where it is exact"""


def arms_of(decision: Decision) -> Arms:
    """The decision's candidates with what was believed of them. Shared uncertainty of concepts is not in a log: each
    item's variance is taken as its own.
    """
    size = len(decision.eligible)
    return Arms(
        items=np.arange(size, dtype=np.int32),
        means=np.array(decision.scores, dtype=np.float64),
        loadings=sp.csr_array((size, 0), dtype=np.float64),
        concept_variances=np.zeros(0),
        item_variances=np.array(decision.variances, dtype=np.float64),
        ties=np.arange(size, dtype=np.int32),
    )


def features_of(decision: Decision) -> DoubleArray:
    """(E, F) `FEATURES` of the candidates; scores are in their own decision's standard deviations."""
    scores = np.array(decision.scores, dtype=np.float64)
    spread = float(scores.std()) or 1.0
    rank = np.empty(len(scores))
    rank[np.argsort(-scores, kind="stable")] = np.arange(len(scores))
    deviations = np.sqrt(np.array(decision.variances, dtype=np.float64)) / spread
    return np.stack([np.ones(len(scores)), (scores - scores.mean()) / spread, deviations, np.log1p(rank)], axis=1)


def order_of(decision: Decision) -> IntArray:
    """(K,) places among the eligible of what was served."""
    place = {item: n for n, item in enumerate(decision.eligible)}
    return np.array([place[slot.item_id] for slot in decision.slots], dtype=np.int64)


def replay(rewarded: Sequence[Rewarded], policy: Asked, config: ReplayConfig | None = None) -> Replayed:
    """Ask the policy of each decision. `DataError` where there is none."""
    if not rewarded:
        raise DataError(
            "There is no decision to ask a policy about.", hint="Give a log with rankings that can be used."
        )
    config = config or ReplayConfig()
    decisions = [one.decision for one in rewarded]
    places = max(len(one.slots) for one in decisions)
    widest = max(len(one.eligible) for one in decisions)
    shape = (len(decisions), places, len(FEATURES))
    prefixes, first = np.ones(shape[:2]), np.zeros((len(decisions), widest))
    expected, logged = np.zeros(shape), np.zeros(shape)
    squares = 0.0
    for n, decision in enumerate(decisions):
        rng = numpy_rng(config.seed, "replay", decision.slate_id)
        asked = _ask(decision, policy_at(policy, decision), config.draws, rng)
        k = len(decision.slots)
        prefixes[n, :k], prefixes[n, k:] = asked.prefixes, asked.prefixes[-1]
        first[n, : len(decision.eligible)] = asked.joint[0]
        features = features_of(decision)
        expected[n, :k], logged[n, :k] = asked.joint @ features, features[order_of(decision)]
        squares += asked.error**2
    return Replayed(
        prefixes=prefixes, first=first, expected=expected, logged=logged, error=float(np.sqrt(squares / len(decisions)))
    )


@dataclass(frozen=True, slots=True)
class _Answer:
    prefixes: DoubleArray
    joint: DoubleArray
    error: float


def _ask(decision: Decision, policy: Policy, draws: int, rng: np.random.Generator) -> _Answer:
    arms, order = arms_of(decision), order_of(decision)
    before = rng.bit_generator.state
    once = _joint(policy, arms, order, rng)
    if rng.bit_generator.state == before:  # nothing was drawn: these are the probabilities themselves
        return _Answer(_logged(once, order), once, 0.0)
    found = np.stack([once, *(_joint(policy, arms, order, rng) for _ in range(draws - 1))])
    whole = found[:, -1, order[-1]]
    joint = found.mean(axis=0)
    return _Answer(_logged(joint, order), joint, float(whole.std(ddof=1) / np.sqrt(draws)))


def _joint(policy: Policy, arms: Arms, order: IntArray, rng: np.random.Generator) -> DoubleArray:
    """(K, E) π(a_1 … a_{k−1}, a | draw) with the logged items before."""
    turn = policy.begin(arms, len(order), rng=rng)
    still, nothing = np.ones(len(arms), dtype=np.bool_), np.zeros(len(arms))
    joint, reached = np.zeros((len(order), len(arms))), 1.0
    for place, n in enumerate(order.tolist()):
        joint[place] = reached * turn.probabilities(still, nothing)
        reached = float(joint[place, n])
        if reached == 0:
            break
        turn.take(n)
        still[n] = False
    return joint


def _logged(joint: DoubleArray, order: IntArray) -> DoubleArray:
    return np.asarray(joint[np.arange(len(order)), order])


def place_marginals(rewarded: Sequence[Rewarded], policy: Asked, config: ReplayConfig | None = None) -> DoubleArray:
    """(N, K) P(the logged item takes its place) over the policy's draws and the places before; 1 where a slate is
    shorter. By Monte Carlo with exact conditional probabilities.
    """
    config = config or ReplayConfig()
    places = max(len(one.decision.slots) for one in rewarded)
    found = np.ones((len(rewarded), places))
    for n, one in enumerate(rewarded):
        order = order_of(one.decision)
        rng = numpy_rng(config.seed, "place marginals", one.decision.slate_id)
        told = marginals(
            policy_at(policy, one.decision), arms_of(one.decision), len(order), rng=rng, draws=config.draws
        )
        found[n, : len(order)] = told.at_place_KN[np.arange(len(order)), order]
    return found
