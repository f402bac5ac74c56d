"""Item vectors: what a text says, plus what behaviour adds where there is enough of it."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from penchant.types import FloatArray, IntArray

ID_SPREAD = 0.1
TEXT_SPREAD = 0.12
"""Standard deviations of the two parts at the start: the text leads, as it does for a new item."""


class ItemSpace(nn.Module):
    """The vectors that histories are made of and that scores are dot products with.

    ::

        z_i  = v_i / ‖v_i‖,     v_i = W x_i + γ_i e_i,     γ_i = n_i / (n_i + gate_events)

    with x_i the centred text vector (0 without text), and beside it that of the item graph where it is read; W a
    learned projection that begins as their principal axes,
    e_i a learned embedding of the id, and n_i the item's training events: a new item rests on its text alone. An item
    with neither text nor events has z_i = 0.

    In training, γ_i is 0 for a share `id_dropout` of the items with text, drawn anew at each step: so the projection
    learns to stand without the id, as it must for a new item (DropoutNet, Volkovs, Yu and Poutanen 2017).
    """

    text: Tensor | None
    gates: Tensor

    def __init__(
        self,
        *,
        dim: int,
        counts: IntArray,
        text: FloatArray | None,
        gate_events: float,
        graph: FloatArray | None = None,
        id_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.id_dropout = id_dropout
        self.ids = nn.Parameter(torch.randn(len(counts), dim) * ID_SPREAD)
        gates = counts / (counts + gate_events) if gate_events > 0 else (counts > 0)
        self.register_buffer("gates", torch.from_numpy(np.asarray(gates, dtype=np.float32)[:, None]), persistent=False)
        blocks = [_scaled(vectors) for vectors in (text, graph) if vectors is not None]
        scaled = np.concatenate(blocks, axis=1) if blocks else None
        self.register_buffer("text", None if scaled is None else torch.from_numpy(scaled), persistent=False)
        self.projection: nn.Linear | None = None
        if scaled is not None:
            self.projection = nn.Linear(scaled.shape[1], dim, bias=False)
            with torch.no_grad():
                self.projection.weight.copy_(torch.from_numpy(_principal_axes(scaled, dim)))

    def forward(self, rows_N: Tensor | None = None) -> Tensor:
        """Vectors z_i of the given items, (N, D), or of all, (I, D): unit vectors, or zero where nothing is known."""
        ids: Tensor = self.ids
        gates, text = self.gates, self.text
        if rows_N is not None:
            ids, gates, text = ids[rows_N], gates[rows_N], None if text is None else text[rows_N]
        if self.projection is None or text is None:
            return functional.normalize(ids * gates, dim=-1)
        if self.training and self.id_dropout:
            dropped = (torch.rand(len(gates), 1, device=gates.device) < self.id_dropout) & text.any(-1, keepdim=True)
            gates = gates.masked_fill(dropped, 0.0)
        vectors = ids * gates + self.projection(text)
        return functional.normalize(vectors, dim=-1)


def _scaled(text: FloatArray) -> FloatArray:
    """Text vectors centred over the items that have text and scaled to unit variance; the others stay zero."""
    present = np.any(text != 0, axis=1)
    if not present.any():
        return np.zeros_like(text, dtype=np.float32)
    centred = np.where(present[:, None], text - text[present].mean(axis=0), 0.0)
    return np.asarray(centred / max(float(centred[present].std()), 1e-6), dtype=np.float32)


def _principal_axes(scaled: FloatArray, dim: int) -> FloatArray:
    """(D, dimension of the text): the axes of greatest variance, scaled so that projections have std `TEXT_SPREAD`.

    Where D is larger than the text's dimension, the rows beyond are zero.
    """
    wide = scaled.astype(np.float64)
    _, vectors = np.linalg.eigh(wide.T @ wide)
    axes = np.zeros((dim, scaled.shape[1]))
    kept = min(dim, scaled.shape[1])
    axes[:kept] = vectors[:, ::-1][:, :kept].T
    spread = float((wide @ axes.T).std())
    return np.asarray(axes * (TEXT_SPREAD / spread if spread > 0 else 0.0), dtype=np.float32)
