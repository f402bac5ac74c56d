"""A generative adversarial network over users' behaviour vectors."""

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from penchant.models.adversarial.generator import (
    AdversarialGenerator,
    AdversarialGeneratorConfig,
    Catalogue,
    RowBatch,
)
from penchant.training.adversarial import generator_loss

CLOSED = -1e9


class BehaviourGANConfig(AdversarialGeneratorConfig):
    """Settings of `BehaviourGAN`."""

    temperature: float = Field(default=0.5, gt=0)
    """τ of the relaxed draw through which gradients pass."""
    zero_reconstruction: float = Field(default=0.1, ge=0)
    """α: weight of the pull towards 0 of items that a user has not."""
    zero_share: float = Field(default=0.5, gt=0, le=1)
    """Share of those items that a step draws for it."""
    masking: float = Field(default=0.0, ge=0, lt=1)
    """Share of those items that the discriminator is not shown. CFGAN shows few, which serves its ranking; a row that
    may put anything there unseen is not realistic, so here it is shown all."""


class VectorGenerator(nn.Module):
    """Condition and noise to logits of all items."""

    def __init__(self, n_items: int, width: int, noise: int, hidden: int) -> None:
        super().__init__()
        self.noise = noise
        self.given = nn.Parameter(torch.randn(n_items, hidden))
        self.side = nn.Linear(width + noise, hidden)
        self.layers = nn.Sequential(nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, n_items))

    def forward(self, given_BI: Tensor, attributes_BF: Tensor) -> Tensor:
        """(B, I), from fresh noise; a condition counts by its direction, not its length."""
        noise = torch.randn(len(given_BI), self.noise)
        read = functional.normalize(given_BI, dim=1) @ self.given
        logits: Tensor = self.layers(read + self.side(torch.cat([attributes_BF, noise], dim=1)))
        return logits


class VectorDiscriminator(nn.Module):
    """A whole vector and its condition to a logit. Its inner layer has spectral norm 1 (Miyato et al. 2018), so that it
    does not grow sure by growing steep.
    """

    def __init__(self, n_items: int, width: int, hidden: int) -> None:
        super().__init__()
        self.rows = nn.Parameter(torch.randn(n_items, hidden))
        self.side = nn.Linear(n_items + width, hidden)
        self.layers = nn.Sequential(
            nn.LeakyReLU(0.2), spectral_norm(nn.Linear(hidden, hidden)), nn.LeakyReLU(0.2), nn.Linear(hidden, 1)
        )

    def forward(self, rows_BI: Tensor, given_BI: Tensor, attributes_BF: Tensor) -> Tensor:
        """(B,)"""
        read = rows_BI @ self.rows
        logits: Tensor = self.layers(read + self.side(torch.cat([given_BI, attributes_BF], dim=1)))
        return logits[:, 0]


def draw(logits_BI: Tensor, counts_B: Tensor, *, temperature: float) -> Tensor:
    """Rows of exactly n_b ones, (B, I): the items with the n_b highest logits after Gumbel noise, which draws without
    replacement from the softmax (Kool et al. 2019). Gradients are those of ``min(1, n_b softmax((s + noise)/τ))``
    (straight through: Bengio et al. 2013, Jang et al. 2017).
    """
    noisy = logits_BI - torch.empty_like(logits_BI).exponential_().log()
    hard = (noisy.argsort(dim=1, descending=True).argsort(dim=1) < counts_B[:, None]) & (logits_BI > CLOSED / 2)
    soft = ((noisy / temperature).softmax(dim=1) * counts_B[:, None]).clamp(max=1.0)
    return hard.to(soft) + soft - soft.detach()


def zero_reconstruction(logits_BI: Tensor, counts_B: Tensor, zeros_BI: Tensor) -> Tensor:
    """``(1/B) Σ_b Σ_{i in zeros} p_bi²``, p the expected row ``min(1, n_b softmax(s_b))`` (Chae et al. 2018, eq. 7).

    Worked: logits (ln 3, 0), one item to make, the second drawn as a zero: p = 1/4, loss 1/16.
    """
    expected = (logits_BI.softmax(dim=1) * counts_B[:, None]).clamp(max=1.0)
    return (expected.square() * zeros_BI).sum(dim=1).mean()


def shown(rows_BI: Tensor, *, masking: float) -> Tensor:
    """Partial masking, (B, I): 1 at the items the user has and at a drawn 1 − `masking` of the others, else 0."""
    if not masking:
        return torch.ones_like(rows_BI)
    return torch.maximum(rows_BI, (torch.rand_like(rows_BI) >= masking).to(rows_BI))


