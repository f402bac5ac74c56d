"""The task that the files of this folder share: which genres does a book, or a film, have, read off its title?"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, normalize

from penchant.data.dataset import Dataset
from penchant.encoders.fine_tuning import FineTunedEncoder
from penchant.encoders.item_text import ItemTemplate, render_items
from penchant.encoders.pair_input import Tokens
from penchant.seeding import numpy_rng
from penchant.training.loop import TrainingConfig, train
from penchant.training.records import TrainingRecord
from penchant.types import DoubleArray, FloatArray, IntArray

SHARED: dict[str, tuple[str, ...]] = {
    "romance": ("Romance",),
    "thriller": ("Thriller",),
    "horror": ("Horror",),
    "mystery & crime": ("Mystery", "Crime"),
    "science fiction": ("Sci-Fi",),
    "war": ("War",),
    "children's books": ("Children's",),
}
"""Genres of books, and those of films that mean the same."""


@dataclass(frozen=True, kw_only=True)
class Genres:
    """A catalogue's texts (I), its genres (I, G), and the rows of training, validation and test."""

    name: str
    fingerprint: str
    texts: list[str]
    labels: DoubleArray
    genres: tuple[str, ...]
    training: IntArray
    validation: IntArray
    test: IntArray

    @property
    def shared(self) -> list[int]:
        """Columns of the genres that both catalogues have."""
        return [self.genres.index(name) for name in SHARED]


def books(place: Path, *, count: int = 20, seed: int = 0) -> Genres:
    """Titles and authors, the `count` most common genres; no author is in two parts: a fifth each for the last two."""
    data = Dataset.load(place)
    told = [set(genres) for genres in data.items.columns["categories"]]
    counts: dict[str, int] = {}
    for genres in told:
        for genre in genres:
            counts[genre] = counts.get(genre, 0) + 1
    common = tuple(sorted(counts, key=lambda genre: (-counts[genre], genre))[:count])
    first = np.array([str(authors[0]) if len(authors) else "" for authors in data.items.columns["authors"]])
    names = numpy_rng(seed, "authors").permutation(np.unique(first))
    held = round(0.2 * len(names))
    test, validation = np.isin(first, names[:held]), np.isin(first, names[held : 2 * held])
    return Genres(
        name=data.name,
        fingerprint=data.fingerprint,
        texts=render_items(data.items, template=ItemTemplate(fields={"title": "{}", "authors": "{}"})),
        labels=np.array([[float(genre in genres) for genre in common] for genres in told]),
        genres=common,
        training=np.flatnonzero(~test & ~validation),
        validation=np.flatnonzero(validation),
        test=np.flatnonzero(test),
    )


def films(place: Path, *, seed: int = 0) -> Genres:
    """Titles with their years, the genres that books have too; a third is asked for, a tenth validates."""
    data = Dataset.load(place)
    told = [set(genres) for genres in data.items.columns["categories"]]
    order = numpy_rng(seed, "films").permutation(data.n_items)
    test, validation = round(data.n_items / 3), round(data.n_items / 10)
    return Genres(
        name=data.name,
        fingerprint=data.fingerprint,
        texts=render_items(data.items, template=ItemTemplate(fields={"title": "{}"})),
        labels=np.array([[float(bool(genres & set(like))) for like in SHARED.values()] for genres in told]),
        genres=tuple(SHARED),
        training=np.sort(order[test + validation :]),
        validation=np.sort(order[test : test + validation]),
        test=np.sort(order[:test]),
    )


def auc(labels: DoubleArray, scores: DoubleArray) -> float:
    """Area under the ROC curve, the mean over genres."""
    return float(roc_auc_score(labels, scores, average="macro"))


