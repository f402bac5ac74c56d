"""LoRA and DoRA: a product of low rank beside each matrix."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field
from torch import nn

from penchant.encoders.fine_tuning.architecture import Part
from penchant.encoders.fine_tuning.injected import ADAPTER, InjectedMethod, fan_in_fan_out
from penchant.encoders.fine_tuning.method import MethodConfig


class LoraConfig(MethodConfig):
    """Settings of `Lora`."""

    name: Literal["lora"] = "lora"
    rank: int = Field(default=8, ge=1)
    """r"""
    alpha: float = Field(default=16.0, gt=0)
    """What was learned counts α / r times."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Of what A reads, in training."""
    targets: Part | tuple[str, ...] = "all"
    """Beside which linear layers: a part of every layer, or ends of names such as ``q_proj``."""
    dora: bool = False
    """DoRA: direction and length of each row of W (N, K), what one output reads, apart."""


class Lora(InjectedMethod):
    """``W' = W + (α/r) B A`` with A (r, K) and B (N, r) for each matrix W (N, K); W stays.

    Hu et al. (2022), "LoRA: Low-rank adaptation of large language models". B begins at zero, so the model begins as it
    came. Trained: r (N + K) for each matrix. With `dora` (Liu et al. 2024, "DoRA: Weight-decomposed low-rank
    adaptation") ``W' = m ⊙ (W + (α/r) B A) / ‖W + (α/r) B A‖``, norms over K, m (N,) trained too and at first ‖W‖. Both
    merge. By peft; `ConfigError` for a target that the model has not.
    """

    config: LoraConfig

    def tuner(self, model: Any, targets: Mapping[str, nn.Module]) -> Any:
        """Peft's LoRA."""
        import peft

        config = peft.LoraConfig(
            r=self.config.rank,
            lora_alpha=self.config.alpha,  # type: ignore[arg-type]
            lora_dropout=self.config.dropout,
            target_modules=list(targets),
            fan_in_fan_out=fan_in_fan_out(targets),
            use_dora=self.config.dora,
        )
        return peft.LoraModel(model, config, ADAPTER)
