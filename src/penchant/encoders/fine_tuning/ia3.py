"""(IA)³: keys, values and the inner numbers of the feed-forward layers made larger or smaller."""

from collections.abc import Mapping
from typing import Any, Literal

from torch import nn

from penchant.encoders.fine_tuning.architecture import with_role
from penchant.encoders.fine_tuning.injected import ADAPTER, InjectedMethod, fan_in_fan_out
from penchant.encoders.fine_tuning.method import MethodConfig


class Ia3Config(MethodConfig):
    """Settings of `Ia3`."""

    name: Literal["ia3"] = "ia3"


class Ia3(InjectedMethod):
    """``softmax(Q (l_k ⊙ K)ᵀ) (l_v ⊙ V)`` and ``(l_ff ⊙ γ(x W₁)) W₂``, with one number l for each unit.

    Liu et al. (2022), "Few-shot parameter-efficient fine-tuning is better and cheaper than in-context learning". All l
    begin at one, so the model begins as it came. Trained: for each layer the widths of keys, of values and of the
    feed-forward layer. Where one matrix makes queries, keys and values, as in GPT-2, the queries are scaled as well.
    Merges into W. By peft; `ConfigError` where a model's layers cannot be told apart.
    """

    config: Ia3Config

    def targets(self, model: Any) -> Mapping[str, nn.Module]:
        """Where keys and values are made, and what reads the inner numbers."""
        return with_role(model, "key", "value", "query_key_value", "down")

    def tuner(self, model: Any, targets: Mapping[str, nn.Module]) -> Any:
        """Peft's (IA)³."""
        import peft

        config = peft.IA3Config(
            target_modules=list(targets),
            feedforward_modules=list(with_role(model, "down")),
            fan_in_fan_out=fan_in_fan_out(targets),
        )
        return peft.IA3Model(model, config, ADAPTER)
