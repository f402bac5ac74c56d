"""Vocabularies learned from texts: what is cut, what is left out, what is unknown, and that it is kept."""

import re
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from penchant.encoders.architecture import TOKENIZERS, ArchitectureConfig, fresh_model, save_fresh
from penchant.encoders.loading import load_encoder
from penchant.encoders.pair_input import PairTokenization
from penchant.encoders.tokenizer_training import TokenizerConfig, longest_first, train_tokenizer
from penchant.errors import ConfigError, DataError, MissingExtraError

TEXTS = [
    "The dragons of the north: an epic fantasy in seven parts",
    "我们喜欢读科幻小说，因为科幻小说很好",
    "what the cook reads on a rainy day, and why the dragons cook",
] * 3


def tokens(tokenizer, text: str) -> list[str]:
    return [str(token) for token in tokenizer.convert_ids_to_tokens(tokenizer(text)["input_ids"])]


@pytest.mark.parametrize("kind", ["wordpiece", "byte_pairs"])
def test_stop_words_of_both_languages_are_gone_and_stay_so_when_loaded(kind, tmp_path: Path):
    kept, left_out = (
        train_tokenizer(TEXTS, kind, TokenizerConfig(stop_words=s, chinese_words=True)) for s in (False, True)
    )
    text = "The dragons of 我们 north"
    assert "of" in [token.strip("Ġ") for token in tokens(kept, text)]
    found = tokens(left_out, text)
    assert not {"the", "The", "of"} & {token.strip("Ġ") for token in found}
    assert (
        left_out(text)["input_ids"]
        == left_out("dragons north" if kind == "wordpiece" else " dragons north")["input_ids"]
        or "Ġ" in found
    )  # between two words that go, byte pairs keep the space
    left_out.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    assert again(text)["input_ids"] == left_out(text)["input_ids"]
    assert again.get_vocab() == left_out.get_vocab()


@pytest.mark.parametrize("kind", ["wordpiece", "byte_pairs"])
def test_the_same_texts_give_the_same_vocabulary_and_no_other_special_tokens(kind):
    first, *others = (train_tokenizer(TEXTS, kind).get_vocab() for _ in range(5))
    assert all(other == first for other in others)
    special = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"} if kind == "wordpiece" else {"<|endoftext|>", "<|pad|>"}
    assert set(train_tokenizer(TEXTS, kind).all_special_tokens) == special


def test_what_no_text_had_is_unknown_to_pieces_and_spelled_in_bytes():
    pieces, pairs = (train_tokenizer(TEXTS, kind) for kind in ("wordpiece", "byte_pairs"))
    assert tokens(pieces, "dragons zebra ж") == ["[CLS]", "dragons", "[UNK]", "[UNK]", "[SEP]"]
    assert pairs.decode(pairs("dragons zebra ж")["input_ids"], skip_special_tokens=True) == "dragons zebra ж"
    assert tokens(pairs, "dragons")[-1] == "<|endoftext|>"


def test_chinese_is_cut_into_characters_or_into_the_words_that_jieba_finds():
    characters = train_tokenizer(TEXTS, "wordpiece")
    words = train_tokenizer(TEXTS, "wordpiece", TokenizerConfig(chinese_words=True))
    assert tokens(characters, "喜欢科幻小说")[1:-1] == list("喜欢科幻小说")
    assert tokens(words, "喜欢科幻小说")[1:-1] in (["喜欢", "科幻小说"], ["喜欢", "科幻", "小说"])


def test_the_longest_word_is_found_first():
    expression = longest_first(["科幻", "科幻小说", "小说"])
    assert re.findall(expression, "读科幻小说和小说科幻") == ["科幻小说", "小说", "科幻"]


def test_two_texts_are_told_apart_also_where_stop_words_go():
    """The probe by which pairs are understood holds no word that could be left out."""
    for kind in ("wordpiece", "byte_pairs"):
        tokenizer = train_tokenizer(TEXTS, kind, TokenizerConfig(stop_words=True))
        both = PairTokenization(tokenizer, max_length=32)([("dragons", "cook")])[0]
        assert len(set(both.segments)) == 2
        end = tokenizer.sep_token_id if kind == "wordpiece" else tokenizer.eos_token_id
        assert both.ids.count(end) == 2


def test_what_cannot_be_learned_from_is_refused(monkeypatch):
    with pytest.raises(DataError, match="no texts"):
        train_tokenizer(["", "  "], "wordpiece")
    with pytest.raises(DataError, match="Nothing is left") as caught:
        train_tokenizer(["the of and"] * 3, "wordpiece", TokenizerConfig(stop_words=True))
    assert "stop_words" in caught.value.hint
    with pytest.raises(DataError, match="A vocabulary of 100"):
        train_tokenizer(TEXTS, "byte_pairs", TokenizerConfig(vocabulary=100))
    with pytest.raises(DataError, match="letters and marks of the texts"):
        train_tokenizer(TEXTS, "wordpiece", TokenizerConfig(vocabulary=10))
    small = train_tokenizer(TEXTS, "wordpiece", TokenizerConfig(vocabulary=100_000))
    assert 10 < len(small) < 400  # more than the texts hold is not made up
    monkeypatch.setattr("penchant.encoders.tokenizer_training.jieba_cut", lambda: (_ for _ in ()).throw(ImportError()))
    with pytest.raises(MissingExtraError) as missing:
        train_tokenizer(TEXTS, "wordpiece", TokenizerConfig(chinese_words=True))
    assert "penchant[zh]" in missing.value.hint


@pytest.mark.parametrize("kind", ["bert", "gpt"])
def test_a_fresh_model_is_the_same_for_a_seed_tied_and_of_the_size_asked_for(kind, tmp_path: Path):
    tokenizer = train_tokenizer(TEXTS, TOKENIZERS[kind])
    config = ArchitectureConfig(kind=kind, max_length=32)
    one, again, other = (fresh_model(config, tokenizer, seed=seed) for seed in (1, 1, 2))
    first, same, different = (model.get_input_embeddings().weight for model in (one, again, other))
    assert (first == same).all()
    assert not (first == different).all()
    assert one.get_output_embeddings().weight is first
    assert first.shape == (len(tokenizer), 128)
    save_fresh(config, tokenizer, tmp_path, seed=1)
    encoder = load_encoder(tmp_path, settings={"precision": "float32"})
    assert encoder.dim == 128
    assert (encoder.max_length, encoder.pooling) == (32, {"bert": "mean", "gpt": "last"}[kind])  # type: ignore[attr-defined]
    with pytest.raises(ConfigError, match="size"):
        ArchitectureConfig.of({"size": "huge"})
