"""The experiment's policies for all users at a time: the same probabilities as the policies themselves (`measure.py
check` holds them against each other), a tenth of the time.
"""

import numpy as np

from penchant.evaluation.simulation.loop import Chooser, Slates
from penchant.evaluation.simulation.recommender import SimulatedRecommender
from penchant.evaluation.simulation.world import Feedback
from penchant.exploration.dial import DialConfig
from penchant.exploration.policies.epsilon_greedy import EpsilonGreedyConfig
from penchant.exploration.policies.greedy import GreedyConfig
from penchant.exploration.policies.thompson import ThompsonPlackettLuceConfig
from penchant.types import BoolArray, DoubleArray

INTERESTS, ITEMS_EACH, PATIENCE, TAKES = 12, 3, 8, 3
"""Interests tried at a time, items to try each with, slates that try one after which it is let go, and items taken
after which one that was tried is known: as in slates, where a try is half an hour's slates"""


class Batched(Chooser):
    """A policy over all users' items."""

    def __init__(
        self,
        recommender: SimulatedRecommender,
        config: DialConfig | EpsilonGreedyConfig | ThompsonPlackettLuceConfig | GreedyConfig,
        *,
        rng: np.random.Generator,
    ) -> None:
        self.recommender, self.config, self.rng = recommender, config, rng
        self.leading = recommender.catalogue.leading().toarray() > 0
        self.unknown = ~recommender.catalogue.touched()
        self.taken, self.tries = np.zeros(self.unknown.shape), np.zeros(self.unknown.shape)

    def slates(self, round_: int, open_UI: BoolArray, k: int) -> Slates:  # noqa: ARG002 - the clock is the beliefs'
        """Slates of K, place by place."""
        made, free, rows = Slates.empty(len(open_UI), k), open_UI.copy(), np.arange(len(open_UI))
        means = self.ordered()
        drawn = self.draw()
        worst = np.partition(np.where(free, means, -np.inf), -k, axis=1)[:, -k]
        explorable = self.explorable(means, free, k)
        for place in range(k):
            total = np.cumsum(self.chances(means, drawn, free, explorable), axis=1)
            chosen = (total <= self.rng.random(len(rows))[:, None] * total[:, -1:]).sum(axis=1)
            chosen = np.minimum(chosen, total.shape[1] - 1)
            made.items[:, place] = chosen
            made.propensities[:, place] = np.diff(total, axis=1, prepend=0.0)[rows, chosen]
            made.explored[:, place] = means[rows, chosen] < worst
            free[rows, chosen] = False
        tried = self.leading[made.items] & made.explored[:, :, None]
        self.tries += tried.any(axis=1)
        return made

    def ordered(self) -> DoubleArray:
        """Expected scores, (U, I), with equal ones apart by a hair, in the order in which policies rank them."""
        return np.asarray(self.recommender.scores() - 1e-10 * self.recommender.ties)

    def draw(self) -> DoubleArray:
        """One Thompson draw of all scores, (U, I)."""
        made, normal = self.recommender, self.rng.standard_normal
        doubt = np.sqrt(made.concept_variances)
        own = np.sqrt(made.item_variances) * normal((len(doubt), made.catalogue.n_items))
        return np.asarray(made.scores() + (made.catalogue.activations @ (doubt * normal(doubt.shape)).T).T + own)

    def explorable(self, means: DoubleArray, open_UI: BoolArray, k: int) -> BoolArray:
        """Of the dial: the best few open items of the interests worth a try, less the K best of all."""
        if not isinstance(self.config, DialConfig):
            return open_UI
        doubt = np.sqrt(self.recommender.concept_variances)
        worth = self.recommender.corrections + doubt * self.rng.standard_normal(doubt.shape)
        known = (self.taken > 0) & ((self.tries == 0) | (self.taken >= TAKES))
        worth[~self.unknown | known | (self.tries >= PATIENCE)] = -np.inf
        floor = np.partition(worth, -INTERESTS, axis=1)[:, -INTERESTS]
        tried = np.isfinite(worth) & (worth >= floor[:, None])
        order = np.argsort(-np.where(open_UI, means, -np.inf), axis=1, kind="stable")
        of_tried = self.leading[order] & tried[:, None, :]
        among = (of_tried & (np.cumsum(of_tried, axis=1) <= ITEMS_EACH)).any(axis=2)
        among[:, :k] = False
        found = np.zeros_like(open_UI)
        np.put_along_axis(found, order, among, axis=1)
        return found & open_UI

    def chances(self, means: DoubleArray, drawn: DoubleArray, free: BoolArray, explorable: BoolArray) -> DoubleArray:
        """p(item | places before, draw), (U, I)."""
        match self.config:
            case DialConfig() as dial:
                return _dial(dial, means, drawn, free, explorable)
            case ThompsonPlackettLuceConfig() as soft:
                values = np.where(free, drawn, -np.inf)
                weights = np.exp((values - values.max(axis=1, keepdims=True)) / soft.temperature)
                weights /= weights.sum(axis=1, keepdims=True)
                basis = np.where(free, means, -np.inf)
                m = soft.among or basis.shape[1]
                floor = np.partition(basis, -m, axis=1)[:, -m]
                top = free & (basis >= floor[:, None])
                return (1 - soft.epsilon) * weights + soft.epsilon * top / top.sum(axis=1, keepdims=True)
            case EpsilonGreedyConfig() as random:
                return (1 - random.epsilon) * _best(means, free) + random.epsilon * free / free.sum(
                    axis=1, keepdims=True
                )
        return _best(means, free)

    def hear(self, round_: int, told: list[Feedback]) -> None:
        """Learn; note what was taken."""
        for feedback in told:
            for place in range(feedback.items.shape[1]):
                users, items, taken = feedback.users, feedback.items[:, place], feedback.engaged[:, place]
                self.taken[users[taken]] += self.leading[items[taken]]
        self.recommender.learn(told)
        self.recommender.pass_round()
        every = self.recommender.config.retrain_every
        if every and (round_ + 1) % every == 0:
            self.recommender.retrain()


def _best(means: DoubleArray, free: BoolArray) -> DoubleArray:
    chances = np.zeros(means.shape)
    chances[np.arange(len(means)), np.where(free, means, -np.inf).argmax(axis=1)] = 1.0
    return chances


def _dial(
    dial: DialConfig, means: DoubleArray, drawn: DoubleArray, free: BoolArray, explorable: BoolArray
) -> DoubleArray:
    size = np.maximum(explorable.sum(axis=1, keepdims=True), 1)
    mean = np.where(explorable, drawn, 0.0).sum(axis=1, keepdims=True) / size
    spread = np.sqrt((np.where(explorable, drawn - mean, 0.0) ** 2).sum(axis=1, keepdims=True) / size)
    aside = free & explorable
    n = aside.sum(axis=1, keepdims=True)
    values = np.where(aside, drawn, -np.inf)
    top = np.where(n > 0, values.max(axis=1, keepdims=True), 0.0)
    weights = np.exp((values - top) / (dial.temperature * np.where(spread > 0, spread, 1.0)))
    look = (1 - dial.epsilon) * weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-300)
    look = look + dial.epsilon * aside / np.maximum(n, 1)
    share = np.where(n > 0, dial.share, 0.0)
    return np.asarray((1 - share) * _best(means, free) + share * look)
