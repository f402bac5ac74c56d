"""Reward models q̂(x, a), cross-fitted: what is foreseen of a round never saw that round's reward.

Cross-fitting keeps a doubly robust estimate unbiased and its intervals honest whatever the model does.
Source: Chernozhukov et al., "Double/debiased machine learning", 2018.
"""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from pydantic import Field
from scipy.special import expit

from penchant.config import Config
from penchant.errors import ConfigError, DataError
from penchant.evaluation.off_policy.dataset import LoggedBandit
from penchant.evaluation.off_policy.design import Design
from penchant.registry import Registry
from penchant.seeding import derive, numpy_rng
from penchant.types import AnyArray, DoubleArray, IntArray

MOST_CATEGORIES = 255
"""As many actions a boosted model can tell apart as categories"""


class RewardModel(ABC):
    """Learns E[r | x, a] from rows of a design."""

    name: ClassVar[str]

    @abstractmethod
    def fit(self, design: Design, rounds: IntArray, actions: IntArray, rewards: DoubleArray, *, seed: int) -> None:
        """Learn from n rounds, what was done in them, and what came of it, (n,) each."""

    @abstractmethod
    def predict(self, design: Design, rounds: IntArray) -> DoubleArray:
        """(n, A) for every action in n rounds"""


class RidgeConfig(Config):
    """Settings of the ridge regression."""

    strength: float = Field(default=1.0, gt=0)
    """Of the penalty on the squared coefficients of standardised features"""


class RidgeModel(RewardModel):
    """Linear, for any reward."""

    name = "ridge"

    def __init__(self, config: RidgeConfig | None = None) -> None:
        self._strength = (config or RidgeConfig()).strength

    def fit(self, design: Design, rounds: IntArray, actions: IntArray, rewards: DoubleArray, *, seed: int) -> None:
        """See `RewardModel.fit`."""
        from sklearn.linear_model import Ridge

        self._model: Any = Ridge(alpha=self._strength, random_state=seed).fit(design.linear(rounds, actions), rewards)

    def predict(self, design: Design, rounds: IntArray) -> DoubleArray:
        """See `RewardModel.predict`."""
        return design.linear_scores(np.asarray(self._model.coef_), float(self._model.intercept_), rounds)


class LogisticConfig(Config):
    """Settings of the logistic regression."""

    inverse_strength: float = Field(default=1.0, gt=0)
    """C of the penalty"""


class LogisticModel(RewardModel):
    """For rewards of two values, such as click or not."""

    name = "logistic"

    def __init__(self, config: LogisticConfig | None = None) -> None:
        self._c = (config or LogisticConfig()).inverse_strength

    def fit(self, design: Design, rounds: IntArray, actions: IntArray, rewards: DoubleArray, *, seed: int) -> None:
        """See `RewardModel.fit`."""
        from sklearn.linear_model import LogisticRegression

        low, high = rewards.min(), rewards.max()
        self._low, self._high = float(low), float(high)
        model: Any = LogisticRegression(C=self._c, max_iter=300, tol=1e-3, random_state=seed)
        self._model = model.fit(design.linear(rounds, actions), rewards == high) if low < high else None

    def predict(self, design: Design, rounds: IntArray) -> DoubleArray:
        """See `RewardModel.predict`."""
        if self._model is None:
            return np.full((len(rounds), design.n_actions), self._low)
        logits = design.linear_scores(self._model.coef_[0], float(self._model.intercept_[0]), rounds)
        return np.asarray(self._low + (self._high - self._low) * expit(logits))


class BoostingConfig(Config):
    """Settings of the boosted trees."""

    trees: int = Field(default=100, ge=1)
    learning_rate: float = Field(default=0.1, gt=0, le=1)
    leaves: int = Field(default=15, ge=2)


