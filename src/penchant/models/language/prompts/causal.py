"""A GPT-like checkpoint with the head that says which token comes next."""

from typing import Any

import torch

from penchant.encoders.checkpoint import Checkpoint, is_causal, locate, read_checkpoint
from penchant.encoders.tokenization import check_vocabulary
from penchant.encoders.transformer import load_language_model, load_tokenizer
from penchant.errors import UnsupportedError


def load_causal(path: str, *, revision: str | None) -> tuple[Checkpoint, Any, Any]:
    """The checkpoint, its tokenizer and its frozen network.

    Raises `NotFoundError` where there is no such model, and `UnsupportedError` for one that does not write from left to
    right or has no next-word head.
    """
    checkpoint = read_checkpoint(locate(path, revision=revision))
    if not is_causal(checkpoint.architecture):
        raise UnsupportedError(
            f"{checkpoint.folder} does not write from left to right.",
            hint="Give a GPT-like checkpoint, or ask this one with ClozeClassifier.",
        )
    check_vocabulary(checkpoint)
    tokenizer = load_tokenizer(checkpoint)
    with torch.random.fork_rng(devices=[]):
        network, own_head = load_language_model(checkpoint, causal=True)
    # GPT-2's files hold no head of their own: it is the embedding, tied.
    if not own_head and not getattr(network.config, "tie_word_embeddings", False):
        raise UnsupportedError(
            f"{checkpoint.folder} has no next-word head.", hint="Give the checkpoint that was trained to write."
        )
    return checkpoint, tokenizer, network.eval().requires_grad_(requires_grad=False)
