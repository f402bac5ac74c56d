"""Pseudo-labels: a classifier learns from what it is sure of among examples that nobody labelled."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field

from penchant.config import Config
from penchant.errors import DataError
from penchant.metrics.probabilities import log_loss
from penchant.models.language.few_shot.bayesian_logistic import BayesianLogistic
from penchant.models.language.few_shot.views import View, surest
from penchant.seeding import numpy_rng
from penchant.types import DoubleArray, IntArray


class SelfTrainingConfig(Config):
    """How many pseudo-labels are made, and how much they count."""

    rounds: int = Field(default=3, ge=1)
    share: float = Field(default=0.2, gt=0, le=1)
    """Of the unlabelled examples, those labelled in all by the last round; likes and dislikes as among the labels."""
    weights: tuple[float, ...] = (0.02, 0.1, 0.5)
    """How much a pseudo-label counts beside a label: each is tried on labels held out, 0 (none at all) besides."""
    folds: int = Field(default=5, ge=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTraining:
    """What came of it."""

    posterior: BayesianLogistic
    weight: float
    """That a pseudo-label counts; 0: they did not pay and were left out."""
    pseudo_labels: int
    held_out: dict[float, float]
    """Log loss of held-out labels by weight, in nats"""


def self_train(
    view: View, labelled: IntArray, labels: ArrayLike, *, config: SelfTrainingConfig | None = None, seed: int = 0
) -> SelfTraining:
    """Learn from the labelled examples of a view, then also from its own surest answers on the others, round by round.

    Each round labels anew, the share of likes as among the labels (D. Lee, "Pseudo-label", 2013; H. Scudder 1965), and
    the weight of pseudo-labels is that of the least log loss on labels held out, so that they are left out where they
    do harm: a classifier that is wrong and sure teaches itself its faults. With fewer than `folds` labels of a class
    nothing can be held out, and there are none. `DataError` where no label came.
    """
    config = config or SelfTrainingConfig()
    labels = np.asarray(labels, dtype=np.float64)
    if not len(labels) or len(labels) != len(labelled):
        raise DataError(f"{len(labels)} labels came for {len(labelled)} examples.", hint="Give one label each.")
    pool = np.setdiff1d(np.arange(len(view.rows)), labelled)
    held_out: dict[float, float] = {}
    few = min((labels > 0.5).sum(), (labels <= 0.5).sum()) < config.folds
    if len(pool) and not few:
        order = numpy_rng(seed, "self-training").permutation(len(labels))
        order = order[np.argsort(labels[order] > 0.5, kind="stable")]
        for weight in (0.0, *config.weights):
            guessed = np.empty(len(labels))
            for fold in range(config.folds):
                out = order[fold :: config.folds]
                rest = np.setdiff1d(order, out)
                head, _ = _taught(view, labelled[rest], labels[rest], pool, weight, config)
                guessed[out] = head.probabilities(view.rows[labelled[out]])
            held_out[weight] = log_loss(guessed, labels > 0.5)
    best = min(held_out, key=lambda weight: held_out[weight], default=0.0)
    posterior, made = _taught(view, labelled, labels, pool, best, config)
    return SelfTraining(posterior=posterior, weight=best, pseudo_labels=made, held_out=held_out)


def _taught(
    view: View, labelled: IntArray, labels: DoubleArray, pool: IntArray, weight: float, config: SelfTrainingConfig
) -> tuple[BayesianLogistic, int]:
    head = view.fit(labelled, labels)
    if weight == 0 or not len(pool):
        return head, 0
    made = 0
    for done in range(1, config.rounds + 1):
        made = round(len(pool) * config.share * done / config.rounds)
        likes = round(made * float(labels.mean()))
        best, worst = surest(head.probabilities(view.rows[pool]), pool, likes=likes, dislikes=made - likes)
        examples = np.concatenate([labelled, best, worst])
        guesses = np.concatenate([labels, np.ones(len(best)), np.zeros(len(worst))])
        head = view.fit(examples, guesses, np.concatenate([np.ones(len(labels)), np.full(made, weight)]))
    return head, made
