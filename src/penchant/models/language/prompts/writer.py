"""A GPT-like checkpoint that goes on writing after a prompt."""

import torch
from pydantic import Field

from penchant.config import Config
from penchant.encoders.checkpoint import positions_of
from penchant.errors import DataError
from penchant.models.language.prompts.causal import load_causal
from penchant.training.devices import chosen_device


class WriterConfig(Config):
    """The model, and how much it writes."""

    path: str
    """A GPT-like checkpoint: its folder or hub id."""
    revision: str | None = None
    max_new_tokens: int = Field(default=64, ge=1)
    stop: str | None = "\n"
    """What it writes ends before this."""
    device: str = "cpu"
    """``cpu``, ``cuda``, ``cuda:1``; ``auto`` is a GPU where there is one."""


class Writer:
    """The likeliest next token, again and again: ``x_t = argmax_x P(x | prompt, x_1 … x_{t−1})``. Nothing is drawn, so
    that the same prompt has the same answer.

    Raises `NotFoundError` where there is no such model, and `UnsupportedError` for one that does not write from left to
    right or has no next-word head.
    """

    def __init__(self, config: WriterConfig) -> None:
        checkpoint, self.tokenizer, network = load_causal(config.path, revision=config.revision)
        self.config, self.device = config, chosen_device(config.device)
        self.network = network.to(self.device)
        self.positions = positions_of(checkpoint.architecture)

    def __call__(self, prompt: str) -> str:
        """What it writes after the prompt. `DataError` for a prompt that leaves no room for a token."""
        start, end = self.tokenizer.bos_token_id, self.tokenizer.eos_token_id
        ids = [int(token) for token in self.tokenizer(prompt.rstrip(), add_special_tokens=False)["input_ids"]]
        if start is not None and (not ids or ids[0] != start):
            ids = [int(start), *ids]
        room = self.config.max_new_tokens if self.positions is None else self.positions - len(ids)
        if room < 1:
            raise DataError(
                f"The prompt has {len(ids)} tokens, and the model takes {self.positions}.",
                hint="Lower max_items or max_words of the template.",
            )
        written: list[int] = []
        with torch.inference_mode():
            for _ in range(min(room, self.config.max_new_tokens)):
                inputs = torch.tensor([ids + written], device=self.device)
                token = int(self.network(input_ids=inputs).logits[0, -1].argmax())
                if token == end:
                    break
                written.append(token)
                text = self.tokenizer.decode(written)
                if self.config.stop is not None and self.config.stop in text:
                    return str(text.split(self.config.stop)[0])
        return str(self.tokenizer.decode(written))
