"""The fine-tuning methods there are."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, SerializeAsAny

from penchant.encoders.fine_tuning.adalora import AdaLora, AdaLoraConfig
from penchant.encoders.fine_tuning.adapter import Adapter, AdapterConfig
from penchant.encoders.fine_tuning.full import Full, FullConfig
from penchant.encoders.fine_tuning.head_only import HeadOnly, HeadOnlyConfig
from penchant.encoders.fine_tuning.ia3 import Ia3, Ia3Config
from penchant.encoders.fine_tuning.lora import Lora, LoraConfig
from penchant.encoders.fine_tuning.method import FineTuningMethod, MethodConfig
from penchant.encoders.fine_tuning.p_tuning import PTuning, PTuningConfig
from penchant.encoders.fine_tuning.prefix_tuning import PrefixTuning, PrefixTuningConfig
from penchant.encoders.fine_tuning.prompt_tuning import PromptTuning, PromptTuningConfig
from penchant.encoders.fine_tuning.top_layers import TopLayers, TopLayersConfig
from penchant.errors import ConfigError
from penchant.registry import Registry

METHODS: Registry[FineTuningMethod] = Registry("fine-tuning method")
METHODS.register("full", config=FullConfig, cls=Full, summary="every weight: the reference, and the most memory")
METHODS.register("head_only", config=HeadOnlyConfig, cls=HeadOnly, summary="nothing but the head: the frozen baseline")
METHODS.register("top_layers", config=TopLayersConfig, cls=TopLayers, summary="the last layers: the fastest step")
METHODS.register("lora", config=LoraConfig, cls=Lora, summary="a product of low rank beside each matrix, or DoRA")
METHODS.register("adalora", config=AdaLoraConfig, cls=AdaLora, summary="LoRA whose ranks go where they matter")
METHODS.register("adapter", config=AdapterConfig, cls=Adapter, summary="a small network after each sub-layer")
METHODS.register("ia3", config=Ia3Config, cls=Ia3, summary="one number for each unit: the fewest weights that merge")
METHODS.register(
    "prefix_tuning", config=PrefixTuningConfig, cls=PrefixTuning, summary="keys and values before the words'"
)
METHODS.register(
    "prompt_tuning", config=PromptTuningConfig, cls=PromptTuning, summary="vectors before the words: the fewest weights"
)
METHODS.register("p_tuning", config=PTuningConfig, cls=PTuning, summary="the same, made by a small network")


def method_config(asked: Any) -> MethodConfig:
    """The settings of a method from its name, or from a table with its ``name`` and settings.

    `NotFoundError` for a name that there is not, `ConfigError` for a wrong setting.
    """
    if isinstance(asked, MethodConfig):
        return asked
    table = {"name": asked} if isinstance(asked, str) else asked
    if not isinstance(table, Mapping) or not isinstance(table.get("name"), str):
        raise ConfigError(
            f"A fine-tuning method came as {asked!r}.",
            hint=f'Give a name or a table such as {{ name = "lora", rank = 8 }}. Names: {", ".join(METHODS)}.',
        )
    config = METHODS[table["name"]].config.of(table, where=f"method {table['name']}")
    if not isinstance(config, MethodConfig):
        raise TypeError(f"{type(config).__name__} is no MethodConfig")
    return config


Method = Annotated[SerializeAsAny[MethodConfig], BeforeValidator(method_config)]
"""A setting that takes a method by its name, or by a table of its name and settings."""
