"""From a network's last layer to ratings: each head knows its width, targets, loss and how its outputs are decoded.

Errors are measured on decoded ratings, in the data's own unit, whatever a head is trained on. An objective that adds up
raw differences ``Σ r̂ − r`` has no best value and is not among them: its squares are what is meant.

========= ====================== =========================================== ==========================
head      target                 loss                                        decoded to
========= ====================== =========================================== ==========================
rating    the rating, k aspects  mean squared norm, in deviations            the rating itself
class     which level it is      cross-entropy                               expected or likeliest level
liked     at or above a share    binary cross-entropy on logits              mean rating of its side
========= ====================== =========================================== ==========================
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from penchant.data.rating_targets import LIKED_SHARE, RatingTargets
from penchant.errors import DataError
from penchant.types import DoubleArray, IntArray

HeadName = Literal["rating", "class", "liked"]
Output = Literal["linear", "sigmoid"]
Decoding = Literal["expected", "argmax"]


def squared_norm_loss(predicted: Tensor, actual: Tensor, observed: Tensor | None = None) -> Tensor:
    """``ℓ = (1/N) Σ_n ‖y_n − ŷ_n‖²``, a scalar in squared units of y; y is (N,) or (N, k).

    With `observed` (N,) or (N, k) only what is there enters: of an aspect that was not rated nothing is learned, and N
    counts the examples with any. So a matrix of items and behaviours is summed over its observed pairs alone.

    `DataError` where the shapes differ: torch would stretch them over each other and average every pair.

    Worked: y = (4, 2, 5) and ŷ = (3, 2, 3): ‖(1, 0, 2)‖² = 5; with a second example that is off by (1, 1, 0), (5 + 2)/2
    = 3.5. If the last aspect of the first was not rated, (1 + 2)/2 = 1.5.
    """
    _check_shapes(predicted, actual, "Ratings")
    if observed is None:
        return (predicted - actual).square().sum() / len(actual)
    _check_shapes(predicted, observed, "Marks of what was observed")
    there = observed.bool()
    errors = (predicted - actual).masked_fill(~there, 0.0)  # before squaring: what is not there may be NaN
    examples = there.reshape(len(there), -1).any(dim=1).sum().clamp(min=1)
    return errors.square().sum() / examples


def balanced_weights(classes_N: IntArray, count: int) -> DoubleArray:
    """A weight for each of C classes, inverse to how often it comes: ``w_c = N / (C' n_c)``, C' those that do come.

    Over the N examples they are 1 on average, and every class that comes counts alike; one that never comes has 1
    (King and Zeng 2001). The caveat: probabilities learned with them are those of a balanced world.

    Worked: classes (0, 0, 0, 1): (4/6, 4/2) = (0.667, 2).
    """
    counts = np.bincount(classes_N, minlength=count).astype(np.float64)
    weights: DoubleArray = np.ones(count)
    np.divide(counts.sum(), (counts > 0).sum() * counts, out=weights, where=counts > 0)
    return weights


def rating_class_loss(logits_NC: Tensor, classes_N: Tensor, weights_C: Tensor | None = None) -> Tensor:
    """``ℓ = −(1/N) Σ_n w_{c_n} log softmax(s_n)_{c_n}``, in nats; c are class ids from 0, w is 1 where none is given.

    Divided by N and not by the weights' sum, so that the mean over batches is the mean over examples.

    Worked: logits (0, ln 3) and class 1: −ln(3/4) = 0.28768; with w_1 = 2 0.57536.
    """
    if weights_C is None:
        return F.cross_entropy(logits_NC, classes_N)
    return F.cross_entropy(logits_NC, classes_N, weight=weights_C.to(logits_NC), reduction="sum") / len(classes_N)


def like_loss(logits: Tensor, labels: Tensor, weights: tuple[float, float] = (1.0, 1.0)) -> Tensor:
    """Binary cross-entropy on raw logits, a mean in nats; labels are floats of the logits' shape, 1 is a like.

    ``ℓ = (1/N) Σ_n [ w₁ y_n log(1 + e^{−s_n}) + w₀ (1 − y_n) log(1 + e^{s_n}) ]``. Buying, clicking and seeing an
    advertisement are labels like any other: the positive class is 1; a label between is a share.

    Worked: logit ln 3: for y = 1 ln 4 − ln 3 = 0.28768, for y = 0 ln 4 = 1.38629.
    """
    _check_shapes(logits, labels, "Labels")
    if not torch.is_floating_point(labels):
        raise DataError(
            f"Labels of the type {labels.dtype} came.", hint="Give floats: 1 for the positive class, 0 for the other."
        )
    if weights == (1.0, 1.0):
        return F.binary_cross_entropy_with_logits(logits, labels)
    no, yes = weights
    return (yes * labels * F.softplus(-logits) + no * (1 - labels) * F.softplus(logits)).mean()


class RatingHead(ABC):
    """What the last layer means."""

    width: int
    """Outputs of an example."""

    @abstractmethod
    def targets(self, ratings: DoubleArray) -> Tensor:
        """What the outputs are trained on, from ratings in their own unit, (N,), or (N, k) for k aspects."""

    @abstractmethod
    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The mean loss of outputs (N, width), a scalar."""

    @abstractmethod
    def ratings(self, outputs: Tensor) -> Tensor:
        """Decoded ratings in their own unit, (N,), or (N, k) for k aspects."""


class RatingValue(RatingHead):
    """The rating as a number; k aspects (quality, price, service) as k numbers on one scale.

    ``linear``: ``r̂ = μ + σ o``; ``sigmoid``: ``r̂ = low + (high − low) / (1 + e^{−o})``, which cannot leave the scale.
    The loss is ``(1/N) Σ_n ‖r_n − r̂_n‖² / σ²``, so that it is the same for ratings of 1 to 5 and of 10 to 50. NaN among
    the ratings is an aspect that was not rated.

    Worked: scale 1 to 5, output 0: sigmoid gives 3; μ = 3.5, σ = 0.5, output 2: linear gives 4.5, and for a rating of 4
    the loss is 0.5² / 0.5² = 1.
    """

    def __init__(
        self, *, low: float, high: float, mean: float, spread: float, output: Output, aspects: int = 1
    ) -> None:
        self.width, self.output = aspects, output
        self._low, self._high, self._mean, self._spread = low, high, mean, spread

    def targets(self, ratings: DoubleArray) -> Tensor:
        """The ratings, (N, k) float32. `DataError` where they have another number of aspects."""
        found = np.asarray(ratings, dtype=np.float32).reshape(len(ratings), -1 if len(ratings) else self.width)
        if found.shape[1] != self.width:
            raise DataError(
                f"Ratings of {found.shape[1]} aspects came for a head of {self.width}.",
                hint="Give one column of ratings for each aspect, NaN where one was not rated.",
            )
        return torch.from_numpy(found)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The mean squared norm of the error over what was rated, in σ²."""
        return squared_norm_loss(self._decoded(outputs), targets, ~targets.isnan()) / self._spread**2

    def ratings(self, outputs: Tensor) -> Tensor:
        """The numbers, within the scale."""
        decoded = self._decoded(outputs).clamp(self._low, self._high)
        return decoded[:, 0] if self.width == 1 else decoded

    def _decoded(self, outputs: Tensor) -> Tensor:
        if self.output == "sigmoid":
            return self._low + (self._high - self._low) * outputs.sigmoid()
        return self._mean + self._spread * outputs


class RatingClass(RatingHead):
    """The rating as one of the C levels in ascending order.

    ``p = softmax(o)``; ``expected``: ``r̂ = Σ_c p_c level_c``, which has the least squared error where p is right;
    ``argmax``: the likeliest level, which is right most often.

    Worked: levels 1, 3, 5 and p = (1/4, 1/4, 1/2): expected 3.5, argmax 5.
    """

    def __init__(
        self, targets: RatingTargets, *, decoding: Decoding = "expected", weights: Sequence[float] | None = None
    ) -> None:
        """`weights`: what an example of each level counts for in the loss; None: one."""
        self.width, self.decoding = len(targets.levels), decoding
        self._targets = targets
        self._weights = None if weights is None else torch.tensor(weights)

    def targets(self, ratings: DoubleArray) -> Tensor:
        """Class ids (N,). `DataError` for a rating that is missing or no level."""
        return torch.from_numpy(self._targets.classes(_all_there(ratings)).astype(np.int64))

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy with the rating's class."""
        return rating_class_loss(outputs, targets, self._weights)

    def ratings(self, outputs: Tensor) -> Tensor:
        """The expected or the likeliest level."""
        levels = torch.tensor(self._targets.levels, dtype=outputs.dtype, device=outputs.device)
        return levels[outputs.argmax(dim=1)] if self.decoding == "argmax" else outputs.softmax(dim=1) @ levels


class Liked(RatingHead):
    """Whether the rating is in the upper part of its scale: ``(r − low)/(high − low) ≥ share``.

    `probabilities` is what it learns. As a rating it is worth the mean of its side: ``r̂ = (1 − p) m₀ + p m₁`` with the
    mean training rating of what was not liked and of what was.

    Worked: m₀ = 2, m₁ = 4.5 and p = 0.4: 3.
    """

    width = 1

    def __init__(
        self,
        targets: RatingTargets,
        *,
        means: tuple[float, float],
        share: float = LIKED_SHARE,
        weights: tuple[float, float] = (1.0, 1.0),
    ) -> None:
        """`weights`: what a dislike and a like count for in the loss."""
        self._targets, self._share, self.means, self._weights = targets, share, means, weights

    @classmethod
    def of(cls, targets: RatingTargets, ratings: DoubleArray, *, share: float = LIKED_SHARE) -> "Liked":
        """The head for training ratings. `DataError` where all of them are likes, or none."""
        liked = targets.liked(ratings, share=share)
        if liked.all() or not liked.any():
            raise DataError(
                f"All training ratings are {'likes' if liked.all() else 'no likes'}: there is nothing to tell apart.",
                hint="Choose another share of the scale, or learn the rating itself.",
            )
        return cls(targets, means=(float(ratings[~liked].mean()), float(ratings[liked].mean())), share=share)

    def targets(self, ratings: DoubleArray) -> Tensor:
        """1 for a like and 0 for none, (N,) float32. `DataError` for a rating that is missing."""
        return torch.from_numpy(self._targets.liked(_all_there(ratings), share=self._share).astype(np.float32))

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Binary cross-entropy on the logits."""
        return like_loss(outputs[:, 0], targets, self._weights)

    def probabilities(self, outputs: Tensor) -> Tensor:
        """P(like), (N,)."""
        return outputs[:, 0].sigmoid()

    def ratings(self, outputs: Tensor) -> Tensor:
        """What a like of this probability is worth."""
        low, high = self.means
        return low + (high - low) * self.probabilities(outputs)


def _check_shapes(outputs: Tensor, wanted: Tensor, what: str) -> None:
    if wanted.shape != outputs.shape:
        raise DataError(
            f"{what} of the shape {tuple(wanted.shape)} came for outputs of the shape {tuple(outputs.shape)}.",
            hint="Give one for each output.",
        )


def _all_there(ratings: DoubleArray) -> DoubleArray:
    missing = int(np.isnan(ratings).sum())
    if missing:
        raise DataError(f"{missing} of {ratings.size} ratings are missing.", hint="Leave out events without a rating.")
    return ratings
