"""Labels and the words that stand for them."""

from collections.abc import Mapping
from typing import Any

from pydantic import field_validator

from penchant.config import Config
from penchant.errors import ConfigError


class Verbaliser(Config):
    """Which words mean which label. T. Schick and H. Schütze, "Exploiting cloze questions for few shot text
    classification and natural language inference" (2021).
    """

    words: Mapping[str, tuple[str, ...]]
    """Label → its words, each one token of the model. Two labels or more; no word means two of them."""

    @field_validator("words")
    @classmethod
    def _apart(cls, words: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
        if len(words) < 2:
            raise ValueError(f"two labels or more are told apart, not {len(words)}")
        if empty := sorted(label for label, mine in words.items() if not mine or not all(w.strip() for w in mine)):
            raise ValueError(f"{', '.join(empty)} has no word, or an empty one")
        spoken = [word for mine in words.values() for word in mine]
        if twice := sorted({word for word in spoken if spoken.count(word) > 1}):
            raise ValueError(f"{', '.join(twice)} is there twice")
        return words

    @property
    def labels(self) -> tuple[str, ...]:
        """In the order in which they were given."""
        return tuple(self.words)

    def tokens(self, tokenizer: Any) -> list[list[int]]:
        """The ids of each label's words; `ConfigError` for a word that the model's vocabulary has not as one token."""
        return [[self._token(word, tokenizer) for word in words] for words in self.words.values()]

    @staticmethod
    def _token(word: str, tokenizer: Any) -> int:
        # A vocabulary of byte pairs knows a word within a text by the space before it.
        for written in (f" {word}", word):
            ids = tokenizer(written, add_special_tokens=False)["input_ids"]
            if len(ids) == 1 and ids[0] != tokenizer.unk_token_id:
                return int(ids[0])
        pieces = tokenizer.convert_ids_to_tokens(tokenizer(word, add_special_tokens=False)["input_ids"])
        raise ConfigError(
            f"{word!r} is not one token of this model, which reads it as {' + '.join(map(str, pieces)) or 'nothing'}.",
            hint="Choose a commoner word.",
        )
