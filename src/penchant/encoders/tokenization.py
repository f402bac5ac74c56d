"""Texts to token ids, cut and never padded."""

from collections.abc import Callable, Sequence
from typing import Any

from penchant.encoders.checkpoint import Checkpoint
from penchant.errors import ConfigError

_CHARACTERS_PER_TOKEN = 256
"""A text's tail beyond this many characters for each token kept is not even tokenised."""
_VOCABULARIES = ("tokenizer.json", "vocab.*", "*.model", "*.tiktoken", "tekken.json")
_SAVE_IT = "Save the tokenizer beside the model: tokenizer.save_pretrained(folder)."


class Tokenization:
    """A tokenizer with a maximum length, a prompt and a way with empty and broken texts.

    Truncation and padding are set once: changing them is not safe while another thread tokenises.
    """

    def __init__(
        self,
        tokenizer: Any,
        *,
        special: int,
        max_length: int,
        lower_case: bool,
        prompt: str,
        names: Callable[[Sequence[int]], Sequence[Any]],
    ) -> None:
        self.max_length, self.prompt = max_length, prompt
        self._lower_case, self._special, self._names = lower_case, special, names
        self._backend = getattr(tokenizer, "backend_tokenizer", tokenizer)
        self._plain = tokenizer if not hasattr(self._backend, "encode_batch_fast") else None
        if self._plain is None:
            self._backend.no_padding()
            self._backend.enable_truncation(max_length)
        if max_length <= special:
            raise ConfigError(
                f"max_length is {max_length}, and the model adds {special} tokens of its own.",
                hint=f"Set max_length above {special}; 128 is usual.",
            )

    def __call__(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text; empty for a text with nothing to read."""
        clean = [readable(text, tokens=self.max_length, lower_case=self._lower_case) for text in texts]
        written = [i for i, text in enumerate(clean) if text.strip()]
        ids: list[list[int]] = [[] for _ in clean]
        for i, tokens in zip(written, self._tokenize([self.prompt + clean[i] for i in written]), strict=True):
            if len(tokens) > self._special:  # else a text of characters that the tokenizer drops
                ids[i] = tokens
        return ids

    def names(self, ids: Sequence[int]) -> tuple[str, ...]:
        """The tokens as the vocabulary writes them."""
        return tuple(str(name) for name in self._names(ids))

    def _tokenize(self, texts: list[str]) -> list[list[int]]:
        if not texts:
            return []
        if self._plain is not None:  # written in Python
            tokenized: list[list[int]] = self._plain(texts, truncation=True, max_length=self.max_length)["input_ids"]
            return tokenized
        return [encoding.ids for encoding in self._backend.encode_batch_fast(texts)]


def readable(text: str, *, tokens: int, lower_case: bool) -> str:
    """What a tokenizer can take of a text of which `tokens` are kept."""
    # Half a surrogate pair is no text that a tokenizer takes: it becomes a question mark.
    clean = text[: _CHARACTERS_PER_TOKEN * tokens].encode("utf-8", "replace").decode("utf-8")
    return clean.lower() if lower_case else clean


def check_vocabulary(checkpoint: Checkpoint) -> None:
    """`ConfigError` where no tokenizer lies beside the model: transformers would make an empty one, to which every
    word is unknown.
    """
    if not any(file for pattern in _VOCABULARIES for file in checkpoint.folder.glob(pattern)):
        raise ConfigError(f"{checkpoint.folder} has no tokenizer: no {', '.join(_VOCABULARIES)}.", hint=_SAVE_IT)


def check_size(checkpoint: Checkpoint, *, tokens: int, rows: int) -> None:
    """`ConfigError` where the tokenizer has more tokens than the model's embedding has rows."""
    if tokens > rows:
        raise ConfigError(
            f"{checkpoint.folder}: the tokenizer has {tokens} tokens, the model {rows}.",
            hint="Save the model's own tokenizer beside it.",
        )


def cannot_tokenize(checkpoint: Checkpoint, reason: str) -> ConfigError:
    """The error for a tokenizer that cannot be loaded."""
    return ConfigError(f"{checkpoint.folder} has no tokenizer that can be loaded ({reason}).", hint=_SAVE_IT)