class BehaviourGAN(AdversarialGenerator[VectorGenerator, VectorDiscriminator]):
    """Rows as sets: which items stand in a row, given some of them, the user's attributes and noise.

    ::

        s   = G(g / ‖g‖, a, z),   z ~ N(0, 1)              g: the condition's items, a: attributes
        x̂   = g + draw(s, n − ‖g‖₁)                        n: how long the row is to be
        V   = E log D(x ⊙ m, g, a) + E log(1 − D(x̂ ⊙ m, g, a))
        ℓ_G = −log D(x̂ ⊙ m, g, a) + λ likelihood + α Σ_{i in drawn zeros} p̂_i²

    After CFGAN (Chae, Kang, Kim and Lee 2018): conditional vectors, zero reconstruction (α) and partial masking (m).
    Departures: rows are drawn, so that the discriminator sees ones and zeros on both sides and the shares of an output
    do not give it away; the condition is a part of the row, so there is something to make; the likelihood keeps a
    small anchor in the data. A row has no order and no item twice: what is made comes in the order of the draw.
    """

    name = "behaviour_gan"
    config_class = BehaviourGANConfig
    config: BehaviourGANConfig

    def build(self, catalogue: Catalogue) -> tuple[VectorGenerator, VectorDiscriminator]:
        """Both networks."""
        n, width, config = catalogue.n_items, catalogue.width, self.config
        return VectorGenerator(n, width, config.noise, config.hidden), VectorDiscriminator(n, width, config.hidden)

    def judge(
        self, networks: tuple[Catalogue, VectorGenerator, VectorDiscriminator], batch: RowBatch
    ) -> tuple[Tensor, Tensor]:
        """Logits on observed and generated vectors."""
        catalogue, _, discriminator = networks
        rows, given = _vectors(batch, catalogue.n_items)
        with torch.no_grad():
            made = self._rows(networks, batch, given)[1]
        mask = shown(rows, masking=self.config.masking)
        return (
            discriminator(rows * mask, given, batch.attributes_BF),
            discriminator(made * mask, given, batch.attributes_BF),
        )

    def persuade(
        self, networks: tuple[Catalogue, VectorGenerator, VectorDiscriminator], batch: RowBatch
    ) -> tuple[Tensor, Tensor]:
        """Fresh vectors' logits, and the loss."""
        rows, given = _vectors(batch, networks[0].n_items)
        logits, made = self._rows(networks, batch, given)
        judged = networks[2](made * shown(rows, masking=self.config.masking), given, batch.attributes_BF)
        loss = generator_loss(judged, objective=self.config.contest.objective)
        if self.config.zero_reconstruction:
            zeros = (torch.rand_like(rows) < self.config.zero_share).to(rows) * (1.0 - rows)
            counts = batch.lengths_B - batch.given_B
            loss = loss + self.config.zero_reconstruction * zero_reconstruction(logits, counts, zeros)
        return judged, loss

    def likelihood_loss(
        self, networks: tuple[Catalogue, VectorGenerator, VectorDiscriminator], batch: RowBatch
    ) -> Tensor:
        """``−(1/B) Σ_b (1/n_b) Σ_{i made} log softmax(s_b)_i``"""
        rows, given = _vectors(batch, networks[0].n_items)
        logs = self._logits(networks, batch, given).log_softmax(dim=1)
        wanted = rows - given
        return -((logs * wanted).sum(dim=1) / wanted.sum(dim=1).clamp(min=1)).mean()

    def fill(self, networks: tuple[Catalogue, VectorGenerator, VectorDiscriminator], batch: RowBatch) -> Tensor:
        """Conditions and, behind them, the items drawn, those with the highest noisy logits first."""
        given = _vectors(batch, networks[0].n_items)[1]
        logits = self._logits(networks, batch, given)
        noisy = logits - torch.empty_like(logits).exponential_().log()
        most = min(batch.items_BL.shape[1], logits.shape[1])
        best, order = noisy.topk(most, dim=1)
        filled = torch.where(batch.given_places, batch.items_BL, -1)
        for b in range(len(filled)):
            begin, end = int(batch.given_B[b]), int(batch.lengths_B[b])
            chosen = order[b][best[b] > CLOSED / 2][: end - begin]
            filled[b, begin : begin + len(chosen)] = chosen
        return filled

    def _logits(
        self, networks: tuple[Catalogue, VectorGenerator, VectorDiscriminator], batch: RowBatch, given_BI: Tensor
    ) -> Tensor:
        closed = given_BI.bool() | ~torch.from_numpy(networks[0].warm)
        logits: Tensor = networks[1](given_BI, batch.attributes_BF)
        return logits.masked_fill(closed, CLOSED)

    def _rows(
        self, networks: tuple[Catalogue, VectorGenerator, VectorDiscriminator], batch: RowBatch, given_BI: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Logits, (B, I), and whole generated vectors, (B, I)."""
        logits = self._logits(networks, batch, given_BI)
        counts = batch.lengths_B - batch.given_B
        return logits, given_BI + draw(logits, counts, temperature=self.config.temperature)


def _vectors(batch: RowBatch, n_items: int) -> tuple[Tensor, Tensor]:
    """Rows and conditions as vectors, (B, I) both."""

    def vector(places_BL: Tensor) -> Tensor:
        there = torch.zeros(len(places_BL), n_items + 1)
        return there.scatter_(1, batch.items_BL.where(places_BL, n_items), 1.0)[:, :n_items]

    return vector(batch.items_BL >= 0), vector(batch.given_places & (batch.items_BL >= 0))
