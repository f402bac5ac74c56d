"""Checkpoints made in a moment whose every token is a word of our choice, so that ids can be told by hand."""

# ruff: noqa: S106 (tokens, not passwords)

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertModel,
    GemmaConfig,
    GemmaModel,
    GPT2Config,
    GPT2Model,
    PreTrainedTokenizerFast,
)

_fast: Any = PreTrainedTokenizerFast
SIZES: dict[str, Any] = {"hidden_size": 32, "num_attention_heads": 4, "intermediate_size": 64}


def save_words(
    folder: Path, words: Sequence[str], *, family: str = "bert", layers: int = 2, positions: int = 64, seed: int = 0
) -> Path:
    """A BERT (``[CLS] a [SEP] b [SEP]`` with segments), a GPT (no separators of its own, no segments) or a Gemma (that
    too, and it multiplies its embeddings by √D).
    """
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"] if family == "bert" else ["[UNK]", "[END]"]
    vocabulary = {word: place for place, word in enumerate([*special, *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        if family == "bert":
            tokenizer.post_processor = processors.TemplateProcessing(
                single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
            )
            named = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
            config = BertConfig(
                vocab_size=len(vocabulary), max_position_embeddings=positions, num_hidden_layers=layers, **SIZES
            )
            model: Any = BertModel(config, add_pooling_layer=False)
        elif family == "gemma":
            named = {"unk_token": "[UNK]", "eos_token": "[END]"}
            few: dict[str, Any] = {
                "num_hidden_layers": layers,
                "num_key_value_heads": 2,
                "head_dim": 8,
                "pad_token_id": 0,
            }
            ends: dict[str, Any] = {"max_position_embeddings": positions, "bos_token_id": 1, "eos_token_id": 1}
            model = GemmaModel(GemmaConfig(vocab_size=len(vocabulary), **few, **ends, **SIZES))
        else:
            named = {"unk_token": "[UNK]", "eos_token": "[END]"}
            sizes: dict[str, Any] = {"n_positions": positions, "n_embd": 32, "n_layer": layers, "n_head": 4}
            model = GPT2Model(GPT2Config(vocab_size=len(vocabulary), bos_token_id=1, eos_token_id=1, **sizes))
        for parameter in model.parameters():
            if parameter.dim() > 1:  # larger than at a start of training, so that attention is not even
                torch.nn.init.normal_(parameter, std=0.2)
    model.save_pretrained(folder)
    _fast(tokenizer_object=tokenizer, **named).save_pretrained(folder)
    return folder
