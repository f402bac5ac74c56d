"""Co-training: two views of the same examples, each the other's teacher."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field

from penchant.config import Config
from penchant.errors import DataError
from penchant.models.language.few_shot.bayesian_logistic import BayesianLogistic
from penchant.models.language.few_shot.views import View, agreement, surest, together
from penchant.types import DoubleArray, IntArray


class CoTrainingConfig(Config):
    """How many examples the views label for each other."""

    rounds: int = Field(default=10, ge=1)
    each: int = Field(default=10, ge=1)
    """Examples that either view labels in a round; likes and dislikes as among the labels, one of either at least."""
    weight: float = Field(default=0.3, gt=0, le=1)
    """How much such a label counts beside a person's."""
    soft: bool = True
    """A view says how likely it finds a like, not only whether: one that knows little then teaches little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoTraining:
    """Two heads before and after, and how far they agree on the examples that nobody labelled."""

    before: tuple[BayesianLogistic, BayesianLogistic]
    after: tuple[BayesianLogistic, BayesianLogistic]
    agreement_before: float
    agreement_after: float
    """Correlation of their log odds, over examples that neither view labelled either"""
    taught: int
    """Labels that the views gave"""

    def probabilities(self, rows: tuple[DoubleArray, DoubleArray], *, trained: bool = True) -> DoubleArray:
        """P(like) by both views together, (N,); `trained` False: as before they taught each other."""
        heads = self.after if trained else self.before
        return together(*(head.logits(mine)[0] for head, mine in zip(heads, rows, strict=True)))


def co_train(
    views: tuple[View, View], labelled: IntArray, labels: ArrayLike, *, config: CoTrainingConfig | None = None
) -> CoTraining:
    """A. Blum and T. Mitchell, "Combining labeled and unlabeled data with co-training" (1998): round by round each view
    labels the examples it is surest of, and the other learns from them.

    It helps where either view alone would do and the two err apart, as an item's text and who took it may; where both
    err alike it makes them surer of it. `DataError` for views of other examples, or without a label of either class.
    """
    config = config or CoTrainingConfig()
    labels = np.asarray(labels, dtype=np.float64)
    if len(views[0].rows) != len(views[1].rows) or len(labels) != len(labelled):
        raise DataError(
            f"Views of {len(views[0].rows)} and {len(views[1].rows)} examples came with {len(labels)} labels for "
            f"{len(labelled)}.",
            hint="Both views show the same examples, and each labelled one has a label.",
        )
    share = float(labels.mean()) if len(labels) else 0.0
    if not 0 < share < 1:
        raise DataError("Co-training needs a like and a dislike to begin with.", hint="Label one of each.")
    pool = np.setdiff1d(np.arange(len(views[0].rows)), labelled)
    likes = min(max(round(config.each * share), 1), max(config.each - 1, 1))
    examples = [labelled, labelled]
    guesses, counts = [labels, labels], [np.ones(len(labels)), np.ones(len(labels))]
    before = heads = (views[0].fit(labelled, labels), views[1].fit(labelled, labels))
    for _ in range(config.rounds):
        for teacher, pupil in ((0, 1), (1, 0)):
            sure = heads[teacher].probabilities(views[teacher].rows[pool])
            best, worst = surest(sure, pool, likes=likes, dislikes=max(config.each - likes, 1))
            taught = np.concatenate([best, worst])
            pool = np.setdiff1d(pool, taught)
            examples[pupil] = np.concatenate([examples[pupil], taught])
            believed = heads[teacher].probabilities(views[teacher].rows[taught])
            guesses[pupil] = np.concatenate([guesses[pupil], believed if config.soft else np.round(believed)])
            counts[pupil] = np.concatenate([counts[pupil], np.full(len(taught), config.weight)])
        heads = (
            views[0].fit(examples[0], guesses[0], counts[0]),
            views[1].fit(examples[1], guesses[1], counts[1]),
        )
    return CoTraining(
        before=before,
        after=heads,
        agreement_before=_agreed(before, views, pool),
        agreement_after=_agreed(heads, views, pool),
        taught=sum(map(len, examples)) - 2 * len(labelled),
    )


def _agreed(heads: tuple[BayesianLogistic, BayesianLogistic], views: tuple[View, View], pool: IntArray) -> float:
    if not len(pool):
        return 0.0
    one, other = (head.logits(view.rows[pool])[0] for head, view in zip(heads, views, strict=True))
    return agreement(one, other)
