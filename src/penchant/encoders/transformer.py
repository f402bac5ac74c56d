"""Loading a checkpoint's weights, and the forward pass that runs them."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from logging import ERROR
from typing import Any

import torch
from torch import Tensor

from penchant.encoders.checkpoint import Checkpoint, Pooling
from penchant.encoders.packed_bert import PackedBert
from penchant.encoders.precision import Precision
from penchant.errors import ConfigError

Forward = Callable[[Sequence[Tensor]], list[Tensor]]
"""Token ids of groups of texts, (n, L) each, to last hidden states, (n, L, D) each."""

_QUIET = threading.Lock()
_VOCABULARIES = ("tokenizer.json", "vocab.*", "*.model", "*.tiktoken", "tekken.json")
_SAVE_TOKENIZER = "Save the tokenizer beside the model: tokenizer.save_pretrained(folder)."


def load_tokenizer(checkpoint: Checkpoint) -> Any:
    """The checkpoint's tokenizer; `ConfigError` where there is none."""
    from transformers import AutoTokenizer

    if not any(file for pattern in _VOCABULARIES for file in checkpoint.folder.glob(pattern)):
        # transformers would make an empty one, to which every word is unknown.
        raise ConfigError(f"{checkpoint.folder} has no tokenizer: no {', '.join(_VOCABULARIES)}.", hint=_SAVE_TOKENIZER)
    try:
        with _quiet():
            return AutoTokenizer.from_pretrained(checkpoint.folder, local_files_only=True)
    except (OSError, ValueError, ImportError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"{checkpoint.folder} has no tokenizer that can be loaded ({_first_line(error)}).",
            hint=_SAVE_TOKENIZER,
        ) from None


def load_model(checkpoint: Checkpoint, *, attentions: bool = False) -> Any:
    """The checkpoint's model in evaluation mode, float32; of an encoder-decoder its encoder.

    `attentions` loads it with the attention that can return its weights. Only safetensors are read and no code of the
    checkpoint's is run. Raises `ConfigError` for weights that are damaged, missing or of another architecture: random
    ones would give vectors that mean nothing.
    """
    from safetensors import SafetensorError
    from transformers import AutoModel

    try:
        with _quiet():
            model, report = AutoModel.from_pretrained(
                checkpoint.folder,
                dtype=torch.float32,
                use_safetensors=True,
                trust_remote_code=False,
                local_files_only=True,
                output_loading_info=True,
                attn_implementation="eager" if attentions else "sdpa",
            )
    except (OSError, ValueError, RuntimeError, KeyError, ImportError, TypeError, SafetensorError) as error:
        raise ConfigError(
            f"{checkpoint.folder} cannot be loaded: {_first_line(error)}.",
            hint="Give a whole checkpoint of an architecture that transformers knows.",
        ) from None
    two_sided = hasattr(model, "encoder") and hasattr(model, "decoder")
    unused = ("pooler", "decoder.") if two_sided else ("pooler",)
    if missing := sorted(key for key in report["missing_keys"] if not any(part in key for part in unused)):
        raise ConfigError(
            f"{checkpoint.folder} lacks {len(missing)} weights, such as {missing[0]}.",
            hint="Copy the checkpoint again; its config.json may be another model's.",
        )
    if two_sided:
        model = model.get_encoder()
    return model.eval().requires_grad_(requires_grad=False)


def fast_forward(model: Any, probe: Tensor, *, precision: Precision) -> Forward:
    """The quickest forward pass for a model: `PackedBert` where it reproduces the model on `probe`, (n, L) ids.

    Compared before use, so that a variant that it does not know is run by transformers itself.
    """
    reference = reference_forward(model, precision="float32")
    with torch.inference_mode():
        expected = reference([probe])[0]
        if not torch.isfinite(expected).all():
            raise ConfigError("The encoder's weights give vectors that are not finite.", hint="Use another checkpoint.")
        if PackedBert.fits(model.config):
            packed = PackedBert(model)
            if torch.allclose(packed([probe])[0], expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max())):
                return packed if precision == "float32" else PackedBert(model, dtype=torch.bfloat16)
    return reference_forward(model, precision=precision)


def reference_forward(model: Any, *, precision: Precision) -> Forward:
    """The forward pass of transformers itself, one group of texts of equal length at a time."""

    def forward(groups: Sequence[Tensor]) -> list[Tensor]:
        context = torch.autocast("cpu", torch.bfloat16) if precision == "bfloat16" else nullcontext()
        with context:
            # A mask of ones: without one some models take a token that equals their padding for padding.
            return [
                model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state.float() for ids in groups
            ]

    return forward


def pool(states_BLD: Tensor, pooling: Pooling) -> Tensor:
    """One vector a text, (B, D), from the states of its L tokens; there are no pads among them."""
    if pooling == "first":
        return states_BLD[:, 0]
    if pooling == "last":
        return states_BLD[:, -1]
    if pooling == "max":
        return states_BLD.amax(1)
    if pooling == "weighted_mean":  # weight of token l is l: Muennighoff, "SGPT" (2022)
        weights_L1 = torch.arange(1, states_BLD.shape[1] + 1, dtype=states_BLD.dtype)[:, None]
        return (states_BLD * weights_L1).sum(1) / weights_L1.sum()
    return states_BLD.mean(1)


def load_dense(checkpoint: Checkpoint) -> list[Callable[[Tensor], Tensor]]:
    """The linear layers that follow the pooling, with their activations."""
    import orjson
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    layers: list[Callable[[Tensor], Tensor]] = []
    for place in checkpoint.dense:
        try:
            activation = str(orjson.loads((place / "config.json").read_bytes()).get("activation_function", "Tanh"))
            weights = load_file(place / "model.safetensors")
            weight, bias = weights["linear.weight"].float(), weights.get("linear.bias")
        except (OSError, orjson.JSONDecodeError, SafetensorError, KeyError):
            raise ConfigError(f"{place} is no dense layer in safetensors.", hint="Save the model again.") from None
        name = activation.rsplit(".", 1)[-1]
        if name not in {"Tanh", "Identity"}:
            raise ConfigError(f"{place} has the activation {name}.", hint="Tanh and Identity are known.")
        layers.append(_dense(weight, None if bias is None else bias.float(), tanh=name == "Tanh"))
    return layers


def _dense(weight: Tensor, bias: Tensor | None, *, tanh: bool) -> Callable[[Tensor], Tensor]:
    def apply(x_BD: Tensor) -> Tensor:
        y = torch.nn.functional.linear(x_BD, weight, bias)
        return torch.tanh(y) if tanh else y

    return apply


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep transformers from showing its own bars and reports: what matters is raised or shown by us."""
    from transformers.utils import logging

    with _QUIET:
        level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
        logging.set_verbosity(ERROR)
        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        try:
            yield
        finally:
            logging.set_verbosity(level)
            if bars:
                logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
