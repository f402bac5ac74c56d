"""A head that learns from rated reviews what speaks for and against, and replaces the lexicon where it does better.

``p = σ( α (w·x + b) + β )`` with x the unit vector of the text, names read as "it", and the lexicon's polarity beside
it: logistic regression on ratings brought to [0, 1], and Platt scaling (Platt 1999) on reviews kept apart. Polarity is
``2 p − 1``. The lexicon's weight is the one learned beside the vector plus the one learned alone: the first is small
where the vector knows all wordings of the training reviews by heart, and of new wordings it knows little. So the head
knows idioms that no lexicon has ("could not put it down"), in any language of the encoder.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from pydantic import Field
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from penchant.artifacts import write_json
from penchant.config import Config
from penchant.encoders import same_model
from penchant.errors import BundleError, DataError
from penchant.interests.text.logistic import binary_cross_entropy, check_labels, fit_logistic, sigmoid
from penchant.interests.text.sentiment import Passage, Sentiment
from penchant.interfaces import Encoder
from penchant.progress import SILENT, Progress
from penchant.types import DoubleArray

WEIGHTS, DESCRIPTION = "sentiment.safetensors", "sentiment.json"
NEITHER = 0.25
"""A rating nearer than this to the middle of its scale is neither for nor against when accuracy is counted."""
ALONE = 1e-4
"""Ridge penalty of fits with one feature: hardly any, so that a perfect fit stays finite."""
FEWEST = 20
"""Reviews needed of either part, below which nothing is learned."""


class SentimentHeadConfig(Config):
    """How the head is fitted."""

    penalties: tuple[float, ...] = (1e-4, 1e-3, 1e-2, 1e-1)
    """Ridge penalties to choose from by the loss on validation."""
    standard_errors: float = Field(default=1.0, ge=0)
    """By how many standard errors of the paired difference the head's loss must be below the lexicon's to win."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentimentScore:
    """How well a sentiment told the validation ratings, calibrated on them as the other was."""

    log_loss: float
    accuracy: float
    """Share of the reviews rated well or badly whose side it tells; no opinion is half right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentimentChoice:
    """Which sentiment reads a catalogue's texts, and why."""

    sentiment: Sentiment
    head: "SentimentHead"
    head_score: SentimentScore
    lexicon_score: SentimentScore
    head_wins: bool
    reviews: tuple[int, int]
    """How many it learned from, and how many it was judged by."""


class SentimentHead:
    """See the module. Immutable once fitted."""

    def __init__(
        self, encoder: Encoder, lexicon: Sentiment, weights: DoubleArray, offset: float, scaling: tuple[float, float]
    ) -> None:
        """`weights`: (D + 1,), the last of the lexicon's polarity. `scaling`: α and β."""
        self.encoder, self.lexicon, self.weights, self.offset, self.scaling = encoder, lexicon, weights, offset, scaling

    def probabilities(self, passages: Sequence[Passage], *, progress: Progress = SILENT) -> DoubleArray:
        """(len(passages),) how probable it is that the writer is for it."""
        return self._calibrated(_features(self.encoder, self.lexicon, passages, progress))

    def polarities(self, passages: Sequence[Passage]) -> DoubleArray:
        """See `Sentiment`; a passage without words has none."""
        worded = np.array([any(w.kind != "mark" for w in p.words[p.first : p.last]) for p in passages], dtype=np.bool_)
        return np.where(worded, 2.0 * self.probabilities(passages) - 1.0, 0.0)

    def _calibrated(self, features_NF: DoubleArray) -> DoubleArray:
        slope, shift = self.scaling
        return sigmoid(slope * (features_NF @ self.weights + self.offset) + shift)

    def save(self, folder: Path) -> None:
        """Write the head into an existing folder; the encoder is named, not copied."""
        save_file({"weights": self.weights}, folder / WEIGHTS)
        write_json(
            folder / DESCRIPTION,
            {"encoder": self.encoder.identity, "offset": self.offset, "scaling": list(self.scaling)},
        )

    @classmethod
    def load(cls, folder: Path, encoder: Encoder, lexicon: Sentiment) -> "SentimentHead":
        """Read what `save` wrote. `BundleError` where it is damaged, or was fitted on another encoder's vectors."""
        try:
            said: dict[str, Any] = orjson.loads((folder / DESCRIPTION).read_bytes())
            weights = load_file(folder / WEIGHTS)["weights"]
            offset, (slope, shift) = float(said["offset"]), (float(x) for x in said["scaling"])
        except (OSError, orjson.JSONDecodeError, SafetensorError, KeyError, TypeError, ValueError):
            raise BundleError(f"{folder} holds no whole sentiment head.", hint="Fit it again.") from None
        if not same_model(str(said["encoder"]), encoder.identity) or weights.shape != (encoder.dim + 1,):
            raise BundleError(
                f"The sentiment head at {folder} reads vectors of {said['encoder']}, not of {encoder.identity}.",
                hint="Hand in the encoder that it was fitted with, or fit it again.",
            )
        return cls(encoder, lexicon, weights, offset, (slope, shift))


