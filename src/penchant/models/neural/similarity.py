"""The similarities of `penchant.metrics.similarity` for models that train through them: the same names, in torch."""

import math
from typing import get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from penchant.errors import NotFoundError
from penchant.metrics.similarity import BALL_EDGE, NeuralSimilarity, Similarity, SimilarityName, similarity
from penchant.training.scoring_heads import PairNetwork

NEAREST = 1e-7
"""cosh d − 1 is taken for at least this, since d has no slope at 0."""


class TrainedSimilarity(nn.Module):
    """One similarity by name, for every user with every item (`table`) or for matching rows (`pairs`)."""

    def __init__(self, name: SimilarityName, dim: int, *, hidden: int = 64, dropout: float = 0.0) -> None:
        super().__init__()
        if name not in get_args(SimilarityName):
            raise NotFoundError(
                f"No similarity is called {name!r}.", hint=f"There are: {', '.join(get_args(SimilarityName))}."
            )
        self.name = name
        self.network = PairNetwork(dim, hidden=hidden, dropout=dropout) if name == "neural" else None

    def table(self, users_BD: Tensor, items_CD: Tensor) -> Tensor:
        """(B, C)"""
        if self.network is not None:
            scores: Tensor = self.network(users_BD[:, None], items_CD)
            return scores
        if self.name.startswith("hyperbolic"):
            turned = _apart(_unit(users_BD), _unit(items_CD))
            return self._bent(_radii(users_BD)[:, None], _radii(items_CD)[None, :], turned)
        users, items = self._flat(users_BD), self._flat(items_CD)
        return users @ items.T

    def pairs(self, users_ND: Tensor, items_ND: Tensor) -> Tensor:
        """(N,)"""
        if self.network is not None:
            scores: Tensor = self.network(users_ND, items_ND)
            return scores
        if self.name.startswith("hyperbolic"):
            turned = (_unit(users_ND) - _unit(items_ND)).square().sum(dim=-1)
            return self._bent(_radii(users_ND), _radii(items_ND), turned)
        return (self._flat(users_ND) * self._flat(items_ND)).sum(dim=-1)

    def for_arrays(self) -> Similarity:
        """The same on numpy arrays, as trained so far."""
        if self.network is None:
            return similarity(self.name)
        network = self.network
        return similarity(
            self.name,
            NeuralSimilarity(
                hidden=network.hidden.weight.detach().cpu().numpy(),
                hidden_bias=network.hidden.bias.detach().cpu().numpy(),
                output=network.output.weight.detach().cpu().numpy()[0],
                output_bias=float(network.output.bias.detach()),
            ),
        )

    def _flat(self, vectors_ND: Tensor) -> Tensor:
        if self.name == "dot":
            return vectors_ND
        if self.name == "pearson":
            vectors_ND = vectors_ND - vectors_ND.mean(dim=-1, keepdim=True)
        return _unit(vectors_ND)

    def _bent(self, a: Tensor, b: Tensor, squared: Tensor) -> Tensor:
        """From distances to the centre and squared distances of the directions; see `hyperbolic_distance`."""
        excess = 2.0 * torch.sinh((a - b) / 2.0).square() + torch.sinh(a) * torch.sinh(b) * 0.5 * squared
        if self.name == "hyperbolic_cosine":
            return 1.0 / (1.0 + excess)
        excess = excess.clamp(min=NEAREST)
        return -torch.log1p(excess + excess.sqrt() * (excess + 2.0).sqrt())


def _unit(vectors_ND: Tensor) -> Tensor:
    return functional.normalize(vectors_ND, dim=-1)


def _radii(vectors_ND: Tensor) -> Tensor:
    # The root has no slope at 0 either.
    lengths = vectors_ND.clamp(-BALL_EDGE, BALL_EDGE).square().sum(dim=-1).clamp(min=NEAREST**2).sqrt()
    return 2.0 * lengths.clamp(max=BALL_EDGE)


def _apart(users_BD: Tensor, items_CD: Tensor) -> Tensor:
    """Squared distances of every user's direction to every item's, (B, C)."""
    return torch.cdist(users_BD, items_CD, compute_mode="donot_use_mm_for_euclid_dist").square()


def first_scale(name: SimilarityName, temperature: float) -> float:
    """What the learned scale of a similarity begins at, as a logarithm: a network finds its own."""
    return 0.0 if name == "neural" else -math.log(temperature)
