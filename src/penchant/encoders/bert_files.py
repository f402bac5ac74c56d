"""A plain BERT checkpoint read from its files alone, which spares the seconds that importing transformers takes."""

from typing import Any

import orjson
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from tokenizers import Tokenizer

from penchant.encoders.checkpoint import Checkpoint
from penchant.encoders.packed_bert import PackedBert
from penchant.training.precision import Precision

_TOKENIZERS = {"BertTokenizer", "BertTokenizerFast"}


def read_tokenizer(checkpoint: Checkpoint) -> tuple[Tokenizer, int | None] | None:
    """BERT's own tokenizer and the maximum length its files name, or None where they are in doubt.

    In doubt means that ``tokenizer.json`` and ``tokenizer_config.json`` disagree: transformers then decides.
    """
    try:
        described = orjson.loads((checkpoint.folder / "tokenizer.json").read_bytes())
        settings = orjson.loads((checkpoint.folder / "tokenizer_config.json").read_bytes())
        normalizer: dict[str, Any] = described.get("normalizer") or {}
        plain = (
            settings.get("tokenizer_class") in _TOKENIZERS
            and described["model"]["type"] == "WordPiece"
            and normalizer.get("type") == "BertNormalizer"
            and normalizer["clean_text"] is True
            and normalizer["lowercase"] == settings.get("do_lower_case", True)
            and normalizer["strip_accents"] == settings.get("strip_accents")
            and normalizer["handle_chinese_chars"] == settings.get("tokenize_chinese_chars", True)
            and set(settings.get("added_tokens_decoder") or {}) <= {str(t["id"]) for t in described["added_tokens"]}
        )
        if not plain or described["pre_tokenizer"]["type"] != "BertPreTokenizer":
            return None
    except (OSError, KeyError, TypeError, AttributeError, ValueError):  # missing, no JSON, or not of this shape
        return None
    try:
        tokenizer = Tokenizer.from_file(str(checkpoint.folder / "tokenizer.json"))
    except Exception as error:
        if type(error) is not Exception:  # the library raises a bare Exception for a file it cannot read
            raise
        return None
    if tokenizer.num_special_tokens_to_add(is_pair=False) != 2:
        return None
    return tokenizer, settings.get("model_max_length")


def read_bert(checkpoint: Checkpoint, *, precision: Precision) -> PackedBert | None:
    """The forward pass of a BERT with all its weights in one safetensors file, or None where it is not so plain."""
    config = checkpoint.architecture
    file = checkpoint.folder / "model.safetensors"
    if config.get("model_type") != "bert" or not PackedBert.fits(config) or not file.is_file():
        return None
    try:
        # Checkpoints with a head have the prefix; the oldest call a norm's weight gamma and its bias beta.
        weights = {
            name.removeprefix("bert.").replace(".gamma", ".weight").replace(".beta", ".bias"): weight
            for name, weight in load_file(file).items()
        }
        dtype = torch.float32 if precision == "float32" else torch.bfloat16
        return PackedBert(config, weights, dtype=dtype)
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError, OSError):
        return None
