"""Items as vectors that are under training: a layer over given vectors, or a language model with such a layer."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from sklearn.covariance import ledoit_wolf
from torch import Tensor, nn
from torch.nn import functional

from penchant.encoders.fine_tuning.encoder import FineTunedEncoder
from penchant.encoders.pair_input import Tokens
from penchant.types import FloatArray, RowArray

WHITENED = 50_000
"""About how many texts, at most, the covariance is taken of."""


class ItemSpace(nn.Module, ABC):
    """Vectors of items under training; `bank` (I, D) holds each as it last was, for items that a step does not run."""

    bank: Tensor

    @abstractmethod
    def forward(self, items: RowArray) -> Tensor:
        """Unit vectors of the items (m,), (m, D), in float32 whatever the precision of the matrix products."""


class LinearSpace(ItemSpace):
    """``x_i = unit( W Z (t_i − m) )``: a linear layer over the vectors t of the untrained model. Where words are given,
    t has the means of their input embeddings behind it, made as long on average. A text without words stays at 0.

    A whitening of power p > 0: ``Z = Λ^(−p/2) Uᵀ``, with ``U Λ Uᵀ`` the covariance of t, shrunk (Ledoit and Wolf 2004),
    largest eigenvalue first; m is their mean, and W = 1 at first. A language model's vectors lie along a few directions
    that most texts share; those in which few texts differ, such as a brand's, count for more when whitened (Su et al.
    2021, "Whitening sentence representations"). p = 0: the vectors as they came, m = 0, Z = 1, and the words' columns
    of W are 0 at first.
    """

    vectors: Tensor
    mean: Tensor
    whitening: Tensor

    def __init__(self, vectors_ID: FloatArray, *, words_IW: FloatArray | None = None, whitening: float = 0.0) -> None:
        super().__init__()
        dim = vectors_ID.shape[1]
        words_IW = np.zeros((len(vectors_ID), 0), dtype=np.float32) if words_IW is None else words_IW
        lengths = np.linalg.norm(words_IW, axis=1)
        self.word_scale = float(1 / lengths[lengths > 0].mean()) if lengths.any() else 1.0
        """What the words' numbers are multiplied by."""
        vectors = torch.from_numpy(np.concatenate([vectors_ID, self.word_scale * words_IW], axis=1, dtype=np.float32))
        width = vectors.shape[1]
        mean, whiten, weight = torch.zeros(width), torch.eye(width), torch.eye(dim, width)
        read = vectors.any(dim=1)
        if whitening and int(read.sum()) > 1:
            mean = vectors[read].mean(dim=0)
            vectors = (vectors - mean) * read[:, None]
            whiten, weight = torch.from_numpy(whitening_of(vectors[read].numpy(), whitening)), torch.eye(width)
        self.register_buffer("vectors", vectors, persistent=False)
        self.register_buffer("mean", mean, persistent=False)
        # A part of the state: where eigenvalues are equal, as of few texts, rounding decides the directions.
        self.register_buffer("whitening", whiten)
        self.weight = nn.Parameter(weight)
        self.register_buffer("bank", torch.zeros(len(vectors), len(weight)))
        with torch.no_grad():
            self.bank.copy_(self(np.arange(len(vectors), dtype=np.int32)))

    @property
    def layer(self) -> Tensor:
        """``W Z``, (D, D)."""
        return self.weight.detach() @ self.whitening

    def forward(self, items: RowArray) -> Tensor:
        """Unit vectors of the items (m,), (m, D)."""
        rows = torch.from_numpy(items.astype(np.int64)).to(self.vectors.device)
        with torch.autocast(self.vectors.device.type, enabled=False):
            whitened = self.vectors[rows] @ self.whitening.T
        return functional.normalize((whitened @ self.weight.T).float(), dim=1)


class TextSpace(ItemSpace):
    """``x_i = unit( W [ unit( pool( language model( text of i ) ) ) ; mean of E(its tokens) ] + b )``, all of it
    trained that the method trains; at first what a linear space says.
    """

    def __init__(self, encoder: FineTunedEncoder, tokens: Sequence[Tokens], start: LinearSpace) -> None:
        super().__init__()
        self.encoder, self._tokens = encoder, tokens
        scale = torch.ones_like(start.mean)
        scale[len(scale) - encoder.word_width :] = start.word_scale
        encoder.put_head(start.layer * scale, -start.layer @ start.mean, unit=True)
        with torch.no_grad():
            self.register_buffer("bank", start(np.arange(len(tokens), dtype=np.int32)))

    def forward(self, items: RowArray) -> Tensor:
        """Unit vectors of the items (m,), (m, D)."""
        return functional.normalize(self._read(items).float(), dim=1)

    def _read(self, items: RowArray) -> Tensor:
        return self.encoder.encode([self._tokens[int(item)] for item in items])


def whitening_of(centred_ID: FloatArray, power: float) -> FloatArray:
    """``Λ^(−p/2) Uᵀ``, (D, D), times a number that makes its rows 1 long on average; see `LinearSpace`."""
    some_ID = centred_ID[:: 1 + len(centred_ID) // WHITENED].astype(np.float64)
    values, vectors = np.linalg.eigh(ledoit_wolf(some_ID, assume_centered=True)[0])
    # Relative to the largest: of the smallest nothing but rounding may be left, of equal vectors nothing at all.
    scales = np.maximum(values / (values[-1] or 1.0), 1e-6) ** (-power / 2)
    whitening: FloatArray = (scales / scales.mean() * vectors).T[::-1].astype(np.float32)
    return whitening
