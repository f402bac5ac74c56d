"""Two texts as one sequence of tokens, with the separators and the segments that a language model knows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from penchant.encoders.checkpoint import Checkpoint, positions_of
from penchant.encoders.tokenization import check_vocabulary, readable
from penchant.errors import ConfigError

FIRST_SHARE = 0.75
"""How much of the room the first text may take where both do not fit."""
_PROBE = ("red", "blue")
_PLAIN: dict[str, Any] = {
    "padding": False,
    "truncation": False,
    "verbose": False,
    "return_attention_mask": False,
    "return_token_type_ids": False,
}

Texts = tuple[str, str | None]
"""The first text, and the second; None where there is only one."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """One sequence."""

    ids: list[int]
    segments: list[int]
    """0 for the first text with its separators, 1 for the second."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The tokens that a model puts around and between texts."""

    before: tuple[int, ...]
    between: tuple[int, ...]
    after: tuple[int, ...]


class PairTokenization:
    """Texts a and b to ``before a between b after``, at most `max_length` tokens.

    What stands around them is what the tokenizer's own pair has: ``[CLS] a [SEP] b [SEP]`` with the segments
    ``0 … 0 1 … 1`` for a BERT (Devlin et al. 2019), ``<s> a </s></s> b </s>`` for a RoBERTa. A tokenizer that knows
    no pair but ends a single text ends both with that; one that marks nothing, as most left-to-right models', puts its
    separator or its end of text after either, and the state of the last has seen both (Radford et al. 2018). A single
    text is written as the tokenizer writes it, with nothing put after; one with nothing to read has no tokens.

    What does not fit is cut from the ends. b loses its end first: a text that is to lose its oldest part has to be
    told newest first. a stays whole as long as it takes no more than `FIRST_SHARE` of the room. Raises `ConfigError`
    where the length leaves no room, or there is nothing to separate two texts with.
    """

    def __init__(self, tokenizer: Any, *, max_length: int, lower_case: bool = False) -> None:
        self._tokenizer, self._lower_case, self.max_length = tokenizer, lower_case, max_length
        self.single, self.pair = _frames(tokenizer)
        added = sum(map(len, (self.pair.before, self.pair.between, self.pair.after)))
        self.room = max_length - added
        if self.room < 2:
            raise ConfigError(
                f"max_length is {max_length}, and the model adds {added} tokens of its own to two texts.",
                hint=f"Set max_length above {added + 1}; 128 is usual.",
            )

    def __call__(self, texts: Sequence[Texts]) -> list[Tokens]:
        """One sequence for each pair, or single text, in the order given."""
        distinct = list(dict.fromkeys(text for both in texts for text in both if text is not None))
        ids = dict(zip(distinct, self._tokenized(distinct), strict=True))
        return [self._joined(ids[first], None if second is None else ids[second]) for first, second in texts]

    def _joined(self, first: list[int], second: list[int] | None) -> Tokens:
        if second is None:
            frame = self.single
            if not first:
                return Tokens([], [])
            whole = [*frame.before, *first[: self.max_length - len(frame.before) - len(frame.after)], *frame.after]
            return Tokens(whole, [0] * len(whole))
        frame = self.pair
        least = max(int(FIRST_SHARE * self.room), self.room - len(second))
        first = first[:least]
        head = [*frame.before, *first, *frame.between]
        tail = [*second[: self.room - len(first)], *frame.after]
        return Tokens(head + tail, [0] * len(head) + [1] * len(tail))

    def _tokenized(self, texts: list[str]) -> list[list[int]]:
        """Ids without special tokens."""
        clean = [readable(text, tokens=self.max_length, lower_case=self._lower_case) for text in texts]
        return _bare(self._tokenizer, clean) if clean else []


def pair_tokenization(checkpoint: Checkpoint, tokenizer: Any, *, max_length: int, taken: int = 0) -> PairTokenization:
    """The pairs of a checkpoint, cut to `max_length` or to the least limit that its files name.

    `taken` of the model's positions are not to be had. `ConfigError` where that leaves none.
    """
    check_vocabulary(checkpoint)
    positions = positions_of(checkpoint.architecture)
    if positions is not None and taken >= positions:
        raise ConfigError(
            f"{taken} positions are taken, and the model has {positions}.", hint="Choose fewer virtual tokens."
        )
    limits = (max_length, checkpoint.max_length, tokenizer.model_max_length, positions and positions - taken)
    least = min(int(limit) for limit in limits if limit and limit > 0)
    return PairTokenization(tokenizer, max_length=least, lower_case=checkpoint.lower_case)


def has_segments(checkpoint: Checkpoint) -> bool:
    """Whether the model tells the two texts apart by segment ids."""
    return int(checkpoint.architecture.get("type_vocab_size") or 0) >= 2


def _frames(tokenizer: Any) -> tuple[Frame, Frame]:
    """What stands around one text, and around two: read off a probe."""
    first, second = _bare(tokenizer, _PROBE)
    alone = tokenizer(_PROBE[0], **_PLAIN)["input_ids"]
    both = tokenizer(*_PROBE, **_PLAIN)["input_ids"]
    start = _place(alone, first)
    before, after = tuple(alone[:start]), tuple(alone[start + len(first) :])
    left = _place(both, first)
    right = _place(both, second, start=left + len(first))
    between = tuple(both[left + len(first) : right])
    if between:
        pair = Frame(tuple(both[:left]), between, tuple(both[right + len(second) :]))
        return Frame(before, (), after), pair
    ending = after
    if not ending:
        end = tokenizer.sep_token_id if tokenizer.sep_token_id is not None else tokenizer.eos_token_id
        ending = tuple(_bare(tokenizer, ["\n"])[0]) if end is None else (end,)
    if not ending:
        raise ConfigError(
            "The tokenizer has no separator, no end of text and no token for a new line.",
            hint="Use a checkpoint that can tell two texts apart.",
        )
    return Frame(before, (), after), Frame(before, ending, ending)


def _bare(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """Ids of each text without the model's own tokens."""
    found: list[list[int]] = tokenizer(list(texts), add_special_tokens=False, **_PLAIN)["input_ids"]
    return found


def _place(ids: list[int], part: list[int], *, start: int = 0) -> int:
    """Where `part` begins in `ids`."""
    for place in range(start, len(ids) - len(part) + 1):
        if ids[place : place + len(part)] == part:
            return place
    raise ConfigError(
        "The tokenizer writes a text otherwise within two texts than alone.", hint="Use another checkpoint."
    )
