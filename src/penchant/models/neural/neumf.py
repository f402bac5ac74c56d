"""NeuMF: matrix factorisation and a network over the same pair, side by side."""

from itertools import pairwise
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from penchant.models.neural.pooled_history import PairScorer, PooledHistoryConfig, PooledHistoryRecommender
from penchant.training.dropout import Dropout


class NeuMFConfig(PooledHistoryConfig):
    """Settings of `NeuMF`."""

    parts: Literal["both", "factors", "network"] = "both"
    """``factors``: the generalised matrix factorisation alone. ``network``: the network alone."""


class NeuralFactors(PairScorer):
    """The two parts and the layer that joins them; each part has vectors of its own."""

    def __init__(self, dim: int, layers: tuple[int, ...], *, parts: str, dropout: float) -> None:
        super().__init__()
        self.dim, self.widest = dim, max(dim, *layers)
        self.with_factors, self.with_network = parts != "network", parts != "factors"
        self.width = dim * (self.with_factors + self.with_network)
        self.of_user, self.of_item = nn.Linear(dim, layers[0]), nn.Linear(dim, layers[0], bias=False)
        steps: list[nn.Module] = []
        for narrow, wide in pairwise(layers):
            steps += [Dropout(dropout), nn.Linear(narrow, wide), nn.ReLU()]
        self.network = nn.Sequential(nn.ReLU(), *steps)
        self.output = nn.Linear(dim * self.with_factors + layers[-1] * self.with_network, 1)

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """Logits, in the shape the two have together without the last axis."""
        found = []
        if self.with_factors:
            found.append(users[..., : self.dim] * items[..., : self.dim])
        if self.with_network:
            # W [p ; q] is the sum of what each side gives, so each side is multiplied once, not once a pair.
            found.append(self.network(self.of_user(users[..., -self.dim :]) + self.of_item(items[..., -self.dim :])))
        logits: Tensor = self.output(torch.cat(found, dim=-1))
        return logits.squeeze(-1)


class NeuMF(PooledHistoryRecommender):
    """Neural matrix factorisation: a learned product of user and item, and a network over them, joined by one layer.

    ::

        φ_gmf = p_u ∘ q_i
        φ_mlp = relu(W_K … relu(W_1 [p'_u ; q'_i] + b_1) … + b_K)
        s_ui  = h · [φ_gmf ; φ_mlp] + c                        σ(s) is the chance that i is the user's
        p_u   = n_u^−α Σ_{j in history} y_j                     the user is what he touched

    He et al. (2017), but for p_u: the paper's is free for each user, so it cannot serve a user it was not trained on.
    Summing item vectors instead is Kabbur et al. (2013). Caveat: Rendle et al. (2020) and Dacrema et al. (2019) found
    that well-tuned simpler models rank as well.
    """

    name: ClassVar[str] = "neumf"
    config_class: ClassVar[type[NeuMFConfig]] = NeuMFConfig
    config: NeuMFConfig

    def scorer(self) -> NeuralFactors:
        """The network with fresh weights."""
        config = self.config
        return NeuralFactors(config.dim, config.layers, parts=config.parts, dropout=config.dropout)
