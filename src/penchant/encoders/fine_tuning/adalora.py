"""AdaLoRA: the ranks of LoRA, taken from the matrices that need them less."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from penchant.encoders.fine_tuning.architecture import Part
from penchant.encoders.fine_tuning.injected import ADAPTER, InjectedMethod, fan_in_fan_out
from penchant.encoders.fine_tuning.method import MethodConfig


class AdaLoraConfig(MethodConfig):
    """Settings of `AdaLora`."""

    name: Literal["adalora"] = "adalora"
    initial_rank: int = Field(default=12, ge=2)
    """Of every matrix at first."""
    rank: int = Field(default=8, ge=1)
    """Of a matrix in the end, on average; less than `initial_rank`."""
    alpha: float = Field(default=16.0, gt=0)
    """What was learned counts α / initial rank times."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Of what P reads, in training."""
    targets: Part | tuple[str, ...] = "all"
    """Beside which linear layers: a part of every layer, or ends of names such as ``q_proj``."""
    begin: float = Field(default=0.2, ge=0, lt=1)
    """Share of the steps after which ranks begin to be taken."""
    end: float = Field(default=0.6, gt=0, le=1)
    """Share of the steps after which they stay as they are."""
    every: int = Field(default=10, ge=1)
    """Steps from one sharing-out to the next."""
    smoothing: float = Field(default=0.85, gt=0, lt=1)
    """β of the running means of importance and of its uncertainty."""
    orthogonality: float = Field(default=0.5, ge=0)
    """γ, how much P and Q are held to be orthogonal."""

    @model_validator(mode="after")
    def _shrinks(self) -> "AdaLoraConfig":
        if self.rank >= self.initial_rank:
            raise ValueError("rank has to be below initial_rank: ranks are taken, never given")
        if self.begin >= self.end:
            raise ValueError("begin has to be before end")
        return self


class AdaLora(InjectedMethod):
    """``W' = W + (α/r) P Λ Q`` with P (N, r), Λ diagonal and Q (r, K); the least important of all Λ's are set to zero.

    Zhang et al. (2023), "Adaptive budget allocation for parameter-efficient fine-tuning". Λ begins at zero, so the
    model begins as it came. The importance of a weight is the running mean of |w ∂L/∂w| times that of how far it
    varies; that of a rank is its λ's plus the means over its column of P and row of Q. Between the steps `begin` and
    `end` the budget b falls by a cubic curve from n·initial_rank to n·rank for n matrices; after every few steps the λ
    that are not among the b most important, over all matrices, are zero. Afterwards those stay zero. The loss has
    ``γ · mean(‖PᵀP − I‖ + ‖QQᵀ − I‖)`` added. By peft; only when it is shared out is ours, so that the shares of steps
    are of the training under way, and what is remembered lies in buffers, with which a training that was stopped goes
    on.

    Trained: initial_rank (N + K + 1) for each matrix. Merges. Caveat: where an epoch before `end` validated best, its
    weights come back with the ranks they had.
    """

    config: AdaLoraConfig

    def attach(self, model: Any) -> Iterable[tuple[str, nn.Parameter]]:
        """P, Λ and Q of each matrix, and room for their importance."""
        trained = super().attach(model)
        for place, (_, weight) in enumerate(self._weights()):
            self.register_buffer(f"importance_{place}", torch.zeros_like(weight))
            self.register_buffer(f"uncertainty_{place}", torch.zeros_like(weight))
        self.register_buffer("kept", torch.ones(len(self.layers()), self.config.initial_rank))
        return trained

    def tuner(self, model: Any, targets: Mapping[str, nn.Module]) -> Any:
        """Peft's AdaLoRA; when it would share ranks out is not asked of it."""
        import peft

        config = peft.AdaLoraConfig(
            init_r=self.config.initial_rank,
            target_r=self.config.rank,
            lora_alpha=self.config.alpha,  # type: ignore[arg-type]
            lora_dropout=self.config.dropout,
            beta1=self.config.smoothing,
            beta2=self.config.smoothing,
            total_step=1,
            target_modules=list(targets),
            fan_in_fan_out=fan_in_fan_out(targets),
        )
        return peft.AdaLoraModel(model, config, ADAPTER)  # type: ignore[no-untyped-call]

    @property
    def ranks(self) -> dict[str, int]:
        """How many λ of each matrix are not zero."""
        return {name: int(torch.count_nonzero(layer.lora_E[ADAPTER])) for name, layer in self.layers()}

    def budget(self, *, step: int, total: int) -> int:
        """How many λ there are to be in all after a step."""
        begin, end = round(self.config.begin * total), round(self.config.end * total)
        n = len(self.layers())
        left = 1.0 if step <= begin else 0.0 if step >= end else (1 - (step - begin) / (end - begin)) ** 3
        return int(n * self.config.rank + left * n * (self.config.initial_rank - self.config.rank))

    def penalty(self) -> Tensor | None:
        """γ times how far P and Q are from orthogonal, the mean over both and all matrices of a Frobenius norm."""
        if not self.config.orthogonality:
            return None
        grams = [gram for _, layer in self.layers() for gram in _grams(layer.lora_A[ADAPTER], layer.lora_B[ADAPTER])]
        norms = [torch.linalg.matrix_norm(gram - torch.eye(len(gram), device=gram.device)) for gram in grams]
        return self.config.orthogonality * torch.stack(norms).mean()

    def after_step(self, *, step: int, total: int) -> None:
        """Bring importance up to date and share the ranks out."""
        begin, end = round(self.config.begin * total), round(self.config.end * total)
        if step <= end:
            self._update_importance()
            due = step > begin and (step - begin) % self.config.every == 0
            budget = self.budget(step=step, total=total)
            if (due or step == end) and budget < self._kept.numel():
                self._share_out(budget)
        if step > end:
            with torch.no_grad():
                for kept_R, (_, layer) in zip(self._kept, self.layers(), strict=True):
                    layer.lora_E[ADAPTER].mul_(kept_R[:, None])

    @property
    def _kept(self) -> Tensor:
        return self.get_buffer("kept")

    def _weights(self) -> list[tuple[str, nn.Parameter]]:
        """P, Λ and Q by the names that peft's allocator gives them."""
        return [(name, weight) for name, weight in self.model.named_parameters() if "lora_" in name]

    def _update_importance(self) -> None:
        allocator, weights = self._allocator, self._weights()
        allocator.exp_avg_ipt = {name: self.get_buffer(f"importance_{k}") for k, (name, _) in enumerate(weights)}
        allocator.exp_avg_unc = {name: self.get_buffer(f"uncertainty_{k}") for k, (name, _) in enumerate(weights)}
        allocator.ipt = dict(allocator.exp_avg_ipt)  # only that it is there: what is known is not begun anew
        allocator.update_ipt(self.model)
        for k, (name, _) in enumerate(weights):
            self.get_buffer(f"importance_{k}").copy_(allocator.exp_avg_ipt[name])
            self.get_buffer(f"uncertainty_{k}").copy_(allocator.exp_avg_unc[name])

    def _share_out(self, budget: int) -> None:
        pattern = self._allocator.mask_to_budget(self.model, budget)
        for row, (name, _) in enumerate(self.layers()):
            self._kept[row] = torch.tensor(pattern[f"{name}.lora_E.{ADAPTER}"]).to(self._kept)

    @property
    def _allocator(self) -> Any:
        return self._tuner[0].rankallocator


def _grams(q_RK: Tensor, p_NR: Tensor) -> tuple[Tensor, Tensor]:
    return q_RK @ q_RK.T, p_NR.T @ p_NR
