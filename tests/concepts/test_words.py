"""Words, spellings and names in English and Chinese."""

import builtins

import pytest

from penchant.concepts.words import Words, abbreviates, is_name, joined, key, negates, spelling
from penchant.encoders.chinese import jieba_cut
from penchant.errors import MissingExtraError


def test_a_run_ends_at_punctuation_numbers_and_stop_words():
    runs = list(Words().runs("Crackle nail-polish, red for the Summer 2014 edition"))
    assert runs == [["crackle", "nail", "polish"], ["red"], ["summer"]]


def test_phrases_are_neighbours():
    assert list(Words().phrases("red nail polish", max_words=2)) == [
        ("red",),
        ("red", "nail"),
        ("nail",),
        ("nail", "polish"),
        ("polish",),
    ]


def test_chinese_is_cut_into_words_and_stop_words_are_left_out():
    words = Words.of(["武侠小说"])
    found = [word for run in words.runs("我们喜欢的武侠小说，江湖恩怨") for word in run]
    assert {"武侠小说"} <= set(found) or {"武侠", "小说"} <= set(found)
    assert "江湖" in found
    assert not {"我们", "的"} & set(found)


def test_both_languages_in_one_text():
    runs = list(Words.of(["手机"]).runs("iPhone 手机壳 leather case"))
    words = [word for run in runs for word in run]
    assert words[0] == "iphone"
    assert words[-2:] == ["leather", "case"]
    assert any("手机" in word for word in words)


def test_a_phrase_in_chinese_has_no_spaces():
    assert joined(["武侠", "小说"]) == "武侠小说"
    assert joined(["nail", "polish"]) == "nail polish"
    assert joined(["kindle", "阅读器"]) == "kindle 阅读器"


def without_jieba(monkeypatch):
    real = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name == "jieba":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    jieba_cut.cache_clear()
    monkeypatch.setattr(builtins, "__import__", refuse)


def test_a_chinese_catalogue_without_jieba_is_refused_with_what_to_install(monkeypatch):
    without_jieba(monkeypatch)
    with pytest.raises(MissingExtraError, match="2 of 3 texts are in Chinese") as caught:
        Words.of(["武侠小说", "菜谱", "cooking"])
    assert "penchant[zh]" in caught.value.hint


def test_one_chinese_title_among_many_does_not_stop_a_fit_without_jieba(monkeypatch):
    without_jieba(monkeypatch)
    words = Words.of(["武侠小说"] + ["cooking"] * 200)
    assert list(words.runs("武侠小说")) == [["武侠小说"]]


def test_english_needs_no_jieba(monkeypatch):
    without_jieba(monkeypatch)
    assert list(Words.of(["cooking"]).runs("cooking")) == [["cooking"]]


@pytest.mark.parametrize("value", [None, float("nan"), "", "  ", "NaN", "none", "Unknown", "---", 3, "未知", ["a"]])
def test_what_is_no_name(value):
    assert not is_name(value)


def test_spellings():
    assert key("Sci-Fi") == key("SCI  FI") == "sci fi"
    assert spelling("Eye Shadows") == spelling("eyeshadow")
    assert spelling("L'Oréal") == spelling("LOreal")
    assert spelling("Brushes") == spelling("brush")
    assert spelling("Accessories") == spelling("accessory")
    assert spelling("bus") != spelling("bu")
    assert spelling("glass") == "glass"
    assert spelling("武侠") == "武侠"


def test_abbreviations_and_negations():
    assert abbreviates("sci-fi", "Science Fiction")
    assert not abbreviates("science fiction", "sci-fi")
    assert not abbreviates("men's fragrance", "women's fragrance")
    assert not abbreviates("fan", "fantasy")
    assert negates("fiction", "Non-Fiction")
    assert negates("secco", "un-secco")
    assert not negates("fiction", "science fiction")
    assert not negates("fiction", "fiction")