def labels_of(ratings: Sequence[float] | DoubleArray, scale: tuple[float, float]) -> DoubleArray:
    """Ratings brought to [0, 1]; `DataError` for one outside the scale, or NaN."""
    low, high = scale
    labels = (
        (np.asarray(ratings, dtype=np.float64) - low) / (high - low) if high > low else np.full(len(ratings), np.nan)
    )
    if not ((labels >= 0) & (labels <= 1)).all():
        raise DataError(
            f"A rating is not on the scale from {low:g} to {high:g}.", hint="Leave reviews without a rating out."
        )
    return labels


def choose_sentiment(
    train: Sequence[Passage],
    train_labels: DoubleArray,
    validation: Sequence[Passage],
    validation_labels: DoubleArray,
    *,
    encoder: Encoder,
    lexicon: Sentiment,
    config: SentimentHeadConfig | None = None,
    progress: Progress = SILENT,
) -> SentimentChoice:
    """Fit a head on rated reviews and keep it where it beats the lexicon on others.

    Labels are ratings in [0, 1] (`labels_of`). Both are scaled on validation by two numbers, and both losses are taken
    there: what is reported is for choosing; for a claim take reviews that neither has seen. `DataError` where there are
    fewer than 20 reviews of either part.
    """
    config = config or SentimentHeadConfig()
    if min(len(train), len(validation)) < FEWEST:
        raise DataError(
            f"{len(train)} rated reviews to learn from and {len(validation)} to judge by are too few for a head.",
            hint=f"Give at least {FEWEST} of either, or read texts with the lexicon.",
        )
    learned, judged = _features(encoder, lexicon, train, progress), _features(encoder, lexicon, validation, progress)
    y = np.asarray(validation_labels, dtype=np.float64)
    check_labels(judged, y)
    alone, _ = fit_logistic(learned[:, -1:], train_labels, penalty=ALONE)
    fits = [fit_logistic(learned, train_labels, penalty=penalty) for penalty in config.penalties]
    fits = [(np.append(w[:-1], w[-1] + alone[0]), b) for w, b in fits]
    losses = [float(binary_cross_entropy(judged @ w + b, y).mean()) for w, b in fits]
    weights, offset = fits[int(np.argmin(losses))]
    by_head, scaling = _scaled(judged @ weights + offset, y)
    by_lexicon, _ = _scaled(judged[:, -1], y)
    head = SentimentHead(encoder, lexicon, weights, offset, scaling)
    difference = binary_cross_entropy(by_lexicon, y) - binary_cross_entropy(by_head, y)
    error = float(difference.std(ddof=1) / np.sqrt(len(y)))
    wins = bool(difference.mean() > config.standard_errors * error)
    return SentimentChoice(
        sentiment=head if wins else lexicon,
        head=head,
        head_score=_score(by_head, 2 * sigmoid(by_head) - 1, y),
        lexicon_score=_score(by_lexicon, judged[:, -1], y),
        head_wins=wins,
        reviews=(len(train), len(validation)),
    )


def _features(encoder: Encoder, lexicon: Sentiment, passages: Sequence[Passage], progress: Progress) -> DoubleArray:
    """Text vector and the lexicon's polarity, (N, D + 1)."""
    vectors = encoder.encode([passage.unnamed for passage in passages], progress=progress)
    return np.hstack([vectors.reshape(len(passages), -1), lexicon.polarities(passages)[:, None]]).astype(np.float64)


def _scaled(logits_N: DoubleArray, labels_N: DoubleArray) -> tuple[DoubleArray, tuple[float, float]]:
    """``α logits + β`` with the numbers of the least loss."""
    slope, shift = fit_logistic(logits_N[:, None], labels_N, penalty=ALONE)
    return slope[0] * logits_N + shift, (float(slope[0]), shift)


def _score(logits_N: DoubleArray, polarities_N: DoubleArray, labels_N: DoubleArray) -> SentimentScore:
    sides = np.abs(labels_N - 0.5) >= NEITHER
    right = 0.5 + 0.5 * np.sign(polarities_N[sides]) * np.sign(labels_N[sides] - 0.5)
    return SentimentScore(
        log_loss=float(binary_cross_entropy(logits_N, labels_N).mean()),
        accuracy=float(right.mean()) if sides.any() else float("nan"),
    )
