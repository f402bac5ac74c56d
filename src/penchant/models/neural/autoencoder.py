"""Autoencoders over whole histories: squeeze what a user touched through a few numbers and see what comes back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import scipy.sparse as sp
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from penchant.data.dataset import Dataset
from penchant.data.histories import Histories
from penchant.interfaces import FitOptions
from penchant.models.interactions import Signal, SignalConfig
from penchant.models.neural.recommender import NeuralConfig, NeuralRecommender
from penchant.seeding import numpy_rng
from penchant.training.devices import device_of
from penchant.training.dropout import Dropout
from penchant.training.loop import TrainingConfig
from penchant.training.losses import gaussian_divergence, multinomial_loss


class AutoencoderConfig(NeuralConfig):
    """Settings of `Autoencoder`."""

    encoder: Literal["network", "linear"] = "network"
    decoder: Literal["network", "linear"] = "network"
    hidden: int = Field(default=256, ge=1)
    """Width of the hidden layer of an encoder or decoder that is a network."""
    variational: bool = True
    """The code is drawn from a Gaussian (Mult-VAE). False: it is a point (Mult-DAE)."""
    divergence: float = Field(default=0.2, ge=0)
    """Weight of the pull towards the standard Gaussian, once it is reached; 1 would be the evidence bound."""
    divergence_epochs: int = Field(default=20, ge=1)
    """The weight rises evenly over so many epochs."""
    dropout: float = Field(default=0.5, ge=0, lt=1)
    """Share of a history that a training step hides and asks back: the denoising."""
    batch_users: int = Field(default=64, ge=1)
    signal: SignalConfig = SignalConfig()
    training: TrainingConfig = TrainingConfig(learning_rate=1e-3, max_epochs=60, weight_decay=0.01)


def encoder_of(kind: str, n_items: int, out: int, *, hidden: int) -> nn.Module:
    """From a history, (B, I), to a code, (B, out)."""
    if kind == "linear":
        return nn.Linear(n_items, out)
    return nn.Sequential(nn.Linear(n_items, hidden), nn.Tanh(), nn.Linear(hidden, out))


def decoder_of(kind: str, n_items: int, dim: int, *, hidden: int) -> nn.Module:
    """From a code, (B, D), to logits of all items, (B, I)."""
    if kind == "linear":
        return nn.Linear(dim, n_items)
    return nn.Sequential(nn.Linear(dim, hidden), nn.Tanh(), nn.Linear(hidden, n_items))


class AutoencoderModule(nn.Module):
    """An encoder and a decoder, each any module of its shape, and the noise between them."""

    def __init__(
        self, n_items: int, encoder: nn.Module, decoder: nn.Module, signal: Signal, *, variational: bool, dropout: float
    ) -> None:
        super().__init__()
        self.n_items, self.signal, self.variational = n_items, signal, variational
        self.encoder, self.decoder = encoder, decoder
        self.dropout = Dropout(dropout)

    def code(self, histories_BI: Tensor) -> tuple[Tensor, Tensor | None]:
        """Means μ, (B, D), and log variances v, (B, D) or None. A history counts by its direction, not its length."""
        code = self.encoder(self.dropout(functional.normalize(histories_BI, dim=1)))
        if not self.variational:
            return code, None
        mean, log_variance = code.chunk(2, dim=1)
        return mean, log_variance

    def forward(self, histories_BI: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of all items, (B, I), and the divergence of the codes, a scalar."""
        mean, log_variance = self.code(histories_BI)
        if log_variance is None:
            return self.decoder(mean), mean.new_zeros(())
        drawn = mean
        if self.training:
            drawn = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        return self.decoder(drawn), gaussian_divergence(mean, log_variance)


@dataclass(frozen=True, slots=True)
class HistoryBatch:
    """Histories of B users as rows of a matrix."""

    rows_BI: sp.csr_array
    divergence: float
    """The weight of the divergence at this point of the training."""

    def dense(self, device: torch.device) -> Tensor:
        """(B, I) float32"""
        return dense(self.rows_BI, device)


class Autoencoder(NeuralRecommender[AutoencoderModule, HistoryBatch]):
    """What a user touched, squeezed through a code of D numbers and unfolded into a score for every item.

    ::

        μ_u, v_u = encoder( dropout( x_u / ‖x_u‖ ) )                 x_u: what the user touched, (I,)
        z_u      = μ_u + ε e^{v_u / 2},  ε ~ N(0, 1)                 in training; μ_u when asked, or not variational
        s_u      = decoder(z_u)
        ℓ        = −Σ_i x_ui log softmax(s_u)_i + β KL( N(μ_u, e^{v_u}) ‖ N(0, 1) )

    Mult-VAE, and Mult-DAE without the variation (Liang et al. 2018): the dropout hides part of a history and the loss
    asks for all of it, and β stays below 1 because ranking wants less of a prior than generating. Encoder and decoder
    are parts of their own: each can be a network with one hidden layer or linear, and linear both ways it is a
    low-rank linear model. The order of a history does not matter.
    """

    name: ClassVar[str] = "autoencoder"
    config_class: ClassVar[type[AutoencoderConfig]] = AutoencoderConfig
    config: AutoencoderConfig

    def shape(self, dataset: Dataset, options: FitOptions) -> dict[str, Any]:  # noqa: ARG002
        """Number of items, and what an event counts."""
        signal = Signal.fit(dataset, self.config.signal, model=self.name)
        return {"n_items": dataset.n_items, "signal": signal.facts()}

    def build(self, shape: Mapping[str, Any]) -> AutoencoderModule:
        """The module with fresh weights."""
        config, n_items = self.config, int(shape["n_items"])
        width = config.dim * (2 if config.variational else 1)
        return AutoencoderModule(
            n_items,
            encoder_of(config.encoder, n_items, width, hidden=config.hidden),
            decoder_of(config.decoder, n_items, config.dim, hidden=config.hidden),
            Signal.of_facts(shape["signal"]),
            variational=config.variational,
            dropout=config.dropout,
        )

    def batches(self, dataset: Dataset, *, seed: int) -> Callable[[int], Sequence[HistoryBatch]]:
        """Every user with something touched once an epoch."""
        config = self.config
        matrix = Signal.fit(dataset, config.signal, model=self.name).matrix(dataset.histories(), dataset.n_items)
        users = np.flatnonzero(np.diff(matrix.indptr))

        def drawn(epoch: int) -> Sequence[HistoryBatch]:
            order = numpy_rng(seed, self.name, "users", str(epoch)).permutation(users)
            weight = config.divergence * min(1.0, epoch / config.divergence_epochs)
            starts = range(0, len(order), config.batch_users)
            return [HistoryBatch(matrix[order[s : s + config.batch_users]], weight) for s in starts]

        return drawn

    def loss(self, module: AutoencoderModule, batch: HistoryBatch) -> Tensor:
        """What did not come back, and the divergence."""
        histories = batch.dense(device_of(module))
        logits, divergence = module(histories)  # (B, I), ()
        lost: Tensor = multinomial_loss(logits, histories) + batch.divergence * divergence
        return lost

    def scores(self, module: AutoencoderModule, histories: Histories) -> Tensor:
        """Logits of all items, (B, I)."""
        logits: Tensor = module(dense(module.signal.matrix(histories, module.n_items), device_of(module)))[0]
        return logits


def dense(matrix: sp.csr_array, device: torch.device) -> Tensor:
    """A sparse matrix as a tensor, float32."""
    return torch.from_numpy(matrix.toarray().astype(np.float32)).to(device)
