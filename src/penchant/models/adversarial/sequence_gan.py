"""A generative adversarial network over sequences, trained by policy gradient."""

from typing import NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn

from penchant.models.adversarial.generator import (
    AdversarialGenerator,
    AdversarialGeneratorConfig,
    Catalogue,
    RowBatch,
)
from penchant.models.adversarial.rows import NOTHING
from penchant.training.adversarial import GeneratorObjective
from penchant.training.dropout import Dropout


class SequenceGANConfig(AdversarialGeneratorConfig):
    """Settings of `SequenceGAN`."""

    dim: int = Field(default=32, ge=2)
    """D of the items' embeddings."""
    hidden: int = Field(default=64, ge=2)
    discount: float = Field(default=0.9, ge=0, le=1)
    """γ: what a later place's reward counts for an item."""
    dropout: float = Field(default=0.2, ge=0, lt=1)
    """Of what the discriminator reads."""


class SequenceGenerator(nn.Module):
    """A recurrent network that reads a row and says what comes next."""

    def __init__(self, n_items: int, width: int, config: SequenceGANConfig) -> None:
        super().__init__()
        self.noise = config.noise
        self.items = nn.Embedding(n_items + 1, config.dim)  # the last is the beginning
        self.start = nn.Linear(width + config.noise, config.hidden)
        self.cell = nn.GRU(config.dim, config.hidden, batch_first=True)
        self.out = nn.Linear(config.hidden, config.dim)
        self.bias = nn.Parameter(torch.zeros(n_items))

    def draw_noise(self, rows: int) -> Tensor:
        """(B, Z)"""
        return torch.randn(rows, self.noise)

    def begin(self, attributes_BF: Tensor, noise_BZ: Tensor) -> Tensor:
        """The state before a row, (1, B, hidden)."""
        return torch.tanh(self.start(torch.cat([attributes_BF, noise_BZ], dim=1)))[None]

    def forward(self, items_BL: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of what comes after each of the items read, (B, L, I), and the state behind them."""
        read, state = self.cell(self.items(items_BL), state)
        return self.out(read) @ self.items.weight[:-1].T + self.bias, state


class SequenceDiscriminator(nn.Module):
    """A recurrent network that judges a row at each of its places by what stands up to there."""

    def __init__(self, n_items: int, width: int, config: SequenceGANConfig) -> None:
        super().__init__()
        self.items = nn.Embedding(n_items + 1, config.dim)
        self.start = nn.Linear(width, config.hidden) if width else None
        self.cell = nn.GRU(config.dim, config.hidden, batch_first=True)
        self.dropout = Dropout(config.dropout)
        self.out = nn.Linear(config.hidden, 1)
        self.hidden = config.hidden

    def forward(self, items_BL: Tensor, attributes_BF: Tensor) -> Tensor:
        """(B, L)"""
        begin = items_BL.new_zeros(1, len(items_BL), self.hidden, dtype=torch.float32)
        if self.start is not None:
            begin = torch.tanh(self.start(attributes_BF))[None]
        read = self.items(items_BL.where(items_BL != NOTHING, self.items.num_embeddings - 1))
        logits: Tensor = self.out(self.dropout(self.cell(self.dropout(read), begin)[0]))
        return logits[:, :, 0]


class Written(NamedTuple):
    """Rows as they were generated."""

    items_BL: Tensor
    noise_BZ: Tensor
    """What each was made from: it belongs to the row."""


Networks = tuple[Catalogue, SequenceGenerator, SequenceDiscriminator]


class SequenceGAN(AdversarialGenerator[SequenceGenerator, SequenceDiscriminator]):
    """Rows as sequences: what comes next, given what came, the user's attributes and noise.

    ::

        π(y_t | y_<t, a, z) = softmax(s_t) over the items that may come         G: a GRU
        D_t = σ(logit of y_1 … y_t),   V = E[mean_t log D_t(x)] + E[mean_t log(1 − D_t(y))]
        Q_t = Σ_{s ≥ t} γ^{s − t} D_s(y) / Σ_{s ≥ t} γ^{s − t}
        ∇ E[D] ≈ E Σ_t (Q_t − b_t) / σ  ∇ log π(y_t | y_<t)                    b_t: the batch's mean at that place

    After SeqGAN (Yu, Zhang, Wang and Yu 2017): likelihood first, then REINFORCE with the discriminator's word as the
    reward. Departures: the discriminator judges every beginning of a row, so that rewards of unfinished rows need no
    rollouts; rewards are standardised in the batch; the likelihood stays as a small anchor. Where nobody in the data
    has an item twice (or twice at once) neither has a generated row, and an item without an event is never made.
    """

    name = "sequence_gan"
    config_class = SequenceGANConfig
    config: SequenceGANConfig

    def build(self, catalogue: Catalogue) -> tuple[SequenceGenerator, SequenceDiscriminator]:
        """Both networks."""
        shape = catalogue.n_items, catalogue.width, self.config
        return SequenceGenerator(*shape), SequenceDiscriminator(*shape)

    def judge(self, networks: Networks, batch: RowBatch) -> tuple[Tensor, Tensor]:
        """Logits at the places behind the conditions, of observed and of generated rows."""
        with torch.no_grad():
            made = self._write(networks, batch).items_BL
        discriminator, attributes = networks[2], batch.attributes_BF
        observed = discriminator(batch.items_BL, attributes)[batch.made_places]
        return observed, discriminator(made, attributes)[batch.made_places & (made != NOTHING)]

    def persuade(self, networks: Networks, batch: RowBatch) -> tuple[Tensor, Tensor]:
        """Fresh rows' logits, and the policy's loss."""
        with torch.no_grad():
            written = self._write(networks, batch)
            logits = networks[2](written.items_BL, batch.attributes_BF)
        there = batch.made_places & (written.items_BL != NOTHING)
        rewards = reward(logits, self.config.contest.objective)
        weights = advantages(rewards, there, discount=self.config.discount)
        chances = self._chances(networks, batch, written)
        return logits[there], -(chances * weights)[there].sum() / there.sum().clamp(min=1)

    def likelihood_loss(self, networks: Networks, batch: RowBatch) -> Tensor:
        """``−mean log π(x_t | x_<t)`` over the items behind the conditions."""
        observed = Written(batch.items_BL, networks[1].draw_noise(len(batch.items_BL)))
        return -self._chances(networks, batch, observed)[batch.made_places].mean()

    def fill(self, networks: Networks, batch: RowBatch) -> Tensor:
        """Conditions, and behind them what was drawn item by item."""
        return self._write(networks, batch).items_BL

    def _write(self, networks: Networks, batch: RowBatch) -> Written:
        catalogue, generator, _ = networks
        rows, length = batch.items_BL.shape
        noise = generator.draw_noise(rows)
        state = generator.begin(batch.attributes_BF, noise)
        written = torch.full((rows, length), NOTHING)
        closed = (~torch.from_numpy(catalogue.warm)).expand(rows, -1).clone()
        before = torch.full((rows,), catalogue.n_items)
        for place in range(length):
            logits, state = generator(before[:, None], state)
            open_rows = ~closed.all(dim=1)
            drawn = torch.zeros(rows, dtype=torch.int64)
            if bool(open_rows.any()):
                shares = logits[open_rows, 0].masked_fill(closed[open_rows], float("-inf")).softmax(dim=1)
                drawn[open_rows] = torch.multinomial(shares, 1)[:, 0]
            given = place < batch.given_B
            wanted = (place < batch.lengths_B) & (given | open_rows)
            item = torch.where(given, batch.items_BL[:, place], drawn).where(wanted, NOTHING)
            written[:, place] = item
            closed = _closed_after(closed, item, catalogue)
            before = item.where(wanted, catalogue.n_items)
        return Written(written, noise)

    def _chances(self, networks: Networks, batch: RowBatch, written: Written) -> Tensor:
        """Log π of each item of the rows, (B, L), among those that might have come; 0 where there is none."""
        catalogue, generator, _ = networks
        items = written.items_BL
        rows, length = items.shape
        first = torch.full((rows, 1), catalogue.n_items)
        read = torch.cat([first, items[:, :-1].where(items[:, :-1] != NOTHING, catalogue.n_items)], dim=1)
        logits, _ = generator(read, generator.begin(batch.attributes_BF, written.noise_BZ))
        closed = (~torch.from_numpy(catalogue.warm)).expand(rows, -1).clone()
        blocked = []
        for place in range(length):
            blocked.append(closed)
            closed = _closed_after(closed, items[:, place], catalogue)
        # An item of the row itself is never closed: a condition may hold what was never learned.
        there = items != NOTHING
        own = items.clamp(min=0)[:, :, None]
        mask = torch.stack(blocked, dim=1).scatter(2, own, value=False)
        logs: Tensor = logits.masked_fill(mask, float("-inf")).log_softmax(dim=2).gather(2, own)[:, :, 0]
        return logs.masked_fill(~there, 0.0)


def reward(logits: Tensor, objective: GeneratorObjective) -> Tensor:
    """What each place is worth to the generator: σ(logit), its chance to be taken for observed; for the objective
    ``minimax`` ``−log(1 − σ(logit))``, its part of V negated.
    """
    return nn.functional.softplus(logits) if objective == "minimax" else torch.sigmoid(logits)


def advantages(rewards_BL: Tensor, there_BL: Tensor, *, discount: float) -> Tensor:
    """Standardised returns, (B, L): each place's discounted mean of the rewards from it on, minus the mean at that
    place over the rows that have it, over the standard deviation of all; 0 where no item is.

    Worked: rewards (1, 0) and (0, 0) of two rows, discount 1: returns (½, 0) and (0, 0); less the means (¼, 0) they
    are (¼, 0) and (−¼, 0), with the deviation √(1/32) = 0.17678: ±1.41421 and 0.
    """
    mask = there_BL.to(rewards_BL)
    total = weight = torch.zeros_like(rewards_BL[:, 0])
    returns = torch.zeros_like(rewards_BL)
    for place in reversed(range(rewards_BL.shape[1])):
        total = rewards_BL[:, place] * mask[:, place] + discount * total
        weight = mask[:, place] + discount * weight
        returns[:, place] = total / weight.clamp(min=1e-8)
    centred = (returns - (returns * mask).sum(dim=0) / mask.sum(dim=0).clamp(min=1)) * mask
    deviation = (centred.square().sum() / mask.sum().clamp(min=1)).sqrt()
    return centred / deviation.clamp(min=1e-8)


def _closed_after(closed_BI: Tensor, item_B: Tensor, catalogue: Catalogue) -> Tensor:
    """What may not come after an item, (B, I)."""
    if catalogue.repeats == "any":
        return closed_BI
    there = item_B != NOTHING
    if catalogue.repeats == "never":
        after = closed_BI.clone()
    else:
        after = (~torch.from_numpy(catalogue.warm)).expand(len(closed_BI), -1).clone()
    rows = torch.arange(len(closed_BI))[there]
    after[rows, item_B[there]] = True
    return after
