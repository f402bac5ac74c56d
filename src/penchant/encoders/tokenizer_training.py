"""A vocabulary learned from texts: WordPiece for models that read both ways, byte pairs for those that read on.

WordPiece as in BERT (Devlin et al. 2019), byte pairs as in GPT-2 (Radford et al. 2019), both by the `tokenizers`
library. What is left out and how Chinese is cut is part of the tokenizer that is saved, as expressions of its own file,
so whoever loads it reads texts the same way and needs neither Penchant nor jieba.
"""

# ruff: noqa: S106 (tokens, not passwords)

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from pydantic import Field

from penchant.config import Config
from penchant.encoders.chinese import HAN, jieba_cut
from penchant.encoders.stop_words import CHINESE, ENGLISH
from penchant.errors import DataError, MissingExtraError

TokenizerKind = Literal["wordpiece", "byte_pairs"]

SPECIAL = {
    "wordpiece": ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    "byte_pairs": ("<|endoftext|>", "<|pad|>"),
}
PARTICLES = frozenset("的了是在和与及也都就而着把被对从到之其我你他她它这那们吗呢吧啊")
"""Function words of one character, which `CHINESE` leaves out."""
_HAN_RUN = re.compile(f"[{HAN}]+")
_PIECES = r" ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
"""GPT-2's cut of a text: words, numbers and signs, each with the space before it."""


class TokenizerConfig(Config):
    """How a vocabulary is learned."""

    vocabulary: int = Field(default=8_000, ge=8)
    """V, at most: a corpus of fewer pieces gives fewer. Byte pairs have 256 bytes among them."""
    min_frequency: int = Field(default=2, ge=1)
    """Pieces seen less often are not put together."""
    lower_case: bool = True
    """WordPiece: without capitals and accents, as uncased BERT."""
    stop_words: bool = False
    """Leave out function words of English and Chinese, and words of the trade (`penchant.encoders.stop_words`). A
    language model reads grammar by them, so by default they stay."""
    chinese_words: bool = False
    """Cut Chinese into the words that jieba finds in these texts (extra ``zh``) instead of into characters."""
    max_chinese_words: int = Field(default=5_000, ge=1)


def train_tokenizer(texts: Iterable[str], kind: TokenizerKind, config: TokenizerConfig | None = None) -> Any:
    """A transformers tokenizer whose vocabulary is learned from the texts; the same texts give the same.

    WordPiece writes ``[CLS] a [SEP]`` and ``[CLS] a [SEP] b [SEP]``, and ``[UNK]`` for a word with a character that no
    text had. Byte pairs know every text; each text ends with ``<|endoftext|>``, whose state has seen all of it, and a
    pair is two texts.

    Raises `DataError` where nothing is left to learn from or `vocabulary` is too small for the characters of the texts,
    and `MissingExtraError` where Chinese words are asked for without jieba.
    """
    from tokenizers import Tokenizer, models, trainers

    config = config or TokenizerConfig()
    corpus = [text.encode("utf-8", "replace").decode("utf-8") for text in texts if text.strip()]
    if not corpus:
        raise DataError("There are no texts to learn a vocabulary from.", hint="Give texts with words in them.")
    dictionary = _chinese_words(corpus, config.max_chinese_words) if config.chinese_words else []
    tokenizer: Tokenizer = _wordpiece(config, dictionary) if kind == "wordpiece" else _byte_pairs(config, dictionary)
    settings: dict[str, Any] = {
        "vocab_size": config.vocabulary,
        "min_frequency": config.min_frequency,
        "special_tokens": list(SPECIAL[kind]),
        "show_progress": False,
    }
    least = len(SPECIAL[kind]) + 1
    if kind == "wordpiece":
        # The trainer numbers inner letters as its hash table has them, which differs from run to run, and by those
        # numbers decides between equals. As special tokens they have them beforehand; the model below has none such.
        settings["special_tokens"] += _inner_letters(tokenizer, corpus)
        trainer: Any = trainers.WordPieceTrainer(**settings)
    else:
        from tokenizers.pre_tokenizers import ByteLevel

        alphabet = ByteLevel.alphabet()
        least += len(alphabet)
        trainer = trainers.BpeTrainer(**settings, initial_alphabet=alphabet)
    if config.vocabulary < least:
        raise DataError(
            f"A vocabulary of {config.vocabulary} does not hold the {least} pieces that {kind} begins with.",
            hint=f"Set vocabulary to {least} or more; 8000 is usual.",
        )
    tokenizer.train_from_iterator(corpus, trainer)
    if kind == "wordpiece":
        vocabulary, tokenizer = tokenizer.get_vocab(), _wordpiece(config, dictionary)
        tokenizer.model = models.WordPiece(vocabulary, unk_token="[UNK]")
        tokenizer.add_special_tokens(list(SPECIAL[kind]))
    if (size := tokenizer.get_vocab_size()) > config.vocabulary:
        raise DataError(
            f"A vocabulary of {config.vocabulary} does not hold the {size} letters and marks of the texts.",
            hint=f"Set vocabulary above {size}; 8000 is usual.",
        )
    if not any(encoding.ids for encoding in tokenizer.encode_batch_fast(corpus[:1_000], add_special_tokens=False)):
        raise DataError(
            f"Nothing is left of the {len(corpus)} texts to learn a vocabulary from.",
            hint="They hold stop words only: set stop_words to false, or give other texts.",
        )
    return _finished(tokenizer, kind)


