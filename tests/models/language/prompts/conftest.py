"""Tiny models with language-modelling heads whose every token is a word of our choice."""

# ruff: noqa: S106 (tokens, not passwords)

from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertForMaskedLM, GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

WORDS = ("the", "reader", "liked", "finds", "red", "blue", "green", "good", "fine", "bad", "nothing", "yet", ";", "is")
SIZES: dict[str, Any] = {"hidden_size": 32, "num_attention_heads": 4, "intermediate_size": 64, "num_hidden_layers": 1}
_fast: Any = PreTrainedTokenizerFast


def _vocabulary(special: list[str]) -> tuple[Any, dict[str, int]]:
    ids = {word: place for place, word in enumerate([*special, *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer, ids


@pytest.fixture(scope="session")
def filler(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT that fills gaps."""
    folder = tmp_path_factory.mktemp("filler")
    tokenizer, ids = _vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    named = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = BertForMaskedLM(BertConfig(vocab_size=len(ids), max_position_embeddings=32, **SIZES))
        for parameter in model.bert.parameters():
            if parameter.dim() > 1:
                torch.nn.init.normal_(parameter, std=0.2)
    model.save_pretrained(folder)
    _fast(tokenizer_object=tokenizer, mask_token="[MASK]", **named).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def writer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GPT that writes on."""
    folder = tmp_path_factory.mktemp("writer")
    tokenizer, ids = _vocabulary(["[UNK]", "[END]"])
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = GPT2Config(
            vocab_size=len(ids), n_positions=32, n_embd=32, n_layer=1, n_head=4, bos_token_id=1, eos_token_id=1
        )
        model = GPT2LMHeadModel(config)
        for parameter in model.parameters():
            if parameter.dim() > 1:
                torch.nn.init.normal_(parameter, std=0.2)
    model.save_pretrained(folder)
    named = {"unk_token": "[UNK]", "eos_token": "[END]", "bos_token": "[END]"}
    _fast(tokenizer_object=tokenizer, **named).save_pretrained(folder)
    return folder
