"""From scores of candidates to probabilities, and a network that scores a pair of vectors.

What trains them is in `penchant.training.losses`: the softmax losses for one wanted item among candidates, the binary
loss for wanted and unwanted items. Heads that predict ratings are elsewhere; these rank.
"""

import math

import torch
from torch import Tensor, nn

from penchant.training.dropout import Dropout


def candidate_probabilities(scores_BC: Tensor) -> Tensor:
    """Softmax over each user's candidates, (B, C): ``P(c | u) = e^{s_uc} / Σ_c' e^{s_uc'}``.

    Rows sum to 1 over the candidates that are not −inf, and the order by probability is the order by score. The highest
    score of a row is taken off first, so that none overflows; a row of −inf alone is zero.

    Worked: scores ``(ln 2, 0, 0)``: ``(1/2, 1/4, 1/4)``.
    """
    highest = scores_BC.amax(dim=1, keepdim=True).clamp(min=torch.finfo(scores_BC.dtype).min)
    weights = (scores_BC - highest).exp()
    return weights / weights.sum(dim=1, keepdim=True).clamp(min=torch.finfo(scores_BC.dtype).tiny)


def rated_probabilities(scores_BC: Tensor, ratings_C: Tensor) -> Tensor:
    """Softmax times what the item is worth to everyone, (B, C): ``r̂(u, c) = P(c | u) · r(c)``, r at least 0.

    A score to rank by, not a rating: over n candidates it is about r / n.

    Worked: scores ``(ln 2, 0, 0)``, ratings ``(2, 5, 3)``: ``(1, 1.25, 0.75)``, so the second goes first.
    """
    return candidate_probabilities(scores_BC) * ratings_C


class PairNetwork(nn.Module):
    """A score from the two vectors of a pair, put side by side with their product.

    ``s(u, v) = w · dropout( relu( W [u ; v ; u ∘ v] + b ) ) + c``

    Softmax over its scores of all candidates is the softmax over a network on concatenated vectors. The first layer is
    applied to each side before the sides meet, which is the same sum.
    """

    def __init__(self, dim: int, *, hidden: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.hidden = nn.Linear(3 * dim, hidden)
        self.output = nn.Linear(hidden, 1)
        self.dropout = Dropout(dropout)
        nn.init.normal_(self.output.weight, std=1.0 / math.sqrt(hidden))
        nn.init.zeros_(self.output.bias)

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """Scores of vectors (…, D) and (…, D) that fit each other, such as (B, 1, D) and (C, D): (B, C)."""
        of_user, of_item, of_both = self.hidden.weight.chunk(3, dim=1)  # each (H, D)
        ours = users @ of_user.T + self.hidden.bias
        wide = (ours + items @ of_item.T + (users * items) @ of_both.T).relu()
        scores: Tensor = self.output(self.dropout(wide))
        return scores.squeeze(-1)