def _wordpiece(config: TokenizerConfig, dictionary: Sequence[str]) -> Any:
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(
        lowercase=config.lower_case, handle_chinese_chars=not config.chinese_words
    )
    cuts = [pre_tokenizers.BertPreTokenizer(), *_cuts(config, dictionary)]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(cuts) if len(cuts) > 1 else cuts[0]
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


def _inner_letters(tokenizer: Any, corpus: Iterable[str]) -> list[str]:
    """WordPiece's pieces of one letter within a word, in the order of their characters."""
    letters: set[str] = set()
    for text in corpus:
        for piece, _ in tokenizer.pre_tokenizer.pre_tokenize_str(tokenizer.normalizer.normalize_str(text)):
            letters.update(piece[1:])
    return [f"##{letter}" for letter in sorted(letters)]


def _byte_pairs(config: TokenizerConfig, dictionary: Sequence[str]) -> Any:
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

    tokenizer = Tokenizer(models.BPE())
    own = [pre_tokenizers.Split(Regex(_PIECES), "isolated"), *_cuts(config, dictionary)]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [*own, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _cuts(config: TokenizerConfig, dictionary: Sequence[str]) -> list[Any]:
    """Chinese into words, then stop words out: both work on the pieces that spaces and signs leave."""
    from tokenizers import Regex, pre_tokenizers

    cuts = [pre_tokenizers.Split(Regex(longest_first(dictionary)), "isolated")] if dictionary else []
    if config.stop_words:
        words = sorted(ENGLISH | CHINESE | PARTICLES)
        cuts.append(pre_tokenizers.Split(Regex(rf"(?i)\A ?(?:{'|'.join(map(re.escape, words))})\z"), "removed"))
    return cuts


def _finished(tokenizer: Any, kind: TokenizerKind) -> Any:
    """As transformers knows it, with what stands around a text."""
    from tokenizers import processors
    from transformers import PreTrainedTokenizerFast

    fast: Any = PreTrainedTokenizerFast
    if kind == "wordpiece":
        marks = [(mark, tokenizer.token_to_id(mark)) for mark in ("[CLS]", "[SEP]")]
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=marks
        )
        names = dict(
            zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), SPECIAL[kind], strict=True)
        )
        return fast(tokenizer_object=tokenizer, **names)
    end, pad = SPECIAL[kind]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {end}", pair=f"$A {end} $B:1 {end}:1", special_tokens=[(end, tokenizer.token_to_id(end))]
    )
    return fast(tokenizer_object=tokenizer, eos_token=end, pad_token=pad)


def longest_first(words: Sequence[str]) -> str:
    """An expression that finds these words in a text from the left, the longest first: forward maximum matching.

    A table of first characters, so that a character that begins no word is passed at once.
    """
    rest: dict[str, list[str]] = defaultdict(list)
    for word in sorted(set(words), key=lambda word: (-len(word), word)):
        rest[word[0]].append(re.escape(word[1:]))
    return "|".join(f"{first}(?:{'|'.join(ends)})" for first, ends in sorted(rest.items()))


def _chinese_words(corpus: Sequence[str], at_most: int) -> list[str]:
    """The words of two characters and more that jieba finds in the texts, the most frequent ones."""
    runs = [run for text in corpus for run in _HAN_RUN.findall(text)]
    if not runs:
        return []
    try:
        cut = jieba_cut()
    except ImportError:
        raise MissingExtraError(
            "Chinese words are asked for, and jieba, which finds them, is not installed.",
            hint="pip install 'penchant[zh]', or set chinese_words to false.",
        ) from None
    counts = Counter(word for run in runs for word in cut(run) if len(word) > 1 and _HAN_RUN.fullmatch(word))
    return [word for word, _ in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:at_most]]
