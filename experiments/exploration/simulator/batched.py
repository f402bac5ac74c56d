"""The experiment's policies for all users at a time: the same probabilities as the policies themselves (`measure.py
check` holds them against each other), a tenth of the time.
"""

import numpy as np
from looking import LookAround

from penchant.config import Config
from penchant.evaluation.simulation.loop import Chooser, Slates
from penchant.evaluation.simulation.recommender import SimulatedRecommender
from penchant.evaluation.simulation.world import Feedback
from penchant.exploration.dial import DialConfig
from penchant.exploration.policies.catalogue import POLICIES
from penchant.exploration.policies.epsilon_greedy import EpsilonGreedyConfig
from penchant.exploration.policies.greedy import GreedyConfig
from penchant.exploration.policies.thompson import ThompsonPlackettLuceConfig
from penchant.pipeline.exploring import Exploration
from penchant.types import BoolArray, DoubleArray


def given(policy: dict) -> dict:
    """What a policy's settings say beside its kind."""
    return {name: value for name, value in policy.items() if name != "kind"}


def config_of(policy: dict) -> Config:
    """The settings of a policy, checked; of the dial, those of slates where nothing else is said."""
    kind = Exploration if policy["kind"] == "dial" else POLICIES[policy["kind"]].config
    return kind.of(given(policy))


class Batched(Chooser):
    """A policy over all users' items."""

    def __init__(
        self,
        recommender: SimulatedRecommender,
        config: Exploration | EpsilonGreedyConfig | ThompsonPlackettLuceConfig | GreedyConfig,
        *,
        rng: np.random.Generator,
    ) -> None:
        self.recommender, self.config, self.rng = recommender, config, rng
        self.around = LookAround(recommender, config) if isinstance(config, Exploration) else None

    def slates(self, round_: int, open_UI: BoolArray, k: int) -> Slates:  # noqa: ARG002 - the clock is the beliefs'
        """Slates of K, place by place."""
        made, free, rows = Slates.empty(len(open_UI), k), open_UI.copy(), np.arange(len(open_UI))
        means = self.ordered()
        worst = np.partition(np.where(free, means, -np.inf), -k, axis=1)[:, -k]
        looked = self.around.look(means, free, k) if self.around else None
        explorable = looked.explorable if looked else free
        drawn = means
        if not isinstance(self.config, GreedyConfig | EpsilonGreedyConfig):
            drawn = self.draw() + (looked.bonus if looked else 0.0)
        for place in range(k):
            chances = self.chances(means, drawn, free, explorable)
            total = np.cumsum(chances, axis=1)
            chosen = (total <= self.rng.random(len(rows))[:, None] * total[:, -1:]).sum(axis=1)
            chosen = np.minimum(chosen, total.shape[1] - 1)
            made.items[:, place] = chosen
            made.propensities[:, place] = chances[rows, chosen]
            made.explored[:, place] = means[rows, chosen] < worst
            free[rows, chosen] = False
        if looked:
            self.around.show(looked, made.items)
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

    def chances(self, means: DoubleArray, drawn: DoubleArray, free: BoolArray, explorable: BoolArray) -> DoubleArray:
        """p(item | places before, draw), (U, I)."""
        match self.config:
            case Exploration() as settings:
                return _dial(settings.dial(float(settings.share)), means, drawn, free, explorable)
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
        for feedback in told if self.around else ():
            rows, places = np.nonzero(feedback.engaged)
            self.around.hear(feedback.users[rows], feedback.items[rows, places])
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
    columns = np.flatnonzero(explorable.any(axis=0))  # few items are explored on anybody
    explorable, drawn = explorable[:, columns], drawn[:, columns]
    size = np.maximum(explorable.sum(axis=1, keepdims=True), 1)
    mean = np.where(explorable, drawn, 0.0).sum(axis=1, keepdims=True) / size
    spread = np.sqrt((np.where(explorable, drawn - mean, 0.0) ** 2).sum(axis=1, keepdims=True) / size)
    aside = free[:, columns] & explorable
    n = aside.sum(axis=1, keepdims=True)
    values = np.where(aside, drawn, -np.inf)
    top = np.where(n > 0, values.max(axis=1, keepdims=True, initial=-np.inf), 0.0)
    weights = np.exp((values - top) / (dial.temperature * np.where(spread > 0, spread, 1.0)))
    look = (1 - dial.epsilon) * weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-300)
    look = look + dial.epsilon * aside / np.maximum(n, 1)
    share = np.where(n > 0, dial.share, 0.0)
    chances = (1 - share) * _best(means, free)
    chances[:, columns] += share * look
    return np.asarray(chances)