class BoostingModel(RewardModel):
    """Boosted trees, for any reward; actions are categories."""

    name = "boosting"

    def __init__(self, config: BoostingConfig | None = None) -> None:
        self._config = config or BoostingConfig()

    def fit(self, design: Design, rounds: IntArray, actions: IntArray, rewards: DoubleArray, *, seed: int) -> None:
        """See `RewardModel.fit`."""
        from sklearn.ensemble import HistGradientBoostingRegressor

        features = design.dense(rounds, actions)
        few = design.own_actions and design.n_actions <= MOST_CATEGORIES
        self._model: Any = HistGradientBoostingRegressor(
            max_iter=self._config.trees,
            learning_rate=self._config.learning_rate,
            max_leaf_nodes=self._config.leaves,
            categorical_features=[0] if few else None,
            early_stopping=False,
            random_state=seed,
        ).fit(features, rewards)

    def predict(self, design: Design, rounds: IntArray) -> DoubleArray:
        """See `RewardModel.predict`."""
        predicted = np.empty((len(rounds), design.n_actions))
        for action in range(design.n_actions):
            predicted[:, action] = self._model.predict(design.dense(rounds, np.full(len(rounds), action)))
        return predicted


class MeanModel(RewardModel):
    """The mean reward, whatever is done: what knows nothing of x and a."""

    name = "mean"

    def __init__(self, config: Config | None = None) -> None:
        del config

    def fit(self, design: Design, rounds: IntArray, actions: IntArray, rewards: DoubleArray, *, seed: int) -> None:
        """See `RewardModel.fit`."""
        del design, rounds, actions, seed
        self._mean = float(rewards.mean())

    def predict(self, design: Design, rounds: IntArray) -> DoubleArray:
        """See `RewardModel.predict`."""
        return np.full((len(rounds), design.n_actions), self._mean)


class _NoConfig(Config):
    """No settings."""


REWARD_MODELS: Registry[RewardModel] = Registry("reward model")
REWARD_MODELS.register("ridge", config=RidgeConfig, cls=RidgeModel, summary="linear, for any reward")
REWARD_MODELS.register("logistic", config=LogisticConfig, cls=LogisticModel, summary="for rewards of two values")
REWARD_MODELS.register("boosting", config=BoostingConfig, cls=BoostingModel, summary="boosted trees, for any reward")
REWARD_MODELS.register("mean", config=_NoConfig, cls=MeanModel, summary="the mean reward, whatever is done")


def cross_fit(log: LoggedBandit, model: RewardModel, *, folds: int = 3, seed: int = 0) -> DoubleArray:
    """q̂(x_n, a) of all actions, (N, A), within the range of the rewards seen; each round's from a model fitted without
    its fold, and rounds of one owner are in one fold.

    Raises `ConfigError` for fewer than two folds, `DataError` for fewer rounds (or owners) than folds.
    """
    if folds < 2:
        raise ConfigError(f"folds is {folds}; cross-fitting takes two at least.", hint="Give 2 or more.")
    owners = np.arange(len(log)) if log.owners is None else np.unique(log.owners, return_inverse=True)[1]
    units = int(owners.max()) + 1
    if units < folds:
        raise DataError(
            f"{units} rounds or owners cannot be divided into {folds} folds.", hint="Log more, or ask fewer."
        )
    fold_of = numpy_rng(seed, "folds of a reward model").permutation(units)[owners] % folds
    design, everywhere = Design(log), np.arange(len(log))
    low, high = float(log.rewards.min()), float(log.rewards.max())
    predicted = np.empty((len(log), log.n_actions))
    for fold in range(folds):
        train, held = everywhere[fold_of != fold], everywhere[fold_of == fold]
        fold_seed = derive(seed, "reward model", str(fold)) % 2**31
        model.fit(design, train, log.actions[train], log.rewards[train], seed=fold_seed)
        predicted[held] = model.predict(design, held)
    return np.asarray(np.clip(predicted, low, high))


def out_of_fold_error(log: LoggedBandit, predicted_NA: AnyArray, weights_N: DoubleArray) -> float:
    """Σ w² (r − q̂)² / Σ w²: the part of a doubly robust estimate's variance that a better model would take away.

    Source: Farajtabar, Chow & Ghavamzadeh, "More robust doubly robust off-policy evaluation", 2018.
    """
    residual = log.rewards - predicted_NA[np.arange(len(log)), log.actions]
    squares = weights_N**2
    total = float(squares.sum())
    return float((squares * residual**2).sum() / total) if total else float((residual**2).mean())
