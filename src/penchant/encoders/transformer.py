"""Loading any checkpoint through transformers, and the forward pass that runs it."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from logging import ERROR
from typing import Any

import torch
from torch import Tensor

from penchant.encoders.checkpoint import Checkpoint
from penchant.encoders.packed_bert import PackedBert
from penchant.encoders.tokenization import cannot_tokenize
from penchant.errors import ConfigError
from penchant.training.precision import Precision

Forward = Callable[[Sequence[Tensor]], list[Tensor]]
"""Token ids of groups of texts, (n, L) each, to last hidden states, (n, L, D) each."""

States = Callable[[Mapping[str, Tensor]], Tensor]
"""``input_ids`` and ``attention_mask``, (n, L) each, to last hidden states (n, L, D)."""

_QUIET = threading.Lock()


def load_tokenizer(checkpoint: Checkpoint) -> Any:
    """The checkpoint's tokenizer; `ConfigError` where there is none."""
    from transformers import AutoTokenizer

    try:
        with quiet():
            return AutoTokenizer.from_pretrained(checkpoint.folder, local_files_only=True)
    except (OSError, ValueError, ImportError, KeyError, TypeError, AttributeError) as error:
        raise cannot_tokenize(checkpoint, _first_line(error)) from None


def load_model(checkpoint: Checkpoint, *, attentions: bool = False) -> Any:
    """The checkpoint's model in evaluation mode, float32; of an encoder-decoder its encoder.

    `attentions` loads it with the attention that can return its weights. Only safetensors are read and no code of the
    checkpoint's is run. Raises `ConfigError` for weights that are damaged, missing or of another architecture: random
    ones would give vectors that mean nothing.
    """
    from transformers import AutoModel

    model, missing = _loaded(AutoModel, checkpoint, attention="eager" if attentions else "sdpa")
    two_sided = hasattr(model, "encoder") and hasattr(model, "decoder")
    unused = ("pooler", "decoder.") if two_sided else ("pooler",)
    _check_whole(checkpoint, [key for key in missing if not any(part in key for part in unused)])
    if two_sided:
        model = model.get_encoder()
    return model.eval().requires_grad_(requires_grad=False)


def load_language_model(checkpoint: Checkpoint, *, causal: bool) -> tuple[Any, bool]:
    """The checkpoint's model with its language-modelling head, trainable; and whether the head came with it.

    A head that the files lack is a fresh one, its output tied to the input embeddings where the architecture ties them;
    seed torch before. Raises `ConfigError` as `load_model` does.
    """
    from transformers import AutoModelForCausalLM, AutoModelForMaskedLM

    model, missing = _loaded(AutoModelForCausalLM if causal else AutoModelForMaskedLM, checkpoint, attention="sdpa")
    body = f"{model.base_model_prefix}."
    _check_whole(checkpoint, [key for key in missing if key.startswith(body) and "pooler" not in key])
    return model, not any(not key.startswith(body) for key in missing)


def width_of(model: Any) -> int:
    """D, of a model's last states."""
    # OPT may bring them to another width at the end than its layers have.
    return int(getattr(model.config, "word_embed_proj_dim", model.config.hidden_size))


def has_language_head(architecture: Mapping[str, Any]) -> bool:
    """Whether transformers knows a model of this kind that tells hidden or next words, and is no encoder-decoder."""
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    )

    known = {*MODEL_FOR_CAUSAL_LM_MAPPING_NAMES, *MODEL_FOR_MASKED_LM_MAPPING_NAMES}
    return architecture.get("model_type") in known and not architecture.get("is_encoder_decoder")


def _loaded(kind: Any, checkpoint: Checkpoint, *, attention: str) -> tuple[Any, list[str]]:
    """The model, and the names of its weights that the files lack."""
    from safetensors import SafetensorError

    try:
        with quiet():
            model, report = kind.from_pretrained(
                checkpoint.folder,
                dtype=torch.float32,
                use_safetensors=True,
                trust_remote_code=False,
                local_files_only=True,
                output_loading_info=True,
                attn_implementation=attention,
            )
    except (OSError, ValueError, RuntimeError, KeyError, ImportError, TypeError, SafetensorError) as error:
        raise ConfigError(
            f"{checkpoint.folder} cannot be loaded: {_first_line(error)}.",
            hint="Give a whole checkpoint of an architecture that transformers knows.",
        ) from None
    return model, sorted(report["missing_keys"])


def _check_whole(checkpoint: Checkpoint, missing: list[str]) -> None:
    if missing:
        raise ConfigError(
            f"{checkpoint.folder} lacks {len(missing)} weights, such as {missing[0]}.",
            hint="Copy the checkpoint again; its config.json may be another model's.",
        )


def fast_forward(model: Any, probe: Tensor, *, precision: Precision, device: torch.device | str = "cpu") -> Forward:
    """The quickest forward pass for a model: `PackedBert` where it reproduces the model on `probe`, (n, L) ids.

    Compared before use, on the processor, so that a variant that it does not know is run by transformers itself. What
    is given computes on the `device`, and wants its token ids there.
    """
    config, weights = model.config.to_dict(), model.state_dict()
    if not PackedBert.fits(config):
        return reference_forward(states_of(model.to(device)), precision=precision)
    packed = PackedBert(config, weights)
    with torch.inference_mode():
        expected = reference_forward(states_of(model), precision="float32")([probe])[0]
        scale = float(expected.abs().nan_to_num().max())
        alike = torch.allclose(packed([probe])[0], expected, rtol=1e-4, atol=1e-4 * scale)
    if not alike:
        return reference_forward(states_of(model.to(device)), precision=precision)
    return (packed if precision == "float32" else PackedBert(config, weights, dtype=torch.bfloat16)).to(device)


def states_of(model: Any) -> States:
    """What a model of transformers' makes of its inputs."""
    return lambda inputs: model(**inputs).last_hidden_state


def reference_forward(states: States, *, precision: Precision) -> Forward:
    """The forward pass of transformers itself, one group of texts of equal length at a time."""

    def forward(groups: Sequence[Tensor]) -> list[Tensor]:
        place = groups[0].device.type if groups else "cpu"
        context = torch.autocast(place, torch.bfloat16) if precision == "bfloat16" else nullcontext()
        with context:
            # A mask of ones: without one some models take a token that equals their padding for padding.
            return [states({"input_ids": ids, "attention_mask": torch.ones_like(ids)}).float() for ids in groups]

    return forward


@contextmanager
def quiet() -> Iterator[None]:
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
