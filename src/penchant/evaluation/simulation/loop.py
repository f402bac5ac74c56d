"""The closed loop: every round each user gets a slate, reacts, and what is told of it in time is learned from.

choose → react → (late) learn → fade → now and then retrain
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from penchant.config import Config
from penchant.evaluation.simulation.recommender import SimulatedConfig, SimulatedRecommender
from penchant.evaluation.simulation.world import Feedback, World
from penchant.exploration.slate import choose
from penchant.interfaces import Arms, Policy
from penchant.progress import SILENT, Progress
from penchant.seeding import numpy_rng
from penchant.types import BoolArray, DoubleArray, IntArray


class LoopConfig(Config):
    """How long, and how many at a time."""

    rounds: int = Field(default=100, ge=1)
    """The horizon"""
    slate: int = Field(default=6, ge=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slates:
    """Those of one round."""

    items: IntArray
    """(U, K), −1 pads"""
    propensities: DoubleArray
    """(U, K) p(item | places before, draw); 1 where there was no choice"""
    explored: BoolArray
    """(U, K) the item's expected score is below the K-th best: it is not here for what is expected of it"""

    @classmethod
    def empty(cls, n_users: int, k: int) -> "Slates":
        """Padding, to be filled."""
        shape = n_users, k
        return cls(
            items=np.full(shape, -1, dtype=np.int64),
            propensities=np.ones(shape),
            explored=np.zeros(shape, dtype=np.bool_),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What happened in R rounds to U users with slates of K."""

    items: IntArray
    """(R, U, K), −1 pads"""
    propensities: DoubleArray
    explored: BoolArray
    engaged: BoolArray
    """What was seen of it"""
    expected: DoubleArray
    """The chance of it, which the judge knows"""
    new: BoolArray
    """(U, C) concepts that no event of the past was mainly of"""
    wanted: BoolArray
    """(U, C) what users were truly interested in at any time"""
    leading: BoolArray
    """(I, C) what each item is mainly of"""


class Chooser(ABC):
    """Makes all slates of a round and hears what came of them."""

    @abstractmethod
    def slates(self, round_: int, open_UI: BoolArray, k: int) -> Slates:
        """Slates of K from what is open to each user."""

    @abstractmethod
    def hear(self, round_: int, told: list[Feedback]) -> None:
        """What arrived since the last slates; a round has passed."""


class PolicyChooser(Chooser):
    """The simulated recommender's beliefs, and a policy that chooses from them."""

    def __init__(self, recommender: SimulatedRecommender, policy: Policy, *, rng: np.random.Generator) -> None:
        self.recommender, self.policy, self.rng = recommender, policy, rng

    def slates(self, round_: int, open_UI: BoolArray, k: int) -> Slates:  # noqa: ARG002 - the clock is the beliefs'
        """A decision of the policy for each user."""
        made = Slates.empty(len(open_UI), k)
        for user in np.flatnonzero(open_UI.any(axis=1)).tolist():
            arms = self.recommender.arms(user, open_UI[user])
            choice = choose(self.policy_for(user, arms), arms, k, rng=self.rng)
            n = len(choice.order)
            made.items[user, :n] = arms.items[choice.order]
            made.propensities[user, :n] = choice.propensities
        expected = np.where(open_UI, self.recommender.scores(), -np.inf)
        k = min(k, expected.shape[1])
        worst = np.partition(expected, -k, axis=1)[:, -k]
        chosen = np.take_along_axis(expected, np.maximum(made.items, 0), axis=1)
        made.explored[:] = (made.items >= 0) & (chosen < worst[:, None])
        return made

    def policy_for(self, user: int, arms: Arms) -> Policy:  # noqa: ARG002 - for policies that look at them
        """The policy that decides on this slate: the same for all, unless a subclass knows better."""
        return self.policy

    def hear(self, round_: int, told: list[Feedback]) -> None:
        """Learn, let a round pass, and retrain where it is time."""
        self.recommender.learn(told)
        self.recommender.pass_round()
        every = self.recommender.config.retrain_every
        if every and (round_ + 1) % every == 0:
            self.recommender.retrain()


class Oracle(Chooser):
    """Knows what everyone wants now, and shows the best of it: what regret is measured against. It does not plan ahead
    (what sates a user now is missed later), so a policy may come out above it.
    """

    def __init__(self, world: World) -> None:
        self.world = world

    def slates(self, round_: int, open_UI: BoolArray, k: int) -> Slates:
        """The K highest chances of each user, highest first."""
        made = Slates.empty(len(open_UI), k)
        appeal = np.where(open_UI, self.world.appeal(round_), -np.inf)
        order = np.argsort(-appeal, axis=1, kind="stable")[:, :k]
        there = np.isfinite(np.take_along_axis(appeal, order, axis=1))
        made.items[:, : order.shape[1]] = np.where(there, order, -1)
        return made

    def hear(self, round_: int, told: list[Feedback]) -> None:
        """Nothing is news."""


def run(world: World, chooser: Chooser, config: LoopConfig, *, progress: Progress = SILENT) -> Run:
    """A run through a world from its first round. An item that a user engaged with is not shown to him again."""
    catalogue, shape = world.catalogue, (config.rounds, world.catalogue.n_users, config.slate)
    items, propensities = np.full(shape, -1, dtype=np.int64), np.ones(shape)
    explored, engaged, expected = np.zeros(shape, bool), np.zeros(shape, bool), np.zeros(shape)
    had = np.zeros((catalogue.n_users, catalogue.n_items), dtype=np.bool_)
    had[catalogue.history_users, catalogue.history_items] = True
    wanted = world.interested().copy()
    waiting: list[tuple[IntArray, Feedback]] = []
    with progress.task("rounds", config.rounds) as advance:
        for now in range(config.rounds):
            made = chooser.slates(now, world.available(now) & ~had, config.slate)
            came = world.react(now, made.items)
            items[now], propensities[now], explored[now] = made.items, made.propensities, made.explored
            engaged[now], expected[now] = came.feedback.engaged, came.expected
            users, places = np.nonzero(came.feedback.engaged)
            had[users, made.items[users, places]] = True
            wanted |= world.interested()
            waiting.append((came.arrives, came.feedback))
            told, waiting = _arrived(waiting, now + 1)
            chooser.hear(now, told)
            advance()
    return Run(
        items=items,
        propensities=propensities,
        explored=explored,
        engaged=engaged,
        expected=expected,
        new=~catalogue.touched(),
        wanted=wanted,
        leading=np.asarray(catalogue.leading().toarray() > 0),
    )


def simulate(
    world: World,
    policy: Policy,
    *,
    recommender: SimulatedConfig | None = None,
    loop: LoopConfig | None = None,
    seed: int = 0,
    progress: Progress = SILENT,
) -> Run:
    """A policy's run with a recommender that knows the world's catalogue and nothing else of it."""
    loop = loop or LoopConfig()
    made = SimulatedRecommender(world.catalogue, recommender or SimulatedConfig(), slate=loop.slate)
    return run(world, PolicyChooser(made, policy, rng=numpy_rng(seed, "policy")), loop, progress=progress)


def _arrived(
    waiting: list[tuple[IntArray, Feedback]], now: int
) -> tuple[list[Feedback], list[tuple[IntArray, Feedback]]]:
    """What is told before round `now`, and what is still on its way."""
    told, later = [], []
    for arrives, feedback in waiting:
        here = arrives <= now
        if here.any():
            told.append(_part(feedback, here))
        if not here.all():
            later.append((arrives[~here], _part(feedback, ~here)))
    return told, later


def _part(feedback: Feedback, rows_B: BoolArray) -> Feedback:
    if rows_B.all():
        return feedback
    return Feedback(
        round=feedback.round,
        users=feedback.users[rows_B],
        items=feedback.items[rows_B],
        engaged=feedback.engaged[rows_B],
    )
