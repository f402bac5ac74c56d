"""The part of LightGCN that is trained: layer-0 vectors, their propagation along the edges, the loss."""

import warnings
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor, nn

from penchant.models.graph.interactions import InteractionGraph, symmetric
from penchant.training.losses import bpr_loss
from penchant.training.pairs import PairBatch
from penchant.training.precision import not_cast


class Propagation:
    """The mean over the layers of what travels along the edges: ``E = (1/(K+1)) Σ_{k=0..K} Â^k E⁰``, Â symmetric.

    A linear map that is its own transpose, so the gradient for E⁰ is the same map of the gradient for E.
    """

    def __init__(self, normalised: sp.csr_array, layers: int) -> None:
        self.layers = layers
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
            self._matrix = torch.sparse_csr_tensor(
                torch.from_numpy(normalised.indptr.astype(np.int32)),
                torch.from_numpy(normalised.indices.astype(np.int32)),
                torch.from_numpy(normalised.data.astype(np.float32)),
                size=normalised.shape,
                check_invariants=False,
            )

    def __call__(self, start_ND: Tensor) -> Tensor:
        """E from E⁰, (U + I, D)."""
        mean: Tensor = _Propagated.apply(start_ND, self)  # type: ignore[no-untyped-call]
        return mean

    def sums(self, start_ND: Tensor) -> tuple[Tensor, Tensor]:
        """``Σ_{k<K} Â^k E⁰`` and ``Σ_{k≤K} Â^k E⁰``: what has been sent on, and all that has arrived."""
        layer, sent = start_ND, torch.zeros_like(start_ND)
        with not_cast(start_ND.device):  # there is no sparse product in fewer digits
            for _ in range(self.layers):
                sent = sent + layer
                layer = self._matrix @ layer
        return sent, sent + layer


class _Propagated(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, start_ND: Tensor, propagation: Propagation) -> Tensor:
        ctx.propagation = propagation
        return propagation.sums(start_ND)[1] / (propagation.layers + 1)

    @staticmethod
    def backward(ctx: Any, *upstream: Any) -> tuple[Tensor, None]:
        return ctx.propagation.sums(upstream[0])[1] / (ctx.propagation.layers + 1), None


class GraphModule(nn.Module):
    """Layer-0 vectors of all nodes and their propagation."""

    def __init__(
        self, graph: InteractionGraph, *, dim: int, layers: int, spread: float, user_vectors: bool = True
    ) -> None:
        super().__init__()
        self.n_users, n_items = graph.edges_UI.shape
        adjacency = graph.adjacency
        self.propagation = Propagation(symmetric(adjacency), layers)
        self.degrees = np.diff(adjacency.indptr).astype(np.float64)
        """(U + I,)"""
        self.items = nn.Parameter(torch.randn(n_items, dim) * spread)
        shape = (self.n_users, dim)
        if user_vectors:
            self.users = nn.Parameter(torch.randn(*shape) * spread)
        else:
            self.register_buffer("users", torch.zeros(shape), persistent=False)

    def start(self) -> Tensor:
        """E⁰, (U + I, D): users first."""
        return torch.cat([self.users, self.items])

    def loss(self, batch: PairBatch, regularisation: float) -> Tensor:
        """``BPR + λ/(2N) Σ (‖e⁰_u‖² + ‖e⁰_i‖² + mean over the unwanted j of ‖e⁰_j‖²)``, a scalar."""
        start = self.start()
        vectors = self.propagation(start)
        users, wanted, unwanted = batch.users_N, batch.wanted_N + self.n_users, batch.unwanted_NS + self.n_users
        asked = vectors[users]
        scores = (asked * vectors[wanted]).sum(dim=1)
        others = torch.einsum("nd,nsd->ns", asked, vectors[unwanted])
        lengths = (
            start[users].square().sum()
            + start[wanted].square().sum()
            + start[unwanted].square().sum() / unwanted.shape[1]
        )
        return bpr_loss(scores[:, None].expand_as(others), others) + regularisation / (2 * len(users)) * lengths
