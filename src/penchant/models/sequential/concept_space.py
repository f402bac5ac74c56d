"""Item vectors as sums of concepts, trained further so that the concepts carry the ranking."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor, nn

from penchant.concepts.dictionary import Dictionary, sparse_activations
from penchant.data.sparse_rows import padded_rows
from penchant.types import AnyArray, BoolArray, FloatArray, IntArray


class ConceptItemSpace(nn.Module):
    """Stands in for `ItemSpace` in the second part of the training.

    ::

        z_i = μ + Σ_c a_ic d_c + ρ_i r_i,     ρ_i in {0, 1}

    begins where the dictionary left the item vectors. Which concepts an item has stays as it was found; how much of
    each, ``a_ic = â_ic exp(s θ_ic)`` with â the dictionary's and s `pace`, is learned with μ, d and r (0: it stays). In
    training, ρ_i is 0 for a share `residual_dropout` of the items, drawn anew at each step, else 1: so the transformer,
    whose inputs and targets these are, comes to do with what the concepts say, and the concepts to say what it needs.
    """

    concepts: Tensor
    found: Tensor

    def __init__(
        self, dictionary: Dictionary, vectors_ID: FloatArray, *, residual_dropout: float, pace: float = 0.0
    ) -> None:
        super().__init__()
        self.residual_dropout, self.pace = residual_dropout, pace
        self.mean = nn.Parameter(torch.from_numpy(dictionary.mean.astype(np.float32)))
        self.directions = nn.Parameter(torch.from_numpy(dictionary.directions.astype(np.float32)))
        self.residuals = nn.Parameter(torch.from_numpy((vectors_ID - dictionary.rebuilt).astype(np.float32)))
        concepts, activations = padded_rows(dictionary.activations)
        self.register_buffer("concepts", torch.from_numpy(concepts), persistent=False)
        self.register_buffer("found", torch.from_numpy(activations.astype(np.float32)), persistent=False)
        self.stretched = nn.Parameter(torch.zeros_like(self.found), requires_grad=pace > 0)

    def forward(self, rows_N: Tensor | None = None) -> Tensor:
        """Vectors z_i of the given items, (N, D), or of all, (I, D)."""
        residuals: Tensor = self.residuals
        concepts, activations = self.concepts, self.amounts()
        if rows_N is not None:
            residuals, concepts, activations = residuals[rows_N], concepts[rows_N], activations[rows_N]
        if self.training and self.residual_dropout:
            kept = torch.rand(len(residuals), 1, device=residuals.device) >= self.residual_dropout
            residuals = residuals * kept
        told = nn.functional.embedding_bag(concepts, self.directions, mode="sum", per_sample_weights=activations)
        return self.mean + told + residuals

    def amounts(self) -> Tensor:
        """A of every item's concepts, padded, (I, W)."""
        return self.found * torch.exp(self.pace * self.stretched) if self.pace else self.found


@dataclass(frozen=True, slots=True, kw_only=True)
class ConceptVectors:
    """The dictionary that a tracker was trained through: ``z_i = μ + Σ_c a_ic d_c + r_i`` with the ranking's z."""

    mean: FloatArray
    """(D,)"""
    directions: FloatArray
    """(C, D)"""
    activations: sp.csr_array
    """(I, C) float32"""
    names: IntArray
    """(C,) which of the names given each is, or is a kind of; −1 for a kind of none"""
    kinds: BoolArray
    """(C,) whether it is a kind; these come last"""

    @classmethod
    def of(cls, space: ConceptItemSpace, dictionary: Dictionary) -> "ConceptVectors":
        """What was learned. Directions are stretched so that the activations of each concept have the root mean square
        that those of unit rows would have: how much an item is of one concept can be compared with another.
        """
        with torch.inference_mode():
            mean, directions = space.mean.cpu().numpy().copy(), space.directions.cpu().numpy().copy()
            amounts = space.amounts().cpu().numpy()
        found = dictionary.activations.astype(np.float32)
        there = np.arange(amounts.shape[1])[None, :] < np.diff(found.indptr)[:, None]
        found.data = amounts[there]
        on = np.maximum(np.diff(found.tocsc().indptr), 1)
        size = np.sqrt(np.asarray(found.power(2).sum(axis=0)).ravel() / on)
        usual = np.sqrt(found.shape[0] / max(found.nnz, 1))
        stretch = np.where(size > 0, usual / np.where(size > 0, size, 1.0), 1.0).astype(np.float32)
        return cls(
            mean=mean,
            directions=(directions / stretch[:, None]).astype(np.float32),
            activations=(found @ sp.diags_array(stretch)).tocsr().astype(np.float32),
            names=dictionary.names,
            kinds=dictionary.kinds,
        )

    def arrays(self) -> dict[str, AnyArray]:
        """What is saved."""
        a = self.activations
        return {
            "names": self.names,
            "kinds": self.kinds,
            "mean": self.mean,
            "directions": self.directions,
            "values": a.data,
            "columns": a.indices.astype(np.int64),
            "starts": a.indptr.astype(np.int64),
        }

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, AnyArray]) -> "ConceptVectors":
        """What `arrays` gave."""
        directions, starts = arrays["directions"], arrays["starts"]
        shape = (len(starts) - 1, len(directions))
        activations = sp.csr_array((arrays["values"], arrays["columns"], starts), shape=shape)
        names, kinds = arrays["names"], arrays["kinds"].astype(np.bool_)
        return cls(mean=arrays["mean"], directions=directions, activations=activations, names=names, kinds=kinds)

    def placing(
        self, rows_R: IntArray, vectors_ID: FloatArray, may_IC: sp.csr_array, *, per_item: int
    ) -> "ConceptVectors":
        """With the concepts of some items found anew from their vectors, of those that each may have: for items that no
        training placed.
        """
        if not len(rows_R):
            return self
        centred = vectors_ID[rows_R].astype(np.float64) - self.mean
        may = sp.csr_array(may_IC[rows_R])
        found = sparse_activations(centred, self.directions.astype(np.float64), per_item, may).astype(np.float32)
        kept = np.ones(len(vectors_ID), dtype=np.float32)
        kept[rows_R] = 0.0
        place = sp.csr_array(
            (np.ones(len(rows_R), dtype=np.float32), (rows_R, np.arange(len(rows_R)))),
            shape=(len(vectors_ID), len(rows_R)),
        )
        activations = sp.csr_array(sp.diags_array(kept) @ self.activations + place @ found)
        activations.eliminate_zeros()
        activations.sort_indices()
        return replace(self, activations=activations.astype(np.float32))
