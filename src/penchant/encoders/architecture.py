"""A language model with fresh random weights, of the kind and size asked for."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from penchant.config import Config
from penchant.encoders.checkpoint import Pooling
from penchant.encoders.sentence_files import write_sentence_files
from penchant.encoders.tokenizer_training import TokenizerKind
from penchant.seeding import derive

Kind = Literal["bert", "gpt"]
Size = Literal["tiny", "small", "base"]

SIZES: dict[Size, tuple[int, int, int]] = {"tiny": (128, 2, 2), "small": (256, 4, 4), "base": (768, 12, 12)}
"""D, layers and H: BERT-tiny and BERT-mini (Turc et al. 2019), and the size of BERT-base and of GPT-2."""
POOLINGS: dict[Kind, Pooling] = {"bert": "mean", "gpt": "last"}
TOKENIZERS: dict[Kind, TokenizerKind] = {"bert": "wordpiece", "gpt": "byte_pairs"}


class ArchitectureConfig(Config):
    """The switch between the two kinds, and how large."""

    kind: Kind = "bert"
    """``bert`` reads both ways and learns by masked words (Devlin et al. 2019), its text vector the mean of its states;
    ``gpt`` reads from left to right and learns by the next word (Radford et al. 2019), its vector the last state."""
    size: Size = "tiny"
    max_length: int = Field(default=128, ge=8)
    """Tokens of a text, special ones included."""
    dropout: float = Field(default=0.1, ge=0, lt=1)


def fresh_model(config: ArchitectureConfig, tokenizer: Any, *, seed: int) -> Any:
    """A transformers model with its language-modelling head tied to its embeddings; the same seed, the same weights."""
    import torch
    from transformers import BertConfig, BertForMaskedLM, GPT2Config, GPT2LMHeadModel

    dim, layers, heads = SIZES[config.size]
    shape: dict[str, Any] = {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, "fresh model"))
        if config.kind == "bert":
            return BertForMaskedLM(
                BertConfig(
                    **shape,
                    hidden_size=dim,
                    num_hidden_layers=layers,
                    num_attention_heads=heads,
                    intermediate_size=4 * dim,
                    max_position_embeddings=config.max_length,
                    hidden_dropout_prob=config.dropout,
                    attention_probs_dropout_prob=config.dropout,
                )
            )
        end = tokenizer.eos_token_id
        return GPT2LMHeadModel(
            GPT2Config(
                **shape,
                n_embd=dim,
                n_layer=layers,
                n_head=heads,
                n_positions=config.max_length,
                resid_pdrop=config.dropout,
                embd_pdrop=config.dropout,
                attn_pdrop=config.dropout,
                bos_token_id=end,
                eos_token_id=end,
            )
        )


def save_fresh(config: ArchitectureConfig, tokenizer: Any, folder: Path, *, seed: int) -> None:
    """Write such a model and its tokenizer into an existing folder, which `load_encoder` and others read."""
    from penchant.encoders.transformer import quiet  # torch comes with it

    tokenizer.model_max_length = config.max_length
    with quiet():
        fresh_model(config, tokenizer, seed=seed).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    dim = SIZES[config.size][0]
    write_sentence_files(folder, pooling=POOLINGS[config.kind], dim=dim, max_length=config.max_length)
