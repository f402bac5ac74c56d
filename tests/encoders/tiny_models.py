"""Checkpoints of every family, made from scratch in a fraction of a second: random weights, a vocabulary of its own."""

# ruff: noqa: S106 (tokens, not passwords)

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    AlbertConfig,
    AlbertModel,
    BartConfig,
    BartModel,
    BertConfig,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaModel,
    OPTConfig,
    OPTModel,
    PreTrainedTokenizerFast,
    T5Config,
    T5EncoderModel,
    T5ForConditionalGeneration,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
)

CORPUS = [
    "a red nail polish and a blue one, both of them dry fast",
    "the dragons of the north: an epic fantasy in seven books",
    "what the cook reads on a rainy day in march, and why",
    "读者喜欢科幻小说和历史书籍",
    "λόγος και μύθος στην αρχαία Ελλάδα",
    "книги о природе и о людях",
    "crème brûlée für Anfänger 🙂",
]


_fast: Any = PreTrainedTokenizerFast


def _pieces(normal: Any, special: list[str], *, first: str, later: str, size: int) -> list[str]:
    """A vocabulary of `size` at most: `special`, the characters that begin a word or go on in one, the longest words.

    Not by the library's trainers: equal counts they order by the hash of the process, and a model that reads by
    another vocabulary each time learns differently each time.
    """
    words = sorted({word for text in CORPUS for word in normal(text)}, key=lambda word: (-len(word), word))
    letters = {first + word[0] for word in words} | {later + c for word in words for c in word[1:]}
    made = [*special, *sorted(letters)]
    return made + [first + word for word in words if len(word) > 1][: size - len(made)]


def _wordpiece() -> Any:
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    normalizer, splitter = normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer()

    def words(text: str) -> list[str]:
        return [word for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(text))]

    pieces = _pieces(words, special, first="", later="##", size=200)
    tokenizer = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, splitter
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    # A padding and a truncation that the file asks for, as all-MiniLM-L6-v2's does: the encoder has its own.
    tokenizer.enable_padding(length=24)
    tokenizer.enable_truncation(8)
    return _fast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]")


def _byte_pairs(**settings: Any) -> Any:
    """No padding token, and no token before or after a text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=["<|endoftext|>"], initial_alphabet=alphabet)
    tokenizer.train_from_iterator(CORPUS, trainer)
    return _fast(tokenizer_object=tokenizer, eos_token="<|endoftext|>", **settings)


def _unigram() -> Any:
    """A word costs less than its letters; a letter inside one, where no word fits, is read without the mark."""
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    pieces = _pieces(str.split, special, first="▁", later="", size=150)
    scores = [0.0] * len(special) + [-5.0] * (len(pieces) - len(special))
    tokenizer = Tokenizer(models.Unigram(list(zip(pieces, scores, strict=True)), unk_id=special.index("<unk>")))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.add_special_tokens(special)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return _fast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>")


def _sizes(heads: int) -> dict[str, Any]:
    return {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": heads, "intermediate_size": 48}


def _bert() -> tuple[Any, Any]:
    sizes: dict[str, Any] = {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 48,
    }
    return BertModel(BertConfig(vocab_size=200, max_position_embeddings=64, **sizes)), _wordpiece()


def _multilingual() -> tuple[Any, Any]:
    """With a language-modelling head, as such checkpoints come: its weights lie under the prefix ``roberta``."""
    sizes: dict[str, Any] = {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
    }
    config = XLMRobertaConfig(vocab_size=200, max_position_embeddings=66, pad_token_id=1, **sizes)
    return XLMRobertaForMaskedLM(config), _unigram()


def _distilbert() -> tuple[Any, Any]:
    config = DistilBertConfig(vocab_size=200, dim=32, n_layers=2, n_heads=2, hidden_dim=48, max_position_embeddings=64)
    return DistilBertModel(config), _wordpiece()


def _gpt() -> tuple[Any, Any]:
    config = GPT2Config(vocab_size=400, n_positions=64, n_embd=32, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0)
    return GPT2LMHeadModel(config), _byte_pairs()


def _llama() -> tuple[Any, Any]:
    """A tokenizer that pads on the left, with the end of text as its padding."""
    sizes: dict[str, Any] = {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 48,
    }
    config = LlamaConfig(vocab_size=400, num_key_value_heads=2, max_position_embeddings=64, **sizes)
    return LlamaModel(config), _byte_pairs(pad_token="<|endoftext|>", padding_side="left")


_T5: dict[str, Any] = {"vocab_size": 200, "d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4}


def _t5() -> tuple[Any, Any]:
    return T5EncoderModel(T5Config(**_T5)), _unigram()


def _t5_with_decoder() -> tuple[Any, Any]:
    return T5ForConditionalGeneration(T5Config(**_T5)), _unigram()


def _bart() -> tuple[Any, Any]:
    sizes = {"layers": 2, "attention_heads": 4, "ffn_dim": 48}
    halves: dict[str, Any] = {f"{half}_{what}": n for half in ("encoder", "decoder") for what, n in sizes.items()}
    config = BartConfig(vocab_size=200, d_model=32, max_position_embeddings=64, decoder_start_token_id=0, **halves)
    return BartModel(config), _unigram()


def _albert() -> tuple[Any, Any]:
    """Embeddings narrower than the states."""
    sizes: dict[str, Any] = {"hidden_size": 32, "embedding_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4}
    return AlbertModel(
        AlbertConfig(vocab_size=200, intermediate_size=48, max_position_embeddings=64, **sizes)
    ), _unigram()


def _opt() -> tuple[Any, Any]:
    """Embeddings, and what comes out in the end, narrower than the states between."""
    sizes: dict[str, Any] = {
        "hidden_size": 32,
        "word_embed_proj_dim": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
    }
    return OPTModel(OPTConfig(vocab_size=400, ffn_dim=48, max_position_embeddings=64, **sizes)), _byte_pairs()


FAMILIES: dict[str, Callable[[], tuple[Any, Any]]] = {
    "bert": _bert,
    "distilbert": _distilbert,
    "gpt": _gpt,
    "llama": _llama,
    "multilingual": _multilingual,
    "t5": _t5,
    "t5 with its decoder": _t5_with_decoder,
    "bart": _bart,
    "albert": _albert,
    "opt": _opt,
}


def save_tiny(family: str, folder: Path, *, seed: int = 0) -> Path:
    """Write a family's checkpoint into `folder`. The same seed gives the same weights and the same vocabulary."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model, tokenizer = FAMILIES[family]()
        for parameter in model.parameters():
            if parameter.dim() > 1:  # larger than at a start of training, so that attention is not even
                torch.nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def save_sentence_transformer(folder: Path, *, pooling: dict[str, Any], settings: dict[str, Any] | None = None) -> Path:
    """A tiny BERT as a Sentence Transformers folder with the given pooling file."""
    save_tiny("bert", folder)
    modules = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    listed = [
        {"name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (path, kind) in enumerate(modules)
    ]
    (folder / "modules.json").write_text(json.dumps(listed))
    (folder / "1_Pooling").mkdir(exist_ok=True)
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    if settings is not None:
        (folder / "sentence_bert_config.json").write_text(json.dumps(settings))
    return folder
