"""Items as vectors that are under training: a layer over given vectors, or a language model with such a layer."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from penchant.encoders.fine_tuning.encoder import FineTunedEncoder
from penchant.encoders.pair_input import Tokens
from penchant.types import FloatArray, RowArray


class ItemSpace(nn.Module, ABC):
    """Vectors of items under training; `bank` (I, D) holds each as it last was, for items that a step does not run."""

    bank: Tensor

    @abstractmethod
    def forward(self, items: RowArray) -> Tensor:
        """Unit vectors of the items (m,), (m, D), in float32 whatever the precision of the matrix products."""


class LinearSpace(ItemSpace):
    """``x_i = unit( W (t_i − m) )``: a linear layer over the vectors t of the untrained model, m their mean; W = 1 at
    first. A text without words stays at 0.
    """

    vectors: Tensor
    mean: Tensor

    def __init__(self, vectors_ID: FloatArray) -> None:
        super().__init__()
        start = torch.from_numpy(vectors_ID)
        read = start.any(dim=1)
        self.register_buffer("mean", start[read].mean(dim=0), persistent=False)
        self.register_buffer("vectors", (start - self.mean) * read[:, None], persistent=False)
        self.register_buffer("bank", functional.normalize(self.vectors, dim=1))
        self.weight = nn.Parameter(torch.eye(vectors_ID.shape[1]))

    def forward(self, items: RowArray) -> Tensor:
        """Unit vectors of the items (m,), (m, D)."""
        rows = torch.from_numpy(items.astype(np.int64)).to(self.vectors.device)
        return functional.normalize((self.vectors[rows] @ self.weight.T).float(), dim=1)


class TextSpace(ItemSpace):
    """``x_i = unit( W pool( language model( text of i ) ) + b )``, all of it trained that the method trains."""

    def __init__(self, encoder: FineTunedEncoder, tokens: Sequence[Tokens], start: LinearSpace) -> None:
        super().__init__()
        self.encoder, self._tokens = encoder, tokens
        with torch.inference_mode():
            some = np.unique(np.linspace(0, len(tokens) - 1, 512).astype(np.int32))
            lengths = self._read(some).norm(dim=1)
            length = lengths[lengths > 0].mean()
        # So that the layer says of a pooled vector what the linear space says of it made a unit vector.
        encoder.put_head(start.weight.detach() / length, -start.weight.detach() @ start.mean)
        self.register_buffer("bank", functional.normalize(start.vectors @ start.weight.detach().T, dim=1))

    def forward(self, items: RowArray) -> Tensor:
        """Unit vectors of the items (m,), (m, D)."""
        return functional.normalize(self._read(items).float(), dim=1)

    def _read(self, items: RowArray) -> Tensor:
        return self.encoder.encode([self._tokens[int(item)] for item in items])