def regressed(
    vectors: FloatArray, labels: DoubleArray, strength: float, weights: DoubleArray | None = None
) -> tuple[DoubleArray, DoubleArray]:
    """Logistic regression of every genre: coefficients (G, D) and offsets (G,); zero where all labels are equal."""
    coefficients, offsets = np.zeros((labels.shape[1], vectors.shape[1])), np.zeros(labels.shape[1])
    for genre, y in enumerate(labels.T):
        if len(np.unique(y)) > 1:
            model = LogisticRegression(C=strength, max_iter=1000).fit(vectors, y, sample_weight=weights)
            coefficients[genre], offsets[genre] = model.coef_[0], model.intercept_[0]
    return coefficients, offsets


def gained(labels: DoubleArray, scores: DoubleArray, base: DoubleArray, *, seed: int, draws: int = 1000) -> list[float]:
    """The 95 % interval of the AUC above the other scores', examples drawn anew."""
    rng, gains = numpy_rng(seed, "drawn anew"), []
    for _ in range(draws):
        rows = rng.integers(len(labels), size=len(labels))
        if (labels[rows].any(axis=0) & (1 - labels[rows]).any(axis=0)).all():
            gains.append(auc(labels[rows], scores[rows]) - auc(labels[rows], base[rows]))
    return [float(np.quantile(gains, q)) for q in (0.025, 0.975)]


class Reader(nn.Module):
    """An encoder under one linear layer: logits (N, G) of unit vectors. The layer begins as a logistic regression."""

    def __init__(self, encoder: FineTunedEncoder, coefficients: DoubleArray, offsets: DoubleArray) -> None:
        super().__init__()
        self.encoder = encoder
        self.scale = encoder.dim**0.5
        self.head = nn.Linear(encoder.dim, len(offsets))
        weight, bias = torch.from_numpy(coefficients).float() / self.scale, torch.from_numpy(offsets).float()
        self.head.load_state_dict({"weight": weight, "bias": bias})

    def forward(self, tokens: Sequence[Tokens]) -> Tensor:
        """(N, G)"""
        logits: Tensor = self.head(normalize(self.encoder.encode(tokens), dim=1) * self.scale)
        return logits

    def logits(self, texts: Sequence[str]) -> DoubleArray:
        """(N, G), texts of like length together."""
        tokens, found = (
            self.encoder.tokenize([(text, None) for text in texts]),
            np.zeros((len(texts), len(self.head.bias))),
        )
        order = np.argsort([len(one.ids) for one in tokens], kind="stable")
        self.eval()
        with torch.inference_mode():
            for start in range(0, len(order), 64):
                part = order[start : start + 64]
                found[part] = self([tokens[row] for row in part]).double().numpy()
        return found

    def learn(
        self,
        task: Genres,
        rows: IntArray,
        *,
        epochs: int,
        rate: float,
        head_rate: float = 1e-3,
        batch: int = 32,
        seed: int = 0,
    ) -> TrainingRecord:
        """Train encoder and layer on some rows; the epoch that validates best stays, the start included."""
        tokens, targets = (
            self.encoder.tokenize([(text, None) for text in task.texts]),
            torch.from_numpy(task.labels).float(),
        )
        order = numpy_rng(seed, "batches")
        asked = [task.texts[row] for row in task.validation]

        def batches(epoch: int) -> list[IntArray]:  # noqa: ARG001
            shuffled = order.permutation(rows)
            return [shuffled[k : k + batch] for k in range(0, len(shuffled), batch)]

        def optimiser() -> torch.optim.Optimizer:
            groups = [{"params": list(self.encoder.parameters()), "lr": rate}]
            if head_rate:
                groups.append({"params": list(self.head.parameters()), "lr": head_rate})
            return torch.optim.AdamW(groups, weight_decay=0.0)

        if not head_rate:
            self.head.requires_grad_(requires_grad=False)
        return train(
            self,
            batches=batches,
            loss=lambda part: binary_cross_entropy_with_logits(self([tokens[row] for row in part]), targets[part]),
            evaluate=lambda: auc(task.labels[task.validation], self.logits(asked)),
            config=TrainingConfig(
                max_epochs=epochs,
                evaluate_every=1,
                evaluate_start=True,
                patience=epochs,
                warmup_steps=10,
                clip_norm=1.0,
            ),
            generators={"batches": order},
            make_optimiser=optimiser,
        )
