"""Like or dislike from a few examples: what is expected beforehand, corrected by each label."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field, field_validator

from penchant.config import Config
from penchant.errors import ConfigError
from penchant.models.language.few_shot.bayesian_logistic import BayesianLogistic, BayesianLogisticConfig, Prior
from penchant.models.language.few_shot.behaviour_features import FEATURES, BehaviourFeatures
from penchant.types import DoubleArray

ASSUMED: Mapping[str, float] = {
    "affinity": 0.3,
    "popularity": 0.15,
    "user_affinity": 0.15,
    "nearest_text": 0.15,
    "age": 0.15,
    "turned_to_first": 0.15,
}
"""What is expected before any label, in log odds per standard deviation: people rather like what those like them take,
what many take, what continues something they had, what is still taken though it is old, and what others turn to first.
Equal weights and a sign each, as in an improper linear model (R. Dawes, "The robust beauty of improper linear models in
decision making", 1979): the labels change them."""


class LikeDislikeConfig(Config):
    """What is believed beforehand, and how firmly."""

    expected: Mapping[str, float] = Field(default_factory=lambda: dict(ASSUMED))
    """Feature → mean of its weight; the others have 0. ``{}``: nothing is assumed."""
    behaviour_width: float = Field(default=0.08, gt=0)
    """σ of the weights of `FEATURES` about their means"""
    text_width: float = Field(default=0.05, gt=0)
    """σ of those of the text's components"""
    taken_width: float = Field(default=0.08, gt=0)
    """σ of those of the components of who took what"""
    offset_width: float = Field(default=2.0, gt=0)
    """σ of the offset, about even odds"""
    certainty: float = Field(default=4.0, ge=0)
    """How many weights' worth of evidence stands behind the widths: the labels move them the less."""
    head: BayesianLogisticConfig = Field(default_factory=BayesianLogisticConfig)

    @field_validator("expected")
    @classmethod
    def _features_that_exist(cls, expected: Mapping[str, float]) -> Mapping[str, float]:
        if unknown := sorted(set(expected) - set(FEATURES)):
            raise ValueError(f"no feature is called {', '.join(unknown)}; there are {', '.join(FEATURES)}")
        if wrong := sorted(name for name, mean in expected.items() if not np.isfinite(mean)):
            raise ValueError(f"{', '.join(wrong)} is not finite")
        return expected


@dataclass(frozen=True, slots=True, kw_only=True)
class LikeDislike:
    """``P(like | x) = σ-average of x·w`` over the posterior of w, x the features of a pair (`BehaviourFeatures.of`).

    Without a label it ranks by what is expected; each label moves weights and widths by Bayes' rule.
    """

    posterior: BayesianLogistic
    names: tuple[str, ...]

    @classmethod
    def fit(
        cls,
        features: BehaviourFeatures,
        rows_ND: DoubleArray,
        labels_N: ArrayLike,
        *,
        counts_N: ArrayLike | None = None,
        config: LikeDislikeConfig | None = None,
    ) -> "LikeDislike":
        """From N examples, `rows_ND` as `features` gives them; none at all is allowed. See `BayesianLogistic.fit`."""
        prior = prior_of(features, config or LikeDislikeConfig())
        head = (config or LikeDislikeConfig()).head
        posterior = BayesianLogistic.fit(_with_offset(rows_ND), labels_N, prior, counts_N=counts_N, config=head)
        return cls(posterior=posterior, names=features.names)

    def probabilities(self, rows_ND: DoubleArray) -> DoubleArray:
        """P(like) of each pair, (N,)."""
        return self.posterior.probabilities(_with_offset(rows_ND))

    def log_odds(self, rows_ND: DoubleArray) -> DoubleArray:
        """The posterior mean of each pair's log odds, (N,): to rank by."""
        return self.posterior.logits(_with_offset(rows_ND))[0]

    def weights(self) -> dict[str, float]:
        """Of each of `FEATURES`, in log odds per standard deviation."""
        return dict(zip(FEATURES, self.posterior.weights[1 : 1 + len(FEATURES)].tolist(), strict=True))


def prior_of(features: BehaviourFeatures, config: LikeDislikeConfig) -> Prior:
    """The offset, what is known of behaviour, and components of which nothing is known."""
    text, taken = (len(range(len(features.names))[part]) for part in features.components_at)
    expected = np.array([config.expected.get(name, 0.0) for name in FEATURES])
    blocks = [
        (np.zeros(1), config.offset_width),
        (expected, config.behaviour_width),
        (np.zeros(text), config.text_width),
        (np.zeros(taken), config.taken_width),
    ]
    return Prior.of_blocks([block for block in blocks if len(block[0])], certainty=config.certainty)


def expected_elsewhere(
    rows_ND: DoubleArray, labels_N: ArrayLike, *, most: int = 20_000, width: float = 1.0
) -> dict[str, float]:
    """What another catalogue's labels say of the weights of `FEATURES`, to be `LikeDislikeConfig.expected` here.

    Only columns that mean the same everywhere are learned from; an item's components do not. It pays where the two
    catalogues are alike, and does harm where they are not: popular films are the better liked ones, popular books are
    not. `ConfigError` for rows with fewer columns than `FEATURES`.
    """
    if rows_ND.ndim != 2 or rows_ND.shape[1] < len(FEATURES):
        raise ConfigError(f"Rows of shape {rows_ND.shape} came.", hint="Give rows as BehaviourFeatures.of gives them.")
    kept = slice(0, most)
    shared = _with_offset(rows_ND[kept, : len(FEATURES)])
    prior = Prior.of_blocks([(np.zeros(shared.shape[1]), width)], certainty=np.inf)
    found = BayesianLogistic.fit(shared, np.asarray(labels_N)[kept], prior)
    return dict(zip(FEATURES, found.weights[1:].tolist(), strict=True))


def _with_offset(rows_ND: DoubleArray) -> DoubleArray:
    return np.concatenate([np.ones((len(rows_ND), 1)), rows_ND], axis=1)
