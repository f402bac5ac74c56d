"""Key phrases by TF-IDF."""

from penchant.concepts.sources.phrases import Phrases, PhrasesConfig
from tests.concepts.catalogues import catalogue


def proposed(config=None, **columns):
    return {p.name: p.rows.tolist() for p in Phrases(PhrasesConfig.of(config)).propose(catalogue(**columns))}


def test_phrases_that_tell_items_apart_are_found():
    titles = ["Red nail polish"] * 4 + ["Argan oil shampoo"] * 4 + ["Argan oil serum"] * 4
    found = proposed(title=titles)
    assert found["argan oil"] == list(range(4, 12))
    assert not {"argan", "oil", "oil shampoo", "oil serum"} & set(found)
    assert found["shampoo"] == list(range(4, 8))
    assert any("nail" in name for name in found)


def test_an_expression_is_better_than_its_words():
    titles = ["hong kong tales"] * 4 + ["kong island"] + ["tales"] * 3 + ["island"] * 3
    found = proposed(title=titles)
    assert found["hong kong"] == [0, 1, 2, 3]
    assert "hong" not in found


def test_a_phrase_stands_for_every_item_that_has_it():
    """In the first three titles rarer words are chosen before "soap"; they have it all the same."""
    titles = ["aloe mint soap"] * 3 + ["soap"] * 4 + ["comb"] * 4
    found = proposed({"per_item": 1, "max_words": 1}, title=titles)
    assert found["soap"] == list(range(7))


def test_too_few_items_give_no_phrase():
    assert proposed(title=["red nail polish"] * 2 + ["comb"] * 3) == {"comb": [2, 3, 4]}


def test_descriptions_are_read_too():
    found = proposed(title=[f"Item {i}" for i in range(8)], description=["volcanic clay mask"] * 4 + ["rose water"] * 4)
    assert any("clay" in name or "volcanic" in name for name in found)
    assert any("rose" in name for name in found)


def test_chinese_titles_give_chinese_phrases():
    titles = ["武侠小说精选", "经典武侠小说", "武侠小说大全", "菜谱精选", "经典菜谱", "菜谱大全"]
    found = proposed(title=titles)
    assert found.get("菜谱") == [3, 4, 5]
    assert any(name in found and found[name] == [0, 1, 2] for name in ("武侠小说", "武侠", "小说"))
    assert not any(name.isascii() for name in found)


def test_a_catalogue_in_two_languages_has_phrases_of_both():
    found = proposed(title=["武侠小说"] * 4 + ["wuxia novel"] * 4)
    assert any(name.isascii() for name in found)
    assert any(not name.isascii() for name in found)


def test_texts_without_words_give_nothing():
    assert proposed(title=[None, "", "  ", "123", float("nan")]) == {}
    assert proposed(price=[1.0, 2.0]) == {}
